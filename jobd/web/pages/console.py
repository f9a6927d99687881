"""Console: what a run wrote, as text that is safe and sensible to show in a page. Pure.

Whatever a job writes is data: it is escaped by the template, and here freed of what a terminal
would obey. Colours and cursor moves go; of a line that was written over with carriage returns,
as progress bars do, the last state stays; other control characters become visible pictures.
"""

import re

_ESCAPES = re.compile(
    "(?:\x1b\\[|\x9b)[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor
    "|\x1b[\\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\\\)?"  # OSC and other strings: titles, links
    "|\x1b[ -/]*[0-~]?"  # all others, and one that was cut off
)
# With these a text could be shown in another order than it stands in.
_DIRECTIONS = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_PICTURES = 0x2400


def text_of(data: bytes) -> str:
    """Return output as text; what is no UTF-8 becomes a replacement character."""
    text = _ESCAPES.sub("", data.decode("utf-8", "replace"))
    text = _DIRECTIONS.sub("\N{REPLACEMENT CHARACTER}", text)
    if "\r" in text:
        text = "\n".join(map(_last_state, text.split("\n")))
    return _CONTROLS.sub(_picture, text)


def _last_state(line: str) -> str:
    """Return what a terminal would be left with, roughly: the last thing written on the line."""
    return next((part for part in reversed(line.split("\r")) if part), "")


def _picture(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code >= 0x80:
        return "\N{REPLACEMENT CHARACTER}"
    return chr(_PICTURES + code) if code < 0x20 else "\N{SYMBOL FOR DELETE}"
