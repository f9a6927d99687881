"""Faults: what can go wrong, when, and for how long, drawn by the seed.

Most of what breaks agreement needs an unlucky instant. So more than half of all faults of one
node wait for one: a commit whose answer is still on its way, a kill that has begun, an attempt
that has just started. Others strike just before many ticks come. And they last about as long
as hurts: a little less, or more, than a lease.
"""

import random
from collections.abc import Callable, Sequence

from tests.sim.cluster.node import Node
from tests.sim.cluster.world import Moment, World

KINDS = (
    "daemon",
    "supervisor",
    "machine",
    "freeze",
    "cut",
    "slow",
    "locked",
    "store",
    "store_clock",
    "wall",
    "drain",
    "pressure",
    "rolling",
)
OF_ONE_NODE = ("daemon", "supervisor", "machine", "freeze", "cut", "wall", "drain", "pressure")
MOMENTS = ("commit", "commit", "renewed", "renewed", "kill", "start", "posted")
ENDS_S = 600.0  # no fault lasts longer than so much after the last one


def draw(world: World, until_s: float, number: int, kinds: Sequence[str]) -> None:
    """Put a night's faults on the world's agenda."""
    chance, world.trouble_ends_s = world.random, until_s + ENDS_S
    for _ in range(number if kinds else 0):
        kind, when_s = chance.choice(kinds), _instant(chance, until_s)
        for_s = _size_s(chance, world.terms.ttl.total_seconds())
        if kind in OF_ONE_NODE and chance.random() < 0.6:
            strike = _on_node(kind, for_s, chance)
            world.moments.append(Moment(chance.choice(MOMENTS), when_s, strike))
        elif kind in OF_ONE_NODE:
            strike = _on_node(kind, for_s, chance)
            world.at(when_s, lambda strike=strike: strike(_victim(world)))
        else:
            strike_all = _on_all(kind, for_s, chance)
            world.at(when_s, lambda strike_all=strike_all: strike_all(world))
    world.moments.sort(key=lambda moment: moment.after_s)


def _instant(chance: random.Random, until_s: float) -> float:
    """Return when a fault strikes: one in three shortly before a full hour, when many ticks come
    and who has just vanished still counts as live."""
    when_s = chance.uniform(60, until_s)
    if chance.random() < 1 / 3:
        when_s = max(when_s // 3600 * 3600, 3600.0) + chance.uniform(-6.0, 0.5)
    return when_s


def _victim(world: World) -> Node:
    """Return a node, mostly one that has something to lose."""
    nodes = list(world.nodes.values())
    busy = [node for node in nodes if node.supervisor.is_busy]
    return world.random.choice(busy if busy and world.random.random() < 0.8 else nodes)


def _size_s(chance: random.Random, ttl_s: float) -> float:
    """Return how long a fault lasts: a moment, about a lease, or (one in a dozen) very long."""
    near = ttl_s * chance.choice([1.0, 1.0, 0.9, 2 / 3]) + chance.uniform(-2.0, 2.0)
    long = chance.choice([chance.uniform(60, 600), 4000.0])
    return chance.choice([0.05, 1.5, near, near, chance.uniform(60, 600), long])


def _left(world: World, for_s: float) -> float:
    """Return how long a fault lasts that begins now: at the end of a night all heals."""
    return max(min(for_s, world.trouble_ends_s - world.now_s), 0.05)


def _on_node(kind: str, for_s: float, chance: random.Random) -> Callable[[Node], None]:
    by_s = chance.choice([-1, 1]) * chance.choice([2, 100, 3600, 40_000])
    acts: dict[str, Callable[[Node], None]] = {
        "daemon": lambda node: node.kill_daemon(_left(node.world, for_s)),
        "supervisor": lambda node: node.kill_supervisor(),
        "machine": lambda node: node.kill_machine(_left(node.world, max(for_s, 5.0))),
        "freeze": lambda node: node.stop_daemon(_left(node.world, min(for_s, 700.0))),
        "cut": lambda node: node.cut(_left(node.world, for_s)),
        "wall": lambda node: node.jump_wall(by_s),
        "drain": _drain_for(for_s),
        "pressure": lambda node: node.press(_left(node.world, for_s)),
    }
    return acts[kind]


def _drain_for(for_s: float) -> Callable[[Node], None]:
    def strike(node: Node) -> None:
        node.toggle_drain()
        node.world.after(_left(node.world, for_s) + 60, node.toggle_drain)

    return strike


def _on_all(kind: str, for_s: float, chance: random.Random) -> Callable[[World], None]:
    step_s = chance.choice([-1, 1]) * chance.choice([2, 20, 100, 3600]) * chance.uniform(0.5, 1)
    acts: dict[str, Callable[[World], None]] = {
        "slow": lambda world: world.slow_down(min(for_s, 200.0)),
        "locked": lambda world: world.lock_tables(_left(world, min(for_s, 700.0))),
        "store": lambda world: world.lose_store(_left(world, for_s)),
        "store_clock": lambda world: world.step_store_clock(step_s),
        "rolling": _restart_in_turn,
    }
    return acts[kind]


def _restart_in_turn(world: World) -> None:
    for number, node in enumerate(world.nodes.values()):
        world.after(number * 20.0, lambda node=node: node.restart(3.0))
