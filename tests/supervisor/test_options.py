"""The supervisor's command line."""

import pytest

from jobd.supervisor.options import BadUsage, Options


def test_the_socket_lies_in_the_state_directory_unless_told() -> None:
    options = Options(["--state-dir", "/var/lib/jobd"])
    assert options.socket == "/var/lib/jobd/supervisor.sock"
    assert not options.is_owned


def test_both_ways_of_giving_a_value() -> None:
    options = Options(["--state-dir=/s", "--linger", "2.5", "--owned", "--tree=none"])
    assert (options.linger_s, options.is_owned, options.tree) == (2.5, True, "none")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ([], "--state-dir must be given"),
        (["--state-dir", "relative"], "absolute"),
        (["--state-dir", "/s", "--linger", "soon"], "--linger soon"),
        (["--state-dir", "/s", "--linger", "nan"], "--linger nan"),
        (["--state-dir", "/s", "--tree", "oak"], "--tree oak"),
        (["--state-dir", "/s", "--frobnicate"], "--frobnicate"),
    ],
)
def test_what_is_wrong_is_named(words: list[str], complaint: str) -> None:
    with pytest.raises(BadUsage, match=complaint):
        Options(words)
