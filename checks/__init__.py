"""What must hold before anything is deployed. `python -m checks` runs every check that is quick.

bicep       reads Bicep files: syntax, names, and each resource against Azure's own types
monitoring  whether the queries of alert rules and workbook name events and fields of our log
infra       what Belfry's own infrastructure promises: secrets, roles, names, tags, settings
workflows   the workflows of GitHub Actions: their schema, and what is unsafe in them
safety      the safety checks before a deployment (O9): front end, back end, critical files
smoke       the test of a deployed app
"""
