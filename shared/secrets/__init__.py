"""Secrets of customers, kept apart from what they belong to; written once, read by tasks alone.

port    what a store of secrets does
choice  which store the settings choose; one for none
sealed  encrypted rows of a table
vault   Azure Key Vault
orphans the sweep of secrets that no row names
"""
