"""Execution: command lines of Exec…= -> arguments, as systemd.service(5) reads them."""

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from jobd.config.importers.systemd.specifiers import UnitName, resolve
from jobd.config.importers.systemd.syntax import Assignment, Unreadable, Word, split_words

_PREFIXES = "@-:+!|"
_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_WHOLE = re.compile(rf"\$({_NAME})")
_INSIDE = re.compile(rf"\$\$|\$\{{({_NAME})\}}")
# What jobd sets itself in the environment of each job.
OURS = frozenset({"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "TZ", "NOTIFY_SOCKET"})
# What systemd sets and a job has not (systemd.exec(5), "Environment variables in spawned
# processes"). Taken for empty, ``rm -r ${CACHE_DIRECTORY}/old`` would remove another folder.
SYSTEMD_S = frozenset(
    {"RUNTIME_DIRECTORY", "STATE_DIRECTORY", "CACHE_DIRECTORY", "LOGS_DIRECTORY"}
    | {"CONFIGURATION_DIRECTORY", "CREDENTIALS_DIRECTORY", "XDG_RUNTIME_DIR", "INVOCATION_ID"}
    | {"MAINPID", "MANAGERPID", "SYSTEMD_EXEC_PID", "PIDFILE", "JOURNAL_STREAM", "LISTEN_FDS"}
    | {"SERVICE_RESULT", "EXIT_CODE", "EXIT_STATUS", "TRIGGER_UNIT", "WATCHDOG_USEC"}
)


@dataclass(frozen=True, slots=True)
class Piece:
    """Part of an argument: text, or a variable. ``is_split``: its words are arguments each."""

    text: str
    is_variable: bool = False
    is_split: bool = False


Argument = tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class CommandLine:
    """One command. ``unresolved``: specifiers in it that only the machine could resolve."""

    source: Assignment
    prefix: str
    arguments: tuple[Argument, ...]
    unresolved: tuple[str, ...] = ()
    argv0: str = ""  # with the prefix @

    @property
    def may_fail(self) -> bool:
        """Whether its failure is none."""
        return "-" in self.prefix

    @property
    def is_privileged(self) -> bool:
        """Whether it runs as root though the unit names a user."""
        return "+" in self.prefix or self.prefix.count("!") == 1

    @property
    def has_variables(self) -> bool:
        """Whether a shell is needed, to put in what only its environment tells."""
        return any(piece.is_variable for argument in self.arguments for piece in argument)

    @property
    def texts(self) -> list[str]:
        """The arguments of a line without variables."""
        return ["".join(piece.text for piece in argument) for argument in self.arguments]

    @property
    def only_systemd_s(self) -> list[str]:
        """The variables in it that systemd sets and a job has not, sorted."""
        pieces = (piece for argument in self.arguments for piece in argument)
        return sorted({one.text for one in pieces if one.is_variable} & SYSTEMD_S)

    def in_shell(self) -> str:
        """Return the line as a shell reads it back into the same arguments."""
        return " ".join("".join(map(_quoted, argument)) or "''" for argument in self.arguments)


def command_lines(one: Assignment, name: UnitName) -> list[CommandLine]:
    """Return the commands of one assignment; ``Unreadable`` for what systemd would refuse."""
    return [_command(one, name, words) for words in _separated(split_words(one.value))]


def with_values(
    line: CommandLine,
    known: Mapping[str, str],
    is_open: bool,
    passed: frozenset[str] = frozenset(),
) -> CommandLine:
    """Return the line with the values of variables that the unit itself sets.

    ``is_open``: a file may set more, or others, so that only the run can tell; as it alone can
    of those that are ``passed`` on, or systemd's own. A variable that nobody sets is empty, as it
    is for systemd.
    """
    left = (OURS | SYSTEMD_S | passed) - known.keys()
    arguments: list[Argument] = []
    for argument in line.arguments:
        arguments += _settled(argument, known, left, is_open)
    return replace(line, arguments=tuple(arguments))


def _separated(words: Sequence[Word]) -> Iterator[list[Word]]:
    """Yield the words between lone semicolons; an escaped one is a word."""
    current: list[Word] = []
    for word in words:
        if word == Word(";"):
            if current:
                yield current
            current = []
        else:
            current.append(Word(";") if word == Word("\\;", is_bare=True) else word)
    if current:
        yield current


def _command(one: Assignment, name: UnitName, words: Sequence[Word]) -> CommandLine:
    first = words[0].text
    program = first.lstrip(_PREFIXES)
    prefix = first[: len(first) - len(program)]
    unresolved: list[str] = []

    def resolved(text: str) -> str:
        value, unknown = resolve(text, name)
        unresolved.extend(unknown)
        return value

    rest = [resolved(word.text) for word in words[1:]]
    argv0 = rest.pop(0) if "@" in prefix and rest else ""
    arguments: list[Argument] = [(Piece(resolved(program)),)]
    arguments += [(Piece(text),) if ":" in prefix else _pieces(text) for text in rest]
    if not program:
        raise Unreadable("names no program")
    return CommandLine(one, prefix, tuple(arguments), tuple(unresolved), argv0)


def _pieces(text: str) -> Argument:
    if match := _WHOLE.fullmatch(text):
        return (Piece(match[1], is_variable=True, is_split=True),)
    pieces: list[Piece] = []
    place = 0
    for match in _INSIDE.finditer(text):
        pieces.append(Piece(text[place : match.start()]))
        pieces.append(Piece(match[1], is_variable=True) if match[1] else Piece("$"))
        place = match.end()
    pieces.append(Piece(text[place:]))
    return _together(pieces)


def _together(pieces: Iterable[Piece]) -> Argument:
    """Return the pieces with neighbouring texts as one, which is quoted once."""
    joined: list[Piece] = []
    for piece in pieces:
        if joined and not piece.is_variable and not joined[-1].is_variable:
            joined[-1] = Piece(joined[-1].text + piece.text)
        elif piece.text:
            joined.append(piece)
    return tuple(joined)


def _settled(
    argument: Argument, known: Mapping[str, str], left: frozenset[str], is_open: bool
) -> list[Argument]:
    if not any(piece.is_variable for piece in argument):
        return [argument]
    settled = tuple(
        piece
        if is_open or piece.text in left or not piece.is_variable
        else Piece(known.get(piece.text, ""))
        for piece in argument
    )
    if len(argument) == 1 and argument[0].is_split and not settled[0].is_variable:
        return [(Piece(word.text),) for word in split_words(settled[0].text)]
    return [_together(settled)]


def _quoted(piece: Piece) -> str:
    if not piece.is_variable:
        return shlex.quote(piece.text)
    return f"${{{piece.text}-}}" if piece.is_split else f'"${{{piece.text}-}}"'
