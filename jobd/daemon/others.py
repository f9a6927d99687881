"""Others: writes to the shared store that ride in no batch, in the order in which they came."""

from collections.abc import MutableSequence

from jobd.core.effects import SavePause, SaveSkipNext, StopElsewhere, TakeRuns, VoidSkips
from jobd.ports import SharedStore

Plain = SavePause | SaveSkipNext | VoidSkips | StopElsewhere
Other = Plain | TakeRuns


def line_up(line: MutableSequence[Other], effect: Other) -> None:
    """Put a write at the end of a line, or into the last one if one statement does for both."""
    match line[-1] if line else None, effect:
        case TakeRuns(before), TakeRuns(wishes):
            line[-1] = TakeRuns((*before, *wishes))
        case StopElsewhere(before), StopElsewhere(stops):
            line[-1] = StopElsewhere((*before, *stops))
        case _:
            line.append(effect)


async def write(store: SharedStore, effect: Plain) -> None:
    """Perform a write to which there is no answer."""
    match effect:
        case SavePause(jobs, pause):
            await store.save_pause(jobs, pause)
        case SaveSkipNext(job, skip_next):
            await store.save_skip_next(job, skip_next)
        case VoidSkips(after, schedules):
            await store.void_skips_after(after, schedules)
        case StopElsewhere(stops):
            await store.ask_stop(stops)
