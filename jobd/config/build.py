"""Build jobs from drafts, so that ten thousand of them share what they have in common."""

from typing import TypeVar

from jobd.config.argv import argv_of, has_shell_syntax
from jobd.config.draft import Draft
from jobd.config.findings import Findings
from jobd.config.hooks import of_job
from jobd.config.pools import Places
from jobd.core.hooks import NO_HOOKS, Hook, HookKind, Hooks
from jobd.core.job import About, Command, Job, Limits, Param, Provenance, Retries, StepPatterns
from jobd.core.schedule import AfterSchedule, CronSchedule, EverySchedule, Schedule
from jobd.errors import ScheduleError

T = TypeVar("T")


class JobBuilder:
    """Makes jobs; equal parts of different jobs become one object."""

    def __init__(self, timezone: str, places: Places, findings: Findings) -> None:
        self._timezone = timezone
        self._places = places
        self._findings = findings
        self._shared: dict[object, object] = {}
        self.shell_like: list[str] = []  # jobs whose plain command has shell syntax in it

    def build(self, name: str, draft: Draft) -> Job:
        """Return the job that a draft describes; what its schedule cannot mean is noted."""
        table, share = draft.table, self._share
        return Job(
            name=name,
            command=share(self._command(name, draft)),
            schedule=self._schedule(name, draft),
            timezone=share(table.timezone or self._timezone),
            jitter=share(table.jitter),
            jitter_mode=table.jitter_mode,
            overlap=table.overlap,
            max_instances=table.max_instances,
            max_duty=share(table.max_duty),
            timeout=share(table.timeout),
            watchdog=share(table.watchdog),
            stop_signal=table.stop_signal,
            kill_after=share(table.kill_after),
            limits=share(_limits(draft)),
            expected_duration=share(table.expected_duration),
            expected_memory_bytes=table.expected_memory,
            catchup=table.catchup,
            catchup_window=share(table.catchup_window),
            start_deadline=share(table.start_deadline),
            retries=share(_retries(draft)),
            success_exit_codes=share(table.success_exit_codes),
            failure_pattern=share(table.failure_pattern),
            priority=table.priority,
            pool=(pool := self._places.pool(draft)),
            slots=1 if pool is None else table.slots,
            scope=self._places.scope(draft),
            nodes=share(tuple(table.nodes)),
            output_max_bytes=share(table.output_max),
            steps=share(_steps(draft)),
            params=share(_params(draft)),
            hooks=share(_hooks(name, draft)),
            enabled=table.enabled,
            about=share(_about(draft)),
            provenance=self._provenance(name, draft),
        )

    def _command(self, name: str, draft: Draft) -> Command:
        table = draft.table
        if isinstance(table.command, str) and not table.shell and has_shell_syntax(table.command):
            self.shell_like.append(name)
        return Command(
            argv=tuple(self._share(part) for part in argv_of(table.command, shell=table.shell)),
            user=table.user,
            group=table.group,
            cwd=table.cwd,
            umask=table.umask,
            env=tuple(table.env.items()),
            env_file=table.env_file,
            stdin=table.stdin,
        )

    def _schedule(self, name: str, draft: Draft) -> Schedule | None:
        table = draft.table
        key = next((key for key in ("every", "after") if getattr(table, key)), "schedule")
        try:
            if table.every is not None:
                return EverySchedule.of(table.every, job=name)
            if table.after is not None:
                return self._share(AfterSchedule.of(table.after))
            return None if table.schedule is None else self._cron(name, draft, table.schedule)
        except ScheduleError as error:
            message, _, mend = str(error).partition("; ")
            self._findings.error(draft.source, (*draft.path, key), message, mend)
            return None

    def _cron(self, name: str, draft: Draft, text: str) -> Schedule:
        table = draft.table
        return CronSchedule.parse(
            self._share(text),
            job=name,
            timezone=table.timezone or self._timezone,
            gap=table.dst.gap.value,
            fold=table.dst.fold.value,
        )

    def _provenance(self, name: str, draft: Draft) -> Provenance:
        line = draft.source.job_line(name)
        return Provenance(draft.source.shown, line, draft.own, draft.inherited)

    def _share(self, part: T) -> T:
        found = self._shared.setdefault((part.__class__, part), part)
        assert isinstance(found, part.__class__)
        return found


def _limits(draft: Draft) -> Limits:
    table = draft.table
    return Limits(
        memory_max_bytes=table.memory_max,
        memory_high_bytes=table.memory_high,
        cpu_max=table.cpu_max,
        cpu_weight=table.cpu_weight,
        io_weight=table.io_weight,
        pids_max=table.pids_max,
        nice=table.nice,
        oom_score_adj=table.oom_score_adj,
    )


def _retries(draft: Draft) -> Retries:
    retries = draft.table.retries
    return Retries(
        max=retries.max,
        delay=retries.delay,
        factor=retries.factor,
        max_delay=max(retries.max_delay, retries.delay),
        jitter=retries.jitter,
        on=retries.on,
    )


def _hooks(name: str, draft: Draft) -> Hooks:
    written: dict[str, Hook | None] = {kind.value: getattr(draft.table, kind) for kind in HookKind}
    hooks = Hooks(**{key: hook and of_job(hook, name) for key, hook in written.items()})
    return NO_HOOKS if hooks == NO_HOOKS else hooks


def _steps(draft: Draft) -> StepPatterns | None:
    steps = draft.table.steps
    return None if steps is None else StepPatterns(steps.start, steps.end)


def _params(draft: Draft) -> tuple[Param, ...]:
    return tuple(
        Param(name, param.pattern, param.default) for name, param in draft.table.params.items()
    )


def _about(draft: Draft) -> About:
    table = draft.table
    return About(table.description, table.owner, table.runbook, tuple(table.tags))
