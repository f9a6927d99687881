"""``python -m deploy.outage``: the outage replayed, cron beside jobd. Takes about six minutes.

Prints the table, and writes it and the chart to docs/outage.md and docs/outage.svg
(``--docs DIR``). ``--short``: in a minute and a half, and it writes nothing unless ``--docs``
is given. ``--state DIR``: where its files lie, logs included (.jobd/outage). Exit status: 0
when everything that is claimed was seen, 1 when not, 69 without PostgreSQL's programs or
without a cgroup to melt in, 73 while another replay runs, 130 after Ctrl-C.
"""

import argparse
import sys
from pathlib import Path

from deploy.cluster.interrupts import interrupt_once
from deploy.cluster.leftovers import Held
from deploy.cluster.postgres import MEND, PostgresError, is_installed
from deploy.outage.chart import chart
from deploy.outage.node import NotReady
from deploy.outage.plan import SHORT, WHOLE
from deploy.outage.record import Record
from deploy.outage.replay import Replay
from deploy.outage.sandbox import NoSandbox
from deploy.outage.table import table

_MISSED, _UNAVAILABLE, _CANNOT_CREATE, _INTERRUPTED = 1, 69, 73, 130
DOCS = Path(__file__).parent.parent.parent / "docs"
MARK = "<!-- the table -->"


def main(words: list[str]) -> int:
    """Replay; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m deploy.outage", description=__doc__)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--docs", type=Path)
    parser.add_argument("--state", type=Path, default=Path(".jobd/outage"))
    options = parser.parse_args(words)
    if not is_installed():
        print(MEND, file=sys.stderr)
        return _UNAVAILABLE
    interrupt_once()
    try:
        record = _replay(options.state, options.short)
    except KeyboardInterrupt:
        print("\nStopped.")
        return _INTERRUPTED
    except (NoSandbox, PostgresError, NotReady, Held) as error:
        print(error, file=sys.stderr)
        return _CANNOT_CREATE if isinstance(error, Held) else _UNAVAILABLE
    docs = options.docs or (None if options.short else DOCS)
    if docs is not None:
        _keep(docs, record)
    return _verdict(record)


def _replay(state: Path, is_short: bool) -> Record:
    plan = SHORT if is_short else WHOLE
    length_s = plan.length_min * plan.minute_s
    print(f"Replaying {plan.length_min:g} minutes in {length_s:.0f} seconds ...", flush=True)
    with Replay(state, plan) as replay:
        return replay.run()


def _keep(docs: Path, record: Record) -> None:
    """Write the chart, and put the table between its marks."""
    (docs / "outage.svg").write_text(chart(record), encoding="utf-8")
    page = docs / "outage.md"
    before, _, after = page.read_text(encoding="utf-8").split(MARK)
    text = f"{before}{MARK}\n{table(record)}\n{MARK}{after}"
    page.write_text(text, encoding="utf-8")


def _verdict(record: Record) -> int:
    print(f"\n{table(record)}\n")
    claims = record.claims()
    for claim, is_seen in claims.items():
        print(f"{'seen  ' if is_seen else 'MISSED'}  {claim}")
    return 0 if all(claims.values()) else _MISSED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
