"""Crontab name: what a job is called that comes from a line without a name.

The first program in it that says something: not its guards, wrappers and interpreters.
"""

import re

from jobd.config.importers.crontab.command import run_parts_folder
from jobd.config.importers.crontab.shell_text import commands_in

_NAME = re.compile(r"[A-Za-z0-9_./~$](?:[\w./~$-]*[A-Za-z0-9])?", re.ASCII)
_ASSIGNED = re.compile(r"[A-Za-z_]\w*=")
_INTERPRETER = re.compile(r"(?:python|php|perl|ruby|node|bash|dash|sh|zsh)[0-9.]*")
_OPENERS = {"if", "then", "elif", "else", "do", "while", "until", "{", "!", "exec"}
_WRAPPERS = {
    "nice", "ionice", "timeout", "flock", "chronic", "cronic", "env", "nohup", "setsid", "time",
    "sudo",
}  # fmt: skip
_SAYS_NOTHING = {
    "[", "[[", "test", "cd", "sleep", "command", "which", "true", "false", ":", ".", "source",
    "export", "umask", "echo", "printf", "fi", "done", "}", "set", "ulimit", "date", "cat", "grep",
    "sed", "awk", "head", "tail", "expr",
}  # fmt: skip


def program_of(command: str) -> str:
    """Return the word that says best what a command line does; "" if none does."""
    if folder := run_parts_folder(command):
        return folder
    for words in commands_in(command):
        if word := _telling(words):
            return word
    return ""


def _telling(words: list[str]) -> str:
    """Return the program of one command, or the script or module that an interpreter runs."""
    rest = [word for word in words if not _ASSIGNED.match(word)]
    while rest and rest[0] in _OPENERS:
        rest = rest[1:]
    if not rest or rest[0] in _SAYS_NOTHING or not _NAME.fullmatch(rest[0]):
        return ""
    program = rest[0].rpartition("/")[2]
    if program in _WRAPPERS:
        return _telling(_behind_options(rest[1:]))
    if _INTERPRETER.fullmatch(program):
        return _interpreted(rest[1:]) or ("" if program == "perl" else rest[0])
    return rest[0]


def _interpreted(arguments: list[str]) -> str:
    if "-m" in arguments[:-1]:
        return arguments[arguments.index("-m") + 1]
    script = next((word for word in arguments if not word.startswith("-")), "")
    has_text_instead = any(word in ("-c", "-e", "-r") for word in arguments)
    return script if _NAME.fullmatch(script) and not has_text_instead else ""


def _behind_options(words: list[str]) -> list[str]:
    """Return what follows a wrapper's options, and the numbers and lock files among them."""
    for place, word in enumerate(words):
        is_argument = word[0] in "-0123456789" or word.endswith((".lock", ".lck", ".pid"))
        if not is_argument:
            return words[place:]
    return []
