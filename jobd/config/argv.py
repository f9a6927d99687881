"""argv: from a command as it was written to the arguments that are executed."""

import re
import shlex

# What a shell would act on, outside quotes: pipes, lists, redirections, substitutions.
_QUOTED = re.compile(r"'[^']*'|\\.|\"(?:[^\"\\$`]|\\.)*\"")
_SYNTAX = re.compile(r"[|;<>`]|&|\$[({A-Za-z_]|^\s*[A-Za-z_][A-Za-z0-9_]*=\S*\s")


def argv_of(command: str | tuple[str, ...] | None, *, shell: bool) -> tuple[str, ...]:
    """Return the arguments: of a list as it is, of a text split, or handed to ``/bin/sh``.

    A command that is missing or cannot be split has none; the rules have noted it.
    """
    if isinstance(command, tuple):
        return command
    if command is None:
        return ()
    if shell:
        return ("/bin/sh", "-c", command)
    try:
        return tuple(shlex.split(command))
    except ValueError:
        return ()


def has_shell_syntax(command: str) -> bool:
    """Return whether a text that no shell will read looks as if it were meant for one."""
    return _SYNTAX.search(_QUOTED.sub("", command)) is not None
