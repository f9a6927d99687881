"""What is made of facts: a verdict for each."""

import os
import stat
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from jobd import __version__
from jobd.cli.doctor import accounts, ceilings, clocks, daemon, machine, pressure, service
from jobd.cli.doctor import state_dir as state
from jobd.cli.doctor.access import closed_folder, may
from jobd.cli.doctor.daemon import Contact, Line, Place
from jobd.cli.doctor.finding import Finding, Verdict
from jobd.cli.doctor.jobs import Named, judge_programs
from jobd.clock import SystemClock
from jobd.config.model import HttpAddress, NodeLimits
from jobd.errors import StateError
from jobd.store.lock import StateLock
from jobd.supervisor.prospect import Prospect

OK, WARN, FAIL = Verdict.OK, Verdict.WARN, Verdict.FAIL
GIB = 1 << 30
LIMITS = NodeLimits(max_running=16, max_waiting=200, memory_budget_bytes=6 * GIB)
STATUS = {
    "version": __version__,
    "node": "app1",
    "pid": 7,
    "ready": True,
    "ready_reason": "",
    "http": "127.0.0.1:9746",
}
SOCKET = Path("/run/jobd/jobd.sock")
IS_SOCKET = 0o140660
HERE = Place(IS_SOCKET, "jobd", Path("/run/jobd"), may_make=True)
ADDRESS = HttpAddress("127.0.0.1", 9746)


def verdicts(findings: Iterable[Finding]) -> dict[str, Verdict]:
    return {finding.subject: finding.verdict for finding in findings}


@pytest.mark.parametrize(
    ("total", "verdict"), [(10 * GIB, OK), (6 * GIB + 1, WARN), (6 * GIB - 1, FAIL)]
)
def test_the_memory_budget_must_leave_something_for_the_system(
    total: int, verdict: Verdict
) -> None:
    assert machine.judge_budget(LIMITS, machine.Memory(total, 0)).verdict is verdict


def test_swap_of_more_than_twice_the_memory_is_warned_of() -> None:
    assert machine.judge_swap(machine.Memory(GIB, 2 * GIB)).verdict is OK
    assert machine.judge_swap(machine.Memory(GIB, 2 * GIB + 1)).verdict is WARN


def test_the_size_of_swap_is_read_from_meminfo() -> None:
    assert machine.swap_bytes("MemTotal: 8 kB\nSwapTotal:       2048 kB\n") == 2 << 20


@pytest.mark.parametrize(("most", "verdict"), [(None, OK), (192, OK), (191, FAIL)])
def test_sixteen_runs_need_their_open_files(most: int | None, verdict: Verdict) -> None:
    assert machine.judge_files(most, 16).verdict is verdict


@pytest.mark.parametrize(("most", "verdict"), [(None, OK), (64, OK), (63, WARN)])
def test_sixteen_runs_need_their_processes(most: int | None, verdict: Verdict) -> None:
    assert machine.judge_processes(most, 16).verdict is verdict


@pytest.mark.parametrize(
    ("release", "verdict"),
    [("6.1.0-18-amd64", OK), ("4.18.0", OK), ("4.17.19", WARN), ("strange", OK)],
)
def test_a_kernel_that_is_too_old_is_warned_of(release: str, verdict: Verdict) -> None:
    assert machine.judge_kernel(release).verdict is verdict


@pytest.mark.parametrize(("share", "verdict"), [(3.0, OK), (20.1, WARN), (None, WARN)])
def test_pressure_that_is_not_told_leaves_its_limit_without_effect(
    share: float | None, verdict: Verdict
) -> None:
    assert pressure.judge_pressure("memory", share, 20.0).verdict is verdict


@pytest.mark.parametrize(("is_steered", "verdict"), [(True, OK), (False, WARN), (None, WARN)])
def test_a_clock_that_nobody_steers_is_warned_of(is_steered: bool | None, verdict: Verdict) -> None:
    assert clocks.judge_steering(is_steered).verdict is verdict


