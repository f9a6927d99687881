"""The pages themselves: where they lead, how they are numbered, how long they are."""

import re
from collections.abc import Iterator
from pathlib import Path

from tests.docs.pages import DOCS, PAGES, ROOT, read

LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def links() -> Iterator[tuple[Path, Path, str]]:
    """Yield every link within the project: the page, where it leads, the heading there."""
    for page in PAGES:
        for target, heading in LINK.findall(read(page)):
            yield page, (page.parent / target).resolve() if target else page, heading


def anchors(page: Path) -> set[str]:
    """Return the names that a page's headings have in links, as GitHub makes them."""
    return {
        re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
        for title in HEADING.findall(read(page))
    }


def test_every_link_leads_somewhere() -> None:
    assert [f"{page.name}: {target}" for page, target, _ in links() if not target.exists()] == []


def test_every_link_to_a_heading_finds_it() -> None:
    """Else whoever follows it at night is left at the top of a long page."""
    assert [
        f"{page.name}: {target.name}#{heading}"
        for page, target, heading in links()
        if heading and heading not in anchors(target)
    ] == []


def test_every_page_is_reached_from_another() -> None:
    """A page that nothing leads to is read by nobody. Decisions are a folder of their own."""
    reached = {target for page, target, _ in links() if target != page}
    orphans = set(PAGES) - reached - {ROOT / "README.md"}
    assert [page.name for page in sorted(orphans) if page.parent == DOCS] == []


def test_decisions_are_numbered_without_a_gap() -> None:
    numbers = [int(path.name[:4]) for path in sorted((DOCS / "decisions").glob("*.md"))]
    assert numbers == list(range(1, len(numbers) + 1))


def test_no_decision_is_longer_than_forty_lines() -> None:
    lengths = {path.name: read(path).count("\n") for path in (DOCS / "decisions").glob("*.md")}
    assert {name: length for name, length in lengths.items() if length > 40} == {}
