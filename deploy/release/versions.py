"""The version: in jobd/__init__.py and nowhere else; the changelog and a tag have to agree."""

import re
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
_VERSION = re.compile(r'^__version__ = "([^"]+)"$', re.MULTILINE)
_SECTION = re.compile(r"^## \[([^\]]+)\](?: - (\d{4}-\d\d-\d\d))?$", re.MULTILINE)
# A pre-release is older than its release, in Debian's order too: 1.0rc1 -> 1.0~rc1.
_PRERELEASE = re.compile(r"(?<=\d)\.?(a|b|rc|dev)(?=\d+$)")


class Disagreement(Exception):
    """What should say the same version does not; the message says where, and the mend."""


def version(root: Path = ROOT) -> str:
    """Return the version of this checkout."""
    text = (root / "jobd/__init__.py").read_text(encoding="utf-8")
    found = _VERSION.search(text)
    if found is None:
        raise Disagreement('jobd/__init__.py has no line __version__ = "…"')
    return found[1]


def debian_version(root: Path = ROOT) -> str:
    """Return the version in Debian's words."""
    return _PRERELEASE.sub(r"~\1", version(root))


def released_at(root: Path = ROOT) -> datetime:
    """Return the day that the changelog gives this version, at midnight UTC.

    :class:`Disagreement` if it has no section for it, or one without a day.
    """
    wanted = version(root)
    text = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    day = dict(_SECTION.findall(text)).get(wanted)
    if not day:
        raise Disagreement(
            f"jobd/__init__.py says {wanted}, and CHANGELOG.md has no section "
            f'"## [{wanted}] - YEAR-MONTH-DAY"'
        )
    return datetime.fromisoformat(day).replace(tzinfo=UTC)


def demand_agreement(tags: list[str], root: Path = ROOT) -> None:
    """Raise :class:`Disagreement` unless changelog and tags say this checkout's version.

    ``tags``: those of the commit that is checked out; only such as name versions count.
    """
    released_at(root)
    wrong = [tag for tag in tags if re.match(r"v\d", tag) and tag != f"v{version(root)}"]
    if wrong:
        raise Disagreement(
            f"the tag {wrong[0]} is on a commit whose version is {version(root)}: "
            f"set the version in jobd/__init__.py, or tag it v{version(root)}"
        )
