"""What runs in programs of their own, which have no secrets, no network where the system allows
that, and limits on time, memory and files: it reads what strangers wrote.

__main__   confines the program, then runs one step
confine    the limits
unpack     a pack of git's -> files
packs      the objects in a pack
ruff, bandit, secrets, complexity
           look at the files
locks      what the lock files name
saying     what a step says of what it found

A step imports nothing that could reach storage or settings, and runs nothing of what it reads.
"""
