"""The health summary: how Belfry itself is, in one answer (docs/health-summary.md).

model       what it is made of
rules       pure: what is known, now -> healthy, degraded or unhealthy, and why
parts       looks at several parts at once, for a bounded time
gathering   how each part is looked at
service     the summary, kept for a few seconds
code        which code runs
"""
