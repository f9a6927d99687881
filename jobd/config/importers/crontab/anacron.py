"""Anacron: a period in days and a delay in minutes -> a schedule that catches up.

anacron begins when the machine starts, and on Debian at 7:30 (/etc/cron.d/anacron); then it runs
what its period says is due. jobd runs at a fixed time, and, within the catch-up window, as soon as
the machine is there again: https://manpages.debian.org/bookworm/anacron/anacrontab.5.en.html
"""

from jobd.config.importers.imported import Value
from jobd.core.amounts import counted

_DEBIAN_BEGINS = 7 * 60 + 30  # minutes of the day
_DAY_MINUTES = 24 * 60
_NAMED = {"@daily": 1, "@weekly": 7, "@monthly": 30, "@yearly": 365, "@annually": 365}
_DAYS = {1: "* * *", 7: "* * 0", 30: "1 * *", 31: "1 * *", 365: "1 1 *"}
_LONGEST_WINDOW_DAYS = 366
_LONGEST_PERIOD_DAYS = 3650


def note(days: int) -> str:
    """Return what is different from anacron."""
    when = f"anacron ran this when {counted(days, 'day')} had passed and the machine was up; jobd"
    if days in _DAYS:
        return f"{when} does it at a fixed time, and catches up if the machine was off."
    return (
        f"{when} does it at that rate, at a time of day that goes by its name and not by anacron's"
        " delay and hours; write a schedule, if it must be another."
    )


def days_of(period: str) -> int | None:
    """Return the days of a period; None if it is none that jobd could keep."""
    days = _NAMED.get(period.lower(), 0) if period.startswith("@") else int(period)
    return days if 1 <= days <= _LONGEST_PERIOD_DAYS else None


def schedule_keys(days: int, delay_minutes: int, start_hour: int | None) -> dict[str, Value]:
    """Return schedule (or every, for periods without a place in the calendar) and catch-up."""
    begin = _DEBIAN_BEGINS if start_hour is None else start_hour * 60
    hour, minute = divmod((begin + delay_minutes) % _DAY_MINUTES, 60)
    keys: dict[str, Value] = (
        {"schedule": f"{minute} {hour} {_DAYS[days]}"} if days in _DAYS else {"every": f"{days}d"}
    )
    return {
        **keys,
        "catchup": "latest",
        "catchup_window": f"{min(days, _LONGEST_WINDOW_DAYS)}d",
    }
