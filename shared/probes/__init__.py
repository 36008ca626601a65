"""Customers' health checks, their history, and the status pages made of it (C12).

sketch, tallies  pure: how long answers took, to be merged; how often a check was up and down
states           pure: (state, result) -> (state, event)
model, params    pure: what a check found; what a customer may ask for
json_paths, expectations
                 pure: (what is expected, what came back) -> what that means
certificates, names, databases, query, reaching
                 look at one place, by its kind
itself           Belfry's own health, as a tenant may know it
rows, store      the history: one transaction a run
summaries, pages pure: uptime of spans of time; what a status page is
page_store, publishing, drawing
                 status pages: where they are kept, what one says, as HTML and as a badge
service          what the task and the API ask for
"""
