"""Draft: a job in the making, with what has to be said about it."""

from datetime import timedelta

from jobd.config.importers.fitting import refused
from jobd.config.importers.imported import Finding, Value
from jobd.config.importers.systemd.syntax import Assignment, Unreadable, is_true, time_span

_MAY_HOLD_SECRETS = ("Exec", "Environment", "UnsetEnvironment", "SetCred")


class Draft:
    """Keys, notes and findings of one job. ``is_safe``: it may run as it stands."""

    def __init__(self) -> None:
        self.keys: dict[str, Value] = {}
        self.notes: list[str] = []
        self.findings: list[Finding] = []
        self.is_safe = True

    def carry(self, one: Assignment, key: str, value: Value) -> None:
        """Set a key, unless jobd would refuse the value: then that is told."""
        if refusal := refused(key, value):
            self.tell(one, f"is out of what {key} takes", refusal)
        else:
            self.keys[key] = value

    def tell(self, one: Assignment, what: str, mend: str) -> None:
        """Note what an assignment means that the job does not; ``what`` continues "Key=value"."""
        self.findings.append(Finding(one.file, one.line, f"{shown(one)} {what}", mend))

    def tell_of(self, one: Assignment, sentence: str, mend: str) -> None:
        """Note a sentence of its own about several assignments, of which this is the first."""
        self.findings.append(Finding(one.file, one.line, sentence, mend))

    def hold_back(self, one: Assignment, what: str, mend: str) -> None:
        """Note what makes the job another one, or a dangerous one: it is written switched off."""
        self.is_safe = False
        self.tell(one, what, f"{mend}; until then the job has enabled = false")


def truth(one: Assignment | None, draft: Draft) -> bool:
    """Return what a boolean says; False, and told, if it says nothing."""
    if one is None:
        return False
    try:
        return is_true(one.value)
    except Unreadable as error:
        draft.tell(one, str(error), "write yes or no; systemd passes over it")
        return False


def span(one: Assignment | None, draft: Draft) -> timedelta | None:
    """Return a time span; None if there is none, if it is infinite or, told, if it is no span."""
    if one is None:
        return None
    try:
        return time_span(one.value)
    except Unreadable as error:
        draft.tell(one, str(error), 'write it like "1h 30min"; systemd passes over it')
        return None


def shown(one: Assignment) -> str:
    """Return ``Key=value``, without the value where it is long or may hold a secret."""
    is_open = len(one.value) <= 60 and not one.key.startswith(_MAY_HOLD_SECRETS)
    return f"{one.key}={one.value if is_open else ''}"
