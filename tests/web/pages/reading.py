"""What tests of pages ask for, and how they read it."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser

from tests.web.fake_node import Got, Served

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


def page_at(server: Served, path: str, **headers: str) -> Got:
    """Return what a browser gets on TCP."""
    return server.request("GET", path, tcp=True, Accept=BROWSER, **headers)


class Reader(HTMLParser):
    """Reads a page: its tags, and the text of each row of its tables."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self._texts: list[str] = []
        self._rows: list[str] = []
        self._is_in_row = False
        self.feed(text)

    @property
    def rows(self) -> list[str]:
        """The rows of all tables, their white space made single."""
        return [re.sub(r"\s+", " ", row).strip() for row in self._rows]

    @property
    def text(self) -> str:
        """All text, its white space made single."""
        return re.sub(r"\s+", " ", " ".join(self._texts))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "tr":
            self._rows.append("")
            self._is_in_row = True

    def handle_endtag(self, tag: str) -> None:
        if tag == "tr":
            self._is_in_row = False

    def handle_data(self, data: str) -> None:
        self._texts.append(data)
        if self._is_in_row:
            self._rows[-1] += f" {data}"

    def values(self, *names: str) -> Iterator[str]:
        """Yield the values of attributes."""
        for _, attributes in self.tags:
            yield from (value for name in names if (value := attributes.get(name)) is not None)


def read(server: Served, path: str) -> Reader:
    """Return a page as it is read; it must be one."""
    got = page_at(server, path)
    assert got.status == 200, got.body
    return Reader(got.body.decode())
