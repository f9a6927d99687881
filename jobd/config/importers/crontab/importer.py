"""Crontab: crontabs and anacrontabs -> jobs.

The schedule is carried over as it is written: jobd's rules for days, steps and changes of the
clock are those of Debian's cron. What cron does beside running commands (mail, most of all) is
told as a finding, once for each line that asks for it.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from jobd.config.importers.crontab.job import JobMaker
from jobd.config.importers.crontab.text import Assignment, CrontabFile, Kind, lines_of
from jobd.config.importers.crontab.wrappers import locks_in
from jobd.config.importers.imported import Finding, Import, ImportedJob, Names, NotImportable

_HEAD = (
    "Imported from {files}. Read it, complete it, then: jobd check",
    "cron mails what a job prints to its user. jobd mails nothing: it keeps the output of every"
    " run (jobd ctl logs JOB), and calls on_failure and on_recovery, best set in [defaults].",
    "cron knows no limits. timeout and memory_max in [defaults] are worth having from the start.",
)
_MOST_TOLD = 3
_MOST_NAMED = 4


@dataclass(frozen=True, slots=True)
class Settings:
    """What the files do not say: the machine's zone; and who reads a folder for run-parts, if
    each script in it is to become a job."""

    timezone: str
    scripts_of: Callable[[str], Sequence[str]] | None = None


@dataclass(slots=True)
class _Outcome:
    """What has become of the lines so far."""

    jobs: list[ImportedJob] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def import_crontabs(files: Sequence[CrontabFile], settings: Settings) -> Import:
    """Return the jobs of all files, in their order, and what they ask for that jobd has not.

    ``NotImportable`` if something is written in them, and not one line of it is an entry.
    """
    names, shared_locks = Names(), _shared_locks(files)
    outcome = _Outcome()
    unread = entries = 0
    for file in files:
        maker = JobMaker(file, settings.timezone, settings.scripts_of, names, shared_locks)
        for line in lines_of(file):
            results = [line] if isinstance(line, Finding) else list(maker.results(line))
            _sort(results, outcome)
            unread += isinstance(line, Finding)
        unread += maker.refused
        entries += maker.entries
        if maker.entries:
            _sort(list(_about_file(file)), outcome)
    if unread and not entries:
        raise NotImportable(_refusal(files, outcome.findings))
    head = tuple(sentence.format(files=_shown(files)) for sentence in _HEAD)
    return Import(tuple(outcome.jobs), tuple(outcome.findings), head)


def _sort(results: Sequence[ImportedJob | Finding], outcome: _Outcome) -> None:
    outcome.jobs += [one for one in results if isinstance(one, ImportedJob)]
    outcome.findings += [one for one in results if isinstance(one, Finding)]


def _about_file(file: CrontabFile) -> Iterator[Finding]:
    """Yield what holds for all jobs of a file, or would not have held with cron."""
    if file.kind is Kind.USER and file.user is None:
        what = "whose crontab this is stands nowhere: its jobs would run as the daemon's user"
        yield Finding(file.shown, None, what, "import it with --user NAME")
    if "\r\n" in file.text:
        what = "its lines end in CR LF; cron hands the CR to each command, its jobs do without"
        yield Finding(file.shown, None, what, "see what the commands came to with cron")
    if file.kind is not Kind.ANACRON and _is_cut_off(file.text):
        last = file.text.count("\n") + 1
        what = "no newline ends the file: Debian's cron ignores all of it, cronie this line"
        mend = "delete what should not begin to run; jobd has jobs for all lines"
        yield Finding(file.shown, last, what, mend)


def _is_cut_off(text: str) -> bool:
    """Return whether the last line says something and does not end."""
    last = text.rpartition("\n")[2].strip()
    return bool(last) and not last.startswith("#")


def _refusal(files: Sequence[CrontabFile], findings: Sequence[Finding]) -> str:
    told = [str(finding) for finding in findings[:_MOST_TOLD]]
    verdict = f"{_shown(files)}: no line is one of a crontab; name a file that cron reads"
    return "\n".join([*told, verdict])


def _shown(files: Sequence[CrontabFile]) -> str:
    named = ", ".join(file.shown for file in files[:_MOST_NAMED])
    rest = len(files) - _MOST_NAMED
    return f"{named} and {rest} more" if rest > 0 else named


def _shared_locks(files: Sequence[CrontabFile]) -> frozenset[str]:
    """Return the lock files that more than one line takes."""
    return frozenset(lock for lock, count in Counter(_locks(files)).items() if count > 1)


def _locks(files: Sequence[CrontabFile]) -> Iterator[str]:
    for file in files:
        for line in lines_of(file):
            if not isinstance(line, Assignment | Finding):
                yield from set(locks_in(line.command))
