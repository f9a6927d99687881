"""Suggest: the key that was probably meant by one that jobd does not know."""

from collections.abc import Collection, Mapping
from difflib import get_close_matches

# What the same thing is called by cron, systemd, Kubernetes and other schedulers.
_ELSEWHERE = {
    "cron": "schedule",
    "oncalendar": "schedule",
    "interval": "every",
    "onunitactivesec": "every",
    "onunitinactivesec": "after",
    "cmd": "command",
    "exec": "command",
    "execstart": "command",
    "args": "command",
    "script": "command",
    "tz": "timezone",
    "workingdirectory": "cwd",
    "workdir": "cwd",
    "environment": "env",
    "environmentfile": "env_file",
    "concurrency": "overlap",
    "concurrencypolicy": "overlap",
    "startingdeadlineseconds": "start_deadline",
    "activedeadlineseconds": "timeout",
    "executiontimeout": "timeout",
    "runtimemaxsec": "timeout",
    "timeoutstopsec": "kill_after",
    "watchdogsec": "watchdog",
    "killtimeout": "kill_after",
    "killsignal": "stop_signal",
    "suspend": "enabled",
    "disabled": "enabled",
    "backofflimit": "retries",
    "retry": "retries",
    "memory": "memory_max",
    "memorylimit": "memory_max",
    "cpuquota": "cpu_max",
    "tasksmax": "pids_max",
    "randomizeddelaysec": "jitter",
    "splay": "jitter",
    "persistent": "catchup",
    "misfiregracetime": "catchup_window",
    "hostname": "node",
    "port": "http",
    "listen": "http",
    "retention": "keep_runs",
    "database": "url",
    "databaseurl": "url",
    "dsn": "url",
    "nodeselector": "nodes",
    "hosts": "nodes",
    "poolslots": "slots",
}
_LONGEST_LIST = 8


def unknown_key_mend(key: str, known: Collection[str], homes: Mapping[str, Collection[str]]) -> str:
    """Return what to write instead of a key that is not among the ``known`` ones.

    ``homes``: the other tables and their keys, for a key that only stands in the wrong place.
    """
    for table, keys in homes.items():
        if key in keys:
            return f"move it to [{table}]"
    lowered = key.lower()[:60]
    meant = _ELSEWHERE.get(lowered.replace("-", "").replace("_", ""))
    near = [meant] if meant in known else get_close_matches(lowered, known, 1)
    if near:
        return f'did you mean "{near[0]}"?'
    if len(known) <= _LONGEST_LIST:
        return f"leave it out, or write one of: {', '.join(known)}"
    return "leave it out, or look for its name in docs/configuration.md"
