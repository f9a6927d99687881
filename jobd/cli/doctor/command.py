"""``jobd doctor``: can this machine keep the promises."""

import json
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from jobd.cli import exits
from jobd.cli.described import Described
from jobd.cli.doctor import report
from jobd.cli.doctor.check import is_anyone_left
from jobd.cli.doctor.finding import Finding, Verdict
from jobd.cli.doctor.plan import diagnose
from jobd.cli.options import config_option
from jobd.clock import SystemClock


@click.command(
    "doctor",
    cls=Described,
    examples=[
        ("sudo jobd doctor", "as the daemon sees it"),
        ("jobd doctor --json | jq .verdict", "for scripts"),
    ],
    exits={
        exits.OK: "nothing failed; warnings may have been said",
        exits.FAILED: "something failed",
    },
)
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def doctor(path: Path, as_json: bool) -> int:
    """Say whether this machine can keep jobd's promises.

    Looks at the configuration, the state directory, the store and its clock, the socket,
    cgroups, users, pressure, systemd, and at what jobs name. Each line is ok, warn or fail, and
    says what to do. Nothing on the machine is changed, and no look takes longer than 5 seconds.
    It judges for whoever asks: ask as the user that the daemon runs as, mostly root.
    """
    sections = list(_joined(diagnose(path, SystemClock())))
    findings = [finding for _, found in sections for finding in found]
    if as_json:
        click.echo(json.dumps(report.document(sections), ensure_ascii=False))
    else:
        _print(sections)
        click.echo(report.summary(findings))
    status = exits.FAILED if report.verdict_of(findings) is Verdict.FAIL else exits.OK
    if is_anyone_left():
        leave(status)
    return status


def leave(status: int) -> None:
    """End the process at once, whoever still waits for something in it."""
    sys.stdout.flush()
    os._exit(status)


def _joined(
    found: Iterator[tuple[str, Sequence[Finding]]],
) -> Iterator[tuple[str, Sequence[Finding]]]:
    """Yield sections, neighbours of one name together."""
    name, gathered = "", list[Finding]()
    for section, findings in found:
        if section != name and gathered:
            yield name, gathered
            gathered = []
        name = section
        gathered += findings
    if gathered:
        yield name, gathered


def _print(sections: Sequence[report.Section]) -> None:
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    subjects = [finding.subject for _, found in sections for finding in found]
    for section in sections:
        for line in report.section_lines(section, width, report.subject_width(subjects)):
            click.echo(line)
        click.echo()
