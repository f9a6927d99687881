"""Order: one call that is to be made; and the answer, which says whether to try again."""

import json
from dataclasses import dataclass

from jobd.core.hooks import Call
from jobd.core.job import Job
from jobd.core.run import RunRecord
from jobd.web.shapes import Json, run_shape

_LONGEST_TEXT = 1000  # of what people wrote about a job
_MOST_TAGS = 50


@dataclass(frozen=True, slots=True)
class Order:
    """Whom to call, and about which run. ``prior``: how the run before it ended."""

    job: Job
    record: RunRecord
    call: Call
    prior: str | None = None

    @property
    def target(self) -> str:
        """Return what people may be shown of whom it calls."""
        return self.call.hook.shown


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one try. ``trouble`` "": the call was made; it holds no secret.

    ``retry_after_s``: how long whoever was called wants to be left alone.
    """

    trouble: str = ""
    may_retry: bool = False
    retry_after_s: float | None = None
    output: str = ""  # the end of what a command wrote


def body_of(order: Order, output_tail: str | None = None) -> bytes:
    """Return the run as JSON, under the keys of ``jobd ctl runs --json``.

    Values of parameters are not in it: they may be secrets. Nor, where it goes over the
    network, are the job's output (None) and who asked for the run.
    """
    about = order.job.about
    tags: list[Json] = [_cut(tag) for tag in about.tags[:_MOST_TAGS]]
    shape = {
        "hook": order.call.kind.value,
        **run_shape(order.record, with_params=False),
        "reason": _cut(order.record.reason),
        "prior_outcome": order.prior,
        "description": _cut(about.description),
        "owner": _cut(about.owner),
        "runbook": _cut(about.runbook),
        "tags": tags,
    }
    del shape["params"]
    if output_tail is None:
        del shape["requested_by"]
    else:
        shape["output_tail"] = output_tail
    return json.dumps(shape, ensure_ascii=False).encode("utf-8", "replace")


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}…"
