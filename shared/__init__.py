"""What every function shares. From the bottom up, each layer using only those below it:

clock, errors, settings, log   the ground: time, failures, configuration, log lines
text                           text that a table and JSON can hold
threads                        threads, for work that can do without
recurrence                     pure: (recurrence, instant) -> next instant, in any IANA zone
schedules                      pure: what a schedule is, and what it owes at `now`
tasks                          pure: what a task is, and what a running task may use
storage                        Table, Queue and Blob Storage; Azure's errors end here
backups                        dump, compress, upload, read back, restore, compare
engine                         tick, worker, retry: loads, decides by the pure parts, writes
api, site                      HTTP
app                            the one place where the parts meet
triggers                       from Azure's triggers to the engine
"""
