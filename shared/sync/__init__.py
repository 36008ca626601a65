"""Copies from one place to another, one way (C12): container to container, table to table, a
PostgreSQL table to CSV or Parquet files.

plan        pure: what a sync is told, and what of it goes together
model       pure: what became of an item, counts, how far a run came
merge       pure: two listings side by side, and what is to be done with each item
cells       pure: a row of SQL as a line of CSV
pace        how fast it may go
ordered     calls that run at once, with their results in order
walk        a listing, page by page, from where an earlier attempt was
store       what is kept of each sync: its state, its runs, their reports
running     one run: counts, report, and where a killed attempt goes on
container, table, database
            the three kinds
catalog, queries, seen, files, parts
            of the last: what a table is; how it is read; which rows within the overlap are known;
            what files of it look like, and how they are written
port        what the task asks
reach       the way to customers' places
service     finds the two places, runs the kind, and keeps what became of it
"""
