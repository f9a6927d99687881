"""SHOWS: metrics and logs, a fold over (event, effects)."""
