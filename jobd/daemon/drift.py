"""Drift: where two nodes' configurations differ, job by job, without showing what they hold."""

from collections.abc import Mapping


def differing(mine: Mapping[str, str], theirs: Mapping[str, str]) -> list[str]:
    """Return the jobs whose digests differ, by name; one that only one side has differs."""
    return sorted(
        name for name in mine.keys() | theirs.keys() if mine.get(name) != theirs.get(name)
    )
