"""The pet-care company's chores (P1-P9): reminders, vaccinations, no-shows, reputations.

port           what the tasks ask for
rules          pure: who is told what, and when; what a week does to a reputation
reviews        what a message is about, read again right before it is sent
requests       which messages were asked for already
tenants        one tenant after another; a tenant's fault stops no other
totals         what a task's result says
reminders, vaccinations, no_shows, reputations
               a task's work each: read a page, let the rules decide, write
service        the only entry point

Only `port` and `reviews` may be imported at a cold start: the others load SQLAlchemy.
"""
