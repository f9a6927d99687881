"""Crontab job: one line of a crontab, in the environment at that line -> jobs or findings."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from jobd.config.importers.crontab import anacron, run_parts
from jobd.config.importers.crontab.command import run_parts_folder, said
from jobd.config.importers.crontab.environment import Environment
from jobd.config.importers.crontab.name import program_of
from jobd.config.importers.crontab.text import AnacronEntry, Assignment, CrontabFile, Entry, Kind
from jobd.config.importers.imported import Finding, ImportedJob, Names, Value, stem_of
from jobd.config.names import account
from jobd.config.problem import Unfit
from jobd.core.schedule import CronSchedule
from jobd.errors import ScheduleError

Results = Iterator[ImportedJob | Finding]

# As config/reference.toml has them.
_ORDER = (
    "description", "command", "shell", "schedule", "every", "timezone", "jitter", "overlap",
    "catchup", "catchup_window", "timeout", "stop_signal", "kill_after", "nice", "user", "cwd",
    "env",
)  # fmt: skip
_RANDOM = re.compile(r"(?<![\w~])([a-z]{3}|\d*)~([a-z]{3}|\d*)(?![\w~])", re.ASCII | re.IGNORECASE)
_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec"
_WEEKDAYS = "sun mon tue wed thu fri sat"
_NAMES: tuple[Mapping[str, int], ...] = (  # of each field
    {}, {}, {},
    {name: number for number, name in enumerate(_MONTHS.split(), 1)},
    {name: number for number, name in enumerate(_WEEKDAYS.split())},
)  # fmt: skip
_LIKE_A_FIELD = re.compile(r"(?=.*[\d*])[\d*,/-]+", re.ASCII)
_LIMITS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))  # of the fields, where ~ leaves one out
_STEP_OF_ONE = re.compile(r"(?:^|[\s,])(?!H)\w+/\d", re.IGNORECASE)
_NTH = re.compile(r"[0-9a-z](?:#[0-9]|l)(?![a-z])\S*$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a line asks for, also if it takes several jobs. ``name``: "" is by the command."""

    entry: Entry | AnacronEntry
    command: str
    user: str | None
    timing: Mapping[str, Value]
    notes: tuple[str, ...]
    name: str = ""


class JobMaker:
    """Makes the jobs of one file, line by line. ``entries`` counts the lines that were cron's,
    ``refused`` those that only looked like it."""

    def __init__(
        self,
        file: CrontabFile,
        timezone: str,
        scripts_of: Callable[[str], Sequence[str]] | None,
        names: Names,
        shared_locks: frozenset[str],
    ) -> None:
        self._file = file
        self._scripts_of = scripts_of
        self._names = names
        self._shared_locks = shared_locks
        self._environment = Environment(file, timezone)
        self.entries = 0
        self.refused = 0

    def results(self, line: Assignment | Entry | AnacronEntry) -> Results:
        """Yield what becomes of a line: jobs, findings, or nothing for what others inherit."""
        if isinstance(line, Assignment):
            yield from self._environment.assign(line)
        elif isinstance(line, AnacronEntry):
            yield from self._of_anacron(line)
        else:
            yield from self._of_cron(line)

    def _of_cron(self, entry: Entry) -> Results:
        schedule = _hashed(entry.when)
        try:
            self._check(entry, schedule)
        except ScheduleError as error:
            self.refused += 1
            what, _, mend = str(error).partition("; ")
            yield self._finding(entry, what, mend)
            return
        except Unfit as unfit:
            self.entries += 1
            yield self._finding(entry, unfit.message, unfit.mend)
            return
        self.entries += 1
        yield from self._about_extra_field(entry)
        timing = {"schedule": schedule, **self._environment.timing()}
        notes = (*_about_schedule(entry.when), *self._environment.notes())
        yield from self._jobs(_Wanted(entry, entry.command, entry.user, timing, notes))

    def _check(self, entry: Entry, schedule: str) -> None:
        """Raise ``ScheduleError`` for what is no time, ``Unfit`` for what jobd has not."""
        if entry.when.lower() == "@reboot":
            mend = "write a systemd service for it, with WantedBy=multi-user.target"
            raise Unfit("@reboot names no time, and jobd runs nothing because it starts", mend)
        CronSchedule.parse(schedule, job="", timezone=self._environment.timezone)
        if self._file.kind is Kind.USER and entry.command.split()[0] == "root":
            what = 'its command begins with "root", as where a field names the user'
            raise Unfit(what, "import it with --system")
        if entry.user is not None:
            _check_account(entry.user)

    def _about_extra_field(self, entry: Entry) -> Results:
        first = entry.user if self._file.kind is Kind.SYSTEM else entry.command.split()[0]
        if first is not None and _LIKE_A_FIELD.fullmatch(first):
            role = "user" if self._file.kind is Kind.SYSTEM else "program"
            what = (
                f'"{first[:40]}" stands where cron reads the {role}, and looks like a sixth field'
            )
            yield self._finding(entry, what, "cron has five; mend the line, and import it again")

    def _of_anacron(self, entry: AnacronEntry) -> Results:
        days = anacron.days_of(entry.period)
        if days is None:
            self.refused += 1
            mend = "write a number of days, or @monthly"
            yield self._finding(entry, f'"{entry.period}" is no period', mend)
            return
        self.entries += 1
        timing = anacron.schedule_keys(days, entry.delay_minutes, self._environment.start_hour)
        timing |= self._environment.timing()
        notes = (anacron.note(days),)
        yield from self._jobs(_Wanted(entry, entry.command, "root", timing, notes, entry.name))

    def _jobs(self, wanted: _Wanted) -> Results:
        if self._scripts_of is not None and run_parts_folder(wanted.command) is not None:
            yield from self._expanded(wanted, self._scripts_of)
        else:
            yield self._job(wanted)

    def _expanded(self, wanted: _Wanted, scripts_of: Callable[[str], Sequence[str]]) -> Results:
        line = run_parts.read_line(wanted.command)
        if line is None:
            what = "--expand: this line does more than run-parts"
            yield self._finding(wanted.entry, what, "it stays one job")
            yield self._job(wanted)
            return
        try:
            scripts = scripts_of(line.folder)
        except OSError as error:
            what = f"--expand: {line.folder} cannot be listed ({error.strerror})"
            yield self._finding(wanted.entry, what, "it stays one job; import it where it is")
            yield self._job(wanted)
            return
        yield self._finding(wanted.entry, *_about_scripts(line.folder, len(scripts)))
        for script in scripts:
            name = script.rpartition("/")[2]
            yield self._job(replace(wanted, command=f"{line.guard}{script}", name=name), cwd="/")

    def _job(self, wanted: _Wanted, **more: Value) -> ImportedJob:
        entry = wanted.entry
        executed = said(wanted.command, self._environment.shell, self._shared_locks)
        known = {**executed.keys, **wanted.timing, **self._environment.keys(), **more}
        if entry.description:
            known["description"] = entry.description
        if wanted.user is not None:
            known["user"] = wanted.user
        ordered = {key: known[key] for key in _ORDER if key in known}
        assert len(ordered) == len(known), sorted(known)
        program = stem_of(program_of(wanted.command))
        name = self._names.take(wanted.name or program or stem_of(self._file.shown))
        source = f"{self._file.shown}:{entry.line}: {entry.text}"
        return ImportedJob(name, ordered, (source,), (*executed.notes, *wanted.notes))

    def _finding(self, entry: Entry | AnacronEntry, what: str, mend: str) -> Finding:
        return Finding(self._file.shown, entry.line, what, mend)


