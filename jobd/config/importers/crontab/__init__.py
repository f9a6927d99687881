"""Crontab: users' crontabs, those with a field for users, and anacrontabs -> jobs."""