@pytest.mark.parametrize(
    ("offset_s", "doubt_s", "verdict"),
    [(0.4, 0.1, OK), (-3.0, 0.1, WARN), (3.0, 2.5, OK)],
)
def test_an_offset_counts_only_beyond_its_doubt(
    offset_s: float, doubt_s: float, verdict: Verdict
) -> None:
    """A slow answer says little about a clock."""
    offset, doubt = timedelta(seconds=offset_s), timedelta(seconds=doubt_s)
    assert clocks.judge_offset(offset, doubt).verdict is verdict


class TestAccounts:
    def test_jobs_that_name_users_need_somebody_who_may_switch(self) -> None:
        assert accounts.judge_switching(True, {"www"}, has_daemon=False).verdict is OK
        assert accounts.judge_switching(False, {"www"}, has_daemon=False).verdict is FAIL

    def test_nobody_need_switch_where_no_job_asks(self) -> None:
        assert accounts.judge_switching(False, set(), has_daemon=False).verdict is OK

    def test_a_daemon_that_runs_may_be_able_to_what_the_asker_is_not(self) -> None:
        assert accounts.judge_switching(False, {"www"}, has_daemon=True).verdict is WARN

    def test_an_unknown_name_says_who_asks_for_it(self) -> None:
        found = accounts.judge_names("user", {"www": ["a"], "nosuch": ["b", "c"]}, {"www"})
        assert [(f.verdict, f.words) for f in found] == [
            (FAIL, "nosuch is not known here; asked for by b, c")
        ]

    def test_capabilities_are_read_from_the_effective_set(self) -> None:
        both, one = 1 << 6 | 1 << 7, 1 << 7
        assert accounts.has_capabilities(f"Name:\tx\nCapPrm:\t0\nCapEff:\t{both:016x}\n")
        assert not accounts.has_capabilities(f"CapEff:\t{one:016x}\nCapBnd:\t{both:016x}\n")


class TestStateDirectory:
    PATH = Path("/var/lib/jobd")

    @pytest.mark.parametrize(
        ("there", "is_usable", "has_daemon", "verdict"),
        [
            ("/var/lib/jobd", True, False, OK),
            ("/var/lib", True, False, OK),
            ("/var/lib/jobd", False, False, FAIL),
            ("/var/lib", False, False, FAIL),
            ("/var/lib/jobd", False, True, WARN),
        ],
    )
    def test_it_must_be_ours_to_use_or_to_make(
        self, there: str, is_usable: bool, has_daemon: bool, verdict: Verdict
    ) -> None:
        found = state.judge_rights(
            self.PATH, Path(there), is_usable=is_usable, has_daemon=has_daemon
        )
        assert found.verdict is verdict

    @pytest.mark.parametrize(
        ("mode", "has_daemon", "words"),
        [
            (0o700, False, ""),
            (0o750, False, ""),
            (0o777, False, "may be written by anyone"),
            (0o1777, False, "may be written by anyone"),
            (0o777, True, ""),  # it runs: it has seen the directory as it was
        ],
    )
    def test_one_that_the_daemon_refuses_is_no_good_one(
        self, tmp_path: Path, mode: int, has_daemon: bool, words: str
    ) -> None:
        """The doctor found nothing wrong, and jobd ended with status 73."""
        tmp_path.chmod(mode)
        first, *_ = state.state_findings(tmp_path, SystemClock(), has_daemon=has_daemon)
        assert (first.verdict is FAIL) == bool(words)
        assert words in first.words
        if words:
            with pytest.raises(StateError, match=words):
                StateLock(tmp_path, "app1").take()

    def test_one_of_another_user_is_for_that_user_s_daemon(self) -> None:
        found = state.judge_trust(self.PATH, owner=os.geteuid() + 7, mode=0o40700)
        assert found is not None
        assert found.verdict is WARN
        assert state.judge_trust(self.PATH, owner=os.geteuid(), mode=0o40700) is None

    @pytest.mark.parametrize(
        ("kind", "verdict"),
        [("ext4", OK), ("xfs", OK), ("", OK), ("nfs4", WARN), ("tmpfs", WARN), ("overlay", WARN)],
    )
    def test_kinds_that_forget_or_do_not_lock_are_warned_of(
        self, kind: str, verdict: Verdict
    ) -> None:
        assert state.judge_kind(self.PATH, kind).verdict is verdict

    def test_the_kind_is_that_of_the_nearest_mount_and_of_the_later_one_there(self) -> None:
        mountinfo = (
            "1 0 8:1 / / rw - ext4 /dev/a rw\n"
            "2 1 8:2 / /var rw - xfs /dev/b rw\n"
            "3 1 0:9 / /var rw - nfs4 host:/x rw\n"
            "4 1 0:8 / /variable rw - tmpfs tmpfs rw\n"
        )
        assert state.kind_of(mountinfo, self.PATH) == "nfs4"
        assert state.kind_of(mountinfo, Path("/opt")) == "ext4"

    @pytest.mark.parametrize(
        ("free", "inodes", "expected"),
        [
            (10 * GIB, 10**6, {"space": OK, "inodes": OK}),
            (GIB - 1, 19_999, {"space": WARN, "inodes": WARN}),
            ((64 << 20) - 1, 999, {"space": FAIL, "inodes": FAIL}),
            (10 * GIB, None, {"space": OK}),
        ],
    )
    def test_room_ends_before_it_is_gone(
        self, free: int, inodes: int | None, expected: dict[str, Verdict]
    ) -> None:
        assert verdicts(state.judge_room(state.Room(free, inodes))) == expected

    @pytest.mark.parametrize(("took_s", "verdict"), [(0.004, OK), (0.3, WARN)])
    def test_a_slow_disk_is_warned_of(self, took_s: float, verdict: Verdict) -> None:
        assert state.judge_sync(took_s).verdict is verdict


