"""Said: what a run tells of itself while it runs. It decides nothing; people look at it."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Said:
    """The last word of a run on its NOTIFY_SOCKET, and the step that it is in."""

    status: str = ""
    progress: float | None = None  # 0 to 1
    step: str = ""
    step_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class StepTime:
    """How long an attempt was in one of its steps, all in all."""

    step: str
    duration_s: float
