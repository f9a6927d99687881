"""Instants as options take them and JSON has them: ISO 8601, UTC where no offset is written."""

from datetime import UTC, datetime

import click

_FIRST_YEAR, _LAST_YEAR = 1900, 9900  # the calendar ends in 9999, and ticks come after


def instant_of(option: str, text: str) -> datetime:
    """Return the instant that was written for an option; ``UsageError`` says what to write."""
    try:
        written = datetime.fromisoformat(text)
    except ValueError:
        mend = "write it like 2026-03-29T01:00:00Z"
        raise click.UsageError(f'{option}: "{text}" is no instant; {mend}') from None
    if not _FIRST_YEAR <= written.year <= _LAST_YEAR:
        mend = f"write a year from {_FIRST_YEAR} to {_LAST_YEAR}"
        raise click.UsageError(f'{option}: "{text}" is out of range; {mend}')
    return written.astimezone(UTC) if written.tzinfo else written.replace(tzinfo=UTC)


def utc(instant: datetime) -> str:
    """Return an instant of UTC as JSON has it: ``2026-03-29T01:00:00Z``."""
    return f"{instant:%Y-%m-%dT%H:%M:%SZ}"
