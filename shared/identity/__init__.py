"""Who the app is to Azure: its managed identity, or on a person's machine that person.

kept      tokens: kept, and asked for once for all threads
tokens    credentials that have them, and what is said if there are none
postgres  the token as the password of a connection to PostgreSQL
"""
