"""Crontab environment: what the assignments of a crontab mean for the lines below them.

Most of them are variables of the jobs. Some speak to cron: to each its equivalent, or a finding.
"""

import re
from collections.abc import Iterator
from datetime import timedelta

from jobd.config.importers.crontab.command import SHELL
from jobd.config.importers.crontab.text import Assignment, CrontabFile, Kind
from jobd.config.importers.imported import Finding, Value
from jobd.config.names import variable_name
from jobd.config.problem import Unfit
from jobd.config.units import format_duration
from jobd.core.zone import Zone
from jobd.errors import ScheduleError

_MAILS = ("MAILFROM", "CONTENT_TYPE", "CONTENT_TRANSFER_ENCODING")
_MINUTES_OF_JITTER = 31 * 24 * 60  # as much as the key takes


class Environment:
    """The environment at one line of a file. It changes from line to line."""

    def __init__(self, file: CrontabFile, timezone: str) -> None:
        self._file = file
        self._variables: dict[str, str] = {}
        self.timezone = self._machine_s = timezone
        self.jitter = timedelta(0)
        self.start_hour: int | None = None  # of anacron

    @property
    def shell(self) -> str:
        """What cron hands the commands to."""
        return self._variables.get("SHELL", SHELL)

    def keys(self) -> dict[str, Value]:
        """Return the keys of a job that stands here: where it runs, and with what."""
        keys: dict[str, Value] = {}
        if self._file.kind is Kind.ANACRON:
            keys["cwd"] = "/"  # anacron's own
        elif "HOME" in self._variables:
            keys["cwd"] = self._variables["HOME"]
        if self._variables:
            keys["env"] = dict(self._variables)
        return keys

    def timing(self) -> dict[str, Value]:
        """Return the keys that say how a schedule is read here."""
        keys: dict[str, Value] = {"timezone": self.timezone}
        if self.jitter:
            keys["jitter"] = format_duration(self.jitter)
        return keys

    def notes(self) -> Iterator[str]:
        """Yield what one cron reads unlike another here."""
        if self.timezone != self._machine_s:
            yield (
                "CRON_TZ is cronie's: Debian's cron passes over it, and ran this by"
                f" {self._machine_s}."
            )

    def assign(self, said: Assignment) -> Iterator[Finding]:
        """Take in an assignment; yield what it says that jobd does not do."""
        refusal = self._special(said) if said.name in _SPECIAL else self._variable(said)
        if refusal is not None:
            what, mend = refusal
            yield Finding(self._file.shown, said.line, what, mend)

    def _special(self, said: Assignment) -> tuple[str, str] | None:
        return _SPECIAL[said.name](self, said.value)

    def _variable(self, said: Assignment) -> tuple[str, str] | None:
        try:
            self._variables[variable_name(said.name)] = said.value
        except Unfit as unfit:
            return f'"{said.name[:40]}" {unfit.message}: no job has it', unfit.mend
        return None

    def _home(self, value: str) -> tuple[str, str] | None:
        if not value.startswith("/"):
            return f'HOME="{value}" is no absolute path: no job has it', "write the whole path"
        self._variables["HOME"] = value
        return None

    def _shell(self, value: str) -> tuple[str, str] | None:
        if not value.startswith("/"):
            return (
                f'SHELL="{value}" is no absolute path: {self.shell} stays',
                "write the whole path",
            )
        self._variables["SHELL"] = value
        return None

    def _account(self, value: str) -> tuple[str, str] | None:
        """LOGNAME: cron sets it itself, whatever is written; anacron's jobs are root's."""
        if value in (self._file.user, "root" if self._file.kind is Kind.ANACRON else None):
            return None
        return "LOGNAME cannot be set, as in cron: it is the name of the job's user", ""

    def _mail_to(self, value: str) -> tuple[str, str] | None:
        if not value:
            return None  # mail was turned off already
        mend = "write on_failure (and on_recovery) in [defaults]; jobd ctl logs JOB has the output"
        return f'MAILTO="{value}" had the output of the jobs below it; jobd mails nothing', mend

    def _mail_form(self, value: str) -> tuple[str, str] | None:
        return "this is about cron's mails, and jobd mails nothing", "leave it out"

    def _zone(self, value: str) -> tuple[str, str] | None:
        try:
            self.timezone = Zone.of(value).key
        except ScheduleError as error:
            what, _, mend = str(error).partition("; ")
            return f"CRON_TZ: {what}; jobs below stay in {self.timezone}", mend
        return None

    def _delay(self, value: str) -> tuple[str, str] | None:
        if not re.fullmatch(r"[0-9]{1,6}", value) or int(value) > _MINUTES_OF_JITTER:
            mend = (
                f'write jitter = "15m" (at most {_MINUTES_OF_JITTER // 1440}d) where it is wanted'
            )
            return f'RANDOM_DELAY="{value[:20]}" is no number of minutes', mend
        self.jitter = timedelta(minutes=int(value))
        return None

    def _hours(self, value: str) -> tuple[str, str] | None:
        match = re.fullmatch(r"([01]?[0-9]|2[0-3])-([01]?[0-9]|2[0-4])", value)
        if match is None:
            what = f'START_HOURS_RANGE="{value[:20]}" is no range of hours'
            return what, "write it like 3-22"
        self.start_hour = int(match[1])
        what = (
            f"START_HOURS_RANGE={value} gave the hour of the jobs; what is caught up may be later"
        )
        return what, "give those that must not a shorter catchup_window"


_SPECIAL = {
    "HOME": Environment._home,
    "SHELL": Environment._shell,
    "LOGNAME": Environment._account,
    "MAILTO": Environment._mail_to,
    **dict.fromkeys(_MAILS, Environment._mail_form),
    "CRON_TZ": Environment._zone,
    "RANDOM_DELAY": Environment._delay,
    "START_HOURS_RANGE": Environment._hours,
}
