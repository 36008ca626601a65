"""The archive: jobs that ended long ago, in blobs, and no longer in the table.

parts      pure: which file a job belongs in, what is known of a file, and how both are written down
going      pure: which jobs go, and which must stay in the table
lines      pure: a job's row as a line of a file, and back
frames     a file's lines, compressed in frames that can be read one by one
catalog    which files there are: rows in the table, beside the schedules
files      reads files, some frames at a time
reading    the archived jobs: by id, by schedule, by span
jobs       ended jobs, in the table or in the archive, as if they were in one place
leaving    what of a shard is old, and what of it must stay
writing    moves a day's jobs of a shard into a file, and removes their rows
checking   compares the files with what the catalog and their manifests say
service    the only entry point for the task and the command
"""
