"""``python -m deploy.grafana``: write the dashboards' JSON anew."""

import json
from pathlib import Path

from deploy.grafana.dashboard import Dashboard
from deploy.grafana.job import JOB_DASHBOARD
from deploy.grafana.node import NODE_DASHBOARD
from deploy.grafana.overview import OVERVIEW

FOLDER = Path(__file__).parent / "dashboards"
DASHBOARDS = (OVERVIEW, JOB_DASHBOARD, NODE_DASHBOARD)


def path_of(dashboard: Dashboard) -> Path:
    """Return where a dashboard's JSON lies."""
    return FOLDER / f"{dashboard.uid}.json"


def text_of(dashboard: Dashboard) -> str:
    """Return a dashboard's JSON."""
    return json.dumps(dashboard.json(), indent=1) + "\n"


if __name__ == "__main__":
    for each in DASHBOARDS:
        path_of(each).write_text(text_of(each), encoding="utf-8")
