"""Overview: is anything wrong, where, and what is about to be?"""

from deploy.grafana.dashboard import Dashboard, Variable
from deploy.grafana.panels import GOOD_IF_0, GOOD_IF_1, SHARE, Panel, Query

CLUSTER = Variable("cluster", "Cluster", "label_values(jobd_build_info, cluster)")

OVERVIEW = Dashboard(
    "jobd-overview",
    "jobd: overview",
    'cluster=~"$cluster"',
    (CLUSTER,),
    (
        Panel("stat", "Jobs whose last run failed", "And none has succeeded since.", 4,
              Query("count(max by (cluster, job_name) (jobd_last_run_failed{OF}) == 1)"
                    " or vector(0)"),
              steps=GOOD_IF_0),
        Panel("stat", "Jobs without success", "For three of their ticks or more.", 4,
              Query("count(max by (cluster, job_name) (jobd_job_ticks_since_success{OF}"
                    " and on (job, instance) jobd_store_up == 1) >= 3) or vector(0)"),
              steps=GOOD_IF_0),
        Panel("stat", "Ticks skipped within the hour", "Without pauses and drains.", 4,
              Query('sum(increase(jobd_ticks_skipped_total{reason!~"paused|draining", OF}[1h]))'),
              steps=((None, "green"), (1, "orange"))),
        Panel("stat", "Runs active", "Those between two attempts included.", 4,
              Query("sum(jobd_runs_active{OF})")),
        Panel("stat", "Waiting", "Ticks and manual runs that may not start yet.", 4,
              Query("sum(jobd_waiting{OF})")),
        Panel("stat", "Nodes that answer", "Of those that Prometheus knows.", 4,
              Query('sum(up{job="jobd", OF})', "up"),
              Query('count(up{job="jobd", OF})', "known")),
        Panel("table", "Firing alerts", "What each means: docs/operating.md.", 24,
              Query('ALERTS{alertstate="firing", alertname=~"Job.*", OF}'),
              job_field="__data.fields.job_name", hidden=("alertstate", "Value", "runbook")),
        Panel("timeseries", "Runs that ended, by outcome", "A minute, of all jobs.", 12,
              Query("sum by (outcome) (rate(jobd_runs_total{OF}[$__rate_interval])) * 60 > 0",
                    "{{outcome}}"),
              is_stacked=True),
        Panel("timeseries", "Ticks that were skipped, by reason", "A minute, of all jobs.", 12,
              Query("sum by (reason) (rate(jobd_ticks_skipped_total{OF}[$__rate_interval])) * 60"
                    " > 0", "{{reason}}"),
              is_stacked=True),
        Panel("bargauge", "Nearest their interval", "Smoothed duration over interval.", 12,
              Query("topk(10, max by (job_name) (jobd_job_interval_utilization_ratio{OF}))",
                    "{{job_name}}"),
              unit="percentunit", steps=SHARE, job_field="__field.labels.job_name"),
        Panel("bargauge", "Nearest their memory ceiling", "Peak of the last run.", 12,
              Query("topk(10, max by (job_name) (jobd_run_memory_peak_bytes{OF}"
                    " / (jobd_job_memory_max_bytes{OF} > 0)))", "{{job_name}}"),
              unit="percentunit", steps=SHARE, job_field="__field.labels.job_name"),
        Panel("timeseries", "How late ticks start", "After their due time, jitter included.", 12,
              Query("histogram_quantile(0.5, sum by (le) ("
                    "rate(jobd_start_lateness_seconds_bucket{OF}[$__rate_interval])))", "half"),
              Query("histogram_quantile(0.99, sum by (le) ("
                    "rate(jobd_start_lateness_seconds_bucket{OF}[$__rate_interval])))",
                    "99 of 100"),
              unit="s"),
        Panel("timeseries", "CPU time of jobs", "Cores; counted when an attempt ends.", 12,
              Query("topk(10, sum by (job_name) ("
                    "rate(jobd_run_cpu_seconds_total{OF}[$__rate_interval])))", "{{job_name}}"),
              is_stacked=True, job_field="__field.labels.job_name"),
        Panel("stat", "Stores", "1: the store answered the node's last call.", 24,
              Query("jobd_store_up{OF}", "{{instance}}"), steps=GOOD_IF_1),
    ),
    'ALERTS{alertstate="firing", alertname=~"Job.*", OF}',
)  # fmt: skip
