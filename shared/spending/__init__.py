"""Budgets of projects and schedules, and what was spent of them (N7). From the bottom up:

model       what a budget is, whose it is, and which day or month an instant is in
counting    pure: (counter, jobs that ended) -> counter; (budget, counter, running) -> may it start
rows        budgets, counters and reservations as rows of a table
store       reads and writes the rows; known: the budgets, kept some seconds in a process
telling     the alert of a budget that is used up, once a period
meter       what the engine asks: before a job starts, and after it ended
service     what people do: set, read and remove budgets
"""
