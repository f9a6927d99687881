"""ANSWERS: one aiohttp application behind two listeners."""