class TestDaemon:
    @pytest.mark.parametrize(
        ("contact", "verdict"),
        [
            (Contact(Line.ANSWERED, STATUS), OK),
            (Contact(Line.ANSWERED, {**STATUS, "ready": False}), FAIL),
            (Contact(Line.ANSWERED, {**STATUS, "version": "0.0.1"}), WARN),
            (Contact(Line.SILENT, words="does not answer"), FAIL),
            (Contact(Line.CLOSED), WARN),
            (Contact(Line.STALE), WARN),
            (Contact(Line.NONE), WARN),
        ],
    )
    def test_it_should_run_be_ready_and_of_this_version(
        self, contact: Contact, verdict: Verdict
    ) -> None:
        assert daemon.judge_daemon(contact).verdict is verdict

    @pytest.mark.parametrize(
        ("line", "place", "verdict"),
        [
            (Line.ANSWERED, HERE, OK),
            (Line.NONE, replace(HERE, mode=None), OK),
            (Line.NONE, replace(HERE, mode=None, may_make=False), FAIL),
            (Line.CLOSED, replace(HERE, mode=None), WARN),
            (Line.CLOSED, HERE, WARN),
            (Line.STALE, HERE, WARN),
            (Line.ANSWERED, replace(HERE, mode=0o140666), WARN),
            (Line.NONE, replace(HERE, mode=0o100660), FAIL),
        ],
    )
    def test_its_socket_is_one_with_the_right_mode_or_can_be_made(
        self, line: Line, place: Place, verdict: Verdict
    ) -> None:
        assert daemon.judge_socket(SOCKET, line, place).verdict is verdict

    def test_who_may_not_use_it_is_told_its_group(self) -> None:
        assert "usermod -aG jobd" in daemon.judge_socket(SOCKET, Line.CLOSED, HERE).mend
        by_root = daemon.judge_socket(SOCKET, Line.CLOSED, replace(HERE, group="root"))
        assert by_root.mend == "ask with sudo"

    @pytest.mark.parametrize(
        ("trouble", "contact", "verdict"),
        [
            ("", Contact(Line.NONE), OK),
            ("Address already in use", Contact(Line.ANSWERED, STATUS), OK),
            ("Address already in use", Contact(Line.CLOSED), OK),
            ("Address already in use", Contact(Line.ANSWERED, STATUS | {"http": ""}), FAIL),
            ("Address already in use", Contact(Line.ANSWERED, STATUS | {"http": "[::1]:97"}), FAIL),
            ("Address already in use", Contact(Line.ANSWERED, STATUS | {"http": "*:9746"}), OK),
            ("Address already in use", Contact(Line.NONE), FAIL),
            ("Name or service not known", Contact(Line.NONE), FAIL),
            ("Cannot assign requested address", Contact(Line.CLOSED), FAIL),
        ],
    )
    def test_its_address_is_free_or_its_own(
        self, trouble: str, contact: Contact, verdict: Verdict
    ) -> None:
        assert daemon.judge_http(ADDRESS, trouble, contact).verdict is verdict

    @pytest.mark.parametrize(
        ("trouble", "is_to_be_freed"),
        [
            ("Address already in use (while attempting to bind on …)", True),
            ("Cannot assign requested address (while attempting to bind on …)", False),
            ("Permission denied", False),
        ],
    )
    def test_only_an_address_that_somebody_holds_is_to_be_freed(
        self, trouble: str, is_to_be_freed: bool
    ) -> None:
        """ss shows nobody for an address of another machine, or for a port without the right."""
        finding = daemon.judge_http(ADDRESS, trouble, Contact(Line.NONE))
        assert ("free it" in finding.mend) is is_to_be_freed
        assert "daemon.http" in finding.mend

    def test_a_file_in_the_socket_s_way_is_called_one(self, tmp_path: Path) -> None:
        """ "may not be written by user 0" sent root to look for rights."""
        (tmp_path / "file").touch()
        place = replace(HERE, mode=None, may_make=False, directory=tmp_path / "file")
        finding = daemon.judge_socket(tmp_path / "file/jobd.sock", Line.NONE, place)
        assert finding.words.endswith("file is no directory")


