"""Schedules as code: `belfry.yaml`, and what makes Belfry be as it says.

    reading     YAML -> plain values, each with its line; strict
    schema      the API's description -> the JSON Schema of such a file
    wanted      files -> schedules and calendars that somebody wants
    comparing   what is wanted, what is stored -> what differs; pure
    planning    what is stored, asked of the API -> the steps
    applying    the steps, one by one
    recording   what is there at the end, told to the API, which watches it for drift
    exporting   what is stored -> YAML

docs/schedules-as-code.md is for people.
"""
