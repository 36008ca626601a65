"""One operation on many targets, by the task `batch`. From the bottom up:

model, template, pace, book, table   pure: outcomes; an item put into parameters; when the next may
                                     begin; which items are open, done, in doubt; CSV -> items
params                               what a person may ask for
rows, store                          the rows and files of a batch
sources, listed                      where items come from; writing them down before the first
operations, schedules, calling       what is done to one item
working, running                     the items of one attempt: threads, limits, what is stored when
files                                files of items that customers send
service                              what the task and the API call
"""
