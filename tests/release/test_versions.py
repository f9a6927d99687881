"""The version stands in one place, and what else names it agrees."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from deploy.release.versions import (
    Disagreement,
    debian_version,
    demand_agreement,
    released_at,
    version,
)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a directory with the two files that name a version."""
    (tmp_path / "jobd").mkdir()
    write_version(tmp_path, "1.2.0")
    (tmp_path / "CHANGELOG.md").write_text(
        "# Changelog\n\n## [Unreleased]\n\n## [1.2.0] - 2026-02-03\n\n## [1.1.0]\n",
        encoding="utf-8",
    )
    return tmp_path


def write_version(checkout: Path, number: str) -> None:
    (checkout / "jobd/__init__.py").write_text(f'__version__ = "{number}"\n', encoding="utf-8")


def test_this_checkout_agrees_with_itself() -> None:
    demand_agreement([f"v{version()}"])


def test_the_changelog_tells_the_day(checkout: Path) -> None:
    assert released_at(checkout) == datetime(2026, 2, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    ("number", "why"), [("1.3.0", "has no section"), ("1.1.0", "is there without a day")]
)
def test_a_version_needs_a_section_with_a_day(checkout: Path, number: str, why: str) -> None:
    write_version(checkout, number)
    with pytest.raises(Disagreement, match=rf"## \[{number}\] - YEAR-MONTH-DAY"):
        released_at(checkout)


def test_a_tag_names_the_version_of_its_commit(checkout: Path) -> None:
    """Else v1.3.0 would install something that calls itself 1.2.0."""
    with pytest.raises(Disagreement, match=r"v1\.3\.0 is on a commit whose version is 1\.2\.0"):
        demand_agreement(["v1.3.0"], checkout)


def test_other_tags_do_not_matter(checkout: Path) -> None:
    demand_agreement(["reviewed", "v1.2.0"], checkout)


def test_a_checkout_without_a_version_is_told_what_is_missing(checkout: Path) -> None:
    (checkout / "jobd/__init__.py").write_text("", encoding="utf-8")
    with pytest.raises(Disagreement, match="no line __version__"):
        version(checkout)


@pytest.mark.parametrize(
    ("ours", "debian"),
    [("1.2.0", "1.2.0"), ("1.3.0rc1", "1.3.0~rc1"), ("1.3.0.dev2", "1.3.0~dev2")],
)
def test_a_prerelease_is_older_than_its_release_to_debian_too(
    checkout: Path, ours: str, debian: str
) -> None:
    write_version(checkout, ours)
    assert debian_version(checkout) == debian
