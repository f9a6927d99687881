"""Draft: what a job says itself and what it has from [defaults], before both become a Job."""

from dataclasses import dataclass

from jobd.config.document import Section
from jobd.config.findings import Findings
from jobd.config.judge import judge_table
from jobd.config.locate import KeyPath
from jobd.config.schema import JobTable
from jobd.config.source import Source
from jobd.core.job import Overlap

_KINDS = ("schedule", "every", "after")


@dataclass(frozen=True, slots=True)
class Draft:
    """A job's keys: ``own`` and ``inherited`` name those that were written, wrong ones too."""

    source: Source
    path: KeyPath
    own: frozenset[str]
    inherited: frozenset[str]
    table: JobTable

    def has(self, key: str) -> bool:
        """Return whether somebody wrote this key."""
        return key in self.own or key in self.inherited

    def is_wrong(self, key: str) -> bool:
        """Return whether the value written for this key was refused."""
        return self.has(key) and key not in self.table.model_fields_set

    @property
    def is_defaults(self) -> bool:
        """Whether these are [defaults], and no job's keys."""
        return self.path == ("defaults",)


class Drafts:
    """Makes drafts over one set of defaults."""

    def __init__(self, defaults: Section | None, findings: Findings) -> None:
        self._findings = findings
        self._shared: dict[frozenset[str], frozenset[str]] = {}
        self.defaults: Draft | None = None
        self._base = JobTable()
        if defaults is not None:
            table = self._judge(defaults, ("defaults",))
            keys = frozenset(defaults.keys)
            self.defaults = Draft(defaults.source, ("defaults",), keys, frozenset(), table)
            self._base = table

    def draft(self, name: str, section: Section) -> Draft:
        """Return the draft of one job."""
        path = ("jobs", name)
        table = self._judge(section, path)
        own = self._share(frozenset(section.keys))
        written = self.defaults.own if self.defaults is not None else frozenset()
        inherited = self._share(written - own - _displaced(own, table))
        return Draft(section.source, path, own, inherited, self._over_defaults(table, inherited))

    def _judge(self, section: Section, path: KeyPath) -> JobTable:
        return judge_table(JobTable, section.keys, section.source, path, self._findings)

    def _over_defaults(self, table: JobTable, inherited: frozenset[str]) -> JobTable:
        update = {key: getattr(self._base, key) for key in inherited & self._base.model_fields_set}
        if self._base.env and "env" in table.model_fields_set:
            update["env"] = {**self._base.env, **table.env}
        return table.model_copy(update=update) if update else table

    def _share(self, keys: frozenset[str]) -> frozenset[str]:
        return self._shared.setdefault(keys, keys)


def _displaced(own: frozenset[str], table: JobTable) -> set[str]:
    """Return the defaults that what the job itself says leaves without meaning."""
    displaced: set[str] = set()
    if own.intersection(_KINDS):
        displaced.update(_KINDS)
    if "after" in own:
        displaced.add("jitter")
    if "overlap" in own and table.overlap is not Overlap.ALLOW:
        displaced.add("max_instances")
    if isinstance(table.command, tuple):
        displaced.add("shell")
    return displaced
