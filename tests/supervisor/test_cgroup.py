"""Where the hierarchies are, on machines of every kind."""

import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from jobd.supervisor.cgroup import make, parse_hierarchies, read_pids, remove

UNIFIED = "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
HYBRID = """\
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory
40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup systemd rw,xattr,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
"""


def test_a_modern_machine_has_one_hierarchy() -> None:
    found = parse_hierarchies(UNIFIED, "0::/system.slice/jobd-supervisor.service\n")
    assert found.v2 == "/sys/fs/cgroup/system.slice/jobd-supervisor.service"
    assert found.v1 == {}


def test_an_older_machine_has_one_for_each_controller() -> None:
    own = "9:name=systemd:/a.service\n4:memory:/b\n1:cpu,cpuacct:/\n0::/c\n"
    found = parse_hierarchies(HYBRID, own)
    assert found.v2 == "/sys/fs/cgroup/unified/c"
    assert found.v1["memory"] == "/sys/fs/cgroup/memory/b"
    assert found.v1["cpu"] == found.v1["cpuacct"] == "/sys/fs/cgroup/cpu,cpuacct"
    assert found.v1["name=systemd"] == "/sys/fs/cgroup/systemd/a.service"


def test_a_container_sees_its_own_group_as_the_root_of_the_mount() -> None:
    mount = "30 23 0:26 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup ro\n"
    assert parse_hierarchies(mount, "0::/docker/abc/leaf\n").v2 == "/sys/fs/cgroup/leaf"


def test_a_mount_that_does_not_show_our_group_is_left_out() -> None:
    mount = "30 23 0:26 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup ro\n"
    assert parse_hierarchies(mount, "0::/docker/abcdef\n").v2 is None
    assert parse_hierarchies(UNIFIED, "0::/../elsewhere\n").v2 is None


def test_a_blank_in_a_mount_point_is_unescaped() -> None:
    mount = "30 23 0:26 / /mnt/my\\040groups rw - cgroup2 cgroup2 rw\n"
    assert parse_hierarchies(mount, "0::/\n").v2 == "/mnt/my groups"


@given(st.text())
def test_a_strange_mountinfo_is_no_reason_to_die(text: str) -> None:
    parse_hierarchies(text, "0::/\n")


def test_a_job_of_any_user_may_read_its_own_limits(tmp_path: Path) -> None:
    """The supervisor's umask hides what it writes; a JVM sizes its heap by memory.max."""
    umask = os.umask(0o077)
    try:
        make(f"{tmp_path}/group")
    finally:
        os.umask(umask)
    assert (tmp_path / "group").stat().st_mode & 0o777 == 0o755


def test_groups_that_members_made_are_removed_with_their_own(tmp_path: Path) -> None:
    (tmp_path / "run" / "inner" / "deeper").mkdir(parents=True)
    assert remove(f"{tmp_path}/run")
    assert not (tmp_path / "run").exists()


def test_a_group_that_is_gone_counts_as_removed_and_has_no_members(tmp_path: Path) -> None:
    assert remove(f"{tmp_path}/gone")
    assert read_pids(f"{tmp_path}/gone") == []


def test_members_of_inner_groups_are_members(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "cgroup.procs").write_text("10\n11\n")
    (tmp_path / "inner" / "cgroup.procs").write_text("12\n")
    assert read_pids(str(tmp_path)) == [10, 11, 12]
