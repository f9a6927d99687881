"""Many secrets: jobs that are given more than the supervisor looks for in what they write.

Those beyond it would stand in the output as they are, and nobody would have been told.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path

from jobd.config.model import Config
from jobd.config.problem import Problem
from jobd.config.store_url import passwords_of
from jobd.config.warn import Flaw, warn_of
from jobd.core.job import Job
from jobd.daemon.launch import LaunchError, read_env_file
from jobd.daemon.secret_values import MOST, all_secret_values, sounds_secret

_TOO_MANY = Flaw(
    "env_file",
    f"and env give a run more than {MOST} values that count as secret: only the first {MOST} are "
    "looked for in its output, the others stand in it as they are",
    "give the job only what it needs, or let it read the rest from a file itself",
)


def secret_warnings(config: Config) -> Iterator[Problem]:
    """Yield jobs whose output may show secrets, as far as their files can be read by us."""
    known = passwords_of(config.store.url)
    read = cache(_variables_of)

    def count(job: Job) -> int:
        path = job.command.env_file
        from_file: Mapping[str, str] = {} if path is None else read(path)
        env = {**from_file, **dict(job.command.env)}
        given = sum(sounds_secret(param.name) for param in job.params)
        return given + len(all_secret_values(env, from_file, known))

    yield from warn_of(_TOO_MANY, (job for job in config.jobs.values() if count(job) > MOST))


def _variables_of(path: str) -> Mapping[str, str]:
    with suppress(LaunchError):  # the doctor tells of it, and the run
        return read_env_file(Path(path))
    return {}
