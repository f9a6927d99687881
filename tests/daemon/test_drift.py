"""Drift: which jobs two nodes are configured differently for."""

from jobd.daemon.drift import differing


def test_the_same_digests_differ_in_nothing() -> None:
    assert differing({"a": "1", "b": "2"}, {"b": "2", "a": "1"}) == []


def test_a_job_with_another_digest_differs() -> None:
    assert differing({"a": "1", "b": "2"}, {"a": "1", "b": "3"}) == ["b"]


def test_a_job_that_only_one_node_has_differs() -> None:
    assert differing({"a": "1", "c": "1"}, {"a": "1", "b": "1"}) == ["b", "c"]
