"""Storage accounts that customers name: what they may name, and clients for it.

address     pure: a connection string, or a URL with a signature -> an endpoint, or why not
containers  a customer's container, by the SDK
tables      a customer's table
pages       what both list
"""
