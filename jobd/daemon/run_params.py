"""Parameters of a run, judged once more by the patterns of its job before a process gets them.

They were when somebody triggered it. Yet a run that was taken over, or taken back after a
restart, comes from a database: by whoever holds its role it could have been given others, and
the job may be defined anew.

Judge on the daemon's own thread, before anything is looked up in another one: only there can
a pattern that takes for ever be broken off (:mod:`jobd.web.matching`), and in any thread it
would keep the whole daemon waiting.
"""

from collections.abc import Iterable, Mapping

from jobd.core.claim import ActiveRun, Trigger
from jobd.core.job import Job, Param, is_passable
from jobd.daemon.launch import LaunchError
from jobd.web.matching import TookTooLong, is_admitted


def judged_params(run: ActiveRun, job: Job) -> Mapping[str, str]:
    """Return the parameters of a run. ``LaunchError`` if its job does not admit them.

    The refusal shows no value: a reason may be read by those who must not see parameters.
    """
    if run.trigger is not Trigger.MANUAL and not run.params:
        return {}
    given, known = dict(run.params), {param.name for param in job.params}
    if not given.keys() <= known:
        raise LaunchError("a parameter of the run is none of its job here; trigger it anew")
    for param in job.params:
        value = given.get(param.name, param.default)
        if value is None:
            raise LaunchError(f"parameter {param.name} is missing; trigger it anew")
        if not _fits(param, value):
            raise LaunchError(f"parameter {param.name} is not what {job.name} admits here")
    return given


def fitting_params(params: Iterable[tuple[str, str]], job: Job) -> Mapping[str, str]:
    """Return those alone that the job admits: for what is to be executed in any case, as a hook
    that tells of a run that was refused for the others."""
    given = dict(params)
    known = (param for param in job.params if param.name in given)
    return {param.name: given[param.name] for param in known if _fits(param, given[param.name])}


def _fits(param: Param, value: str) -> bool:
    """Return whether a value is admitted; one that cannot be judged in time is not."""
    if value == param.default:
        return True
    try:
        return is_passable(value) and is_admitted(param, value)
    except TookTooLong:
        return False
