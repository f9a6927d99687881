"""Hooks and pings as they are written: what is taken, and what is said about the rest."""

from collections.abc import Callable

import pytest

from jobd.config.digest import job_digests
from jobd.config.hooks import hook, ping_url
from jobd.config.model import Config
from jobd.config.problem import Unfit
from jobd.core.hooks import NO_HOOKS, Hook, HookKind
from jobd.core.job import Command, Job

Load = Callable[[str], Config]

SOUND = '[defaults]\ntimeout = "1m"\nmemory_max = "64M"\n'
JOB = '[jobs.a]\ncommand = "x"\n'


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        (["/bin/alert", "a b"], Hook(("/bin/alert", "a b"))),
        ("alert 'a b' c", Hook(("alert", "a b", "c"))),
        ({"url": "https://h/d"}, Hook(url="https://h/d")),
        ({"url": "HTTP://u:p@[::1]:8080?x=1"}, Hook(url="HTTP://u:p@[::1]:8080?x=1")),
        ("", None),
        ([], None),
    ],
)
def test_a_hook_is_a_command_or_a_url(value: object, meant: Hook | None) -> None:
    assert hook(value) == meant


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        (3, 'is no command; write it like ["/usr/bin/find", "/tmp"], or as one text'),
        ("alert 'a", "cannot be split: no closing quotation; close it, or write a list"),
        ("''", "names no program; write what to execute"),
        (["alert", 3], "holds something that is no text; write every part in quotes"),
        ("https://h/d", 'is a URL where a command stands; write { url = "https://HOST/PATH" }'),
        ({"uri": "https://h/d"}, "is no hook; write a command, or { url ="),
        ({"url": "https://h", "method": "PUT"}, "is no hook; write a command, or { url ="),
        ({"url": 3}, "is no URL; write it in quotes"),
        ({"url": ""}, "is no URL; write it with its scheme"),
        ({"url": "hc-ping.com/x"}, "is no URL; write it with its scheme"),
        ({"url": "ftp://h/d"}, "is a URL of ftp://; write one of https:// or http://"),
        ({"url": "file:///etc/passwd"}, "is a URL of file://; write one of https:// or http://"),
        ({"url": "https:///d"}, "is a URL without a valid host; write it like"),
        ({"url": "https://h:port/d"}, "has no valid port; write a port from 1 to 65535"),
        ({"url": "https://h:0/d"}, "has no valid port; write a port from 1 to 65535"),
        ({"url": "https://h/a b"}, "holds what cannot stand in a URL; write %20 for a space"),
        ({"url": "https://h/a\nb"}, "holds what cannot stand in a URL; write %20 for a space"),
        ({"url": "https://h/d#x"}, "holds a #, and what follows it is never sent; leave it out"),
        ({"url": "https://h/" + "x" * 2000}, "is too long; write at most 2000 characters"),
    ],
)
def test_what_is_no_hook_is_told_with_its_mend(value: object, complaint: str) -> None:
    with pytest.raises(Unfit) as refused:
        hook(value)
    assert complaint in str(refused.value)


def test_a_ping_is_a_url_and_nothing_else() -> None:
    assert ping_url("https://h/d") == Hook(url="https://h/d")
    assert ping_url("") is None
    with pytest.raises(Unfit, match="is a table; write the URL as it is"):
        ping_url({"url": "https://h/d"})
    with pytest.raises(Unfit, match="is no URL; write it with its scheme"):
        ping_url("alert")


def test_a_job_has_the_hooks_of_the_defaults_unless_it_says_otherwise(loaded: Load) -> None:
    config = loaded(
        '[defaults]\non_failure = "alert"\nping_url = "https://h/p/{job}"\n'
        f'{JOB}on_failure = ""\n[jobs.b]\ncommand = "x"\n'
    )
    a, b = config.jobs["a"].hooks, config.jobs["b"].hooks
    assert (a.on_failure, b.on_failure) == (None, Hook(("alert",)))
    assert [one.ping_url for one in (a, b)] == [
        Hook(url="https://h/p/a"),
        Hook(url="https://h/p/b"),
    ]
    assert b.kinds == (HookKind.ON_FAILURE, HookKind.PING_URL)


def test_jobs_without_hooks_have_the_one_that_the_core_knows_at_a_look(loaded: Load) -> None:
    """At every end of a run the core asks for nothing more."""
    config = loaded(
        f'[defaults]\non_failure = "alert"\n{JOB}on_failure = ""\n'
        '[jobs.b]\ncommand = "x"\non_failure = ""\nping_url = ""\n'
    )
    assert all(job.hooks is NO_HOOKS for job in config.jobs.values())
    assert Job("a", Command(("x",))).hooks is NO_HOOKS


def test_no_shell_reads_a_hook_whatever_the_job_s_command_is_for(loaded: Load) -> None:
    config = loaded('[jobs.a]\ncommand = "x | y"\nshell = true\non_failure = "alert $X"\n')
    assert config.jobs["a"].hooks.on_failure == Hook(("alert", "$X"))


def test_what_hooks_call_is_a_part_of_what_nodes_have_in_common(loaded: Load) -> None:
    """A node that pings another check lets the first one fall silent when the job moves."""
    text = f'[store]\nurl = "postgresql://h/d"\n{JOB}ping_url = "https://h/1"\n'
    before, after = loaded(text), loaded(text.replace("h/1", "h/2"))
    assert job_digests(before) != job_digests(after)


def test_neither_a_job_nor_a_configuration_prints_the_token_of_a_url(loaded: Load) -> None:
    config = loaded(
        f'{JOB}ping_url = "https://u:hunter2@h/hunter2"\n'
        'on_failure = { url = "http://h?hunter2" }\n'
    )
    assert "hunter2" not in f"{config!r} {config.jobs['a']!r}"


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ('on_failure = "alert | mail root"', "jobs.a.on_failure: has shell syntax in it"),
        ('on_success = "alert --token x7"', "jobs.a.on_success: holds what looks like a secret"),
    ],
)
def test_a_hook_that_will_not_do_what_is_meant_is_told(loaded: Load, key: str, told: str) -> None:
    (said,) = loaded(SOUND + JOB + key).warnings
    assert said.words.startswith(told)


def test_jobs_that_ping_one_check_are_told(loaded: Load) -> None:
    text = f'{SOUND}ping_url = "https://h/tok/slug"\n{JOB}[jobs.b]\ncommand = "x"\n'
    said = loaded(text).warnings
    assert [one.key for one in said] == ["jobs.a.ping_url", "jobs.b.ping_url"]
    assert "tok" not in "\n".join(map(str, said))
    assert loaded(text.replace("slug", "{job}")).warnings == ()
