"""Which values are secret is judged by their names, and in an env_file by their looks."""

from pathlib import Path

import pytest

from jobd.core.job import Param
from jobd.daemon.launch import launch
from jobd.daemon.secret_values import LONGEST_BYTES, MOST, secret_values, sounds_secret
from tests.daemon.fakes import job_of, run_of


@pytest.mark.parametrize(
    "name",
    [
        "PASSWORD", "DB_PASSWORD", "PGPASSWORD", "db_passwd", "API_KEY", "APIKEY", "SECRET_KEY",
        "AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "SENTRY_DSN", "SLACK_WEBHOOK_URL", "PROXY_AUTH",
        "JOBD_PARAM_TOKEN", "DB_PWD", "RESTIC_PASSWORD_FILE",
    ],
)  # fmt: skip
def test_a_name_that_sounds_secret_is_known(name: str) -> None:
    assert sounds_secret(name)


@pytest.mark.parametrize(
    "name",
    ["PATH", "HOME", "PWD", "MONKEY", "AUTHOR", "LOG_LEVEL", "KEYBOARD", "JOBD_FENCING_TOKEN",
     "DJANGO_SETTINGS_MODULE", "PINNED"],
)  # fmt: skip
def test_a_name_that_does_not_is_left_alone(name: str) -> None:
    assert not sounds_secret(name)


@pytest.mark.parametrize(
    ("value", "is_secret"),
    [
        ("ghp_0123456789abcdef", True),
        ("550e8400-e29b-41d4-a716-446655440000", True),
        ("abcdefghijklmno1", True),  # as short as one may be
        ("abcdefghijklmn1", False),
        ("production", False),
        ("pretix.settings.production", False),  # words
        ("1234567890123456789", False),  # a number
        ("/srv/releases/20261126/current", False),  # a path
        ("eu-central-1", False),  # short
    ],
)
def test_in_an_env_file_what_looks_like_a_token_is_one(value: str, is_secret: bool) -> None:
    """LOG_LEVEL=WARNING must not hide each WARNING that a failure_pattern looks for."""
    assert bool(secret_values({"ANY": value}, {"ANY": value})) is is_secret


def test_the_password_of_a_url_is_one_under_any_name() -> None:
    env = {"DATABASE": "postgres://app:p%40ssw0rd@db/app"}
    assert secret_values(env, {}) == ("p%40ssw0rd", "p@ssw0rd")


def test_what_is_too_short_too_long_or_too_much_is_not_looked_for() -> None:
    env = {"A_TOKEN": "short", "B_TOKEN": "x" * (LONGEST_BYTES + 1), "C_TOKEN": "      \n"}
    assert secret_values(env, {}) == ()
    longest = "x" * LONGEST_BYTES
    assert secret_values({"TOKEN": longest}, {}) == (longest,)
    many = {f"TOKEN_{number}": f"token-{number}" for number in range(MOST + 1)}
    assert len(secret_values(many, {})) == MOST


def test_the_line_s_end_behind_a_secret_is_no_part_of_it() -> None:
    assert secret_values({"KEY": "hunter22\n"}, {}) == ("hunter22",)


def test_a_run_s_secrets_go_to_the_supervisor_with_it(tmp_path: Path) -> None:
    """Of its own variables, of its file, of its parameters, and those of the daemon."""
    path = tmp_path / "a.env"
    path.write_text("ANY=ghp_0123456789abcdef\n")
    job = job_of(
        "a", env=(("DB_PASSWORD", "swordfish"),), env_file=str(path), params=(Param("token"),)
    )
    run = run_of("a", params=(("token", "letmein!"),))
    made = launch(run, job, dict(run.params), tmp_path / "out", ["of-the-store"])
    assert set(made.secrets) == {
        "of-the-store", "swordfish", "ghp_0123456789abcdef", "letmein!",
    }  # fmt: skip
