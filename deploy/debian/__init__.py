"""A Debian package of jobd, built with Debian's own tools: python -m deploy.debian."""
