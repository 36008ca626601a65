"""Mails that say how a run of a customer's task ended (C12). From the bottom up:

saying      pure: (job, zone) -> whether there is a mail, to whom, and what it says
mails       follows the feed of ended jobs, and asks the notifications for the mails
"""
