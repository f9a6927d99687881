"""What is wrong is said with line, key, value and what to write instead."""

from collections.abc import Callable

import pytest

Complaints = Callable[[str], list[str]]

COMMAND = '[jobs.a]\ncommand = "x"\n'


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('[daemon]\ntimezone = "Europe/Berln"', 'is no time zone; write "Europe/Berlin"'),
        ('[daemon]\ntimezone = "berlin"', 'is no time zone; write "Europe/Berlin"'),
        ("[daemon]\nnode = 3", "3 is no name; write 1 to 253 of"),
        ('[daemon]\nnode = "my app"', '"my app" is no name; write "my-app"'),
        ("[daemon]\nlabels = 'x'", '"x" is no list; write it like ["a", "b"]'),
        ('[daemon]\nhttp = ":9746"', 'is no address; write "127.0.0.1:9746", or "0.0.0.0:9746"'),
        ('[daemon]\nhttp = "a:70000"', "has no valid port; write a port from 0"),
        ('[daemon]\nstate_dir = "~/x"', "starts with ~, which only shells expand; write the whole"),
        ("[daemon]\nshutdown_grace = 5", '5 is no duration; write "5s"'),
        ('[store]\nlease_ttl = "1s"', '"1s" is out of range; write "10s" to "1h"'),
        ("[store]\nkeep_runs_per_job = 0", "0 is too small; write 1 or more"),
        ('[store]\nmigrate = "yes"', '"yes" is neither true nor false; write true or false'),
        ("[limits]\nmax_running = 1.5", "1.5 is no whole number; write it without"),
        ("[limits]\nmax_running = true", "true is no whole number; write it without"),
        ("[limits]\nmax_running = 99999", "99999 is too large; write 10000 or less"),
        ("jobs = 3", "is no table of jobs; write [jobs.NAME]"),
        ("[[jobs]]\ncommand = 'x'", "is no table of jobs; write [jobs.NAME]"),
        ("[jobs]\ncommand = 'x'", "is no job; write [jobs.NAME]"),
        ("daemon = 3", "3 is no table; write [daemon] and its keys below"),
        ("include = 'x'", '"x" is no list of texts; write include = ["jobs.d/*.toml"]'),
        ("[jobs.a]\n", 'is missing; write command = ["/path/to/program"]'),
        ("[jobs.a]\ncommand = []", "is empty; write what to execute"),
        ("[jobs.a]\ncommand = '  '", "is empty; write what to execute"),
        ("[jobs.a]\ncommand = [1]", "holds something that is no text; write every part in quotes"),
        ("[jobs.a]\ncommand = \"''\"", "names no program; write what to execute"),
        ('[jobs.a]\ncommand = "it\'s"', "cannot be split: no closing quotation; close it, or"),
        ("[jobs.a]\ncommand = ['x']\nshell = true", "needs a command that is one text; write"),
        ('[jobs.a]\ncommand = "a\\u0000b"', "holds a NUL character; leave it out"),
        (COMMAND + 'schedule = "61 * * * *"', '"61 * * * *": 61 is no minute; write 0-59'),
        (COMMAND + 'every = "0s"', '"0s" is out of range; write "1s" to "3650d"'),
        (COMMAND + 'after = "5 min"', '"5 min" is no duration; write "5m"'),
        (COMMAND + 'every = "5m"\njitter = "1h"', 'is longer than every; write at most "5m"'),
        (COMMAND + 'after = "5m"\njitter = "1s"', "means nothing beside after, which has no fixed"),
        (COMMAND + 'overlap = "skipp"', 'is not allowed; write "skip" (one of "skip" or "queue"'),
        (COMMAND + 'overlap = "allow"', '"allow" needs a bound; write max_instances = 2'),
        (COMMAND + "max_instances = 2", 'needs overlap = "allow"; write overlap = "allow"'),
        (COMMAND + "max_duty = 0", "0 is too small; write more than 0"),
        (COMMAND + "max_duty = nan", "NaN is no finite number; write it like 0.5"),
        (COMMAND + 'memory_max = "64 MB"', '"64 MB" is no size; write "64M"'),
        (COMMAND + "memory_max = 64", '64 is no size; write it in quotes with a unit, like "512M"'),
        (COMMAND + 'memory_max = "64"', '"64" is out of range; write "1M" to'),
        (
            COMMAND + 'memory_max = "1G"\nmemory_high = "2G"',
            'of 2G is above memory_max of 1G; write memory_high = "1G" or less',
        ),
        (COMMAND + 'cpu_max = "half"', 'is no share of CPU time; write "50%" for half a core'),
        (COMMAND + 'cpu_max = "0%"', 'is out of range; write "1%"'),
        (COMMAND + "cpu_weight = 0", "0 is too small; write 1 or more"),
        (COMMAND + "nice = 20", "20 is too large; write 19 or less"),
        (COMMAND + 'stop_signal = "TERMM"', 'is no signal; write a name like "TERM"'),
        (COMMAND + 'stop_signal = "STOP"', 'ends no process; write "TERM"'),
        (COMMAND + 'watchdog = "0s"', 'is out of range; write "1s" to'),
        (COMMAND + "WatchdogSec = '5s'", 'did you mean "watchdog"?'),
        (COMMAND + 'kill_after = "2h"', 'is out of range; write "0s" to "1h"'),
        (COMMAND + "umask = 22", 'is no umask; write it as octal digits in quotes, like "0022"'),
        (COMMAND + "success_exit_codes = [256]", "is no exit status; write numbers from 0 to 255"),
        (COMMAND + 'failure_pattern = "(("', '"((" is no regular expression; mend this: missing )'),
        (COMMAND + "steps = { end = 'x' }", "steps.start: is missing; write it"),
        (
            COMMAND + "steps = { start = 'Running (.*)' }",
            "has no group named step; write (?P<step>…) around the step's name",
        ),
        (COMMAND + "steps = { start = '(?P<step>x' }", "is no regular expression; mend this"),
        (COMMAND + "retries = 3", "3 is no table; write it like { key = value }"),
        (COMMAND + 'retries = { delay = "1s" }', "is missing; write it"),
        (COMMAND + 'retries = { max = 1, on = ["failur"] }', "holds what is not retried; write"),
        (
            COMMAND + 'retries = { max = 1, delay = "1m", max_delay = "1s" }',
            'is shorter than delay; write max_delay = "1m" or more',
        ),
        (COMMAND + "user = 33", '33 is no account name; write "33"'),
        (COMMAND + "env = { 'A B' = 'x' }", "is no variable name; write letters, digits and _"),
        (COMMAND + "env = { JOBD_JOB = 'x' }", "is set by jobd itself; choose another name"),
        (COMMAND + "env = { A = 1 }", "is no text; write it in quotes"),
        (COMMAND + "params = { X = {} }", "is no parameter name; write lower-case letters"),
        (
            COMMAND + 'params = { x = { pattern = "a+", default = "b" } }',
            "does not match the whole pattern; mend one of the two",
        ),
        (COMMAND + "dst = { gap = 'shft' }", 'is not allowed; write "shift"'),
        (COMMAND + "tags = [3]", "3 is no text; write it in quotes"),
        ('[store]\nurl = "postgresql:/h/d"', "store.url: is no URL of PostgreSQL; write it like"),
        ('[limits]\nmemory_budget = "120%"', 'write "1%" to "100%" of this node'),
        ("[limits]\nmemory_budget = 60", 'write "60%" of this node'),
        ('[limits]\nmemory_budget = "60 percent"', 'write it like "512M" or "2G"'),
        ("[limits]\npressure = { memory = 0 }", "limits.pressure.memory: 0 is too small"),
        ("[limits]\npressure = 20", "limits.pressure: 20 is no table"),
        (COMMAND + "expected_memory = 100", "is no size; write it in quotes with a unit"),
    ],
)
def test_a_mistake_is_told_with_its_mend(complaints: Complaints, text: str, complaint: str) -> None:
    said = complaints(text)
    assert len(said) == 1, said
    assert complaint in said[0]