class TestFoldersOfJobs:
    """A home with mode 0700 is the usual one: the job of another user ends as start_error."""

    @pytest.mark.parametrize(
        ("mode", "is_owner", "is_in_group", "is_open"),
        [
            (0o700, True, False, True),
            (0o700, False, True, False),
            (0o710, False, True, True),
            (0o705, False, True, False),
            (0o711, False, False, True),
            (0o740, False, False, False),
            (0o077, True, True, False),
        ],
    )
    def test_of_owner_group_and_others_the_first_that_fits_counts(
        self, mode: int, is_owner: bool, is_in_group: bool, is_open: bool
    ) -> None:
        found = may(mode, stat.S_IXOTH, is_owner=is_owner, is_in_group=is_in_group)
        assert found is is_open

    def test_the_folder_that_is_closed_is_found_on_the_way(self, tmp_path: Path) -> None:
        (tmp_path / "home/app").mkdir(parents=True)
        (tmp_path / "home").chmod(0o700)
        stranger = tmp_path.stat().st_uid + 7
        closed = closed_folder(tmp_path / "home/app", stranger, ())
        ways = (tmp_path / "home", *tmp_path.parents, tmp_path)
        assert closed in [f"{folder} may not be entered" for folder in ways]
        assert closed_folder(Path("/"), stranger, ()) == ""

    def test_root_is_kept_from_nothing(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o600)
        assert closed_folder(tmp_path, 0, ()) == ""


