"""The scaling policy (O8): how many requests there are, how long they take, what waits in the
queues; what follows from that; and what of it is set at the function app.

`measures`, `policy`: pure; minutes of traffic -> a verdict -> what to set. `traffic`: counts what a
process answers, and adds up what all did. `site`: the app's scale settings in Azure. `state`: what
is known from one run to the next. `service`: the entry point. docs/scaling.md has the rules.
"""
