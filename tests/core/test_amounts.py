"""Amounts: counts and sizes as people write them."""

import pytest

from jobd.core.amounts import counted, size_words


@pytest.mark.parametrize(
    ("number", "words"), [(0, "0 jobs"), (1, "1 job"), (2, "2 jobs"), (10_000, "10,000 jobs")]
)
def test_one_alone_is_told_in_the_singular(number: int, words: str) -> None:
    assert counted(number, "job") == words


def test_a_plural_of_its_own_is_used() -> None:
    assert counted(2, "run has", "runs have") == "2 runs have"
    assert counted(1, "run has", "runs have") == "1 run has"


@pytest.mark.parametrize(
    ("size_bytes", "words"),
    [
        (0, "0"),
        (1023, "1023"),
        (1536, "1.5K"),
        (512 << 20, "512M"),
        (1536 << 20, "1.5G"),
        (5 << 40, "5T"),
        (5000 << 40, "5000T"),
    ],
)
def test_a_size_is_written_as_the_configuration_takes_it(size_bytes: int, words: str) -> None:
    """What a page or a refusal says can be copied into ``memory_max``."""
    assert size_words(size_bytes) == words
