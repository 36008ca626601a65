"""What every function shares. From the bottom up, each layer using only those below it:

clock, errors, text, threads   the ground: time, failures, text that a table can hold, threads
settings, log, redaction       configuration; log lines, and what is kept out of them
recurrence                     pure: (recurrence, instant) -> next instant, in any IANA zone
schedules                      pure: what a schedule is, and what it owes at `now`
tasks                          pure: what a task is, what a running one may use, what it needs
storage                        Table, Queue and Blob Storage; Azure's SDKs and errors end here
data                           the company's own database: its tables, and their upgrade
notifications                  to people, each once, from an outbox
engine                         tick, worker, retry: loads, decides by the pure parts, writes
backups                        dump, compress, upload, read back, restore, compare
app                            the one place where the parts meet
process                        the app as a process has it: prepared, and drained at its end
api                            HTTP: the API, and the pages that need no key
cli                            a task by hand
"""
