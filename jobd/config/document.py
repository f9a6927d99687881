"""Document: all files of a configuration, put together. Each table and job is in one file."""

import glob
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from jobd.config.findings import Findings, dotted
from jobd.config.judge import HOMES
from jobd.config.names import job_name, pool_name
from jobd.config.problem import Problem, Unfit
from jobd.config.source import Source, Unreadable, read_source
from jobd.config.suggest import unknown_key_mend
from jobd.config.trust import foreign_owner

TABLES = ("daemon", "store", "limits", "defaults")
NAMED = {"jobs": job_name, "pools": pool_name}  # tables of tables, and who judges their names
_TOP = ("include", *NAMED, *TABLES)


@dataclass(frozen=True, slots=True)
class Section:
    """A table as it stands in its file."""

    source: Source
    keys: dict[str, object]


@dataclass(slots=True)
class Document:
    """What all files say together, not yet judged."""

    sources: list[Source] = field(default_factory=list)
    tables: dict[str, Section] = field(default_factory=dict)
    named: dict[str, dict[str, Section]] = field(default_factory=lambda: {k: {} for k in NAMED})

    @property
    def jobs(self) -> dict[str, Section]:
        """All jobs by name, in the order in which they were read."""
        return self.named["jobs"]


def read_document(path: Path, findings: Findings, *, as_root: bool) -> Document:
    """Return everything that a file, or each ``*.toml`` of a directory, and its includes say."""
    document = Document()
    seen: set[str] = set()
    waiting = _first_files(path, findings)
    while waiting:
        shown = waiting.pop(0)
        if (real := os.path.realpath(shown)) in seen:
            continue  # included twice, or in a circle: it counts once
        seen.add(real)
        try:
            source = read_source(shown, as_root=as_root)
        except Unreadable as unreadable:
            findings.errors.append(unreadable.problem)
            continue
        document.sources.append(source)
        if as_root:
            _warn_of_owner(source, findings)
        _put_in(document, source, findings)
        waiting += _included(source, findings)
    return document


def _warn_of_owner(source: Source, findings: Findings) -> None:
    uid = foreign_owner(source.shown)
    if uid is not None:
        message = f"belongs to user {uid}, who can so have root execute anything"
        findings.warning(source, (), message, "chown root it, unless that user is meant to")


def _first_files(path: Path, findings: Findings) -> list[str]:
    if not os.path.isdir(path):  # Path.is_dir raises where a folder may not be searched
        return [str(path)]
    found = sorted(str(file) for file in path.glob("*.toml"))
    if not found:
        findings.errors.append(
            Problem(str(path), None, "", "", "has no *.toml in it", "write jobd.toml there")
        )
    return found


def _included(source: Source, findings: Findings) -> list[str]:
    """Return the files that ``include`` names, relative to the file, sorted."""
    patterns = source.tables.get("include", [])
    if not isinstance(patterns, list) or not all(isinstance(p, str) for p in patterns):
        mend = 'write include = ["jobs.d/*.toml"]'
        findings.error(source, ("include",), "is no list of texts", mend, patterns)
        return []
    files = []
    for index, pattern in enumerate(patterns):
        found = _matching(source, pattern)
        if not found:
            mend = f"nothing was included; mend it or write {_folder(source)}{pattern}"
            findings.warning(source, ("include", index), "matches no file", mend)
        files += found
    return files


def _folder(source: Source) -> str:
    folder = os.path.dirname(source.shown)
    return f"{folder}/" if folder else ""


def _matching(source: Source, pattern: str) -> list[str]:
    if not pattern or "\0" in pattern:
        return []
    anchored = os.path.join(glob.escape(os.path.dirname(source.shown)), pattern)
    found = sorted(glob.glob(anchored, recursive=True))
    # A pipe in jobs.d would make the daemon wait for a writer for ever.
    return [os.path.normpath(file) for file in found if _is_regular(file)]


def _is_regular(file: str) -> bool:
    try:
        return stat.S_ISREG(os.stat(file).st_mode)
    except OSError:  # a dangling link: reading it will say so
        return True


def _put_in(document: Document, source: Source, findings: Findings) -> None:
    for key, value in source.tables.items():
        if key in TABLES:
            _put_table(document, source, key, value, findings)
        elif key in NAMED:
            _put_named(document, source, key, value, findings)
        elif key not in _TOP:
            findings.error(source, (key,), "is no key here", _unknown_mend(key, value))


def _put_table(
    document: Document, source: Source, key: str, value: object, findings: Findings
) -> None:
    if not isinstance(value, dict):
        shown = None if isinstance(value, str) else value  # store = "postgresql://…"
        findings.error(source, (key,), "is no table", f"write [{key}] and its keys below", shown)
    elif key in document.tables:
        there = document.tables[key].source
        place = f"{there.shown}:{there.line((key,))}"
        findings.error(source, (key,), f"is in {place} too", "put all its keys in one file")
    else:
        document.tables[key] = Section(source, value)


def _put_named(
    document: Document, source: Source, kind: str, tables: object, findings: Findings
) -> None:
    word = kind.removesuffix("s")
    if not isinstance(tables, dict):
        mend = f"write [{kind}.NAME] for each {word}, and its keys below"
        findings.error(source, (kind,), f"is no table of {kind}", mend)
        return
    for name, keys in tables.items():
        path = (kind, name)
        there = document.named[kind].get(name)
        if not isinstance(keys, dict):
            mend = f"write [{kind}.NAME] and the {word}'s keys below"
            findings.error(source, path, f"is no {word}", mend)
        elif there is not None:
            place = f"{there.source.shown}:{there.source.line(path)}"
            findings.error(source, path, f"is in {place} too", "rename or remove one of them")
        else:
            _judge_name(source, path, findings)
            document.named[kind][name] = Section(source, keys)


def _judge_name(source: Source, path: tuple[str, str], findings: Findings) -> None:
    kind, name = path
    try:
        NAMED[kind](name)
    except Unfit as unfit:
        findings.error(source, path, unfit.message, unfit.mend)


def _unknown_mend(key: str, value: object) -> str:
    if isinstance(value, dict) and ("command" in value or "schedule" in value):
        return f"write [{dotted(('jobs', key))}], if it is a job"
    return unknown_key_mend(key, _TOP, HOMES)
