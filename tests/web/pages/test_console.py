"""Console: what a job wrote, freed of all that a terminal would obey."""

import pytest

from jobd.web.pages.console import text_of


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"plain\ttext\n\xc3\xa9\n", "plain\ttext\n\u00e9\n"),
        (b"\x1b[1;31mred\x1b[0m and \x1b[38;5;200mpink\x1b[m", "red and pink"),
        (b"\x1b]0;a new title\x07done", "done"),
        (b"\x1b]8;;http://evil.example\x1b\\link\x1b]8;;\x1b\\", "link"),
        (b"\x1b[2J\x1b[1;1Hcleared", "cleared"),
        (b"cut off \x1b[31", "cut off 31"),
        (b" 10 %\r 20 %\r100 %\nnext", "100 %\nnext"),
        (b"dos\r\nlines\r\n", "dos\nlines\n"),
        (b"bell\x07 nul\x00 del\x7f", "bell\u2407 nul\u2400 del\u2421"),
        (b"\xff\xfe is no text", "\ufffd\ufffd is no text"),
        ("\u202egnp.exe".encode(), "\ufffdgnp.exe"),
        ("\x9b31mred".encode(), "red"),
        (b"<script>alert(1)</script>", "<script>alert(1)</script>"),  # the template escapes it
    ],
)
def test_output_becomes_text(data: bytes, text: str) -> None:
    assert text_of(data) == text


def test_an_escape_that_never_ends_is_gone_through_once() -> None:
    """A job that writes megabytes of them must not keep the daemon busy."""
    assert len(text_of(b"\x1b]" * 100_000)) == 0
    assert len(text_of(b"\x1b[" + b"1;" * 100_000)) > 0
