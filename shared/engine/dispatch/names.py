"""What the clocks are called, and when those that are no task's wake up."""

from __future__ import annotations

from datetime import timedelta

DISPATCHER = "schedule_dispatcher"
MESSAGE = "clock_message"
HTTP = "http"
"""The clock outside the app (`POST /tick`). The app does not know how often it should tick."""
WORK = "work"
"""The name under which any invocation ticks if no clock does."""
OFFSET = timedelta(seconds=30)
"""When in each minute it ticks: half a minute after the dispatcher's timer."""
ALWAYS = {
    DISPATCHER: "0 * * * * *",
    MESSAGE: f"{OFFSET.seconds} * * * * *",
}
"""The clocks other than those of tasks, and when they wake up."""
