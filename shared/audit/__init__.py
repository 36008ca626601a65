"""The audit: each change by a person or a task, in a chain of hashes (C17).

port   what the rest of Belfry tells the audit
"""
