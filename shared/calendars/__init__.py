"""Calendars: days, blackouts and working hours that schedules observe (N8, docs/calendars.md).

model      pure: what a calendar is, and the compact data that a recurrence keeps of it
public     the public holidays of a country or region, copied from a library into explicit dates
ics        what an iCalendar file (RFC 5545) closes, within bounds
rows       calendars and feeds as rows of the table
store      reads and writes these rows
spreading  how a change reaches the schedules that name a calendar
service    what people do with calendars
feeds      the tokens of calendar feeds
events     the coming runs of a project as an iCalendar file
"""
