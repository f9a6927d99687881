"""Crontab text: the lines of a crontab or an anacrontab, told apart as cron tells them.

After crontab(5) and anacrontab(5) of Debian and cronie, and ``load_env`` of Vixie's cron: an
assignment is a name, ``=`` and the rest of the line, one pair of quotes taken off, nothing
expanded; everything else is an entry. A comment begins a line and stands alone on it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from jobd.config.importers.imported import Finding

_ASSIGNMENT = re.compile(
    r"""\s*(?:"(?P<n1>[^"]*)"|'(?P<n2>[^']*)'|(?P<n3>[^\s="'][^\s=]*))\s*=\s*"""
    r"""(?:"(?P<v1>[^"]*)"|'(?P<v2>[^']*)'|(?P<v3>[^"'\s].*?|))\s*""",
    re.DOTALL,
)
_FIELDS = re.compile(
    r"\s*(?P<dash>-?)(?P<when>@\S+|\S+(?:\s+\S+){4})(?:\s+(?P<rest>.*))?", re.DOTALL
)
# To cronie and FreeBSD: mail only what failed, do not log. Both stand in front of the command.
_OPTIONS = re.compile(r"\A(?:-[nq](?:\s+|$))+")
_USER = re.compile(r"(?P<user>\S+)\s+(?P<command>.*)", re.DOTALL)
_ANACRON = re.compile(
    r"\s*(?P<period>@\w+|\d{1,6})\s+(?P<delay>\d{1,6})\s+(?P<name>[^\s/]+)\s+(?P<command>\S.*)",
    re.DOTALL,
)
_HEADING = re.compile(r"\W*(m|min|minute)\s+(h|hour)\b|\bcommand\W*$", re.IGNORECASE)
_LONGEST_DESCRIPTION = 120


class Kind(StrEnum):
    """What its lines look like: a user's crontab, one with a field for users, an anacrontab."""

    USER = "user"
    SYSTEM = "system"
    ANACRON = "anacron"


@dataclass(frozen=True, slots=True)
class CrontabFile:
    """A file as it was named, its text, and whose it is (None: not known, or said line by line)."""

    shown: str
    text: str
    kind: Kind
    user: str | None = None


@dataclass(frozen=True, slots=True)
class Assignment:
    """``name = value``: holds for the lines below it."""

    line: int
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One line that runs something. ``when`` is cron's five fields or @name."""

    line: int
    text: str
    when: str
    command: str
    user: str | None
    description: str = ""
    is_quiet: bool = False  # begins with "-": cronie does not log it


@dataclass(frozen=True, slots=True)
class AnacronEntry:
    """One line of an anacrontab: every so many days, so many minutes after anacron began."""

    line: int
    text: str
    period: str  # days, or @monthly and the like
    delay_minutes: int
    name: str
    command: str
    description: str = ""


Line = Assignment | Entry | AnacronEntry | Finding


def lines_of(file: CrontabFile) -> Iterator[Line]:
    """Yield what each line says. Empty lines and comments say nothing, but for the comment
    right above an entry, which describes it; what cannot be read is a finding."""
    comments: list[str] = []
    for number, raw in _joined(file):
        text = raw.strip(" \t\r\f\v")
        if text.startswith("#"):
            comments.append(text)
            continue
        if text:
            yield _line(file, number, text, _remark(comments))
        comments = []


def _joined(file: CrontabFile) -> Iterator[tuple[int, str]]:
    """Yield numbered lines; in an anacrontab a backslash at the end joins the next one."""
    if file.kind is not Kind.ANACRON:
        yield from enumerate(file.text.split("\n"), 1)
        return
    begun, kept = 0, ""
    for number, raw in enumerate(file.text.split("\n"), 1):
        begun = begun if kept else number
        if raw.endswith("\\"):
            kept += raw[:-1]
        else:
            yield begun, kept + raw
            kept = ""
    yield begun, kept


def _remark(comments: list[str]) -> str:
    """Return what the comment right above an entry says about it; "" for headings, rulers and
    whole paragraphs, of which any one line would be a fragment."""
    words = comments[0].lstrip("#").strip() if len(comments) == 1 else ""
    is_prose = any(char.isalpha() for char in words) and words.isprintable()
    if not is_prose or len(words) > _LONGEST_DESCRIPTION or _HEADING.search(words):
        return ""
    return "" if _looks_like_entry(words) else words


def _looks_like_entry(words: str) -> bool:
    """Return whether a comment is a line that somebody switched off."""
    return re.match(r"@\w|[-\d*,/]+\s+[-\d*,/]+\s|\w+=", words) is not None


def _line(file: CrontabFile, number: int, text: str, remark: str) -> Line:
    if not _is_utf8(text) or "\0" in text:
        mend = "save the file as UTF-8, or write the job by hand"
        return Finding(file.shown, number, "this line is no UTF-8 text", mend)
    if match := _ASSIGNMENT.fullmatch(text):
        name = next(match[key] for key in ("n1", "n2", "n3") if match[key] is not None)
        value = next(match[key] for key in ("v1", "v2", "v3") if match[key] is not None)
        return Assignment(number, name, value)
    if file.kind is Kind.ANACRON:
        return _anacron_entry(file, number, text, remark)
    return _entry(file, number, text, remark)


def _is_utf8(text: str) -> bool:
    return not any("\ud800" <= char <= "\udfff" for char in text)


def _anacron_entry(file: CrontabFile, number: int, text: str, remark: str) -> Line:
    match = _ANACRON.fullmatch(text)
    if match is None:
        mend = "write period, delay, a name and a command"
        return Finding(file.shown, number, "this is no line of an anacrontab", mend)
    delay = int(match["delay"])
    return AnacronEntry(
        number, text, match["period"], delay, match["name"], match["command"], remark
    )


def _entry(file: CrontabFile, number: int, text: str, remark: str) -> Line:
    match = _FIELDS.fullmatch(text)
    if match is None:
        mend = "write five fields or @daily, and a command"
        return Finding(file.shown, number, "this is no line of a crontab", mend)
    user, command = file.user, match["rest"] or ""
    if file.kind is Kind.SYSTEM:
        parts = _USER.fullmatch(command)
        user, command = (parts["user"], parts["command"]) if parts else (None, "")
    command = _OPTIONS.sub("", command)
    if not command.strip():
        missing = "user and command" if file.kind is Kind.SYSTEM else "a command"
        mend = f"write {missing} after the time, or delete the line"
        return Finding(file.shown, number, "this line runs nothing", mend)
    when = " ".join(match["when"].split())
    return Entry(number, text, when, command, user, remark, is_quiet=bool(match["dash"]))
