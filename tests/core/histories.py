"""Histories of a job, as a service has them: noise, cycles, outliers, growth."""

from collections.abc import Callable
from math import exp, pi, sin
from random import Random

from jobd.core.cycles import DAY_S, Point

HOUR_S = 3600.0
USUAL = 100.0
Shape = Callable[[float, float], float]  # seconds of the week, share of the history → value


def history(
    seed: int,
    *,
    every_s: float,
    days: float,
    shape: Shape,
    noise: float = 0.1,
    wild: float = 0.2,
) -> list[Point]:
    """Return what runs took, at any time of the week; a share of them, ``wild``, is anything."""
    random = Random(seed)
    begin_s = random.random() * 7 * DAY_S
    count = int(days * DAY_S / every_s)
    points = []
    for number in range(count):
        at_s = begin_s + number * every_s
        value = shape(at_s % (7 * DAY_S), number / count) * exp(random.gauss(0.0, noise))
        if random.random() < wild:
            value *= random.choice((0.05, 5.0, 20.0, random.uniform(0.1, 30.0)))
        points.append((at_s, value))
    return points


def flat(_week_s: float, _share: float) -> float:
    return USUAL


def day_and_night(week_s: float, _share: float) -> float:
    """Half as much again at noon, half as little at midnight."""
    return USUAL * (1 + 0.5 * sin(2 * pi * week_s / DAY_S))


def nightly_batch(week_s: float, _share: float) -> float:
    return 3 * USUAL if week_s % DAY_S < 6 * HOUR_S else USUAL


def quiet_weekend(week_s: float, _share: float) -> float:
    return 0.4 * USUAL if week_s >= 5 * DAY_S else USUAL


def growing(by: float, on: Shape = flat) -> Shape:
    """Return what grows in a straight line, by so many times itself, on top of something."""
    return lambda week_s, share: on(week_s, share) * (1 + by * share)


def doubling(times: float) -> Shape:
    return lambda _week_s, share: USUAL * 2 ** (times * share)


def step(at: float, by: float = 0.8) -> Shape:
    """Return what is steady before and after a deployment."""
    return lambda _week_s, share: USUAL * (1 + by * (share >= at))
