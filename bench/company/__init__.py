"""A large company for `bench/tasks.py`: its rows, and the plain queries beside which each task is
measured."""
