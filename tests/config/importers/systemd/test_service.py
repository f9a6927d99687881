"""Services: each key is carried over, without effect, or told; and what the command becomes."""

import re

import pytest

from jobd.config.importers.imported import Value
from tests.config.importers.systemd.conftest import Units

PLAIN = "Type=oneshot\nExecStart=/bin/true"


@pytest.mark.parametrize(
    ("line", "key", "value"),
    [
        ("User=www-data", "user", "www-data"),
        ("Group=adm", "group", "adm"),
        ("UMask=77", "umask", "0077"),
        ("Nice=19", "nice", 19),
        ("OOMScoreAdjust=-500", "oom_score_adj", -500),
        ("MemoryMax=1G", "memory_max", "1G"),
        ("MemoryLimit=1536M", "memory_max", "1536M"),
        ("CPUQuota=20%", "cpu_max", "20%"),
        ("CPUWeight=50", "cpu_weight", 50),
        ("IOWeight=50", "io_weight", 50),
        ("TasksMax=12", "pids_max", 12),
        ("TimeoutStartSec=5min", "timeout", "5m"),
        ("TimeoutSec=90", "timeout", "1m30s"),
        ("TimeoutStopSec=20", "kill_after", "20s"),
        ("KillSignal=SIGINT", "stop_signal", "INT"),
        ("WatchdogSec=30", "watchdog", "30s"),
        ("WorkingDirectory=/srv", "cwd", "/srv"),
        ("WorkingDirectory=~", "cwd", None),
        ("SuccessExitStatus=3 TEMPFAIL", "success_exit_codes", [0, 3, 75]),
        ("EnvironmentFile=/etc/default/x", "env_file", "/etc/default/x"),
        ("StandardInput=file:/etc/hosts", "stdin", "/etc/hosts"),
    ],
)
def test_a_key_that_a_job_has_too_is_carried_over(
    import_service: Units, line: str, key: str, value: Value
) -> None:
    assert import_service(f"{PLAIN}\n{line}").keys.get(key) == value


def test_a_service_begins_in_the_root_and_so_does_its_job(import_service: Units) -> None:
    """A job's own default is the home of its user."""
    assert import_service(PLAIN).keys["cwd"] == "/"


def test_the_environment_is_carried_over_with_its_quotes_undone(import_service: Units) -> None:
    line = r"""Environment="A=one two" B=%n 'C=it\'s' """
    keys = import_service(f"{PLAIN}\n{line}").keys
    assert keys["env"] == {"A": "one two", "B": "x.service", "C": "it's"}


def test_the_limit_of_a_service_that_is_up_at_once_is_its_runtime(import_service: Units) -> None:
    """TimeoutStartSec= of Type=simple limits nothing: it is up when its process is there."""
    service = "ExecStart=/bin/true\nTimeoutStartSec=5\nRuntimeMaxSec=1h"
    assert import_service(service).keys["timeout"] == "1h"


def test_restarts_are_retries_without_growing_delays(import_service: Units) -> None:
    outcome = import_service(f"{PLAIN}\nRestart=on-failure\nRestartSec=10", "StartLimitBurst=4")
    assert outcome.keys["retries"] == {
        "max": 3,
        "delay": "10s",
        "factor": 1.0,
        "jitter": 0.0,
        "on": ["failure", "timeout", "oom"],
    }


def test_the_unit_for_failures_is_started_by_a_hook(import_service: Units) -> None:
    keys = import_service(PLAIN, "OnFailure=mail@%n.service").keys
    assert keys["on_failure"] == ["systemctl", "start", "--no-block", "mail@x.service.service"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("ProtectSystem=strict", "confined by ProtectSystem"),
        ("LimitNOFILE=1024", "run it through prlimit --nofile=…"),
        ("StateDirectory=x", "let tmpfiles.d(5) make them"),
        ("LoadCredential=a:/b", "let env_file name a file"),
        ("KillMode=process", "spares processes"),
        ("RemainAfterExit=yes", "the job runs at each tick"),
        ("StandardOutput=append:/var/log/x", "jobd keeps the output"),
        ("MemoryMax=50%", "is a share of the machine's memory"),
        ("MemoryMax=1K", "is out of what memory_max takes"),
        ("TasksMax=15%", "is a share of what the machine has"),
        ("Nice=pleasant", "is no number"),
        ("Restart=always", "write retries, or after"),
        ("SuccessExitStatus=SIGKILL", "has SIGKILL, which is no exit status"),
        ("ExecStopFoo=/bin/true", "has no equivalent"),
        ("MemorySwapMax=1G", "has no equivalent"),
        ("RestartPreventExitStatus=2", "retries look at the outcome only"),
        ("AmbientCapabilities=CAP_CHOWN", "setpriv --ambient-caps"),
        ("WorkingDirectory=-/srv", "may be missing"),
    ],
)
def test_a_key_that_no_job_has_is_told_with_what_to_do(
    import_service: Units, line: str, said: str
) -> None:
    outcome = import_service(f"{PLAIN}\n{line}")
    assert [one for one in outcome.said if re.match(r"x\.service:\d+: ", one) and said in one]


