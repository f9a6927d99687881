"""Imported: the jobs that an importer made, and the findings: what it could not carry over."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import PurePosixPath

from jobd.errors import JobdError

Value = str | bool | int | float | Sequence["Value"] | Mapping[str, "Value"]
Keys = Mapping[str, Value]

LONGEST_NAME = 100  # as jobd.config.names.job_name has it
LONGEST_KILL_AFTER = timedelta(hours=1)  # as jobd.config.schema has it
BY_HAND = "write a schedule that will do; until then the job is only triggered by hand"


class NotImportable(JobdError):
    """The input as a whole is not what it was said to be; the message begins with its file."""


@dataclass(frozen=True, slots=True)
class ImportedJob:
    """A job to be written. ``keys`` are those of its table, in the order to be written."""

    name: str
    keys: Keys
    source: tuple[str, ...] = ()  # the lines that it was made of, "file:line: text"
    notes: tuple[str, ...] = ()  # what the reader should know: one sentence each


@dataclass(frozen=True, slots=True)
class Finding:
    """What has no equivalent, where it stands, and what to do instead."""

    file: str
    line: int | None  # None: the file as a whole
    what: str
    mend: str  # an order, or what jobd does in its place; "": there is nothing to be done

    def __str__(self) -> str:
        """Return it as compilers write it: ``crontab:12: what; what to do instead``."""
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{place}: {self.what}; {self.mend}" if self.mend else f"{place}: {self.what}"


@dataclass(frozen=True, slots=True)
class Import:
    """Everything that became of the input. ``head``: sentences for the top of the file."""

    jobs: tuple[ImportedJob, ...] = ()
    findings: tuple[Finding, ...] = ()
    head: tuple[str, ...] = ()

    def with_findings(self, more: tuple[Finding, ...]) -> "Import":
        """Return the same with more findings, told first."""
        return replace(self, findings=(*more, *self.findings))


@dataclass(slots=True)
class Names:
    """Gives out names of jobs, each once: "backup", "backup-2", …"""

    _given: set[str] = field(default_factory=set)

    def take(self, wish: str) -> str:
        """Return the nearest name to the wish that is a job's name and still free."""
        stem = re.sub(r"[^A-Za-z0-9._-]+", "-", wish).strip("-._")[:LONGEST_NAME] or "job"
        name, number = stem, 1
        while name in self._given:
            number += 1
            suffix = f"-{number}"
            name = stem[: LONGEST_NAME - len(suffix)] + suffix
        self._given.add(name)
        return name


def stem_of(program: str) -> str:
    """Return what a program is called without its folder and its suffix: "/opt/x.sh" is "x"."""
    path = PurePosixPath(program)
    return path.stem if path.suffix in _SCRIPTS else path.name


_SCRIPTS = {".sh", ".bash", ".py", ".pl", ".php", ".rb", ".js", ".cron"}
