"""The outage that jobd was written for, replayed: cron on one side, jobd on the other."""
