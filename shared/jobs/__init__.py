"""The index of jobs: what lists and statistics need of each job, in order of due time.

Nothing here knows storage. `entry`: what the index holds of a job. `chunk`: some thousand entries
in columns. `directory`: which chunks there are, and what they add up to. `packing`: entries into
chunks. `paging`: a page of what fits a filter. `counting`: sums, and sums by day.
"""
