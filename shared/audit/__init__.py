"""The audit: each change by a person or a task, in a chain of hashes (C17).

port      what the rest of Belfry tells the audit
entry     pure: what was changed, by whom, from where, from what to what, without secrets
chain     pure: the numbered, hashed records of entries, and whether some follow one another
diff      pure: (before, after) -> what differs
service   the entry point: it records, chains, lists, anchors and verifies
pending   changes that are being made, in the audit's own table
table     the chain as it is stored
chainer   moves what is pending into the chain, each once
anchors   the daily copies and anchors, in blobs that nobody changes
walk      walks the chain and its anchors, and says what is wrong
"""
