"""Orders are checked before anything is done about them."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobd.supervisor.spec import Spec

GOOD: dict[str, Any] = {
    "run": {"run_id": "r", "attempt": 1}, "argv": ["x"], "env": {"A": "b"}, "cwd": "/",
    "output": "/o", "output_max_bytes": 1, "stop_signal": 15, "kill_after_s": 1, "umask": 0,
}  # fmt: skip
KEYS = [
    *GOOD, "uid", "gid", "groups", "nice", "oom_score_adj", "memory_max_bytes", "pids_max",
    "cpu_max", "cpu_weight", "io_weight", "timeout_s", "stdin", "memory_high_bytes",
    "until_steady_s", "watchdog_s", "steps", "secrets",
]  # fmt: skip
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(changes=st.dictionaries(st.sampled_from(KEYS), JUNK, min_size=1))
def test_any_order_is_understood_or_refused_in_words(changes: dict[str, Any]) -> None:
    with suppress(ValueError):
        assert Spec({**GOOD, **changes}).run_id


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("umask", 0o1000, "umask is 512"),
        ("stop_signal", 0, "at least 1 and at most 64"),
        ("stop_signal", True, "stop_signal is True"),
        ("timeout_s", float("nan"), "timeout_s is nan"),
        ("until_steady_s", float("inf"), "until_steady_s is inf"),
        ("nice", 20, "nice is 20"),
        ("argv", [], "command is empty"),
        ("argv", ["x", 1], "not a list of words"),
        ("env", {"": "x"}, "env has a name that is empty"),
        ("cwd", "a\0b", "without NUL"),
        ("steps", ["x"], "must be a list of two patterns"),
        ("memory_max_bytes", 1000, "at least 1048576"),
    ],
)
def test_the_reason_names_key_and_value(key: str, value: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Spec({**GOOD, key: value})


@pytest.mark.parametrize("key", GOOD)
def test_nothing_that_is_needed_may_be_missing(key: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Spec({name: value for name, value in GOOD.items() if name != key})
