"""``jobd simulate``: replay the schedule without running anything."""

import gc
import json
from datetime import timedelta
from pathlib import Path

import click

from jobd.cli import exits
from jobd.cli.described import Described
from jobd.cli.instants import instant_of
from jobd.cli.options import config_option
from jobd.cli.simulate.document import document
from jobd.cli.simulate.past import past_of
from jobd.cli.simulate.report import report
from jobd.clock import SystemClock
from jobd.config.load import load
from jobd.simulate.simulation import MOST_ATTEMPTS, Simulation, simulate

_MAX_DAYS = 366


@click.command(
    "simulate",
    cls=Described,
    examples=[
        ("jobd simulate --days 1", "the coming day"),
        ("jobd simulate --history --plot load.svg", "as long as kept runs took, drawn"),
    ],
    exits=exits.told(exits.OK, exits.USAGE, exits.BAD_CONFIG)
    | {exits.CANT_CREATE: "the drawing cannot be written"},
)
@config_option
@click.option("--from", "start", metavar="ISO", help="From when on.  [default: now]")
@click.option(
    "--days",
    type=click.IntRange(1, _MAX_DAYS),
    default=7,
    show_default=True,
    metavar="N",
    help="How many days; less is replayed where that would be too many runs.",
)
@click.option("--history", "with_history", is_flag=True, help="Let runs take what kept runs took.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.option(
    "--plot",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.svg",
    help="Draw runs and memory over time into a file.",
)
def command(
    path: Path,
    start: str | None,
    days: int,
    with_history: bool,
    as_json: bool,
    plot: Path | None,
) -> int:
    """Replay the schedule without running anything.

    The configured jobs go through the scheduler that the daemon runs, in virtual time, with
    jitter and without: what would run at once, how much memory would be reserved, which
    ticks would be skipped and why. A time without offset after --from is UTC.
    """
    config, clock = load(path), SystemClock()
    begin = clock.now() if start is None else instant_of("--from", start)
    past = past_of(config, _tell) if with_history else {}
    gc.freeze()  # the jobs stay; what a run leaves behind has no cycles
    began_s = clock.steady_s()
    simulation = simulate(
        config, past, begin.replace(microsecond=0), timedelta(days=days), MOST_ATTEMPTS
    )
    took_s = clock.steady_s() - began_s
    if as_json:
        click.echo(json.dumps(document(simulation, has_history=with_history), ensure_ascii=False))
    else:
        click.echo(report(simulation, took_s))
    return exits.OK if plot is None else _draw(simulation, plot)


def _draw(simulation: Simulation, file: Path) -> int:
    from jobd.simulate.plot import plot

    try:
        file.write_text(plot(simulation), encoding="utf-8")
    except OSError as error:
        _tell(f"jobd: --plot: {file} cannot be written ({error.strerror}); name another file")
        return exits.CANT_CREATE
    _tell(f"{file}: open it in a browser")
    return exits.OK


def _tell(words: str) -> None:
    click.echo(words, err=True)
