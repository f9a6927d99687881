"""What the supervisor has to say for itself, on standard error: the journal or its log file."""

import os


def say(text: str) -> None:
    """Write one line. That nobody can take it is no reason to stop holding runs."""
    try:
        os.write(2, f"jobd-supervisor: {text}\n".encode(errors="backslashreplace"))
    except OSError:
        return


def complain(text: str, error: BaseException) -> None:
    """Write a line and where the error came from."""
    import traceback  # costs memory that a healthy supervisor never needs

    say(text + "\n" + "".join(traceback.format_exception(error)))