class TestCeilings:
    NOTHING = Prospect(None, frozenset(), frozenset(), frozenset(), ("cgroup v1 cpu: Denied",))
    ALL = frozenset({"memory", "cpu", "pids", "io"})

    def judged(self, prospect: Prospect, *, has_unit: bool = False) -> dict[str, Verdict]:
        return verdicts(ceilings.judge_prospect(prospect, has_unit=has_unit))

    def test_a_delegated_v2_holds_all(self) -> None:
        found = self.judged(Prospect("/sys/fs/cgroup/x", self.ALL, self.ALL, frozenset()))
        assert set(found.values()) == {OK}

    def test_a_v2_that_hands_nothing_out_holds_trees_alone(self) -> None:
        found = self.judged(Prospect("/sys/fs/cgroup/x", self.ALL, frozenset(), frozenset()))
        assert found == {"process trees": OK, **dict.fromkeys(self.ALL, WARN)}

    def test_the_unit_has_a_subtree_wherever_the_doctor_is(self) -> None:
        """It is asked from a login shell, whose group nobody may divide."""
        found = self.judged(Prospect(None, self.ALL, frozenset(), frozenset()), has_unit=True)
        assert set(found.values()) == {OK}

    def test_v1_holds_what_v2_does_not(self) -> None:
        v1 = frozenset({"memory", "blkio"})
        found = self.judged(Prospect(None, frozenset(), frozenset(), v1))
        assert [name for name, verdict in found.items() if verdict is OK] == [
            "process trees",
            "memory",
            "io",
        ]

    def test_without_cgroups_every_ceiling_is_warned_of(self) -> None:
        assert set(self.judged(self.NOTHING).values()) == {WARN}

    def test_the_running_daemon_s_word_counts(self) -> None:
        held = {"tree": "cgroup v2", "memory": "cgroup v2", "cpu": "none", "pids": "cgroup v2"}
        found = verdicts(ceilings.judge_enforcement({**held, "io": "none", "detail": ""}))
        assert [name for name, verdict in found.items() if verdict is WARN] == ["cpu", "io"]


class TestService:
    SHOWN = (
        "Id=jobd.service\nLoadState=loaded\nActiveState=active\nType=notify\n"
        "WatchdogUSec=30s\nUnitFileState=enabled\n\n"
        "Id=jobd-supervisor.service\nLoadState=loaded\nActiveState=active\n"
        "Delegate=yes\nUnitFileState=enabled\n"
    )

    def judged(self, shown: str) -> dict[str, Verdict]:
        return verdicts(service.judge_units(service.parse_units(shown)))

    def test_two_units_that_run_are_fine(self) -> None:
        assert self.judged(self.SHOWN) == {"jobd": OK, "jobd-supervisor": OK, "watchdog": OK}

    @pytest.mark.parametrize(
        ("before", "after", "subject", "verdict"),
        [
            ("ActiveState=active", "ActiveState=failed", "jobd", FAIL),
            ("UnitFileState=enabled", "UnitFileState=disabled", "jobd", WARN),
            ("WatchdogUSec=30s", "WatchdogUSec=0", "watchdog", WARN),
            ("Type=notify", "Type=simple", "notify socket", WARN),
            ("Delegate=yes", "Delegate=no", "delegation", FAIL),
            ("LoadState=loaded", "LoadState=not-found", "jobd", WARN),
        ],
    )
    def test_what_is_wrong_with_them_is_told(
        self, before: str, after: str, subject: str, verdict: Verdict
    ) -> None:
        assert self.judged(self.SHOWN.replace(before, after, 1))[subject] is verdict

    def test_no_answer_of_systemd_is_no_unit(self) -> None:
        assert self.judged("") == {"jobd": WARN, "jobd-supervisor": WARN}
        assert not service.has_unit(service.parse_units(""))

    @pytest.mark.parametrize(
        ("address", "is_there", "expected"),
        [
            ("", False, {}),
            ("/run/n", True, {"notify socket": OK}),
            ("/run/n", False, {"notify socket": WARN}),
            ("@abstract", False, {"notify socket": OK}),
        ],
    )
    def test_a_notify_socket_that_is_named_should_be_there(
        self, address: str, is_there: bool, expected: dict[str, Verdict]
    ) -> None:
        assert verdicts(service.judge_notify(address, lambda _: is_there)) == expected


def test_a_program_is_looked_for_in_the_path_of_its_job() -> None:
    named = [Named("a", "command", "tool"), Named("b", "on_failure", "tool")]
    search = {"a": "/opt/bin"}
    found = judge_programs(named, search, lambda name, path: path == "/opt/bin")
    assert [(f.verdict, f.subject, f.words.split(" is ")[0]) for f in found] == [
        (WARN, "b", "on_failure: tool")
    ]
