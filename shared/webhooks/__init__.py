"""Delivers to customers' webhooks (C12), in the form of Standard Webhooks
(https://www.standardwebhooks.com).

port          what tasks and the API may ask of it
model         pure: a delivery, its attempts
body          pure: what is sent, and the ids, which come from the occurrence
signing       pure: the headers, with a signature by each current key
told          pure: what is kept of an answer, without secrets
deciding      pure: (a delivery, what came back) -> what becomes of it, and when it is tried again
endpoint      pure: the state that all deliveries to one webhook share: its breaker, its pace
places        how many requests are under way at once, and whose turn it is
rows, store   the table of deliveries and endpoints
sending       one attempt: takes the delivery, sends it, writes down what came of it
flushing      works off what is due
service       all of it together
"""
