"""Zone: in which time zone the times are that name none."""

import click

from jobd.config.machine import timezone as zone_of_machine
from jobd.core.zone import Zone
from jobd.errors import ScheduleError


def checked_zone(name: str | None) -> str:
    """Return the zone that ``--timezone`` names, or else this machine's."""
    try:
        return Zone.of(name or zone_of_machine()).key
    except ScheduleError as error:
        raise click.UsageError(f"--timezone: {error}") from None
