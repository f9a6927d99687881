"""``jobd simulate``: days of the schedule, without running anything."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree

import anyio
import pytest
from anyio import to_thread

from deploy.cluster.postgres import PrivatePostgres
from jobd.cli.main import main
from jobd.core.claim import ClaimGranted, ClaimRequest, Demand, Trigger
from jobd.core.job import Overlap
from jobd.core.outcome import Outcome
from jobd.core.run import Finish, RunRecord
from jobd.ports import Enrolment, Store
from jobd.store.postgres import PgStore
from jobd.store.sqlite import SqliteStore

CONFIG = """
[daemon]
timezone = "Europe/Berlin"
state_dir = "state"
[limits]
max_running = 2
memory_budget = "1G"
[defaults]
command = "x"
memory_max = "256M"
[jobs.report]
schedule = "0 2 * * *"
expected_duration = "5m"
jitter = "30m"
[jobs.slow]
schedule = "*/10 * * * *"
expected_duration = "12m"
[jobs.guessed]
schedule = "*/5 * * * *"
[jobs.by-hand]
"""
FROM = ("--from", "2026-06-01T00:00:00Z", "--days", "1")

Ask = Callable[..., tuple[object, str, str]]


@pytest.fixture
def simulate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Ask:
    """Ask for a simulation in a folder of its own; return exit status, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    Path("jobd.toml").write_text(CONFIG)

    def run(*arguments: str, text: str | None = None) -> tuple[object, str, str]:
        if text is not None:
            Path("jobd.toml").write_text(text)
        with pytest.raises(SystemExit) as left:
            main(["simulate", "-c", "jobd.toml", *arguments])
        return (left.value.code, *capsys.readouterr())

    return run


async def keep_runs(store: Store, job: str, durations_s: list[float]) -> None:
    """Leave runs in a store, as a daemon would, that took so long."""
    at = datetime(2026, 5, 1, tzinfo=UTC)
    await store.open()
    try:
        await store.enrol([Enrolment(job, "")], at)
        for number, duration_s in enumerate(durations_s):
            tick, run_id = at + timedelta(hours=number), f"run-{number}"
            wish = ClaimRequest(run_id, job, tick, Trigger.SCHEDULE, Demand(Overlap.SKIP))
            [granted] = await store.claim([wish], "n", tick)
            assert isinstance(granted, ClaimGranted)
            record = RunRecord(
                run_id, job, "n", granted.token, Trigger.SCHEDULE, tick, tick, started_at=tick,
                ended_at=tick + timedelta(seconds=duration_s), outcome=Outcome.SUCCESS,
                duration_s=duration_s, memory_peak_bytes=64 << 20,
            )  # fmt: skip
            assert list(await store.finish([Finish(record, None, None)])) == [True]
    finally:
        await store.close()


@pytest.fixture
def own_store(tmp_path: Path) -> SqliteStore:
    """Return the store of the configured node, not opened."""
    (tmp_path / "state").mkdir()
    return SqliteStore(tmp_path / "state" / "jobd.db", node="n")


def test_the_table_tells_what_happens(simulate: Ask) -> None:
    status, out, err = simulate(*FROM)
    assert (status, err) == (0, "")
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert lines[0].startswith("1d from Mon 2026-06-01 02:00 CEST: 3 jobs, ")
    assert "AS CONFIGURED WITHOUT JITTER" in lines
    slow = next(line for line in lines if line.startswith("slow "))
    assert slow.startswith("slow 72 12m 120% 0s 0s ")
    assert slow.endswith(" 72 overlap")
    assert any(line.startswith("guessed ") and " ~10s - " in line for line in lines)
    assert "Left out: by-hand (no schedule)." in lines
    assert any("1 job assumed (~10s" in line for line in lines)


