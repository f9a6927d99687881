"""``jobd simulate``: the command, what it reads and what it prints."""
