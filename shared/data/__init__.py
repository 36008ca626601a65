"""The company's own data, in SQL: SQLite or PostgreSQL, by SQLAlchemy.

names        what tables and columns are called, here and in the database
models       the tables, one file a subject
engines      connections
database     to read and to write, and what errors mean
pages        reading much, a page at a time
rows         writing a row that may be there already
schema       whether the database fits this version of Belfry
migrations   bringing it up to date; only from a command
people       who the system administrators are
consent      who agrees to text messages
"""
