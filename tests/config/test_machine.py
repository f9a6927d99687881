"""Machine: how much memory there is, also inside a cgroup that has less."""

import os
from pathlib import Path

import pytest

from jobd.config import machine

MIB = 1 << 20


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path


def write(folder: Path, name: str, text: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding="ascii")


def test_it_is_no_more_than_the_machine_has() -> None:
    physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert 64 * MIB <= machine.memory_bytes() <= physical


def test_a_group_around_this_process_may_have_less(root: Path) -> None:
    write(root / "a" / "b", "memory.max", f"{50 * MIB}\n")
    assert list(machine._ceilings("0::/a/b\n", root)) == [50 * MIB]


def test_so_may_a_group_around_that_one(root: Path) -> None:
    write(root / "a" / "b", "memory.max", "max\n")
    write(root / "a", "memory.max", f"{20 * MIB}\n")
    assert list(machine._ceilings("0::/a/b\n", root)) == [20 * MIB]


def test_version_one_keeps_it_elsewhere(root: Path) -> None:
    write(root / "memory" / "a", "memory.limit_in_bytes", f"{30 * MIB}\n")
    groups = "5:cpu,cpuacct:/x\n4:memory:/a\n0::/y\n"
    assert list(machine._ceilings(groups, root)) == [30 * MIB]


def test_a_container_sees_its_own_group_as_the_root(root: Path) -> None:
    """The path is the host's, and there is no such folder here."""
    write(root, "memory.max", f"{10 * MIB}\n")
    assert list(machine._ceilings("0::/docker/0123\n", root)) == [10 * MIB]


def test_where_there_are_no_groups_the_machine_counts(root: Path) -> None:
    assert list(machine._ceilings("0::/a\n", root)) == []


@pytest.mark.parametrize(
    ("timezone", "localtime", "name"),
    [
        ("Europe/Berlin\n", "/usr/share/zoneinfo/Asia/Tokyo", "Europe/Berlin"),
        (None, "/usr/share/zoneinfo/Asia/Tokyo", "Asia/Tokyo"),
        (None, "../usr/share/zoneinfo/Etc/UTC", "Etc/UTC"),
        ("", "/somewhere/else", "UTC"),
        (None, None, "UTC"),
    ],
)
def test_the_zone_of_a_machine_is_what_its_cron_goes_by(
    tmp_path: Path, timezone: str | None, localtime: str | None, name: str
) -> None:
    (tmp_path / "etc").mkdir()
    if timezone is not None:
        (tmp_path / "etc/timezone").write_text(timezone)
    if localtime is not None:
        (tmp_path / "etc/localtime").symlink_to(localtime)
    assert machine.timezone(tmp_path) == name
