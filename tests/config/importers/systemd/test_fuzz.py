"""Whatever stands in a unit: no crash, nothing that jobd refuses, and nothing lost in silence."""

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from jobd.config.importers.imported import Import
from jobd.config.importers.systemd import settings as keys
from jobd.config.importers.systemd.folder import folders_of
from jobd.config.importers.systemd.importer import import_timers
from jobd.config.importers.writer import render
from jobd.config.load import load

TIMER_KEYS = [
    "OnCalendar",
    "OnBootSec",
    "OnUnitActiveSec",
    "OnUnitInactiveSec",
    "RandomizedDelaySec",
    "Persistent",
    "Unit",
    "FixedRandomDelay",
    "WakeSystem",
    "AccuracySec",
]
SERVICE_KEYS = [
    *keys.CARRIED,
    *[
        "Type",
        "ExecStart",
        "ExecStartPre",
        "ExecStopPost",
        "ExecCondition",
        "User",
        "Environment",
        "EnvironmentFile",
        "WorkingDirectory",
        "TimeoutStartSec",
        "TimeoutSec",
        "RuntimeMaxSec",
        "TimeoutStopSec",
        "WatchdogSec",
        "Restart",
        "RestartSec",
        "SuccessExitStatus",
        "KillMode",
        "DynamicUser",
        "IOSchedulingClass",
        "IOSchedulingPriority",
        "CPUSchedulingPolicy",
        "StandardInput",
        "PrivateTmp",
        "LimitNOFILE",
        "Whatever",
    ],
]
UNIT_KEYS = "Description OnFailure ConditionPathExists AssertHost Wants Conflicts StartLimitBurst"
VALUES = st.one_of(
    st.text(max_size=30),
    st.text("0123456789abdhmsKMG%./-:*,~$\"'\\ {}@+!;nHi", max_size=20),
    st.sampled_from(
        ["", "yes", "no", "5min", "infinity", "0", "1G", "-1", "/bin/x", "on-failure", "oneshot",
         "daily", "*:0/7", "Mon *-*-1..7 03:00", "*-*~1", "10%", "idle", "SIGINT", "a b c",
         "/bin/sh -c 'echo ${A} $B'", "A=1 B=2", "-/etc/x", "+/bin/x %H", "x@%n.service"]
    ),
)  # fmt: skip


def lines(names: list[str]) -> st.SearchStrategy[str]:
    line = st.tuples(st.sampled_from(names), VALUES).map(lambda pair: f"{pair[0]}={pair[1]}")
    return st.lists(line, max_size=6).map("\n".join)


def imported(folder: Path, timer: str, service: str) -> Import:
    for name, text in (("x.timer", timer), ("x.service", service)):
        (folder / name).write_bytes(text.encode("utf-8", "surrogatepass"))
    folders, timers = folders_of([folder])
    return import_timers(folders, timers, zone="Europe/Berlin")


@settings(max_examples=80, deadline=None)
@given(
    timer=lines(TIMER_KEYS),
    service=lines(SERVICE_KEYS),
    unit=lines(UNIT_KEYS.split()),
    rest=st.text(max_size=40),
)
def test_any_unit_becomes_what_jobd_takes(timer: str, service: str, unit: str, rest: str) -> None:
    """A defect here is found by who imports a hundred units at once, and then gets nothing."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        service = f"[Unit]\n{unit}\n[Service]\nExecStart=/bin/true\n{service}\n{rest}"
        result = imported(folder, f"[Timer]\n{timer}\n{rest}", service)
        file = folder / "imported.toml"
        file.write_text(render(result), encoding="utf-8")
        assert len(load(file).jobs) == len(result.jobs)


@settings(max_examples=60, deadline=None)
@given(
    key=st.from_regex(r"[A-Z][A-Za-z]{2,20}", fullmatch=True)
    | st.sampled_from([*SERVICE_KEYS, *keys.CONFINING, *keys.DIRECTORIES, *keys.MENDS]),
    value=st.sampled_from(["7", "yes", "/some/thing", "12M", "x y"]),
)
def test_a_line_is_carried_over_told_or_known_to_mean_nothing(key: str, value: str) -> None:
    """Compared with the same service without it: the job differs, or a finding names the key, or
    the key stands in the list of those without effect."""
    known = keys.WITHOUT_EFFECT["Service"] | KNOWN_WITHOUT_A_WORD
    service = "[Service]\nType=oneshot\nExecStart=/bin/true\n"
    with TemporaryDirectory() as name:
        without = imported(Path(name), "[Timer]\nOnCalendar=daily", service)
        result = imported(Path(name), "[Timer]\nOnCalendar=daily", f"{service}{key}={value}\n")
    is_carried = [job.keys for job in result.jobs] != [job.keys for job in without.jobs]
    is_told = any(key in str(finding) for finding in result.findings)
    assert is_carried or is_told or key in known


# Of a oneshot, or with such a value, systemd does nothing with them either.
KNOWN_WITHOUT_A_WORD = frozenset(
    [
        "RuntimeMaxSec",
        "RestartSec",
        "Type",
        "StandardOutput",
        "StandardError",
        "PIDFile",
        "IOSchedulingPriority",
        "CPUSchedulingPriority",
        "ExecStart",
    ]
)
