"""Secret values: what a run is given that shall not stand in its output.

Judged by the name of a variable, for that is how people tell as well. What is in an
``env_file`` counts under any name if it looks like a token: people put it there because it
is secret. Words such as ``production`` do not, or half of a log would be unreadable.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import unquote

SHORTEST = 6  # characters; shorter ones stand in any text
SHORTEST_TOKEN = 16
LONGEST_BYTES = 4096  # a private key; each piece of output is searched for all of them
MOST = 32  # jobd check warns of jobs that have more

_PARTS = re.compile(r"PASSW|PASSPHRASE|SECRET|TOKEN|CREDENTIAL|APIKEY|PRIVATE|WEBHOOK|COOKIE")
_WORDS = frozenset({"PASS", "PWD", "KEY", "KEYS", "AUTH", "DSN", "PAT", "PIN", "SALT"})
_PUBLIC = frozenset({"PWD", "JOBD_FENCING_TOKEN"})  # the working directory; a number
_PASSWORD = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s/?#:@]*:([^\s/?#@]+)@")


def sounds_secret(name: str) -> bool:
    """Return whether a variable of this name holds a secret: ``DB_PASSWORD``, ``API_KEY``."""
    upper = name.upper()
    if upper in _PUBLIC:
        return False
    return bool(_PARTS.search(upper)) or not _WORDS.isdisjoint(upper.split("_"))


def secret_values(
    env: Mapping[str, str], from_file: Mapping[str, str], known: Iterable[str] = ()
) -> tuple[str, ...]:
    """Return what of a run's whole environment, of its ``env_file`` and of what else is known
    to be secret is to be looked for: the surest first, where they are too many."""
    return all_secret_values(env, from_file, known)[:MOST]


def all_secret_values(
    env: Mapping[str, str], from_file: Mapping[str, str], known: Iterable[str] = ()
) -> tuple[str, ...]:
    """Return also those that are too many to be looked for, each once, the surest first."""
    found = [
        *known,
        *(value for name, value in env.items() if sounds_secret(name)),
        *(password for value in env.values() for password in passwords_in(value)),
        *(value for value in from_file.values() if _looks_like_a_token(value)),
    ]
    fit = dict.fromkeys(value.strip("\r\n") for value in found if _can_be_found(value))
    return tuple(fit)


def passwords_in(text: str) -> Iterator[str]:
    """Yield the passwords of URLs, as they are written and as they are meant."""
    for match in _PASSWORD.finditer(text):
        yield match[1]
        yield unquote(match[1])


def _looks_like_a_token(value: str) -> bool:
    is_mixed = any(map(str.isdigit, value)) and any(map(str.isalpha, value))
    return len(value) >= SHORTEST_TOKEN and is_mixed and not value.startswith("/")


def _can_be_found(value: str) -> bool:
    size = len(value.encode(errors="surrogateescape"))
    return len(value.strip()) >= SHORTEST and size <= LONGEST_BYTES
