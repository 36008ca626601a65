"""Azure's alert rules and workbook: what their queries name exists.

events   the fields of each event's log line, gathered from the calls of `event`
tables   the columns of Azure's tables
kql      what a query names: words, tables, columns, events, fields
queries  where the queries are
check    the whole check
"""
