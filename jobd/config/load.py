"""Load: from the path that the user named to a Config, or to everything that is wrong."""

from collections.abc import Mapping
from pathlib import Path

from jobd.config import machine
from jobd.config.build import JobBuilder
from jobd.config.document import Document, Section, read_document
from jobd.config.draft import Drafts
from jobd.config.findings import Findings
from jobd.config.model import Config
from jobd.config.pools import Places, check_place, pools_of
from jobd.config.problem import ConfigErrors, Problem
from jobd.config.rules import check_rules
from jobd.config.settings import daemon_of, limits_of, store_of
from jobd.config.warn import budget_warnings, lease_warnings, static_warnings
from jobd.config.warn_hooks import hook_warnings
from jobd.core.job import Job


def load(path: Path) -> Config:
    """Return the configuration that a file, or the files of a directory, describe.

    ``ConfigErrors`` tells everything that is wrong in all files, each problem with its file
    and line. No other exception escapes, whatever the files hold.
    """
    findings = Findings()
    document = read_document(path, findings, as_root=machine.is_root())
    daemon = daemon_of(document, findings)
    store = store_of(document, findings)
    limits = limits_of(document, findings)
    places = Places(pools_of(document, findings), store.is_shared)
    builder = JobBuilder(daemon.timezone, places, findings)
    jobs = _jobs(document, builder, places, findings)
    if findings.errors:
        raise ConfigErrors(_in_order(findings.errors, document))
    warnings = (
        *findings.warnings,
        *static_warnings(jobs, builder.shell_like),
        *budget_warnings(jobs, limits),
        *lease_warnings(jobs, store),
        *hook_warnings(jobs),
    )
    files = tuple(Path(source.shown) for source in document.sources)
    pools = {name: pool for name, pool in places.pools.items() if pool is not None}
    return Config(path, daemon, store, limits, jobs, files, warnings, pools)


def _jobs(
    document: Document, builder: JobBuilder, places: Places, findings: Findings
) -> Mapping[str, Job]:
    drafts = Drafts(document.tables.get("defaults"), findings)
    if drafts.defaults is not None:
        check_rules(drafts.defaults, findings)
        check_place(drafts.defaults, places, findings)

    def job(name: str, section: Section) -> Job:
        draft = drafts.draft(name, section)
        check_rules(draft, findings)
        check_place(draft, places, findings)
        return builder.build(name, draft)

    return {name: job(name, section) for name, section in document.jobs.items()}


def _in_order(problems: list[Problem], document: Document) -> tuple[Problem, ...]:
    """Return the problems as one reads: file by file, each from top to bottom."""
    files = {source.shown: place for place, source in enumerate(document.sources)}
    return tuple(sorted(problems, key=lambda p: (files.get(p.file, -1), p.line or 0)))
