"""Heartbeats: an outside service is told that runs begin and end, so that it notices silence
(docs/heartbeats.md).

signal   pure: what is told of a job, and where
sender   tells it, in the background, a few times at most
own      whether Belfry itself is well, told each minute
"""
