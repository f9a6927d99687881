"""On which line each key stands. tomllib knows no lines, people need them.

One pass over a text that tomllib has accepted: it need not be judged again, only read
statement by statement, strings and brackets skipped by the grammar of TOML 1.0.
"""

import re

KeyPath = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_SCALAR = re.compile(
    r'"""(?:[^"\\]|\\.|"{1,2}(?!"))*"{3,5}'
    r"|'''(?:[^']|'{1,2}(?!'))*'{3,5}"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'"
    r"|[^\s,\]}#\[{]+(?: [0-9:.]+[^\s,\]}#]*)?",  # a date and its time stand apart
    re.DOTALL,
)
_ESCAPE = re.compile(r'\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(["\\bfnrt]))')
_SHORT = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
# Nine of ten statements: a bare key and a value that ends on its line.
_PLAIN = re.compile(
    r"[ \t]*([A-Za-z0-9_-]+)[ \t]*=[ \t]*"
    r"(?:\"(?!\"\")[^\"\\\n]*\"|'(?!'')[^'\n]*'|[A-Za-z0-9+-][^\s#]*)[ \t]*(?:#[^\n]*)?(?:\n|\Z)"
)


def locate(text: str, depth: int | None = None) -> dict[KeyPath, int]:
    """Return the line, from 1, on which each key path first stands.

    Items of arrays have their index in the path. ``depth`` leaves out longer paths: two is
    enough, and much less to remember, to find the tables of ten thousand jobs.
    """
    return _Reader(text, depth).read()


class _Reader:
    """One pass over one text: where it stands, and what it found."""

    def __init__(self, text: str, depth: int | None) -> None:
        self._text = text
        self._depth = depth
        self._lines: dict[KeyPath, int] = {}
        self._position = 0
        self._counted = 0  # line ends before here are in _line
        self._line = 1
        self._arrays: dict[KeyPath, int] = {}  # items so far of each [[array of tables]]

    def read(self) -> dict[KeyPath, int]:
        table: KeyPath = ()
        while self._skip(_BLANK) < len(self._text):
            if self._text[self._position] == "[":
                table = self._header()
            elif match := _PLAIN.match(self._text, self._position):
                if self._depth is None or len(table) < self._depth:
                    self._note((*table, match[1]))
                self._position = match.end()
            else:
                self._assignment(table)
        return self._lines

    def _header(self) -> KeyPath:
        start = self._position
        brackets = 2 if self._text.startswith("[[", start) else 1
        self._position += brackets
        *outer, last = self._keys()
        self._position += brackets
        path = (*self._through_arrays(outer), last)
        if brackets == 2:
            self._arrays[path] = self._arrays.get(path, -1) + 1
        if path in self._arrays:
            path = (*path, self._arrays[path])
        self._note(path, start)
        return path

    def _through_arrays(self, keys: list[str]) -> KeyPath:
        """Return the path with the latest item's index after each array of tables."""
        path: KeyPath = ()
        for key in keys:
            path = (*path, key)
            if path in self._arrays:
                path = (*path, self._arrays[path])
        return path

    def _assignment(self, table: KeyPath) -> None:
        start = self._position
        path = (*table, *self._keys())
        self._note(path, start)
        self._position += 1  # the equals sign
        self._skip(_SPACE)
        self._value(path)

    def _keys(self) -> tuple[str, ...]:
        """Return the parts of a dotted key; the position is then behind it."""
        keys = [self._key()]
        while self._text[self._position] == ".":
            self._position += 1
            keys.append(self._key())
        return tuple(keys)

    def _key(self) -> str:
        self._skip(_SPACE)
        quote = self._text[self._position]
        pattern = _SCALAR if quote in "\"'" else _BARE_KEY
        match = pattern.match(self._text, self._position)
        assert match is not None, "tomllib accepted what this cannot read"
        self._position = match.end()
        self._skip(_SPACE)
        key = match[0]
        if quote == "'":
            return key[1:-1]
        return _ESCAPE.sub(_unescaped, key[1:-1]) if quote == '"' else key

    def _value(self, path: KeyPath) -> None:
        opening = self._text[self._position]
        if opening == "[":
            self._array(path)
        elif opening == "{":
            self._inline_table(path)
        else:
            self._skip(_SCALAR)

    def _array(self, path: KeyPath) -> None:
        self._position += 1
        index = 0
        while self._text[self._skip(_BLANK)] != "]":
            self._note((*path, index))
            self._value((*path, index))
            index += 1
            if self._text[self._skip(_BLANK)] == ",":
                self._position += 1
        self._position += 1

    def _inline_table(self, path: KeyPath) -> None:
        self._position += 1
        while self._text[self._skip(_BLANK)] != "}":
            self._assignment(path)
            if self._text[self._skip(_BLANK)] == ",":
                self._position += 1
        self._position += 1

    def _skip(self, pattern: re.Pattern[str]) -> int:
        match = pattern.match(self._text, self._position)
        assert match is not None, "tomllib accepted what this cannot read"
        self._position = match.end()
        return self._position

    def _note(self, path: KeyPath, position: int | None = None) -> None:
        if self._depth is not None:
            path = path[: self._depth]
        if path in self._lines:
            return
        at = self._position if position is None else position
        self._line += self._text.count("\n", self._counted, at)
        self._counted = at
        for length in range(len(path), 0, -1):
            if self._lines.setdefault(path[:length], self._line) != self._line:
                break


def _unescaped(match: re.Match[str]) -> str:
    if code := match[1] or match[2]:
        return chr(int(code, 16))
    return _SHORT.get(match[3], match[3])
