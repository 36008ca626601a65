"""What the description says of each parameter, by its name. A route whose parameter means something
of its own describes it there."""

from __future__ import annotations

from collections.abc import Mapping

PARAMETERS: Mapping[str, str] = {
    "action": "Only of this action.",
    "actor": "Only by whoever has this name (`by.name`).",
    "Accept-Language": "Languages that the caller reads (RFC 9110, 12.5.4).",
    "Idempotency-Key": "A text of the caller's own, such as a UUID. For 24 hours, the same request "
    "with the same key gets the same answer, and is done once.",
    "If-Match": "Only if it was not changed since: the ETag that the caller has, or several, or *. "
    "Runs of it do not count as changes.",
    "If-None-Match": "Only if it is not as the caller has it: the ETag of that.",
    "alert_id": "The alert's id.",
    "backfill_id": "The backfill's id.",
    "backup_id": "The backup's id, or its first eight hex digits or more.",
    "bucket": "What an item of the series stands for. Default: an hour for a span of up to two "
    "days, else a day (UTC).",
    "by": "By what the costs are added up. Default: task.",
    "calendar": "Only those that observe the calendar of this name.",
    "calendar_id": "The calendar's id.",
    "channel": "Only of this channel.",
    "cursor": "`next_cursor` of the page before: the page after it, with the same filters.",
    "count": "How many runs.",
    "currency": "By ISO 4217, such as USD. Default: the first of the report.",
    "database": "Only of the database of this name.",
    "day": "A day in UTC, such as 2030-01-31.",
    "destination": "Only those with a copy there.",
    "enabled": "Only what is on (true) or off (false).",
    "feed_id": "The feed's id.",
    "force": "true: also what its plan's retention keeps.",
    "frequency": "Only of this frequency.",
    "from": "The first instant of the span, with its offset, such as 2030-01-31T00:00:00Z.",
    "job_id": "The job's id.",
    "key_id": "The key's id.",
    "kind": "Only of this kind.",
    "language": "Of the words; it comes before Accept-Language.",
    "limit": "How many at most.",
    "message_id": "The notification's id.",
    "notification_id": "The notification's id.",
    "once": "true: also schedules that were made for one run.",
    "owner": "Whose it is, as the file says (`owner`).",
    "page": "The number of the page, from 1 on.",
    "page_size": "How many items a page has, 100 at most.",
    "project_id": "Only of this project.",
    "q": "Only those with this text in their name, in capitals or not.",
    "revoked": "Only those that were revoked (true), or were not (false).",
    "schedule_id": "The schedule's id.",
    "sort": "In which order. Default: newest first.",
    "source": "Only of this source.",
    "state": "Only in this state.",
    "status": "Only with this status.",
    "suspicious": "Only those that look suspicious (true), or that do not (false).",
    "tags": "Only with these tags: `tags.team=backend` for each of them.",
    "tags.schedule_id": "The same as `schedule_id`.",
    "task_name": "The task's name; `GET /api/v1/tasks` lists them.",
    "task_type": "Only of this task.",
    "tenant_id": "Only of this tenant.",
    "to": "The instant before which the span ends, with its offset.",
    "verdict": "Only with this verdict: look or critical; none in the list has another.",
}
