"""Occasion: whether ``jobd check`` learns anything by simulating a day, and cheaply.

Apart from :mod:`jobd.simulate.foresight`, so that a configuration that gives no occasion
does not wait for the scheduler and the store to be loaded.
"""

from jobd.config.model import Config
from jobd.core.admission import reservation
from jobd.core.job import Job

MOST_JOBS = 1000


def is_worth_simulating(config: Config) -> bool:
    """Whether a job says how long it takes, or memory could run out at all."""
    jobs = [job for job in config.jobs.values() if job.enabled and job.schedule is not None]
    if len(jobs) > MOST_JOBS:
        return False
    is_stated = any(job.expected_duration is not None for job in jobs)
    wanted = sum(_reserved(job, config) for job in jobs)
    return is_stated or wanted > config.limits.memory_budget_bytes


def _reserved(job: Job, config: Config) -> int:
    budget = config.limits.memory_budget_bytes
    return reservation(job.limits.memory_max_bytes, None, job.expected_memory_bytes, budget)
