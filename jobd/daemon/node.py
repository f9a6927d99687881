"""Node: what the web layer sees of this daemon, and how it asks for something."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

from jobd import __version__
from jobd.config.digest import job_digests
from jobd.config.model import Config
from jobd.core import picture
from jobd.core.cluster import NodeSeen
from jobd.core.effects import Reply
from jobd.core.events import CancelAsked, DrainAsked, OperatorEvent, TriggerAsked
from jobd.core.job import Scope
from jobd.core.placement import may_run
from jobd.core.run import RunRecord
from jobd.core.scheduler import Scheduler
from jobd.core.view import JobView, NodeView
from jobd.daemon.answers import Answers
from jobd.daemon.audit import audit_entry
from jobd.daemon.chores import Chores
from jobd.daemon.elsewhere import cancel_elsewhere, check_kept
from jobd.daemon.hook_commands import MEMORY_MAX_BYTES, PIDS_MAX
from jobd.daemon.inbox import Inbox
from jobd.daemon.outputs import Outputs
from jobd.daemon.peers import Peers
from jobd.daemon.reload import Reloader
from jobd.errors import NodeUnavailable, StoreUnavailable
from jobd.ports import AuditEntry, Clock, Enforcement, Questions, Supervisor
from jobd.web.fleet import known_nodes
from jobd.web.node import HookLimits, Identity, OutputSlice, ReloadResult, StoreHealth

LOOK_AFAR = timedelta(seconds=1)  # between two looks whether a run elsewhere has ended


def identity_of(config: Config, started_at: datetime) -> Identity:
    """Return the constant facts about this process as its node."""
    daemon = config.daemon
    return Identity(
        node=daemon.node,
        version=__version__,
        pid=os.getpid(),
        started_at=started_at,
        config_path=str(config.path),
        store=config.store.shown_url,
        http="" if daemon.http is None else str(daemon.http),
        socket=str(daemon.socket),
        labels=daemon.labels,
    )


class Past(Questions, Protocol):
    """What the node is asked about, and where who did what is kept."""

    async def note(self, entry: AuditEntry) -> None: ...


class DaemonNode:
    """See :class:`jobd.web.node.Node`. ``peers`` None: a cluster of one."""

    def __init__(
        self,
        identity: Identity,
        *,
        scheduler: Scheduler,
        supervisor: Supervisor,
        store: Past,
        clock: Clock,
        clock_offset: Callable[[], timedelta],
        inbox: Inbox,
        answers: Answers,
        outputs: Outputs,
        chores: Chores,
        reloader: Reloader,
        peers: Peers | None = None,
    ) -> None:
        self._identity = identity
        self._scheduler = scheduler
        self._supervisor = supervisor
        self._store = store
        self._clock = clock
        self.clock_offset = clock_offset
        self._inbox = inbox
        self._answers = answers
        self._outputs = outputs
        self._chores = chores
        self._reloader = reloader
        self._peers = peers

    @property
    def identity(self) -> Identity:
        timezone = self._reloader.config.daemon.timezone
        return replace(self._identity, timezone=timezone)

    @property
    def enforcement(self) -> Enforcement:
        return self._supervisor.enforcement

    @property
    def hook_limits(self) -> HookLimits:
        limits = self._reloader.config.limits
        return HookLimits(limits.max_hooks, limits.hook_timeout, MEMORY_MAX_BYTES, PIDS_MAX)

    @property
    def store(self) -> Questions:
        return self._store

    def now(self) -> datetime:
        return self._clock.now()

    def view(self) -> NodeView:
        return picture.node_view(self._scheduler.state, self._clock.now())

    def job_names(self) -> Sequence[str]:
        return picture.job_names(self._scheduler.state)

    def job_view(self, name: str) -> JobView | None:
        return picture.find_job_view(self._scheduler.state, name, self._clock.now())

    def store_health(self) -> StoreHealth:
        return self._chores.health

    def shared_health(self) -> StoreHealth | None:
        return None if self._peers is None else self._peers.health()

    def nodes(self) -> Sequence[NodeSeen]:
        return list(known_nodes(self.view()).values())

    async def config_drift(self) -> Mapping[str, Sequence[str]]:
        return {} if self._peers is None else await self._peers.drift(self.digests())

    def place_for(self, job: str) -> str | None:
        here, view = self._identity, self.job_view(job)
        if self._peers is None or view is None or view.job.scope is Scope.NODE:
            return here.node  # this scheduler has the words for whatever is wrong
        node = self.view()
        starts = not (node.is_draining or node.is_stopping)
        if starts and may_run(view.job.nodes, here.node, here.labels):
            return here.node
        return self._peers.best_for(view.job)

    def digests(self) -> Mapping[str, str]:
        """Return name → digest of every job that nodes share, as configured here."""
        return job_digests(self._reloader.config)

    def is_ready(self) -> tuple[bool, str]:
        if self._scheduler.state.is_stopping:
            return False, "this daemon is stopping"
        if self._scheduler.state.room.is_closed:
            return False, "the supervisor is not there; a new one is being started"
        lease_ttl = self._reloader.config.store.lease_ttl
        for name, silence, trouble in self._silences():
            if silence > lease_ttl:
                words = f"{name} has not answered for {silence.total_seconds():.0f} s"
                return False, f"{words}: {trouble or 'it hangs'}"
        return True, ""

    def _silences(self) -> Iterator[tuple[str, timedelta, str]]:
        """Yield of each store how it is called, for how long it has not answered, and why."""
        own = "the store" if self._peers is None else "the node's own store"
        yield own, self._chores.silence(), self._chores.health.trouble
        if self._peers is not None:
            yield "the shared store", self._peers.silence(), self._peers.health().trouble

    def config_state(self) -> tuple[bool, datetime]:
        return self._reloader.was_good, self._reloader.last_good

    async def ask(self, event: OperatorEvent) -> Reply:
        reply = await self._ask_scheduler(event)
        if isinstance(event, CancelAsked) and self._peers is not None:
            runs = picture.runs_elsewhere(self._scheduler.state, event.job)
            reply = await cancel_elsewhere(self._peers, runs, event, reply)
        # What was done stays done when it cannot be written down; the log has it too.
        with suppress(StoreUnavailable):
            await self._store.note(audit_entry(event, reply, self._clock.now()))
        return reply

    async def ask_at(self, node: str, event: TriggerAsked | DrainAsked) -> Reply:
        if self._peers is None:
            raise NodeUnavailable(f"{node} cannot be asked: there is no cluster")
        return await self._peers.ask(node, event)

    async def _ask_scheduler(self, event: OperatorEvent) -> Reply:
        self._answers.expect(event.request_id)
        self._inbox.put(event)
        return await self._answers.receive(event.request_id)

    async def reload(self, by: str) -> ReloadResult:
        return await self._reloader.reload(by)

    async def wait_ended(self, run_id: str, timeout: timedelta) -> RunRecord | None:
        """Return the run's record once it has ended, or as it stands after ``timeout``.

        None: no such run, now or then. A run that still waits for its turn is no record yet,
        so its id is waited for all the same.
        """
        with self._answers.end_of(run_id) as has_ended:
            record, left = await self._store.run(run_id), timeout
            step = timeout if self._hears_of(record) else min(LOOK_AFAR, timeout)
            while left > timedelta(0) and (record is None or record.outcome is None):
                await has_ended(step)
                left -= step
                record = await self._store.run(run_id)
        return record

    async def read_output(
        self, record: RunRecord, attempt: int, offset: int, limit: int = 1 << 16
    ) -> OutputSlice:
        run_id, peers = record.run_id, self._peers
        if peers is None or await self._outputs.has(run_id, attempt):
            piece = await self._outputs.read(run_id, attempt, offset, limit)
        elif attempt < record.attempt:
            piece = await peers.search_output(record, attempt, offset, limit)
        elif self._hears_of(record):
            piece = await self._outputs.read(run_id, attempt, offset, limit)
        else:
            piece = await peers.read_output(record, attempt, offset, limit)
        check_kept(record, attempt, offset, piece)
        return piece

    async def read_here(self, run_id: str, attempt: int, offset: int, limit: int) -> OutputSlice:
        """Return a piece of what an attempt wrote on this node."""
        return await self._outputs.read(run_id, attempt, offset, limit)

    def _hears_of(self, record: RunRecord | None) -> bool:
        """Whether a run's end is told here; of one without a record, nobody knows where it is."""
        if self._peers is None:
            return True
        if record is None:
            return False
        # A run of a job that each node has for itself keeps the name that this one had before.
        is_held = record.run_id in self._scheduler.state.runs
        return is_held or record.node == self._identity.node
