"""What Belfry knows of a project, as files (C12).

kinds, data            which formats, and which rows there are, with their columns
params, period         what a schedule asks for; (that, due time, zone) -> the span
tally                  rows -> key figures, groups and a chart
report                 what a format writes: rows that are counted as they pass
safe                   text that a spreadsheet, a page or Markdown takes for text alone
formats                one file for each format: a report -> bytes, piece by piece
walking                a schedule's past in windows that hold few rows
readers                the rows, from the stores of other parts, of one project alone
model                  a file, and how its blob says what is in it
shelf                  the rows that list the files
files                  the blobs: what is there, links, what is too old
service                the task's work, and what the API asks
"""
