"""Settings: the tables [daemon], [store] and [limits], judged, as frozen values."""

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from jobd.config import machine
from jobd.config.credential import url_in_force
from jobd.config.document import Document
from jobd.config.findings import Findings
from jobd.config.judge import judge_table
from jobd.config.model import Daemon, HttpAddress, NodeLimits, StoreSettings
from jobd.config.schema import DaemonTable, LimitsTable, PressureTable, StoreTable, Table
from jobd.config.store_url import has_password
from jobd.core.pressure import Strain

T = TypeVar("T", bound=Table)


def daemon_of(document: Document, findings: Findings) -> Daemon:
    """Return [daemon], the node named after the host unless something else is written."""
    table = _judged(DaemonTable, "daemon", document, findings)
    return Daemon(
        node=table.node or machine.host_name(),
        labels=tuple(table.labels),
        timezone=table.timezone,
        state_dir=Path(table.state_dir),
        socket=Path(table.socket),
        http=None if table.http is None else HttpAddress(*table.http),
        shutdown_grace=table.shutdown_grace,
    )


def store_of(document: Document, findings: Findings) -> StoreSettings:
    """Return [store], the URL with what the environment and credentials say about it."""
    table = _judged(StoreTable, "store", document, findings)
    section = document.tables.get("store")
    if section is not None and has_password(table.url) and machine.is_public(section.source.shown):
        mend = "chmod o-r it, or hand the password over as a credential: see docs/configuration.md"
        message = "holds a password, and everybody on this machine can read the file"
        findings.warning(section.source, ("store", "url"), message, mend)
    return StoreSettings(
        url=url_in_force(table.url, findings),
        lease_ttl=table.lease_ttl,
        keep_runs=table.keep_runs,
        keep_runs_per_job=table.keep_runs_per_job,
        migrate=table.migrate,
    )


def limits_of(document: Document, findings: Findings) -> NodeLimits:
    """Return [limits]."""
    table = _judged(LimitsTable, "limits", document, findings)
    budget = table.memory_budget
    if isinstance(budget, float):
        budget = int(budget * machine.memory_bytes())
    return NodeLimits(
        table.max_running,
        table.max_waiting,
        budget,
        _pressure(table.pressure),
        table.max_hooks,
        table.hook_timeout,
    )


def _pressure(table: PressureTable) -> Mapping[Strain, float]:
    percent = {Strain.MEMORY: table.memory, Strain.IO: table.io, Strain.CPU: table.cpu}
    limits = {strain: limit for strain, limit in percent.items() if limit is not None}
    return {**limits, Strain.STORE: table.store.total_seconds()}


def _judged(model: type[T], name: str, document: Document, findings: Findings) -> T:
    section = document.tables.get(name)
    if section is None:
        return model()
    return judge_table(model, section.keys, section.source, (name,), findings)
