"""How schedules are (C15, N12): `schedules/health` and `schedules/band` decide it, here it is found
out, kept, and told to people.

port     what the task may ask
monitor  examines schedules whose runs ended lately, and a slice of all
service  what it says of one schedule, and of those that are not well
"""
