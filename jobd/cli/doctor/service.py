"""The service: what systemd knows of jobd's units, and whether it is told how the daemon is."""

import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta

from jobd.cli.doctor.finding import Finding, fail, ok, warn
from jobd.config.units import format_duration

DAEMON, SUPERVISOR = "jobd.service", "jobd-supervisor.service"
_BOOTED = "/run/systemd/system"  # sd_booted(3)
_PROPERTIES = "Id,LoadState,ActiveState,Type,WatchdogUSec,Delegate,UnitFileState"
_PATIENCE_S = 4.0
_INSTALL = "install deploy/systemd, as the README says, if jobd shall start with the machine"

Unit = Mapping[str, str]


def service_findings(environ: Mapping[str, str] = os.environ) -> Iterator[Finding]:
    """Yield how jobd and systemd stand to each other."""
    if not is_booted():
        words = "systemd does not run this machine: nobody restarts a daemon that dies"
        yield warn("systemd", words, "see that jobd is started anew by whatever starts things here")
    else:
        yield ok("systemd", systemd_version())
        yield from judge_units(units())
    yield from judge_notify(environ.get("NOTIFY_SOCKET", ""), os.path.exists)


def is_booted() -> bool:
    """Return whether systemd runs this machine."""
    return os.path.isdir(_BOOTED)


def units() -> Mapping[str, Unit]:
    """Return what systemd knows of jobd's two units, drop-ins included."""
    return parse_units(_said("show", "-p", _PROPERTIES, DAEMON, SUPERVISOR))


def parse_units(text: str) -> Mapping[str, Unit]:
    """Return each unit's properties from what ``systemctl show`` prints of several."""
    blocks = (block.splitlines() for block in text.split("\n\n"))
    found = [dict(line.split("=", 1) for line in block if "=" in line) for block in blocks]
    return {unit["Id"]: unit for unit in found if "Id" in unit}


def has_unit(found: Mapping[str, Unit]) -> bool:
    """Return whether the supervisor's unit is installed, and has a subtree to divide."""
    unit = found.get(SUPERVISOR, {})
    return unit.get("LoadState") == "loaded" and unit.get("Delegate") == "yes"


def judge_units(found: Mapping[str, Unit]) -> Iterator[Finding]:
    """Yield whether the units are there and run, and the daemon is watched."""
    for name in (DAEMON, SUPERVISOR):
        yield _judge_unit(name, found.get(name, {}))
    daemon = found.get(DAEMON, {})
    if daemon.get("LoadState") != "loaded":
        return
    yield _judge_watchdog(daemon)
    supervisor = found.get(SUPERVISOR, {})
    if supervisor.get("LoadState") == "loaded" and supervisor.get("Delegate") != "yes":
        words = f"{SUPERVISOR} has no Delegate=yes: runs cannot have groups of their own"
        yield fail("delegation", words, "write Delegate=yes into it, as deploy/systemd has it")


def judge_notify(address: str, exists: Callable[[str], bool]) -> Iterator[Finding]:
    """Yield whether the service manager that started us can be told anything."""
    if address and not address.startswith("@") and not exists(address):
        words = f"NOTIFY_SOCKET names {address}, which is not there"
        yield warn("notify socket", words, "unset NOTIFY_SOCKET, or mend what set it")
    elif address:
        yield ok("notify socket", address)


def _judge_unit(name: str, unit: Unit) -> Finding:
    subject = name.removesuffix(".service")
    if unit.get("LoadState") != "loaded":
        state = unit.get("LoadState", "unknown to systemd")
        return warn(subject, f"{name}: {state}", _INSTALL)
    words = f"{name}: {unit.get('ActiveState', '')}, {unit.get('UnitFileState') or 'no unit file'}"
    if unit.get("ActiveState") == "failed":
        return fail(subject, words, f"journalctl -u {name} says why; systemctl restart {name}")
    if unit.get("UnitFileState") == "disabled":
        return warn(subject, f"{words}: not started with the machine", f"systemctl enable {name}")
    return ok(subject, words)


def _judge_watchdog(daemon: Unit) -> Finding:
    if daemon.get("Type") not in ("notify", "notify-reload"):
        words = f"{DAEMON} has Type={daemon.get('Type')}: systemd is not told when it is ready"
        return warn("notify socket", words, "write Type=notify, as deploy/systemd has it")
    watchdog = daemon.get("WatchdogUSec", "0")
    if watchdog in ("0", "infinity"):
        words = f"{DAEMON} has no WatchdogSec: a daemon that stands still is not ended"
        return warn("watchdog", words, "write WatchdogSec=30s, as deploy/systemd has it")
    return ok("watchdog", f"a daemon that stands still is ended after {_plain(watchdog)}")


def _plain(span: str) -> str:
    """Return a span of systemd's as a duration: it writes 30s or 1min 30s, or microseconds."""
    return format_duration(timedelta(microseconds=int(span))) if span.isdecimal() else span


def systemd_version() -> str:
    """Return "systemd 252 (252.30-1~deb12u2)", or what stands in its place."""
    return _said("--version").partition("\n")[0] or "runs, and does not say its version"


def _said(*arguments: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - our own words alone
            ["systemctl", "--no-pager", *arguments],  # noqa: S607 - where it lies differs
            capture_output=True, text=True, timeout=_PATIENCE_S, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout
