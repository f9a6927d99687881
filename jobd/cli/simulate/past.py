"""Past: the kept runs of the configured jobs, read beside a daemon that may be running."""

from collections.abc import Callable, Sequence

import anyio

from jobd.cli.shared_store import shared_store
from jobd.config.model import Config
from jobd.core.job import Job, Scope
from jobd.core.run import RunRecord
from jobd.errors import StoreUnavailable
from jobd.ports import RunFilter
from jobd.simulate.simulation import Past
from jobd.store.sqlite_reader import Reader

_RUNS_OF_A_JOB = 200  # the latest: enough for a tail, and of the present
_RUNS_OF_ALL = 50_000  # a few seconds' worth
_FEWEST = 5


def past_of(config: Config, say: Callable[[str], None]) -> Past:
    """Return the latest runs of every job; ``say`` is told where there is no history yet.

    ``StateError``: a file is damaged or of another version; ``StoreUnavailable``: the shared
    store does not answer.
    """
    shared = [job for job in config.jobs.values() if _is_shared(job, config)]
    own = [job for job in config.jobs.values() if not _is_shared(job, config)]
    past = _own_past(config, own, say) if own else {}
    return {**past, **(anyio.run(_shared_past, config, shared) if shared else {})}


def _own_past(config: Config, jobs: Sequence[Job], say: Callable[[str], None]) -> Past:
    from jobd.daemon.lifecycle import store_path  # here, as it costs the daemon's libraries

    path = store_path(config)
    if not path.exists():
        say(f"{path} does not exist: there is no history yet of the jobs of this node")
        return {}
    reader = Reader(path)
    try:
        reader.open_as_guest()
        return {job.name: reader.runs(_latest(job, jobs)) for job in jobs}
    finally:
        reader.close()


async def _shared_past(config: Config, jobs: Sequence[Job]) -> Past:
    store = shared_store(config, migrate=False)
    past: dict[str, Sequence[RunRecord]] = {}
    try:
        await store.open()
        for job in jobs:
            past[job.name] = await store.runs(_latest(job, jobs))
    except StoreUnavailable as error:
        mend = "start it, or leave --history out: nothing else asks it"
        raise StoreUnavailable(f"--history: {error.words}; {mend}") from error
    finally:
        await store.close()
    return past


def _latest(job: Job, of: Sequence[Job]) -> RunFilter:
    fair = max(_RUNS_OF_ALL // len(of), _FEWEST)
    return RunFilter(job.name, limit=min(fair, _RUNS_OF_A_JOB))


def _is_shared(job: Job, config: Config) -> bool:
    return config.store.is_shared and job.scope is Scope.CLUSTER
