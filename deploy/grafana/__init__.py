"""Dashboards for Grafana: ``python -m deploy.grafana`` writes dashboards/*.json."""
