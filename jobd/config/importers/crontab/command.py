"""Crontab command: the rest of a crontab's line -> the keys that say what is executed, and notes.

cron hands the text to ``$SHELL -c``. jobd does the same, unless no shell has anything to do.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from jobd.config.importers.crontab.shell_text import is_plain, tokens_of
from jobd.config.importers.crontab.wrappers import unwrap
from jobd.config.importers.imported import Keys, Value

SHELL = "/bin/sh"  # cron's, unless the crontab says otherwise

_PERCENT = re.compile(r"\\(.)|%", re.DOTALL)
_SILENCED = re.compile(
    r"(?:&>|>&|(?<![0-9])1?>)\s*/dev/null(?:\s+2>\s*(?:&1|/dev/null))?[\s;)}]*(?:fi|done)?[\s;)}]*$"
)
_GUARD = re.compile(r"(?:\[\s|test\s|command\s+-v\s|which\s)(?:[^;&|]|[<>]&|&>)*&&")
_SYSTEMD = re.compile(r"-[ed]\s+[\"']?/run/systemd/system\b")
_RANDOM_SLEEP = re.compile(r"\bsleep\b[^;&|]*\b(?:RANDOM|rand|shuf)\b|\brand\([^;&|]*\bsleep\b")
_RUN_PARTS = re.compile(
    r"(?:^|\s)(?:/bin/|/usr/bin/)?run-parts\s(?:[^;&|]*?\s)?(?P<folder>/[\w./-]+)"
)


@dataclass(frozen=True, slots=True)
class Said:
    """What is executed, in jobd's keys, and what to know about it."""

    keys: Keys
    notes: tuple[str, ...]


def said(text: str, shell: str, shared_locks: frozenset[str]) -> Said:
    """Return the keys for a command as it stands in a crontab, ``%`` and all."""
    command, stdin = split_at_percent(text)
    unwrapped = unwrap(command.strip(), shared_locks)
    keys = {**_executed(unwrapped.command, stdin, shell), **unwrapped.keys}
    return Said(keys, (*unwrapped.notes, *_notes(command, stdin)))


def split_at_percent(text: str) -> tuple[str, str | None]:
    """Return the command and its standard input, as cron's do_command.c reads ``%``.

    The first one ends the command; each one after it ends a line; a backslash takes its
    meaning away and goes. Before anything else a backslash stays where it is.
    """
    parts = [""]
    end = 0
    for match in _PERCENT.finditer(text):
        parts[-1] += text[end : match.start()]
        end = match.end()
        if match.group() == "%":
            parts.append("")
        else:
            parts[-1] += "%" if match[1] == "%" else match.group()
    parts[-1] += text[end:]
    return parts[0], "\n".join(parts[1:]) if len(parts) > 1 else None


def run_parts_folder(command: str) -> str | None:
    """Return the folder whose scripts a command runs by run-parts(8); None if it runs none."""
    match = _RUN_PARTS.search(command)
    return match["folder"].rstrip("/") if match else None


def _executed(command: str, stdin: str | None, shell: str) -> dict[str, Value]:
    if stdin is not None:
        command = f"{_here_document(stdin)}\n{command}"
    elif is_plain(command):
        return {"command": command}
    return (
        {"command": command, "shell": True}
        if shell == SHELL
        else {"command": [shell, "-c", command]}
    )


def _here_document(stdin: str) -> str:
    """Return shell text after which standard input is ``stdin``: it leaves the command alone.

    cron ends it with a newline, as a here-document does.
    """
    lines = stdin.removesuffix("\n").split("\n")
    mark = "STDIN"
    while mark in lines:
        mark += "_"
    return "\n".join([f"exec <<'{mark}'", *lines, mark])


def _notes(command: str, stdin: str | None) -> Iterator[str]:
    if stdin is not None:
        yield "what stood behind % is its standard input."
    if _SILENCED.search(command):
        yield "it throws its output away; without that redirection jobd ctl logs would show it."
    yield from _about_guards(command)
    if (tokens_of(command) or [("", "")])[-1] == ("control", "&"):
        yield "it ends in &; the run lasts as long as what goes on in the background."
    if _RANDOM_SLEEP.search(command):
        yield "it sleeps at random, which counts as running; jitter is for that."
    if folder := run_parts_folder(command):
        yield (
            f"it runs all scripts of {folder} as one run; --expand makes a job of each,"
            " with limits and an outcome of its own."
        )


def _about_guards(command: str) -> Iterator[str]:
    if _SYSTEMD.search(command):
        yield (
            "it leaves its work to a systemd timer where systemd runs; there, leave this job out."
        )
    elif _GUARD.match(command):
        yield "where its guard does not hold it exits with 1: a failure for jobd, nothing for cron."
