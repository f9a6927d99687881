"""Exemplars: each bucket of durations names the run that fell into it last, in OpenMetrics."""

from datetime import timedelta
from typing import Any

DURATIONS = "jobd_run_duration_seconds"


async def exemplars(node: Any, job: str = "backup") -> dict[str, Any]:
    """Return upper bound → exemplar of a job's buckets, as the standard's parser reads them."""
    (family,) = [one for one in await node.openmetrics() if one.name == DURATIONS]
    return {
        sample.labels["le"]: sample.exemplar
        for sample in family.samples
        if sample.labels["job_name"] == job and sample.exemplar is not None
    }


async def test_a_bucket_names_the_run_that_fell_into_it_last(node: Any, make: Any) -> None:
    """From the slow point on the graph to ``jobd ctl logs`` of just that run."""
    for run_id in ("r1", "r2"):
        ended = make.NOW + timedelta(seconds=12)
        node.observe(
            make.granted(run_id), make.finish(run_id=run_id, duration_s=12.25, ended_at=ended)
        )
    found = await exemplars(node)
    assert list(found) == ["15.0"], "the bucket that it fell into, none above"
    assert found["15.0"].labels == {"run_id": "r2"}
    assert found["15.0"].value == 12.25
    assert float(found["15.0"].timestamp) == (make.NOW + timedelta(seconds=12)).timestamp()


async def test_a_run_longer_than_all_bounds_has_one_too(node: Any, make: Any) -> None:
    node.observe(make.granted(), make.finish(duration_s=1e6, ended_at=make.NOW))
    assert (await exemplars(node))["+Inf"].value == 1e6


async def test_only_the_job_that_ran_has_one(node: Any, make: Any) -> None:
    node.configure(make.job("backup"), make.job("other"))
    node.observe(make.granted(), make.finish(duration_s=1.0, ended_at=make.NOW))
    assert (len(await exemplars(node)), await exemplars(node, "other")) == (1, {})


async def test_the_text_format_has_none(node: Any, make: Any) -> None:
    """Its parsers would take the rest of the line for an error."""
    node.observe(make.granted("r1"), make.finish(duration_s=1.0, ended_at=make.NOW))
    page = await node.page()
    assert [line for line in page.splitlines() if "#" in line[1:]] == []
    assert "r1" not in page


async def test_nothing_but_buckets_has_one(node: Any, make: Any) -> None:
    """OpenMetrics 1.0: exemplars stand on buckets and counters, and end with the page's EOF."""
    node.observe(make.granted(), make.finish(duration_s=1.0, ended_at=make.NOW))
    lines = (await node.page("application/openmetrics-text")).splitlines()
    assert {line.partition("{")[0] for line in lines if " # {" in line} == {f"{DURATIONS}_bucket"}
    assert lines[-1] == "# EOF"


async def test_it_is_as_short_as_the_standard_wants(node: Any, make: Any) -> None:
    """128 characters for names and values of its labels; jobd's run ids have 16."""
    node.observe(make.granted("f" * 16), make.finish(run_id="f" * 16, duration_s=1.0,
                                                     ended_at=make.NOW))  # fmt: skip
    (found,) = (await exemplars(node)).values()
    assert sum(len(name) + len(value) for name, value in found.labels.items()) <= 128
