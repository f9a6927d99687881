"""Prometheus: a server of our own on loopback that scrapes what a test runs, each second."""

import json
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from deploy.cluster.postgres import free_port
from tests.system.processes import eventually

CONFIG = """\
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: ["{rules}"]
scrape_configs:
  - job_name: jobd
    static_configs: [{{targets: {targets}, labels: {{cluster: shop}}}}]
"""


class Prometheus:
    """Runs while the context lasts; all that it keeps is in ``folder``."""

    def __init__(self, program: str, folder: Path, rules: Path, targets: Sequence[str]) -> None:
        self.address = f"127.0.0.1:{free_port()}"
        self._program, self._folder = program, folder
        text = CONFIG.format(rules=rules, targets=json.dumps(list(targets)))
        (folder / "prometheus.yml").write_text(text, encoding="utf-8")

    def __enter__(self) -> "Prometheus":
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [
                    self._program,
                    f"--config.file={self._folder}/prometheus.yml",
                    f"--storage.tsdb.path={self._folder}/data",
                    f"--web.listen-address={self.address}",
                    "--enable-feature=exemplar-storage",
                ],
                stdout=log,
                stderr=log,
            )
        eventually(self._is_ready, self._said)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()  # nothing of it is kept
        self._process.wait(60)

    def query(self, expr: str) -> list[dict[str, Any]]:
        """Return the samples of an instant query: each with ``metric`` and ``value``."""
        found: list[dict[str, Any]] = self._ask("query", query=expr)["result"]
        return found

    def label_values(self, label: str, match: str) -> list[str]:
        """Return what Grafana's ``label_values(match, label)`` does."""
        found: list[str] = self._ask(f"label/{label}/values", **{"match[]": match})
        return found

    def exemplars(self, expr: str, start_s: float, end_s: float) -> list[dict[str, Any]]:
        """Return the exemplars of the series in an expression, by series."""
        times = {"start": f"{start_s}", "end": f"{end_s}"}
        found: list[dict[str, Any]] = self._ask("query_exemplars", query=expr, **times)
        return found

    def targets(self) -> list[dict[str, Any]]:
        """Return what is scraped, each with ``health`` and ``lastError``."""
        found: list[dict[str, Any]] = self._ask("targets")["activeTargets"]
        return found

    def _ask(self, path: str, **words: str) -> Any:
        url = f"http://{self.address}/api/v1/{path}?{urllib.parse.urlencode(words)}"
        try:
            with urllib.request.urlopen(url, timeout=60) as reply:
                return json.load(reply)["data"]
        except urllib.error.HTTPError as error:
            with error:
                raise AssertionError(f"{words}: {error.read().decode()}") from None

    def _is_ready(self) -> bool:
        assert self._process.poll() is None, self._said()
        try:
            with urllib.request.urlopen(f"http://{self.address}/-/ready", timeout=60) as reply:
                return bool(reply.status == 200)
        except urllib.error.HTTPError as error:
            error.close()  # it is starting
            return False
        except OSError:
            return False

    def _said(self) -> str:
        return f"ready; it says {(self._folder / 'log').read_text(encoding='utf-8')[-2000:]}"
