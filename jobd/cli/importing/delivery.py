"""Delivery: an Import checked, written to where it was wanted, and its findings told."""

from pathlib import Path
from tempfile import TemporaryDirectory

import click

from jobd.cli import exits
from jobd.cli.described import Exits
from jobd.config.importers.imported import Import, NotImportable
from jobd.config.importers.writer import render
from jobd.config.load import load
from jobd.config.problem import ConfigErrors
from jobd.core.amounts import counted

output_option = click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the configuration there; a file that exists is left as it is.",
)

EXITS: Exits = {
    exits.OK: "done; what was not carried over has been told",
    exits.DATA_ERROR: "the input is not what it was said to be; nothing is printed",
    exits.CANT_CREATE: "the file to write to exists, or cannot be made",
}


def refuse(error: NotImportable) -> int:
    """Tell that the input is not what it was said to be; return the exit status."""
    click.echo(str(error), err=True)
    return exits.DATA_ERROR


def deliver(imported: Import, output: Path | None) -> int:
    """Write the configuration, tell the findings, and return the exit status.

    What jobd's own loader would refuse is a defect of the importer, and is told as one before
    anything is written.
    """
    text = render(imported)
    if complaints := _complaints(text):
        click.echo(f"jobd: the importer wrote what jobd does not take:\n{complaints}", err=True)
        click.echo("This is a defect of jobd; please report it with the input.", err=True)
        return exits.SOFTWARE
    if output is None:
        click.echo(text, nl=False)
    elif (status := _write(output, text)) != exits.OK:
        return status
    for finding in imported.findings:
        click.echo(str(finding), err=True)
    click.echo(_sum(imported), err=True)
    return exits.OK


def _complaints(text: str) -> str:
    with TemporaryDirectory(prefix="jobd-import-") as folder:
        file = Path(folder) / "imported.toml"
        file.write_text(text, encoding="utf-8")
        try:
            load(file)
        except ConfigErrors as errors:
            return str(errors)
    return ""


def _write(output: Path, text: str) -> int:
    try:
        with output.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        click.echo(f"jobd: {output} exists, and is left as it is; name another file", err=True)
        return exits.CANT_CREATE
    except OSError as error:
        reason = f"{output} cannot be written ({error.strerror})"
        click.echo(f"jobd: {reason}; name another file", err=True)
        return exits.CANT_CREATE
    return exits.OK


def _sum(imported: Import) -> str:
    jobs, findings = len(imported.jobs), len(imported.findings)
    return f"{counted(jobs, 'job')} imported, {counted(findings, 'thing')} to look at"
