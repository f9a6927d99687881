"""Problem: one thing that is wrong with the configuration, in one line that says the mend."""

from dataclasses import dataclass

from jobd.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, where, and what to write instead.

    ``key`` is the path of the key as TOML writes it (``jobs.backup.timeout``), "" for a
    whole file; ``given`` the value as written, "" where there is none or where it could
    be a secret; ``line`` None where no line stands for it.
    """

    file: str
    line: int | None
    key: str
    given: str
    message: str  # continues the value given: "is no duration"
    mend: str  # an order: 'write "5m"'

    @property
    def place(self) -> str:
        """Where to look, as compilers write it: ``jobs.d/a.toml:12``."""
        return self.file if self.line is None else f"{self.file}:{self.line}"

    @property
    def words(self) -> str:
        """Everything but the place."""
        subject = f"{self.key}: " if self.key else ""
        said = " ".join(part for part in (self.given, self.message) if part)
        return f"{subject}{said}; {self.mend}" if self.mend else f"{subject}{said}"

    def __str__(self) -> str:
        return f"{self.place}: {self.words}"


class ConfigErrors(ConfigError):
    """Everything that is wrong with a configuration, all of it in one go."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__(problems)
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


class Unfit(ValueError):
    """A value that its key does not allow: what it is not, and what to write instead."""

    def __init__(self, message: str, mend: str) -> None:
        super().__init__(f"{message}; {mend}")
        self.message = message
        self.mend = mend
