"""Letters: questions that one node asks another, carried by the store."""

from jobd.core.cluster import Letter
from tests.store.shared import word_of

LETTER = Letter("l1", "a", "b", "output", '{"run": "r1 \\u00e9"}')


async def letters(cluster, node: str) -> list[Letter]:
    return list((await (await cluster.node(node)).beat(word_of(node), None)).letters)


async def test_a_letter_reaches_its_addressee_alone(cluster) -> None:
    await (await cluster.node("a")).send(LETTER)
    assert [await letters(cluster, node) for node in ("a", "b", "b")] == [[], [LETTER], [LETTER]]


async def test_an_answer_reaches_who_asked(cluster) -> None:
    await (await cluster.node("a")).send(LETTER)
    assert await (await cluster.node("a")).reply("l1") is None
    await (await cluster.node("b")).answer("l1", '{"text": "done \\\\ 📦"}')
    assert await (await cluster.node("a")).reply("l1") == '{"text": "done \\\\ 📦"}'
    assert await letters(cluster, "b") == []


async def test_a_letter_sent_twice_is_one(cluster) -> None:
    for _ in range(2):
        await (await cluster.node("a")).send(LETTER)
    assert await letters(cluster, "b") == [LETTER]


async def test_a_letter_is_kept_for_a_minute(cluster) -> None:
    await (await cluster.node("a")).send(LETTER)
    await cluster.set(1.1)
    assert await letters(cluster, "b") == []


async def test_unknown_letters_have_no_reply(cluster) -> None:
    store = await cluster.node()
    await store.answer("nobody", "{}")
    assert await store.reply("nobody") is None
