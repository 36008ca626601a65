"""What must hold before anything is deployed. `python -m checks` runs every check that is quick.

bicep       reads Bicep files: syntax, names, and each resource against Azure's own types
monitoring  whether the queries of alert rules and workbook name events and fields of our log
infra       what Belfry's own infrastructure promises: secrets, roles, names, tags, settings
safety      the safety gate before a deployment (O9): front end, back end, critical files
"""