@pytest.mark.parametrize(
    "line",
    [
        "DynamicUser=yes",
        "RootDirectory=/srv/root",
        "Type=forking",
        "ExecStartPre=/bin/echo %H",
        "Environment=HOST=%H",
        'ExecStart=/bin/echo "open',
        "User=%i-%H",
    ],
)
def test_a_job_that_would_do_something_else_is_written_switched_off(
    import_service: Units, line: str
) -> None:
    """With more rights, in another root, or with an argument that means nothing."""
    outcome = import_service(f"{PLAIN}\n{line}")
    assert outcome.keys["enabled"] is False
    assert any("until then the job has enabled = false" in said for said in outcome.said)


def test_what_names_orders_or_logs_is_not_told(import_service: Units) -> None:
    unit = "Documentation=man:x\nAfter=network-online.target\nWants=network-online.target"
    service = f"{PLAIN}\nSyslogIdentifier=x\nStandardOutput=journal\nPrivateTmp=no\nX-Mine=1"
    assert import_service(service, unit).said == []


def test_secrets_are_not_repeated_in_findings(import_service: Units) -> None:
    line = "Environment=PASSWORD=hunter2%H"
    assert "hunter2" not in "".join(import_service(f"{PLAIN}\n{line}").said)


def test_a_ceiling_that_is_never_reached_is_dropped(import_service: Units) -> None:
    outcome = import_service(f"{PLAIN}\nMemoryMax=1G\nMemoryHigh=2G")
    assert ("memory_high" in outcome.keys, outcome.keys["memory_max"]) == (False, "1G")
    assert "never reached" in outcome.said[0]


def test_a_service_that_executes_nothing_is_no_job(import_service: Units) -> None:
    outcome = import_service("Type=oneshot\nRemainAfterExit=yes\nExecStop=/bin/true")
    assert outcome.jobs == ()
    assert "has no ExecStart=" in "".join(outcome.said)


def test_kept_services_are_started_and_waited_for(import_units: Units) -> None:
    service = "[Service]\nExecStart=/bin/true\nProtectSystem=strict"
    outcome = import_units(
        {"a.timer": "[Timer]\nOnCalendar=daily", "a.service": service}, keep=True
    )
    assert outcome.keys["command"] == ["systemctl", "start", "--wait", "a.service"]
    assert outcome.said == []
    assert "to stop the job does not stop it" in outcome.jobs[0].notes[0]


def test_a_variable_that_is_unset_is_in_neither_env_nor_command(import_service: Units) -> None:
    lines = (
        "Environment=A=1 B=2 C=3\nUnsetEnvironment=A C=4 LANG\nExecStart=/bin/echo x${A}${B}${C}"
    )
    outcome = import_service(f"Type=oneshot\n{lines}")
    assert outcome.keys["env"] == {"B": "2", "C": "3"}
    assert outcome.keys["command"] == ["/bin/echo", "x23"]
    assert outcome.said == [
        "x.service:6: UnsetEnvironment= names LANG, which the unit does not set;"
        " leave it: a job's environment is clean but for jobd's own and the account's"
    ]


def test_a_variable_that_a_file_may_set_is_told_to_stay(import_service: Units) -> None:
    lines = "Environment=A=1\nEnvironmentFile=/etc/default/x\nUnsetEnvironment=A"
    outcome = import_service(f"{PLAIN}\n{lines}")
    assert "env" not in outcome.keys
    assert any("takes A away also where a file sets it" in said for said in outcome.said)
