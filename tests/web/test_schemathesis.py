"""What the description of the API allows, and what it does not, made up by schemathesis and
sent to a real listener: no answer is a 500, none is other than described."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.web.busy_node import fill
from tests.web.fake_node import served

WITHIN_S = 280
WORDS = [
    *(sys.executable, "-m", "schemathesis.cli", "run"),
    *("--phases", "coverage,fuzzing", "--max-examples", "2", "--workers", "1", "--seed", "1"),
    # Times, and ids of runs, are text with a meaning: a schema cannot tell which there are.
    *("--exclude-checks", "positive_data_acceptance"),
    *("--suppress-health-check", "all", "--continue-on-failure", "--no-color", "--warnings", "off"),
]


@pytest.mark.timeout(WITHIN_S + 20)
def test_every_answer_to_made_up_questions_is_as_described(tmp_path: Path) -> None:
    with served(tmp_path) as target:
        target.call(fill(target.node))
        assert target.listening.http is not None
        host, port = target.listening.http
        address = f"http://{host}:{port}/api/v1/openapi.json"
        only = ["--include-method", "GET", "--exclude-path", "/api/v1/audit"]
        done = subprocess.run(
            [*WORDS, address, *only],
            cwd=tmp_path, capture_output=True, text=True, timeout=WITHIN_S, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]
    tested = re.search(r"Tested: (\d+)", done.stdout)
    assert tested is not None
    assert int(tested[1]) >= 10, "all that can be asked over TCP"
