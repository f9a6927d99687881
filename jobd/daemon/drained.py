"""Drained: that a node starts nothing new outlives its daemon, kept as text."""

import json
from datetime import datetime

from jobd.core.claim import Pause


def text_of(drain: Pause | None) -> str | None:
    """Return a drain as one JSON object; None for none."""
    if drain is None:
        return None
    return json.dumps({"by": drain.by, "since": drain.since.isoformat(), "reason": drain.reason})


def drain_of(text: str | None) -> Pause | None:
    """Return the drain that such a text describes."""
    if text is None:
        return None
    told = json.loads(text)
    return Pause(told["by"], datetime.fromisoformat(told["since"]), told["reason"])
