"""Source: one file of the configuration, read and parsed, that knows its lines."""

import os
import re
import stat
import tomllib

from jobd.config.locate import KeyPath, locate
from jobd.config.problem import Problem, Unfit
from jobd.config.trust import check_way

_LARGEST_BYTES = 64 << 20
_POSITION = re.compile(r" \(at line (\d+), column \d+\)$")
_AT_END = " (at end of document)"


class Unreadable(Exception):
    """A file that cannot be read or is no TOML; carries the problem to show."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


class Source:
    """A file as the user named it, its text and what tomllib made of it."""

    def __init__(self, shown: str, text: str, tables: dict[str, object]) -> None:
        self.shown = shown
        self.folder = os.path.dirname(os.path.abspath(shown))
        self.tables = tables
        self._text = text
        self._lines: dict[KeyPath, int] | None = None
        self._table_lines: dict[KeyPath, int] | None = None

    def line(self, path: KeyPath) -> int | None:
        """Return the line of a key, or of the nearest table around it."""
        if self._lines is None:
            self._lines = _locate(self._text, None)
        return _nearest(self._lines, path)

    def job_line(self, name: str) -> int:
        """Return the line of a job's table; cheap enough to ask for every job."""
        if self._table_lines is None:
            self._table_lines = _locate(self._text, 2)
        return _nearest(self._table_lines, ("jobs", name)) or 0


def read_source(shown: str, *, as_root: bool) -> Source:
    """Return the file's content; ``Unreadable`` when it cannot be read, trusted or parsed.

    What others may write, or replace, is refused for root: they could make root run anything.
    """
    text = _decode(shown, _read(shown, as_root))
    try:
        return Source(shown, text, tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise Unreadable(_syntax_problem(shown, text, str(error))) from None
    except RecursionError:
        raise _unreadable(shown, "is nested too deeply", "write it flatter") from None
    except ValueError:  # an integer of thousands of digits
        raise _unreadable(shown, "holds a number that is too long", "shorten it") from None


def _read(shown: str, as_root: bool) -> bytes:
    try:
        with open(shown, "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if as_root and mode & stat.S_IWOTH and stat.S_ISREG(mode):
                raise _unreadable(
                    shown, "may be written by anyone, which root cannot trust", "chmod o-w it"
                )
            if as_root:
                check_way(shown)
            data = file.read(_LARGEST_BYTES + 1)
    except Unfit as unfit:
        raise _unreadable(shown, unfit.message, unfit.mend) from None
    except FileNotFoundError:
        raise _unreadable(shown, "does not exist", "write it, or name another with -c") from None
    except IsADirectoryError:
        raise _unreadable(shown, "is a directory", "name the files in it") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise _unreadable(shown, f"cannot be read: {reason}", "make it readable") from None
    if len(data) > _LARGEST_BYTES:
        raise _unreadable(shown, "is larger than 64M", "split it, see include")
    return data


def _decode(shown: str, data: bytes) -> str:
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        problem = Problem(shown, line, "", "", "is no UTF-8 text", "save the file as UTF-8")
        raise Unreadable(problem) from None


def _unreadable(shown: str, message: str, mend: str) -> Unreadable:
    return Unreadable(Problem(shown, None, "", "", message, mend))


def _syntax_problem(shown: str, text: str, error: str) -> Problem:
    from jobd.config.syntax import syntax_mend

    if match := _POSITION.search(error):
        line, said = int(match[1]), error[: match.start()]
    else:
        line, said = text.rstrip().count("\n") + 1, error.removesuffix(_AT_END)
    message, mend = syntax_mend(said, text.split("\n")[line - 1])
    return Problem(shown, line, "", "", message, mend)


def _locate(text: str, depth: int | None) -> dict[KeyPath, int]:
    try:
        return locate(text, depth)
    except RecursionError:  # tomllib had a shallower stack to start from
        return {}


def _nearest(lines: dict[KeyPath, int], path: KeyPath) -> int | None:
    for length in range(len(path), 0, -1):
        if (line := lines.get(path[:length])) is not None:
            return line
    return None
