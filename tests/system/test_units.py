"""The systemd units: what systemd thinks of them, and whether they start what there is."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from jobd.supervisor.options import Options

DEPLOY = Path(__file__).parent.parent.parent / "deploy" / "systemd"
UNITS = ("jobd.service", "jobd-supervisor.service")
SYSTEM_UNITS = Path("/usr/lib/systemd/system")

NeedsTool = Callable[[str, str], str]


def run(*argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def machine(tmp_path: Path, needs_tool: NeedsTool) -> Path:
    """A root directory with systemd's own units, ours, and jobd installed in /opt/jobd."""
    needs_tool("systemd-analyze", "systemd")
    shutil.copytree(SYSTEM_UNITS, tmp_path / "usr/lib/systemd/system", symlinks=True)
    ours = tmp_path / "etc/systemd/system"
    ours.mkdir(parents=True)
    for unit in UNITS:
        shutil.copy(DEPLOY / unit, ours)
    binaries = tmp_path / "opt/jobd/bin"
    binaries.mkdir(parents=True)
    for program in ("jobd", "python"):
        shutil.copy(Path(sys.executable).parent / program, binaries)
    (tmp_path / "bin").mkdir()
    shutil.copy("/bin/true", tmp_path / "bin/kill")  # part of procps, on every real machine
    return tmp_path


def directives(unit: str) -> dict[str, list[str]]:
    """Return what a unit file sets, in order, by key."""
    found: dict[str, list[str]] = {}
    for line in (DEPLOY / unit).read_text(encoding="utf-8").splitlines():
        if match := re.fullmatch(r"([A-Za-z]+)=(.*)", line):
            found.setdefault(match[1], []).append(match[2])
    return found


def command_of(unit: str) -> list[str]:
    return directives(unit)["ExecStart"][0].split()


@pytest.mark.parametrize("unit", UNITS)
def test_systemd_finds_nothing_to_say_about(
    unit: str, machine: Path, needs_tool: NeedsTool
) -> None:
    """An unknown key is only a warning to systemd, so silence is part of the claim."""
    analyze = needs_tool("systemd-analyze", "systemd")
    done = run(analyze, "verify", "--man=no", f"--root={machine}", unit)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_daemon_s_unit_is_confined(machine: Path, needs_tool: NeedsTool) -> None:
    """systemd's own measure, 0 (locked up) to 10; 9.6 is a unit that says nothing."""
    analyze = needs_tool("systemd-analyze", "systemd")
    done = run(
        analyze, "security", "--offline=yes", "--threshold=30", f"--root={machine}", "jobd.service"
    )
    assert done.returncode == 0, done.stdout


def test_stopping_the_daemon_leaves_the_supervisor_alone() -> None:
    """Anything stronger than Wants= and After= would pass a stop or a restart on."""
    ties = set(directives("jobd-supervisor.service")) & {
        "PartOf",
        "BindsTo",
        "Requires",
        "Requisite",
    }
    assert ties == set()


def test_no_sandbox_of_the_supervisor_reaches_the_jobs() -> None:
    """The jobs inherit what confines their supervisor: sudo would fail, /tmp be another."""
    confining = re.compile(
        r"(Protect|Private|Restrict|SystemCall|NoNew|Capability|Lock|MemoryDeny).*"
    )
    assert [key for key in directives("jobd-supervisor.service") if confining.fullmatch(key)] == []


@pytest.mark.parametrize("unit", UNITS)
def test_the_program_of_a_unit_is_part_of_an_installation(unit: str) -> None:
    program = Path(command_of(unit)[0])
    assert program.parent == Path("/opt/jobd/bin")
    assert (Path(sys.executable).parent / program.name).exists()


def test_the_supervisor_knows_the_options_that_its_unit_passes() -> None:
    program, dash_m, module, *words = command_of("jobd-supervisor.service")
    assert (Path(program).name, dash_m, module) == ("python", "-m", "jobd.supervisor")
    assert Options(words).is_owned is False  # else it would leave when the daemon does


def test_the_daemon_looks_for_the_supervisor_where_it_listens() -> None:
    *_, asked = command_of("jobd.service")
    _, _, _, *words = command_of("jobd-supervisor.service")
    assert Options(words).socket == asked


def test_the_daemon_s_command_is_one_of_jobd_s() -> None:
    _, *arguments = command_of("jobd.service")
    done = run(sys.executable, "-m", "jobd", *arguments, "--help")
    assert done.returncode == 0, done.stderr


def test_sysusers_makes_the_group(tmp_path: Path, needs_tool: NeedsTool) -> None:
    sysusers = needs_tool("systemd-sysusers", "systemd")
    (tmp_path / "etc").mkdir()
    done = run(sysusers, f"--root={tmp_path}", str(DEPLOY / "sysusers.d/jobd.conf"))
    assert done.returncode == 0, done.stderr
    assert re.search(r"^jobd:", (tmp_path / "etc/group").read_text(encoding="utf-8"), re.MULTILINE)


def test_tmpfiles_makes_the_directories(tmp_path: Path, needs_tool: NeedsTool) -> None:
    tmpfiles = needs_tool("systemd-tmpfiles", "systemd")
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/group").write_text("root:x:0:\njobd:x:980:\n", encoding="utf-8")
    (tmp_path / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\n", encoding="utf-8")
    done = run(tmpfiles, "--create", f"--root={tmp_path}", str(DEPLOY / "tmpfiles.d/jobd.conf"))
    assert done.returncode == 0, done.stderr
    modes = {
        path: (tmp_path / path).stat().st_mode & 0o777 for path in ("run/jobd", "var/lib/jobd")
    }
    assert modes == {"run/jobd": 0o755, "var/lib/jobd": 0o700}
