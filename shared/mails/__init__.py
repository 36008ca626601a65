"""Mails that customers write (the task `mail`, C12). From the bottom up:

params      pure: what a schedule or a step of a workflow says
saying      pure: the mail's data, what the person who approves it is shown, what the job returns
service     sends them through the notifications' outbox: each address once for each effect
"""
