"""Checkers: what must hold of a simulated night, each on its own.

They read the journal of what processes did, and compare the ledger with a plain walk of
each schedule. Each returns complaints; an empty list is a verdict of innocence.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta

from jobd.core.attempt import MOST_KEPT
from jobd.core.job import JitterMode, Overlap
from jobd.core.ledger import TickRecord
from jobd.core.run import RunRecord, RunState
from jobd.core.schedule import AfterSchedule, Tick, due_time
from jobd.ports import RunFilter
from tests.sim.world import EPOCH, Process, World, run_now

SECOND = timedelta(seconds=1)
EVERYTHING = 10_000_000


def no_overlap(world: World) -> list[str]:
    """S2: no two processes of a job at the same time, unless it allows it, and then not more."""
    complaints = []
    for name, processes in _by_job(world.journal).items():
        job = world.jobs[name]
        places = job.max_instances if job.overlap is Overlap.ALLOW else 1
        most, when_s = _most_at_once(processes)
        if most > places:
            complaints.append(f"{name}: {most} processes at once at {when_s:.3f} s")
    return complaints


def no_double_start(world: World) -> list[str]:
    """S1: a tick is started once; each attempt of a run is executed once.

    When the machine goes down while the store is, nobody knows any more how many attempts
    there were; those runs may count them again.
    """
    runs: defaultdict[tuple[str, datetime], set[str]] = defaultdict(set)
    attempts: Counter[tuple[str, int]] = Counter()
    forgotten = {process.run.run_id for process in world.journal if process.is_lost}
    for process in world.journal:
        if process.run.run_id not in forgotten:
            attempts[process.run.run_id, process.run.attempt] += 1
        if process.run.fire_time is not None:
            runs[process.run.job, process.run.fire_time].add(process.run.run_id)
    twice = [f"{tick} became {len(ids)} runs" for tick, ids in runs.items() if len(ids) > 1]
    return twice + [f"{a} was executed {n} times" for a, n in attempts.items() if n > 1]


def nothing_early(world: World) -> list[str]:
    """No process starts before its tick's due time."""
    complaints = []
    for process in world.journal:
        due = _due(world, process.run.job, process.run.fire_time)
        if due is not None and process.started_wall < due and not world.jumps:
            complaints.append(f"{process.run.job}: {process.started_wall} is before {due}")
    return complaints


def all_accounted(world: World) -> list[str]:
    """S3: every tick is in the ledger exactly once, ranges counted tick by tick."""
    return [c for name in world.jobs for c in _unaccounted(world, name)]


def outcomes_kept(world: World) -> list[str]:
    """S4: what a process's end is known to have been is what the history says."""
    records = {r.run_id: r for r in run_now(world.store.runs(RunFilter(limit=EVERYTHING)))}
    complaints = []
    last = {process.run.run_id: process for process in world.journal}
    for run_id, process in last.items():
        if process.ended_s is not None and process.ended_s > world.now_s - 10:
            continue  # its end may still be on its way
        record = records.get(run_id)
        if record is None:
            complaints.append(f"{run_id} ran and is not in the history")
        elif process.ended_s is not None and record.outcome is None:
            if not _waits(world, run_id):
                complaints.append(f"{run_id} ended and the history has it active")
        elif process.ended_s is not None and not process.is_lost and process.cause is None:
            expected = "success" if process.exit_code == 0 else "failure"
            if record.outcome != expected:
                complaints.append(f"{run_id}: {record.outcome}, but it was {expected}")
    return complaints


def attempts_kept(world: World) -> list[str]:
    """How each attempt went that another one followed is what the history says of it."""
    records = run_now(world.store.runs(RunFilter(limit=EVERYTHING)))
    forgotten = {process.run.run_id for process in world.journal if process.is_lost}
    complaints = [c for record in records for c in missing_attempts(record)]
    found = {(r.run_id, one.number): one for r in records for one in r.retried}
    for process in world.journal:
        kept = found.get((process.run.run_id, process.run.attempt))
        is_known = process.run.run_id not in forgotten and process.cause is None
        if kept is not None and is_known and kept.exit_code != process.exit_code:
            what = f"attempt {kept.number} of {process.run.run_id}"
            complaints.append(f"{what}: {kept.exit_code}, but it was {process.exit_code}")
    return complaints


def missing_attempts(record: RunRecord) -> list[str]:
    """Return a complaint if the attempts before a run's last are not all there. A run that was
    stopped between two has the one that was over among them."""
    numbers = [one.number for one in record.retried]
    whole = [*range(1, record.attempt)]
    if numbers in (whole[-MOST_KEPT:], [*whole, record.attempt][-MOST_KEPT:]):
        return []
    return [f"{record.run_id} at attempt {record.attempt} knows of attempts {numbers}"]


def no_crowd(world: World) -> list[str]:
    """No more processes at once than max_running."""
    most, when_s = _most_at_once(world.journal)
    if most > world.max_running:
        return [f"{most} processes at once at {when_s:.3f} s, {world.max_running} allowed"]
    return []


