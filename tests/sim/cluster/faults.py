"""Faults: what can go wrong, when, and for how long, drawn by the seed.

Most of what breaks agreement needs an unlucky instant. So half of all faults wait for one:
a commit whose answer is still on its way, a kill that has begun, an attempt that has just
started. And they last about as long as hurts: a little less, or more, than a lease.
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
    "rolling",
)
OF_ONE_NODE = ("daemon", "supervisor", "machine", "freeze", "cut", "wall", "drain")
MOMENTS = ("commit", "commit", "kill", "start", "posted")


def draw(world: World, hours: float, kinds: Sequence[str], an_hour: float) -> None:
    """Put a night's faults on the world's agenda."""
    chance = world.random
    for _ in range(int(hours * an_hour) if kinds else 0):
        kind, when_s = chance.choice(kinds), chance.uniform(60, hours * 3600)
        for_s = _size_s(chance, world.terms.ttl.total_seconds())
        if kind in OF_ONE_NODE and chance.random() < 0.5:
            strike = _on_node(kind, for_s, chance)
            world.moments.append(Moment(chance.choice(MOMENTS), when_s, strike))
        elif kind in OF_ONE_NODE:
            node, strike = world.nodes[chance.choice(world.names)], _on_node(kind, for_s, chance)
            world.at(when_s, lambda strike=strike, node=node: strike(node))
        else:
            strike_all = _on_all(kind, for_s, chance)
            world.at(when_s, lambda strike_all=strike_all: strike_all(world))
    world.moments.sort(key=lambda moment: moment.after_s)


def _size_s(chance: random.Random, ttl_s: float) -> float:
    """Return how long a fault lasts: a moment, about a lease, or long."""
    near = ttl_s * chance.choice([1.0, 1.0, 0.9, 2 / 3]) + chance.uniform(-2.0, 2.0)
    return chance.choice([0.05, 1.5, near, near, chance.uniform(60, 600), 4000.0])


def _on_node(kind: str, for_s: float, chance: random.Random) -> Callable[[Node], None]:
    by_s = chance.choice([-1, 1]) * chance.choice([2, 100, 3600, 40_000])
    acts: dict[str, Callable[[Node], None]] = {
        "daemon": lambda node: node.kill_daemon(for_s),
        "supervisor": lambda node: node.kill_supervisor(),
        "machine": lambda node: node.kill_machine(max(for_s, 5.0)),
        "freeze": lambda node: node.stop_daemon(min(for_s, 700.0)),
        "cut": lambda node: node.cut(for_s),
        "wall": lambda node: node.jump_wall(by_s),
        "drain": _drain_for(for_s),
    }
    return acts[kind]


def _drain_for(for_s: float) -> Callable[[Node], None]:
    def strike(node: Node) -> None:
        node.toggle_drain()
        node.world.after(for_s + 60, node.toggle_drain)

    return strike


def _on_all(kind: str, for_s: float, chance: random.Random) -> Callable[[World], None]:
    step_s = chance.choice([-1, 1]) * chance.choice([2, 20, 100, 3600]) * chance.uniform(0.5, 1)
    acts: dict[str, Callable[[World], None]] = {
        "slow": lambda world: world.slow_down(min(for_s, 300.0)),
        "locked": lambda world: world.lock_tables(min(for_s, 700.0)),
        "store": lambda world: world.lose_store(for_s),
        "store_clock": lambda world: world.step_store_clock(step_s),
        "rolling": _restart_in_turn,
    }
    return acts[kind]


def _restart_in_turn(world: World) -> None:
    for number, node in enumerate(world.nodes.values()):
        world.after(number * 20.0, lambda node=node: node.restart(3.0))
