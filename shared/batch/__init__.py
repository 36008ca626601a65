"""One operation on many targets, by the task `batch`. From the bottom up:

model, template, pace, book, table   pure: outcomes; an item put into parameters; when the next may
                                     begin; which items are open, done, in doubt; CSV -> items
params                               what a person may ask for
rows, store                          the rows and files of a batch
sources                              where items come from
operations, schedules, calling       what is done to one item
working, running                     the items of one attempt: threads, limits, what is stored when
files                                files of items that customers send
checks                               whether a batch can do what it is told
progress                             how batches stand, and what became of items: for people
service                              does the batch of a job; what the task and the API call
"""
