"""Pools: the tables [pools.NAME], judged, and what a job may ask of them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from jobd.config.document import Document, Section
from jobd.config.draft import Draft
from jobd.config.findings import Findings
from jobd.config.judge import judge_table
from jobd.config.rules import Complaint, complain
from jobd.config.schema import PoolTable
from jobd.core.job import Pool, Scope


@dataclass(frozen=True, slots=True)
class Places:
    """Where jobs find room: the pools, and over which nodes a job extends that does not say.

    A pool of None is there, but wrong: jobs are not blamed for naming it.
    """

    pools: Mapping[str, Pool | None]
    is_shared: bool  # the store is one that nodes share

    def pool(self, draft: Draft) -> Pool | None:
        """Return the pool that a job names; None where it names none that is good."""
        return self.pools.get(draft.table.pool) if draft.table.pool else None

    def scope(self, draft: Draft) -> Scope:
        """Return the job's scope: its own, or what the store makes of it."""
        return draft.table.scope or (Scope.CLUSTER if self.is_shared else Scope.NODE)


def pools_of(document: Document, findings: Findings) -> dict[str, Pool | None]:
    """Return all pools by name."""
    return {
        name: _pool(name, section, findings) for name, section in document.named["pools"].items()
    }


def check_place(draft: Draft, places: Places, findings: Findings) -> None:
    """Note a pool that a job, or [defaults], cannot have a place in."""
    for complaint in (
        *_is_known(draft, places),
        *_slots_need_a_pool(draft),
        *_slots_fit(draft, places),
        *_is_within_reach(draft, places),
    ):
        complain(draft, complaint, findings)


def _pool(name: str, section: Section, findings: Findings) -> Pool | None:
    before = len(findings.errors)
    table = judge_table(PoolTable, section.keys, section.source, ("pools", name), findings)
    if "size" not in section.keys:
        mend = "write size = 2 for two slots"
        findings.error(section.source, ("pools", name, "size"), "is missing", mend)
    return Pool(name, table.size, table.scope) if len(findings.errors) == before else None


def _is_known(draft: Draft, places: Places) -> Iterator[Complaint]:
    name = draft.table.pool
    if name and name not in places.pools:
        near = get_close_matches(name, places.pools, 1) or [""]
        mend = f'write "{near[0]}"' if near[0] else f"write [pools.{name}] with size = 2 below it"
        yield Complaint(("pool",), "is no pool here", mend, given=name)


def _slots_need_a_pool(draft: Draft) -> Iterator[Complaint]:
    has_pool = draft.table.pool or draft.is_wrong("pool")
    if draft.has("slots") and not has_pool and not draft.is_defaults:
        mend = 'write pool = "NAME" beside it, or leave it out'
        yield Complaint(("slots",), "needs a pool", mend)


def _slots_fit(draft: Draft, places: Places) -> Iterator[Complaint]:
    pool, slots = places.pool(draft), draft.table.slots
    if pool is not None and slots > pool.size:
        message = (
            f"asks for {slots} slots of pool {pool.name}, which has {pool.size}: "
            "the job could never run"
        )
        mend = f"write slots = {pool.size} or less, or make the pool larger"
        yield Complaint(("slots", "pool"), message, mend)


def _is_within_reach(draft: Draft, places: Places) -> Iterator[Complaint]:
    """The store that nodes share counts who is in a pool, and is not asked by node's jobs."""
    pool = places.pool(draft)
    is_apart = places.is_shared and places.scope(draft) is Scope.NODE
    if pool is not None and pool.scope is Scope.CLUSTER and is_apart:
        message = f'has scope "node" and pool {pool.name}, whose slots the cluster shares'
        mend = f'write scope = "node" in [pools.{pool.name}], or scope = "cluster" here'
        yield Complaint(("scope", "pool"), message, mend)