@pytest.mark.parametrize(
    ("text", "mend"),
    [
        (COMMAND + 'timeot = "5m"', 'did you mean "timeout"?'),
        (COMMAND + 'MemoryMax = "5M"', 'did you mean "memory_max"?'),
        (COMMAND + "concurrencyPolicy = 'Forbid'", 'did you mean "overlap"?'),
        (COMMAND + "WorkingDirectory = '/'", 'did you mean "cwd"?'),
        (COMMAND + "max_running = 3", "move it to [limits]"),
        ("[limits]\npressure = { memmory = 20 }", 'did you mean "memory"?'),
        (COMMAND + "retries = { max = 1, dely = 3 }", 'did you mean "delay"?'),
        ("[store]\ncolour = 1", "leave it out, or write one of: url, lease_ttl,"),
        (COMMAND + "colour = 1", "leave it out, or look for its name in"),
        ("timezone = 'UTC'", "move it to [daemon]"),
        ("[deamon]\nnode = 'x'", 'did you mean "daemon"?'),
        ("[backup]\ncommand = 'x'", "write [jobs.backup], if it is a job"),
    ],
)
def test_an_unknown_key_is_answered_with_the_one_that_was_meant(
    complaints: Complaints, text: str, mend: str
) -> None:
    (said,) = complaints(text)
    assert "is no key here" in said
    assert mend in said


