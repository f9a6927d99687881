"""Node: is there room, does the store answer, and how is the daemon itself?"""

from deploy.grafana.dashboard import Dashboard, Variable
from deploy.grafana.overview import CLUSTER
from deploy.grafana.panels import GOOD_IF_0, GOOD_IF_1, Panel, Query

NODE = Variable("node", "Node", 'label_values(jobd_build_info{cluster=~"$cluster"}, instance)')


def _by_node(metric: str, words: str = "") -> Query:
    return Query(metric + "{OF}", "{{instance}}" + words)


NODE_DASHBOARD = Dashboard(
    "jobd-node",
    "jobd: node",
    'cluster=~"$cluster", instance=~"$node"',
    (CLUSTER, NODE),
    (
        Panel("stat", "Store answers", "0: its last call failed.", 4,
              _by_node("jobd_store_up"), steps=GOOD_IF_1),
        Panel("stat", "History is kept", "0: the disk is full, most of all.", 4,
              _by_node("jobd_history_kept"), steps=GOOD_IF_1),
        Panel("stat", "Supervisor is there", "0: nothing can run.", 4,
              _by_node("jobd_supervisor_up"), steps=GOOD_IF_1),
        Panel("stat", "Configuration is in force", "0: the last reload was refused.", 4,
              _by_node("jobd_config_last_reload_successful"), steps=GOOD_IF_1),
        Panel("stat", "Stopping", "1: it starts nothing more.", 4,
              _by_node("jobd_stopping"), steps=GOOD_IF_0),
        Panel("stat", "Drained", "1: it starts nothing new until undrain.", 4,
              _by_node("jobd_draining"), steps=((None, "green"), (1, "orange"))),
        Panel("timeseries", "Places", "Attempts that hold one, and limits.max_running.", 12,
              _by_node("jobd_running"), _by_node("jobd_max_running", ": max_running")),
        Panel("timeseries", "Waiting", "And limits.max_waiting.", 12,
              _by_node("jobd_waiting"), _by_node("jobd_max_waiting", ": max_waiting")),
        Panel("timeseries", "Memory reserved for runs", "And limits.memory_budget.", 12,
              _by_node("jobd_memory_reserved_bytes"),
              _by_node("jobd_memory_budget_bytes", ": budget"), unit="bytes"),
        Panel("state-timeline", "Held back", "1: nothing new starts because of this.", 12,
              _by_node("jobd_admission_holding", ": {{reason}}"), steps=GOOD_IF_0),
        Panel("timeseries", "Pools", "Slots taken; of the cluster's, each node shows all.", 12,
              Query("max by (pool) (jobd_pool_running{OF})", "{{pool}}"),
              Query("max by (pool) (jobd_pool_size{OF})", "{{pool}}: size")),
        Panel("timeseries", "How late ticks start", "99 of 100, after their due time.", 12,
              Query("histogram_quantile(0.99, sum by (instance, le) ("
                    "rate(jobd_start_lateness_seconds_bucket{OF}[$__rate_interval])))",
                    "{{instance}}"),
              unit="s"),
        Panel("timeseries", "Store: latency", "99 of 100 calls, the five slowest operations.", 12,
              Query("topk(5, histogram_quantile(0.99, sum by (operation, le) ("
                    "rate(jobd_store_latency_seconds_bucket{OF}[$__rate_interval]))))",
                    "{{operation}}"),
              unit="s"),
        Panel("timeseries", "Store: calls that failed", "A minute; and leases not renewed.", 12,
              Query("sum by (operation) ("
                    "rate(jobd_store_errors_total{OF}[$__rate_interval])) * 60", "{{operation}}"),
              Query("sum(rate(jobd_lease_renew_failures_total{OF}[$__rate_interval])) * 60",
                    "renewals")),
        Panel("timeseries", "Clock", "By how much it and the store's differ.", 12,
              Query("abs(jobd_clock_offset_seconds{OF})", "{{instance}}"), unit="s"),
        Panel("timeseries", "Event loop", "How late it was: the worst of a minute.", 12,
              _by_node("jobd_loop_lag_seconds"), unit="s"),
        Panel("timeseries", "The daemon's CPU", "Cores. Jobs are other processes.", 12,
              Query('rate(process_cpu_seconds_total{job="jobd", OF}[$__rate_interval])',
                    "{{instance}}")),
        Panel("timeseries", "The daemon's memory", "Resident. Jobs are other processes.", 12,
              Query('process_resident_memory_bytes{job="jobd", OF}', "{{instance}}"),
              unit="bytes"),
    ),
    'ALERTS{alertstate="firing", alertname=~"Jobd.*", OF}',
)  # fmt: skip
