"""Job: how one job has been doing, on whichever nodes, and what it is held against."""

from deploy.grafana.dashboard import Dashboard, Variable
from deploy.grafana.overview import CLUSTER
from deploy.grafana.panels import GOOD_IF_0, SHARE, Panel, Query

JOB = Variable(
    "job", "Job", 'label_values(jobd_job_info{cluster=~"$cluster"}, job_name)', is_single=True
)

JOB_DASHBOARD = Dashboard(
    "jobd-job",
    "jobd: job",
    'cluster=~"$cluster", job_name="$job"',
    (CLUSTER, JOB),
    (
        Panel("stat", "Last run failed", "1: as anything but success or canceled.", 4,
              Query("max(jobd_last_run_failed{OF})"), steps=GOOD_IF_0, job_field="job"),
        Panel("stat", "Ticks since the last success", "At 3 there is an alert.", 4,
              Query("max(jobd_job_ticks_since_success{OF}"
                    " and on (job, instance) jobd_store_up == 1)"),
              steps=((None, "green"), (2, "orange"), (3, "red"))),
        Panel("stat", "Last success", "How long ago it ended.", 4,
              Query("time() - max(jobd_last_success_timestamp_seconds{OF} > 0)"), unit="s"),
        Panel("stat", "Next tick", "In how long, before jitter.", 4,
              Query("min(jobd_next_tick_timestamp_seconds{OF} > 0) - time()"), unit="s"),
        Panel("stat", "Share of the interval", "Smoothed duration over interval.", 4,
              Query("max(jobd_job_interval_utilization_ratio{OF})"),
              unit="percentunit", steps=SHARE),
        Panel("stat", "Paused", "1: somebody has paused it.", 4,
              Query("max(jobd_job_paused{OF})"), steps=((None, "green"), (1, "orange"))),
        Panel("timeseries", "Durations", "The points are exemplars: each leads to its run.", 24,
              Query("histogram_quantile(0.5, sum by (le) ("
                    "rate(jobd_run_duration_seconds_bucket{OF}[$__rate_interval])))",
                    "half of the runs", has_exemplars=True),
              Query("histogram_quantile(0.95, sum by (le) ("
                    "rate(jobd_run_duration_seconds_bucket{OF}[$__rate_interval])))", "95 of 100"),
              Query("max(jobd_run_usual_duration_seconds{OF})", "usual, with retries"),
              Query("max(jobd_job_timeout_seconds{OF} > 0)", "timeout"),
              Query("max(jobd_job_interval_seconds{OF} > 0)", "interval"),
              unit="s", job_field="job"),
        Panel("timeseries", "Runs that ended, by outcome", "A minute.", 12,
              Query("sum by (outcome) (rate(jobd_runs_total{OF}[$__rate_interval])) * 60 > 0",
                    "{{outcome}}"),
              Query("sum(rate(jobd_run_retries_total{OF}[$__rate_interval])) * 60", "retries"),
              job_field="job"),
        Panel("timeseries", "Ticks that were skipped, by reason", "A minute.", 12,
              Query("sum by (reason) (rate(jobd_ticks_skipped_total{OF}[$__rate_interval])) * 60"
                    " > 0", "{{reason}}"),
              is_stacked=True, job_field="job"),
        Panel("timeseries", "Memory", "Peak of the last run that a node knows; the ceiling.", 12,
              Query("jobd_run_memory_peak_bytes{OF} > 0", "{{instance}}"),
              Query("max(jobd_job_memory_max_bytes{OF} > 0)", "memory_max"), unit="bytes"),
        Panel("timeseries", "CPU time", "Of a run, when it ended.", 12,
              Query("sum(increase(jobd_run_cpu_seconds_total{OF}[$__rate_interval]))"
                    " / sum(increase(jobd_run_duration_seconds_count{OF}[$__rate_interval]))",
                    "seconds a run"),
              unit="s"),
        Panel("timeseries", "Steps", "Time in each step, a run; of jobs that name them.", 12,
              Query("sum by (step) ("
                    "increase(jobd_step_duration_seconds_sum{OF}[$__rate_interval]))"
                    " / sum by (step) ("
                    "increase(jobd_step_duration_seconds_count{OF}[$__rate_interval]))",
                    "{{step}}"),
              unit="s", is_stacked=True),
        Panel("timeseries", "Active runs", "On each node.", 12,
              Query("jobd_runs_active{OF}", "{{instance}}")),
        Panel("timeseries", "In a row", "Of the latest ticks: overlaps, and unwanted skips.", 12,
              Query("max(jobd_job_overlaps_in_a_row{OF})", "overlaps"),
              Query("max(jobd_job_skips_in_a_row{OF})", "skips")),
        Panel("timeseries", "Hooks and pings that failed", "Within an hour.", 12,
              Query("sum by (hook, result) ("
                    'increase(jobd_hooks_total{result!="success", OF}[1h]))',
                    "{{hook}}: {{result}}")),
        Panel("table", "What it is", "By the configuration of each node.", 24,
              Query("jobd_job_info{OF}"), hidden=("Value",)),
    ),
    'ALERTS{alertstate="firing", OF}',
)  # fmt: skip
