"""What a shell would do with a text, where that decides whether it is left to one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobd.config.argv import has_shell_syntax
from jobd.config.importers.crontab.shell_text import commands_in, is_plain, is_single, tokens_of


@pytest.mark.parametrize("command", ["/usr/bin/certbot -q renew", "php a.php --since=2026-01-01"])
def test_words_need_no_shell(command: str) -> None:
    assert is_plain(command)


@pytest.mark.parametrize(
    "command",
    ["a && b", "a > b", "a $HOME", "a *.log", "a ~/b", "a 'b'", "A=1 b", "cd /srv", ". ./env",
     "a & ", "a `b`", "a {1,2}", "a # b", "a; b", "a ? [b]", "exit 1", "", "  "],
)  # fmt: skip
def test_what_a_shell_would_act_on_is_left_to_it(command: str) -> None:
    assert not is_plain(command)


@given(st.text("ab ./-=&|;<>$`'\"\\*?~{}()#\n\t", max_size=20))
def test_a_plain_command_never_looks_like_shell_syntax_to_the_loader(command: str) -> None:
    assert not (is_plain(command) and has_shell_syntax(command))


@pytest.mark.parametrize(
    "command",
    ["a b > c 2>&1", "a 'b; c' \"d && e\"", "a b\\;c", "a &>> b", 'a "$(b | c)"', "a <b"],
)
def test_one_command_with_redirections_is_single(command: str) -> None:
    assert is_single(command)


@pytest.mark.parametrize(
    "command",
    ["a; b", "a && b", "a | b", "a &", "a\nb", "(a)", "a $(b)", "a `b`", "a 'b", 'a "b', "a \\"],
)
def test_lists_and_what_cannot_be_read_are_not(command: str) -> None:
    assert not is_single(command)


@given(st.text("ab '\"\\&|;<>()`\n\t12", max_size=30))
def test_tokens_are_the_text_again(command: str) -> None:
    """Nothing is skipped: an operator that was overlooked would make a list a command."""
    tokens = tokens_of(command)
    assert tokens is None or "".join(text for _, text in tokens) == command


def test_commands_come_without_their_redirections() -> None:
    words = [words for words in commands_in("a 1 >b 2>&1 && c <d e | f; g") if words]
    assert words == [["a", "1"], ["c", "e"], ["f"], ["g"]]
