"""The calendar feed, which needs no key: its token is the key."""
