"""Faults: what an error of PostgreSQL, or of the way to it, means, and whose it is."""

import asyncpg

from jobd.errors import JobdError, StateError, StoreUnavailable

MIGRATE = "run: jobd migrate (as the owner of the tables)"

_UNKNOWN_JOB = "JB001"  # raised by jobd.refuse_unknown
_READ_ONLY = "25006"
_DENIED = "42501"
_UNDEFINED = {"3F000", "42883", "42P01", "42703"}  # schema, function, table, column
_DAMAGED = {"XX001", "XX002"}

# Classes that are the world's: connection, transaction state and rollback, authorization, name
# of the database, resources, limits, locks and states of objects, operators, system, configuration.
_WORLDLY = {"08", "25", "40", "28", "3D", "53", "54", "55", "57", "58", "F0", "XX"}


def is_fatal(error: BaseException) -> bool:
    """Whether a connection must not be used again after this."""
    if not isinstance(error, asyncpg.PostgresError):
        return True
    state = error.sqlstate or ""
    return state == _READ_ONLY or state[:2] in ("08", "57", "58", "XX")


def explained(error: Exception, place: str) -> Exception:
    """Return what to raise for it."""
    if isinstance(error, JobdError):
        return error
    if isinstance(error, asyncpg.PostgresError):
        return _explained_by_state(error, place)
    if isinstance(error, asyncpg.exceptions.ClientConfigurationError):
        return StateError(f"store.url: {error}; it reads postgresql://USER@HOST/DATABASE")
    if isinstance(error, OSError | asyncpg.InterfaceError | asyncpg.exceptions.InternalClientError):
        return StoreUnavailable(f"{place}: {words_of(error)}")
    return error


def words_of(error: BaseException) -> str:
    """Return an error in a few words."""
    return " ".join(str(error).split()) or type(error).__name__


def _explained_by_state(error: asyncpg.PostgresError, place: str) -> Exception:
    state, words = error.sqlstate or "", words_of(error)
    if state == _UNKNOWN_JOB:
        return AssertionError(words)
    if state == "23505":
        return AssertionError(f"an id was used twice: {words}")
    if state == _DENIED:
        return StateError(f"{place}: {words}; grant the role its rights: deploy/postgres/roles.sql")
    if state in _UNDEFINED:
        return StateError(f"{place}: {words}; {MIGRATE}")
    if state in _DAMAGED:
        return StateError(f"{place} is damaged: {words}; restore it from a backup")
    if state[:2] in _WORLDLY:
        return StoreUnavailable(f"{place}: {words}")
    return AssertionError(f"{state}: {words}")