def test_the_words_fit_on_eighty_columns(simulate: Ask) -> None:
    """Names that are long, and lists of them, stand last in their lines: they are cut there."""
    _, out, _ = simulate(*FROM)
    assert [line for line in out.splitlines() if len(line) > 80] == []


def test_a_long_name_gives_way_to_the_figures(
    simulate: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")
    name = "synchronise-the-warehouse-of-hamburg-and-munich"
    _, out, _ = simulate(*FROM, text=CONFIG.replace("jobs.slow", f"jobs.{name}"))
    row = next(line for line in out.splitlines() if line.startswith("synchron"))
    assert "…" in row.split()[0]
    assert row.endswith("72 overlap")
    assert len(row) <= 80


def test_the_keys_of_the_json_are_stable(simulate: Ask) -> None:
    status, out, _ = simulate(*FROM, "--json")
    told = json.loads(out)
    assert status == 0
    assert set(told) == {
        "from", "until", "wanted_until", "is_shortened", "events", "node",
        "is_one_node_of_several", "has_history", "limits", "assumed", "left_out",
        "as_configured", "without_jitter",
    }  # fmt: skip
    for replay in (told["as_configured"], told["without_jitter"]):
        assert set(replay) == {
            "starts", "skipped", "skips", "most_running", "most_waiting",
            "most_memory_reserved", "busiest", "jobs", "slices",
        }  # fmt: skip
        assert set(replay["busiest"][0]) == {
            "at", "days", "running", "waiting", "memory_reserved_bytes", "jobs",
        }  # fmt: skip
        assert set(replay["jobs"][0]) == {
            "job", "starts", "skipped", "skips", "waiting_at_end", "timeouts",
            "lateness_p50_s", "lateness_p99_s", "lateness_max_s", "duration_s",
            "duration_from", "memory_from", "utilization_ratio",
        }  # fmt: skip
        assert set(replay["slices"][0]) == {
            "from", "most_running", "most_waiting", "most_memory_reserved_bytes",
            "mean_running", "mean_memory_reserved_bytes", "skipped",
        }  # fmt: skip
    assert (told["from"], told["until"]) == ("2026-06-01T00:00:00Z", "2026-06-02T00:00:00Z")


def test_two_runs_of_the_command_agree(simulate: Ask) -> None:
    assert simulate(*FROM, "--json")[1] == simulate(*FROM, "--json")[1]


def test_the_plot_is_well_formed(simulate: Ask, tmp_path: Path) -> None:
    status, _, err = simulate(*FROM, "--plot", "plot.svg")
    assert (status, err) == (0, "plot.svg: open it in a browser\n")
    assert ElementTree.parse(tmp_path / "plot.svg").getroot().tag.endswith("}svg")


def test_a_plot_that_cannot_be_written_is_73(simulate: Ask) -> None:
    status, _, err = simulate(*FROM, "--plot", "nowhere/plot.svg")
    assert status == 73
    assert "nowhere/plot.svg cannot be written" in err


def test_history_is_read_from_the_store(simulate: Ask, own_store: SqliteStore) -> None:
    anyio.run(keep_runs, own_store, "guessed", [240.0, 480.0])
    status, out, err = simulate(*FROM, "--history", "--json")
    assert (status, err) == (0, "")
    told = json.loads(out)
    jobs = {job["job"]: job for job in told["as_configured"]["jobs"]}
    assert jobs["guessed"]["duration_from"] == "history"
    assert 240 < jobs["guessed"]["duration_s"] < 480
    assert jobs["guessed"]["skips"]["overlap"] > 0  # after the runs of eight minutes
    assert jobs["slow"]["duration_from"] == "expected_duration"


def test_history_is_read_while_a_daemon_has_the_store(
    simulate: Ask, own_store: SqliteStore, tmp_path: Path
) -> None:
    """And nothing in the store is touched."""

    async def beside() -> tuple[object, str, str]:
        await own_store.open()
        try:
            before = (tmp_path / "state" / "jobd.db").read_bytes()
            told = await to_thread.run_sync(lambda: simulate(*FROM, "--history", "--json"))
            assert (tmp_path / "state" / "jobd.db").read_bytes() == before
        finally:
            await own_store.close()
        return told

    anyio.run(keep_runs, own_store, "guessed", [30.0])
    status, out, _ = anyio.run(beside)
    assert status == 0
    assert json.loads(out)["assumed"]["duration_of"] == []


def test_a_cluster_s_history_is_read_from_postgresql(
    simulate: Ask, postgres: PrivatePostgres, numbers: Iterator[int]
) -> None:
    url = postgres.create_database(f"simulated_{next(numbers)}")
    store = PgStore(url, node="n", lease_ttl=timedelta(minutes=1))
    anyio.run(keep_runs, store, "guessed", [120.0])
    text = f'{CONFIG}\n[store]\nurl = "{url}"\n'
    status, out, err = simulate(*FROM, "--history", "--json", text=text)
    assert (status, err) == (0, "")
    jobs = {job["job"]: job for job in json.loads(out)["as_configured"]["jobs"]}
    assert (jobs["guessed"]["duration_from"], jobs["guessed"]["duration_s"]) == ("history", 120)


def test_without_a_history_yet_that_is_said(simulate: Ask, tmp_path: Path) -> None:
    status, out, err = simulate(*FROM, "--history")
    assert status == 0
    assert f"{tmp_path}/state/jobd.db does not exist: there is no history yet" in err
    assert "expected_duration" in out
    assert not (tmp_path / "state").exists()


def test_a_store_of_another_application_is_73(simulate: Ask, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "jobd.db").write_bytes(b"x" * 4096)
    status, _, err = simulate(*FROM, "--history")
    assert status == 73
    assert "jobd.db is damaged" in err


def test_a_shared_store_that_does_not_answer_is_69(simulate: Ask) -> None:
    text = CONFIG + '[store]\nurl = "postgresql://127.0.0.1:1/jobd?connect_timeout=1"\n'
    status, _, err = simulate(*FROM, "--history", text=text)
    assert status == 69, err
    assert "jobd: --history: PostgreSQL at 127.0.0.1:1/jobd: " in err
    assert "start it, or leave --history out" in err
    assert "trying again" not in err  # a command does not


def test_a_cluster_is_simulated_as_one_node_and_says_so(simulate: Ask) -> None:
    text = CONFIG + '[store]\nurl = "postgresql://127.0.0.1:1/jobd"\n'  # nobody is asked there
    status, out, err = simulate(*FROM, text=text)
    assert (status, err) == (0, "")
    assert "Simulated as one node that runs all of the cluster's jobs" in out.replace("\n", " ")


def test_what_is_too_much_is_shortened_with_a_word(
    simulate: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobd.cli.simulate.command.MOST_ATTEMPTS", 1000)
    text = '[jobs.a]\ncommand = "x"\nschedule = "* * * * * *"\n'
    status, out, _ = simulate("--from", "2026-06-01", "--days", "30", text=text)
    assert status == 0
    assert out.startswith("16m from Mon 2026-06-01 00:00 UTC: 1 job")
    assert "Not all of the 30d: these jobs have too many runs. Ask for fewer days" in out


def test_a_bad_configuration_is_78(simulate: Ask) -> None:
    status, out, err = simulate(*FROM, text="[jobs.a]")
    assert (status, out) == (78, "")
    assert "jobs.a.command: is missing" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--from", "yesterday"], '--from: "yesterday" is no instant; write it like'),
        (["--days", "0"], "0 is not in the range 1<=x<=366"),
        (["--days", "many"], "'many' is not a valid integer"),
    ],
)
def test_what_cannot_be_meant_is_64(simulate: Ask, arguments: list[str], said: str) -> None:
    status, out, err = simulate(*arguments)
    assert (status, out) == (64, "")
    assert said in err