def _about_scripts(folder: str, count: int) -> tuple[str, str]:
    """Return what is different when each script of a folder is a job, and what to do."""
    jobs = "1 script is a job" if count == 1 else f"{count} scripts are jobs that start together"
    what = f"--expand: of {folder} {jobs}; one that is put there later is none"
    return what, "give them a jitter, and import again when the folder changes"


def _hashed(when: str) -> str:
    """Return the five fields, or @name, with ``H`` in place of cronie's ``~``."""
    words = when.split()
    if len(words) != len(_LIMITS):
        return when
    return " ".join(map(_hashed_field, words, _LIMITS, _NAMES))


def _hashed_field(text: str, limits: tuple[int, int], names: Mapping[str, int]) -> str:
    return _RANDOM.sub(lambda match: _hash_of(match, limits, names), text)


def _hash_of(match: re.Match[str], limits: tuple[int, int], names: Mapping[str, int]) -> str:
    """Return what means ``5~20``, ``5~``, ``~20``, ``mon~fri`` or ``~``; of ``5~5`` there is one
    choice. What names nothing stays as it is, to be told."""
    if not (match[1] or match[2]):
        return "H"
    low, high = (
        names.get(text.lower(), text) if text else end
        for text, end in zip(match.groups(), limits, strict=True)
    )
    if not (str(low) + str(high)).isdecimal():
        return match[0]
    return str(low) if int(low) == int(high) else f"H({low}-{high})"


def _about_schedule(when: str) -> Iterator[str]:
    """Yield what jobd reads unlike one cron or another."""
    if _RANDOM.search(when):
        yield "~ is a random time; H is one too, and stays the same over restarts."
    if _STEP_OF_ONE.search(when):
        yield (
            "Debian's cron and cronie refuse a step behind a single number, and ran this never;"
            " for jobd 5/15 is from 5 on, each fifteenth."
        )
    if _NTH.search(when):
        yield (
            "Debian's cron passes over # and L behind a day and takes every such week;"
            " for jobd 5#2 is the second Friday of the month, 5L its last."
        )


def _check_account(user: str) -> None:
    try:
        account(user)
    except Unfit:
        what = f'"{user[:40]}" is no account name'
        raise Unfit(what, "is this a crontab without a field for users? give --user NAME") from None