def in_time(world: World) -> list[str]:
    """L1: with the daemon up, a tick is decided within its start_deadline and a little."""
    complaints = []
    for name, job in world.jobs.items():
        if job.schedule is None or world.jumps or job.catchup.value == "all":
            continue
        for row in _ledger(world, name):
            due = _due(world, name, row.ticks.last)
            assert due is not None
            allowed = min(job.schedule.interval(due), timedelta(minutes=5))
            allowed = job.start_deadline or allowed
            late_s = (row.decided_at - due - allowed).total_seconds()
            if late_s > 10 and not _was_out(world, due, row.decided_at):
                complaints.append(f"{name}: {due} was decided {late_s:.1f} s after its deadline")
    return complaints


def not_silent(world: World) -> list[str]:
    """L2: once the clock is right, ticks are started, or skipped for a reason of the present.

    What was skipped while the clock was wrong is no answer for a tick that came later.
    """
    return [c for name, job in world.jobs.items() if job.schedule for c in _silence(world, name)]


ALL = (
    no_overlap,
    no_double_start,
    nothing_early,
    all_accounted,
    outcomes_kept,
    attempts_kept,
    no_crowd,
    in_time,
    not_silent,
)


def _by_job(journal: Iterable[Process]) -> dict[str, list[Process]]:
    found: defaultdict[str, list[Process]] = defaultdict(list)
    for process in journal:
        found[process.run.job].append(process)
    return found


def _most_at_once(processes: Iterable[Process]) -> tuple[int, float]:
    edges = []
    for process in processes:
        end_s = process.ended_s if process.ended_s is not None else float("inf")
        edges += [(process.started_s, 1), (end_s, -1)]
    running = most = 0
    when_s = 0.0
    for at_s, step in sorted(edges):
        running += step
        if running > most:
            most, when_s = running, at_s
    return most, when_s


def _ledger(world: World, name: str) -> list[TickRecord]:
    return list(run_now(world.store.ticks(name, limit=EVERYTHING)))


def _unaccounted(world: World, name: str) -> list[str]:
    job = world.jobs[name]
    rows = _ledger(world, name)
    if job.schedule is None:
        return [f"{name}: a manual job has ticks"] if rows else []
    covered = {tick for row in rows for tick in _walk(world, name, row)}
    counted = sum(row.ticks.count for row in rows)
    complaints = []
    if counted != len(covered):
        complaints.append(f"{name}: the ledger counts {counted} ticks, there were {len(covered)}")
    if not isinstance(job.schedule, AfterSchedule):
        missing = _expected(world, name) - covered
        complaints += [f"{name}: {tick} is not in the ledger" for tick in sorted(missing)[:5]]
    return complaints


def _walk(world: World, name: str, row: TickRecord) -> set[datetime]:
    schedule = world.jobs[name].schedule
    assert schedule is not None
    found = {row.ticks.first}
    if row.ticks.first == row.ticks.last:
        return found
    instant = row.ticks.first
    while (following := schedule.next_after(instant)) is not None and following <= row.ticks.last:
        found.add(following)
        instant = following
    return found


def _silence(world: World, name: str) -> list[str]:
    calm_s = _calm(world)
    starts = [p for p in world.journal if p.run.job == name]
    skips = [(at_s, t) for at_s, t in world.skips if t.job == name and at_s > world.last_jump_s]
    if isinstance(world.jobs[name].schedule, AfterSchedule):
        decided_s = [p.started_s for p in starts] + [at_s for at_s, _ in skips]
        is_silent = max(decided_s, default=0.0) <= calm_s
        return [f"{name}: no tick since all is well"] if is_silent else []
    started = {process.run.fire_time for process in starts}
    since = world.wall() - timedelta(seconds=world.now_s - calm_s)
    ticks = {tick for tick in _expected(world, name) if tick > since}
    return [
        f"{name}: nobody looked at {tick}"
        for tick in sorted(ticks - started)
        if not any(skipped.first <= tick <= skipped.last for _, skipped in skips)
    ][:5]


def _calm(world: World) -> float:
    """Return the second from which nothing went wrong any more."""
    return max(world.last_jump_s, *(end_s for _, end_s in world.outages), 0.0) + 600


def _expected(world: World, name: str) -> set[datetime]:
    """Return all ticks between the first start and shortly before the end."""
    schedule = world.jobs[name].schedule
    assert schedule is not None
    until = world.wall() - timedelta(hours=1)
    expected = set()
    instant: datetime | None = EPOCH
    while instant is not None and (instant := schedule.next_after(instant)) is not None:
        if instant > until:
            break
        expected.add(instant)
    return expected


def _due(world: World, name: str, fire_time: datetime | None) -> datetime | None:
    job = world.jobs[name]
    if fire_time is None or job.schedule is None or not job.jitter:
        return fire_time
    following = job.schedule.next_after(fire_time)
    return due_time(Tick(name, fire_time), job.jitter, JitterMode(job.jitter_mode), following)


def _waits(world: World, run_id: str) -> bool:
    """Whether a run is between two attempts at the end."""
    assert world.daemon is not None
    track = world.daemon.scheduler.state.runs.get(run_id)
    return track is not None and track.state is RunState.BACKOFF


def _was_out(world: World, start: datetime, end: datetime) -> bool:
    """Whether the daemon or the store was out in that time (the wall clock never jumped)."""
    start_s, end_s = ((at - EPOCH).total_seconds() for at in (start, end))
    return any(a_s <= end_s and b_s >= start_s - 60 for a_s, b_s in world.outages)
