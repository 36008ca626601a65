"""What all functions share. From the bottom up; each layer uses only those below it:

clock, errors, text, threads   the ground: time, failures, text that a table can hold, threads
page                           a page for people outside that loads nothing
parquet, sarif                 what exports and other parts must know alike of these formats
projects                       a project in names: of partitions, folders, secrets
transferred                    counts bytes that go to and come from places outside
outgoing                       the one way to places that customers choose
identity                       the app's managed identity: signs in to Azure and to PostgreSQL
money                          amounts in minor units, and how they are written
charts                         pure: values -> a chart as SVG; a chart as PNG, for mail
settings, log, redaction       configuration; log lines, and removing secrets from them
tracing                        what a request or a tick causes, as spans; off by default
recurrence                     pure: (recurrence, instant) -> next instant, in any IANA zone
access                         pure: who asks, and what that caller may see and do
schedules                      pure: what a schedule is, and what it owes at `now`
tasks                          pure: what a task is, what it needs, what it may use as it runs
jobs                           pure: the index of jobs: chunks, pages, sums
storage                        Table, Queue and Blob Storage; the only user of their SDKs
data                           the company's own database: its tables, and their upgrade
heartbeats                     tells an outside service of runs, and that Belfry is well
secrets                        secrets of customers: in encrypted rows, or in a Key Vault
listing                        the index of schedules: what lists filter and sort by, in memory
audit                          who changed what, in a chain of hashes
archive                        jobs that ended long ago, in files; read as if they were in the table
keys                           keys and sign-ins: who sends a request, and how many of them
notifications                  what people are told, each once, from an outbox; channels to people
engine                         tick, worker, retry: reads, lets the pure parts decide, writes
calendars                      days, blackouts and hours that schedules observe; calendar feeds
resources                      what customers' tasks work on: webhooks, repositories, targets
spending                       budgets of projects and schedules, and what was spent of them
alerts                         problems: told when they begin, again while they last, and at the end
completion                     mails that say how runs of customers' tasks ended
approvals                      people let critical jobs run, or not
billing                        fees and subscriptions: a ledger, and Stripe
care                           the pet-care company's chores: reminders, no-shows, reputations
applied                        what was applied from files, and what differs from it since
health                         which schedules are not well, and whose last run was unusual
finance                        daily counters, cost report, spend guard
marketing                      the marketing cycle: figures, campaigns, and what they changed
scaling                        how much there is to do, and what is set at the function app for it
backups                        dump, compress, upload, read back, restore, compare
webhooks                       delivers to customers' webhooks
probes                         customers' health checks, and their status pages
analysis                       what is wrong in a repository, as SARIF
exports                        what Belfry knows, as files
batch                          one operation on many targets
mails                          mails that customers write, each address once for each effect
sync                           copies from one place to another
workflows                      graphs of tasks: definitions, and runs that survive anything
weekly                         the weekly report
health_summary                 how Belfry itself is, in one answer
metrics                        what Prometheus scrapes, from storage
app                            the only place where the parts meet
process                        the app of a process: prepared at its start, drained at its end
api                            HTTP: the API, and the pages that need no key
cli                            running a task by hand
"""
