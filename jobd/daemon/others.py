"""Others: writes to the shared store that ride in no batch, in the order in which they came."""

from collections.abc import MutableSequence

from jobd.core.effects import SavePause, SaveSkipNext, StopElsewhere, TakeRuns, VoidSkips

Other = SavePause | SaveSkipNext | VoidSkips | TakeRuns | StopElsewhere


def line_up(line: MutableSequence[Other], effect: Other) -> None:
    """Put a write at the end of a line, or into the last one if one statement does for both."""
    match line[-1] if line else None, effect:
        case TakeRuns(before), TakeRuns(wishes):
            line[-1] = TakeRuns((*before, *wishes))
        case StopElsewhere(before), StopElsewhere(stops):
            line[-1] = StopElsewhere((*before, *stops))
        case _:
            line.append(effect)
