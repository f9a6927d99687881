"""What of a hook's output is in the log, and what is not."""

from jobd.core.hooks import Hook
from jobd.daemon.hook_output import redacted, secrets_of
from tests.daemon.hook_orders import order_of


def test_of_two_secrets_the_longer_is_hidden_first() -> None:
    assert redacted("secrets1 secret", ["secrets1", "secret"]) == "[redacted] [redacted]"


def test_the_value_of_an_option_is_as_secret_as_the_whole() -> None:
    order = order_of(Hook(("alert", "--key=hunter4", "--quick=1")))
    text = "bad key: hunter4 (--key=hunter4), 1 try"
    assert redacted(text, secrets_of(order, {})) == "bad key: [redacted] ([redacted]), 1 try"


def test_what_everybody_knows_of_a_run_is_no_secret() -> None:
    env = {
        "PATH": "/usr/bin",
        "JOBD_JOB": "nightly",
        "JOBD_PARAM_DAY": "hunter2",
        "JOBD_WORD": "the job's own: hunter3",
        "NAME": "nightly",
    }
    assert secrets_of(order_of(Hook(("alert",))), env) == ["the job's own: hunter3", "hunter2"]
