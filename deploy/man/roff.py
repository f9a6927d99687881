"""Roff: a manual page in the macros of man(7), and how text is put into it.

click-man, which makes such pages too, has a page for each command, twenty-odd, loses the shape
of examples, and knows no page of section 5: this is less than what would have to be mended.
"""

import re
from collections.abc import Iterable, Sequence

_ESCAPES = {
    "\\": r"\e",
    "-": r"\-",  # else a hyphen, which cannot be copied into a shell
    "'": r"\(aq",
    "`": r"\(ga",
    "^": r"\(ha",
    "~": r"\(ti",
    '"': r"\(dq",
}
_CODE = re.compile(r"`([^`]+)`")


def text(plain: str) -> str:
    """Return text as roff reads it: nothing in it is a request or an escape."""
    out = "".join(_ESCAPES.get(char) or _ascii(char) for char in plain)
    return rf"\&{out}" if out.startswith(".") else out


def marked(words: str) -> str:
    """Return text in which what stands in backticks is bold, as in the pages for people."""
    parts = _CODE.split(words)
    return "".join(rf"\fB{text(p)}\fR" if n % 2 else text(p) for n, p in enumerate(parts))


class Page:
    """A page that grows from top to bottom."""

    def __init__(self, name: str, section: int, title: str, source: str, summary: str) -> None:
        self._lines = [
            # No date: the same sources make the same page.
            f'.TH "{text(name.upper())}" "{section}" "" "{text(source)}" "{text(title)}"',
            ".nh",  # no word is cut where somebody may search for it
            ".ad l",
        ]
        self.head("NAME")
        self.paragraph(f"{name} - {summary}", is_first=True)

    def __str__(self) -> str:
        return "\n".join(self._lines) + "\n"

    def head(self, title: str) -> None:
        """Begin a section."""
        self._lines.append(f'.SH "{text(title)}"')

    def subhead(self, title: str) -> None:
        """Begin a part of a section."""
        self._lines.append(f'.SS "{text(title)}"')

    def paragraph(self, words: str, *, is_first: bool = False) -> None:
        """Write a paragraph, the first of a section without the space above it."""
        self._lines += ([] if is_first else [".PP"]) + [marked(" ".join(words.split()))]

    def terms(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Write what things are: each in bold, and below it the words."""
        for term, words in pairs:
            self._lines += [".TP", rf"\fB{text(term)}\fR", marked(" ".join(words.split())) or r"\&"]

    def block(self, lines: Sequence[str]) -> None:
        """Write lines as they are, at the beginning of a section."""
        self._lines += [".RS 4", ".nf", *(text(line) or r"\&" for line in lines)]
        self._lines += [".fi", ".RE"]

    def synopsis(self, lines: Iterable[str]) -> None:
        """Write what can be typed, a line each."""
        self._lines += [".nf", *(rf"\fB{text(line)}\fR" for line in lines), ".fi"]

    def examples(self, examples: Iterable[tuple[str, str]]) -> None:
        """Write what can be typed, and what it is for."""
        self._lines += [".PP", "Examples:"]
        for line, words in examples:
            self._lines += [".RS 4", ".TP", rf"\fB{text(line)}\fR", marked(words), ".RE"]


def _ascii(char: str) -> str:
    return char if char.isascii() else f"\\[u{ord(char):04X}]"
