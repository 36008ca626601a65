"""The command line `belfry`: a client of the HTTP API, and nothing else.

    problems    what ends a command, and its exit code
    profile     where Belfry is, and with which keys: environment, config file
    client      requests, with what makes them safe to repeat
    screen      tables on a terminal, plain text elsewhere, JSON for scripts
    session     what the options before the command say, for each command
    following   waiting for a job, and its log
    code/       schedules as code: `belfry.yaml`
    commands/   one file for each group of commands

It imports nothing of `shared`, so that it could be installed alone; docs/command-line.md.
"""