@pytest.mark.parametrize(
    ("name", "proposal"), [("a b", '"a-b"'), ("-x", '"x"'), ("x" * 101, '"' + "x" * 100 + '"')]
)
def test_a_bad_job_name_is_answered_with_a_good_one(
    complaints: Complaints, name: str, proposal: str
) -> None:
    (said,) = complaints(f'[jobs."{name}"]\ncommand = "x"')
    assert f"is no job name; write {proposal}" in said


def test_a_socket_path_must_fit_into_an_address(complaints: Complaints) -> None:
    (said,) = complaints(f'[daemon]\nsocket = "/{"x" * 107}"')
    assert "is 108 bytes long, of which a socket's path may have 107; write a shorter one" in said


def test_all_mistakes_are_told_in_the_order_of_their_lines(complaints: Complaints) -> None:
    said = complaints(
        """\
        [jobs.a]
        schedule = "61 * * * *"
        every = "5 min"
        overlap = "allow"
        [daemon]
        node = ""
        """
    )
    assert [line.split(": ")[:2] for line in said] == [
        ["1", "jobs.a.command"],
        ["2", "jobs.a.schedule"],
        ["3", "jobs.a.every"],
        ["3", "jobs.a.every"],
        ["4", "jobs.a.overlap"],
        ["6", "daemon.node"],
    ]


def test_the_message_of_the_style_guide_comes_out_to_the_letter(complaints: Complaints) -> None:
    assert complaints('[jobs.backup]\ncommand = "x"\n\ntimeout = "5 min"') == [
        '4: jobs.backup.timeout: "5 min" is no duration; write "5m"'
    ]


def test_a_mistake_in_the_defaults_is_told_once(complaints: Complaints) -> None:
    """Not once more for each of ten thousand jobs that inherit it."""
    said = complaints(
        """\
        [defaults]
        timeout = "5 min"
        overlap = "allow"
        memory_max = "1G"
        memory_high = "2G"
        [jobs.a]
        command = "x"
        [jobs.b]
        command = "x"
        """
    )
    assert [line.split(": ")[:2] for line in said] == [
        ["2", "defaults.timeout"],
        ["3", "defaults.overlap"],
        ["5", "defaults.memory_high"],
    ]


@pytest.mark.parametrize(
    "text",
    [
        "[jobs.a]\ncommand = ['psql', 'hunter2', 3]",
        '[jobs.a]\ncommand = "psql \'hunter2"',
        COMMAND + "env = { PASSWORD = ['hunter2'] }",
        COMMAND + "password = 'hunter2'",
        COMMAND + "ping_url = 'https://hc:x/hunter2'",
        COMMAND + "on_failure = { url = 'ftp://hc/hunter2' }",
        COMMAND + "on_failure = { url = 'https://h/d', hunter2 = 3 }",
        COMMAND + "on_failure = 'https://hc/hunter2'",
        COMMAND + "on_success = ['alert', '--key', 'hunter2', 3]",
        COMMAND + "on_recovery = 'alert \"hunter2'",
        COMMAND + "params = { x = { pattern = 'a', default = 'hunter2' } }",
        "[store]\nurl = 'postgresql://u:hunter2@h:x/d'",
        "[store]\nurl = 'postgresql://u:x/hunter2@h/d'",
        "[store]\nurl = ['hunter2']",
        "[store]\nurl = postgresql://u:hunter2@h/d",
        "[jobs.a]\ncommand = hunter2",
    ],
)
def test_what_may_be_a_secret_is_not_repeated(complaints: Complaints, text: str) -> None:
    said = complaints(text)
    assert said
    assert "hunter2" not in "\n".join(said)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a = 5 min", "the value of a is no TOML; put text in quotes: a ="),
        ("a = yes", "the value of a is no TOML; write true"),
        ("a = False", "the value of a is no TOML; write false"),
        ("a =", 'a has no value; write a = "…"'),
        ("\na: 3", "a key without a value; write key = value"),
        ('a = "x\nb = 1', "a text is not closed on its line; close the quote"),
        ('a = "c:\\dir"', "a backslash that escapes nothing; write \\\\"),
        ("a = [1 2]", "a list is not closed; put commas"),
        ("a = 1\na = 2", "a key that has a value already; leave one of them out"),
        ("[x.y]\n[x.y]", "[x.y] is there twice; join the two, or rename one of them"),
        ("[x", "a table's name is not closed; write [table]"),
        ("a = { b = 1\n}", "a { … } is not closed; write it on one line"),
        ('a = "x" b', "something stands behind the value of a; put it on a line of its own"),
    ],
)
def test_a_syntax_error_is_told_in_plain_words(
    complaints: Complaints, text: str, complaint: str
) -> None:
    (said,) = complaints(text)
    assert complaint in said
    assert said.partition(":")[0].isdigit(), "and it has a line"
