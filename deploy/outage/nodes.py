"""Nodes: the four daemons of jobd's side, and a watch that scrapes them all the while."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Any

from deploy.cluster.postgres import free_port
from deploy.outage.node import JOB, Node, NotReady
from deploy.outage.plan import INTERVAL_MIN, MEMORY_MAX_MIB, NODE_MIB, NODES, TIMEOUT_MIN, Plan

READY_WITHIN_S = 120.0
POLL_S = 0.1
SCRAPE_EVERY_S = 0.5
UTILIZATION = f'jobd_job_interval_utilization_ratio{{job_name="{JOB}"}}'
RESERVED = "jobd_memory_reserved_bytes"
OUTLASTS = "a job outlasts its interval"
_JOBS = """\
[limits]
memory_budget = "{node}M"
pressure = {{ memory = 100.0, io = 100.0, store = "1m" }}  # cron's, who melts on the same machine

[jobs.{job}]
description = "What cron runs on the other side"
command = {command}
schedule = "*/{interval:g} * * * * *"
overlap = "skip"
catchup = "none"
timeout = "{timeout:g}s"
kill_after = "1s"
memory_max = "{memory_max}M"

[jobs.{job}.env]
{env}
"""


@dataclass(frozen=True, slots=True)
class Scrape:
    """One look at all metrics pages: the highest value of any node."""

    at_s: float  # monotonic
    utilization: float
    reserved_bytes: float


class Nodes:
    """Started and ready once they are made; ``stop`` ends them and their runs."""

    def __init__(
        self, folder: Path, plan: Plan, store_urls: Callable[[], str], command: Sequence[str],
        env: Mapping[str, str],
    ) -> None:  # fmt: skip
        jobs = _JOBS.format(
            node=NODE_MIB, job=JOB, command=json.dumps(command),
            interval=plan.interval_s, timeout=TIMEOUT_MIN / INTERVAL_MIN * plan.interval_s,
            memory_max=MEMORY_MAX_MIB,
            env="\n".join(f'{name} = "{value}"' for name, value in env.items()),
        )  # fmt: skip
        self.scrapes: list[Scrape] = []
        self._over = Event()
        first = free_port(len(NODES))
        self._nodes = [
            Node(folder / name, name, port, store_urls(), jobs)
            for port, name in enumerate(NODES, first)
        ]
        self._watch = Thread(target=self._scrape_all_the_while, name="watch", daemon=True)

    def await_ready(self) -> None:
        """Wait until all are ready, and begin to scrape them."""
        until_s = time.monotonic() + READY_WITHIN_S
        while not all(node.is_ready() for node in self._nodes):
            if time.monotonic() > until_s:
                raise NotReady(f"the daemons are not ready within {READY_WITHIN_S:g} s")
            time.sleep(POLL_S)  # between two questions, until READY_WITHIN_S is over
        self._watch.start()

    def verdicts(self) -> list[dict[str, Any]]:
        """Return what the ledger says of the job's ticks, whichever node decided them."""
        return self._nodes[0].verdicts()

    def first_outlasted(self) -> str | None:
        """Return when the log first warned that the job outlasts its interval; None: never."""
        warned = (record["timestamp"] for node in self._nodes for record in node.log(OUTLASTS))
        return min(warned, default=None)

    def stop(self) -> None:
        """End everything; safe to call twice."""
        self._over.set()
        if self._watch.is_alive():
            self._watch.join()
        for node in self._nodes:
            node.ask_to_stop()
        for node in self._nodes:
            node.await_end()

    def _scrape_all_the_while(self) -> None:
        while not self._over.wait(SCRAPE_EVERY_S):
            try:
                pages = [node.samples() for node in self._nodes]
            except OSError:  # one is slow, or on its way out: the next look will tell
                continue
            self.scrapes.append(
                Scrape(
                    time.monotonic(),
                    max(page[UTILIZATION] for page in pages),
                    max(page[RESERVED] for page in pages),
                )
            )
