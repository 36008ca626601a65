"""Who the app is to Azure: its managed identity, or on a person's machine that person.

tokens    credentials and tokens, and what is said if there are none
postgres  the token as the password of a connection to PostgreSQL
"""
