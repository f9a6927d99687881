"""Series: jobs at rest cost next to nothing, and blocks know what has changed."""

import tracemalloc

from jobd.telemetry.series import BLOCK_JOBS, EVERYTHING, STATE, JobTable


def test_jobs_keep_the_order_of_the_configuration() -> None:
    table = JobTable()
    names = [f"job{number}" for number in range(3 * BLOCK_JOBS + 1)]
    table.configure(names)
    assert [series.name for block in table.blocks for series in block.series] == names
    assert len(table.blocks) == 4


def test_every_series_knows_its_block() -> None:
    table = JobTable()
    table.configure(f"job{number}" for number in range(BLOCK_JOBS + 1))
    assert all(series.block is block for block in table.blocks for series in block.series)


def test_a_reload_makes_everything_stale() -> None:
    """An owner or a ceiling may have changed in any job."""
    table = JobTable()
    table.configure(["a"])
    table.blocks[0].stale = 0
    table.configure(["a"])
    assert table.blocks[0].stale == EVERYTHING


def test_what_is_marked_is_added_to_what_was() -> None:
    table = JobTable()
    table.configure(["a"])
    table.blocks[0].stale = 1
    table.mark_all(STATE)
    assert table.blocks[0].stale == 1 | STATE


def test_ten_thousand_jobs_at_rest_cost_a_few_megabytes() -> None:
    names = [f"job{number}" for number in range(10_000)]
    table = JobTable()
    tracemalloc.start()
    table.configure(names)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 4 << 20
