"""Keys as they are stored, and the gate that each request of the API passes.

service       what people do with keys: make, list, change, revoke
gate          who asks: by a key, by a sign-in, or, where no key was ever made, whoever comes
lots          how many requests a caller may make: tokens, which all instances share
refusals      wrong keys: counted, and their addresses told to wait
table, rows   the table `{prefix}keys`
"""
