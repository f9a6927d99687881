"""Elsewhere: runs that other nodes hold, and what they wrote."""

from collections.abc import Iterable

from jobd.core.claim import ActiveRun
from jobd.core.effects import Accepted, Refused, Reply
from jobd.core.events import CancelAsked
from jobd.core.run import RunRecord
from jobd.core.view import JobView
from jobd.daemon.peers import Peers
from jobd.errors import OutputGone, StoreUnavailable
from jobd.web.node import OutputSlice


async def cancel_elsewhere(
    peers: Peers, views: Iterable[JobView | None], event: CancelAsked, here: Reply
) -> Reply:
    """Ask the holders of the runs that a cancel means to stop them.

    ``here`` is what this node's scheduler said; the reply tells of both.
    """
    if isinstance(here, Refused) and here.code != "no_such_run":
        return here
    if isinstance(here, Accepted) and event.run_id is not None:
        return here  # that one run is here
    runs = [run for view in views if view is not None for run in view.elsewhere]
    ids = {run.run_id: run.node for run in runs if _is_meant(run, event)}
    if event.run_id is not None and len(ids) != 1:
        ids = {event.run_id: "another node"}  # begun so lately that no view has it yet
    return await _stop_all(peers, ids, event, here)


async def _stop_all(peers: Peers, ids: dict[str, str], event: CancelAsked, here: Reply) -> Reply:
    stopping, silent = [], ""
    for run_id in ids:
        try:
            run = await peers.stop(run_id)
        except StoreUnavailable as error:
            if not isinstance(here, Accepted):
                raise
            silent = f"; {run_id} on {ids[run_id]} is not reached: {error}"
            continue
        stopping += [run] if run is not None else []
    if not stopping and not silent:
        return here
    return _merged(event, here, stopping, silent)


def _merged(event: CancelAsked, here: Reply, stopping: list[ActiveRun], silent: str) -> Reply:
    """Return one reply for what stops here and elsewhere."""
    ids = [*(here.run_ids if isinstance(here, Accepted) else ()), *(r.run_id for r in stopping)]
    nodes = sorted({run.node for run in stopping})
    where = f"stopping on {', '.join(nodes)}" if nodes else "stopping"
    words = f"{where}, and here" if nodes and isinstance(here, Accepted) else where
    return Accepted(event.request_id, tuple(dict.fromkeys(ids)), f"{words}{silent}")


def check_kept(record: RunRecord, attempt: int, offset: int, piece: OutputSlice) -> None:
    """Raise ``OutputGone`` when a run that did write, and whose output was not dropped, has
    left nothing: its node's state directory is a new one, or somebody tidied it up."""
    is_empty = not piece.data and not piece.skipped_bytes and offset == 0
    kept = record.output_bytes - record.output_dropped_bytes
    if is_empty and record.ended_at is not None and attempt == record.attempt and kept > 0:
        raise OutputGone(
            f"run {record.run_id} wrote {record.output_bytes} bytes on {record.node}, "
            "which are kept there no more"
        )


def _is_meant(run: ActiveRun, event: CancelAsked) -> bool:
    return event.run_id is None or run.run_id.startswith(event.run_id)
