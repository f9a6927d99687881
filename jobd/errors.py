"""The exceptions of jobd. The type says whose fault it is.

::

    JobdError
    ├── ConfigError          the user's: a key, a value, a file
    │   └── ScheduleError    an expression that names no instant
    ├── StateError           the state directory: held by another daemon, damaged, newer
    ├── StoreUnavailable     the world's: the store cannot be reached, or its disk is full
    ├── SupervisorError      the world's: the supervisor cannot be reached or refused
    ├── NodeUnavailable      the world's: another node is not up, or does not answer
    └── OutputGone           the world's: what a run wrote is kept nowhere any more

A defect of ours is an ``AssertionError``, never one of these.
"""


class JobdError(Exception):
    """Something that jobd can explain: the message says what, which, and what to do."""


class ConfigError(JobdError):
    """The configuration is wrong; the message names file, line, key, value and the mend."""


class ScheduleError(ConfigError):
    """A schedule expression that cannot be read or never fires."""


class StateError(JobdError):
    """The state directory cannot be used: held, damaged, written by a newer jobd."""


class StoreUnavailable(JobdError):
    """The store did not answer, or could not write; trying again later may help.

    ``again``: when a daemon will do so. A command that ends with the error does not, and tells
    ``words`` only.
    """

    def __init__(self, words: str, again: str = "") -> None:
        super().__init__(f"{words}; {again}" if again else words)
        self.words = words


class SupervisorError(JobdError):
    """The supervisor did not answer or could not be started."""


class NodeUnavailable(JobdError):
    """Another node is not up or does not answer; what was asked of it may yet happen."""


class OutputGone(JobdError):
    """What a run wrote is kept nowhere any more, though it did write something."""
