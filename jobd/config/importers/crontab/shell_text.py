"""Shell text: as much of a command line's grammar as is needed to leave it as it is.

A command that needs no shell is told from one that does, and a single command from a list of
them. Nothing is expanded or executed. Where the text cannot be read for sure, the answer is the
one with which it stays what it was: a text for a shell.
"""

import re
from collections.abc import Iterator

# No character that any shell would act on, wherever in a word it stands.
_PLAIN = re.compile(r"[A-Za-z0-9_./:,@+=%^ \t-]+")
# What exists, or means something else, only inside a shell.
_BUILTINS = {
    ".", ":", "[", "alias", "bg", "break", "builtin", "case", "cd", "command", "continue", "do",
    "done", "elif", "else", "esac", "eval", "exec", "exit", "export", "fg", "fi", "for", "function",
    "getopts", "hash", "if", "in", "jobs", "let", "local", "read", "readonly", "return", "select",
    "set", "shift", "source", "then", "time", "times", "trap", "type", "typeset", "ulimit", "umask",
    "unalias", "unset", "until", "wait", "while",
}  # fmt: skip
_TOKEN = re.compile(
    r"(?P<redirection>[0-9]?[<>]{1,2}&?|&>{1,2})"
    r"""|(?P<word>(?:'[^']*'|"(?:[^"\\]|\\.)*"|\\.|[^\s'"\\;&|()`<>])+)"""
    r"|(?P<control>&&|\|\||;;?|[&|()`\n])"
    r"|(?P<space>[^\S\n]+)",
    re.DOTALL,
)


def is_plain(command: str) -> bool:
    """Return whether no shell is needed: words and spaces only, the first one a program."""
    words = command.split()
    if not words or _PLAIN.fullmatch(command) is None:
        return False
    return "=" not in words[0] and words[0] not in _BUILTINS


def is_single(command: str) -> bool:
    """Return whether a shell would read this as one command, perhaps with redirections."""
    tokens = tokens_of(command)
    return tokens is not None and all(kind != "control" for kind, _ in tokens)


def tokens_of(command: str) -> list[tuple[str, str]] | None:
    """Return kind and text of each token; None if it ends within quotes or the like."""
    tokens, end = [], 0
    while end < len(command):
        match = _TOKEN.match(command, end)
        if match is None or match.lastgroup is None:
            return None
        tokens.append((match.lastgroup, match.group()))
        end = match.end()
    return tokens


def commands_in(command: str) -> Iterator[list[str]]:
    """Yield the words of each command in the text, redirections left out, as they are written."""
    words: list[str] = []
    is_target = False
    for kind, text in tokens_of(command) or []:
        if kind == "control":
            yield words
            words = []
        elif kind == "redirection":
            is_target = True
        elif kind == "word" and not is_target:
            words.append(text)
        is_target = is_target and kind != "word"
    yield words
