"""The marketing cycle (O2): engagement, recommendations, campaigns that wait for an approval, and
what they changed (docs/marketing.md).

port           what the tasks ask for
figures        what is known of a tenant's owners, as numbers
rules          pure: figures, and those of the weeks before -> what is recommended
effect         pure: how the two parts of a campaign did -> what can be said of it
parts          pure: who is held out; the digest of a list
weeks          pure: the weeks and months of a cycle
queries        the figures and the segments in SQL
reading        the figures of a tenant, read
campaigns      the rows of campaigns
freezing       writes down who is in a campaign
proposing      from recommendations to campaigns that wait for a person
sending        sends an approved one
settling       what became of earlier ones
showing        what the person who approves is shown
reviews        whether a message still makes sense, right before it is sent
cycle          one tenant after another
service        the only entry point

Only `port`, `reviews`, `figures`, `rules` and `effect` may be imported at a cold start: the others
load SQLAlchemy.
"""
