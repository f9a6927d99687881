"""CONNECTS: the event loop, what performs effects, the life of the daemon."""
