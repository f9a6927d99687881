"""What only the memory store promises."""

from jobd.core.claim import ClaimGranted
from jobd.store.memory import MemoryStore


def drive(coroutine):
    """Run a coroutine that must not wait for anything, without an event loop."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("it waited")


def test_it_never_waits(make_scene) -> None:
    """The simulation drives it without an event loop, in virtual time."""
    scene = make_scene(MemoryStore())
    drive(scene.store.open())
    drive(scene.enrol("backup"))
    run = drive(scene.claim("backup", 1))
    assert isinstance(run, ClaimGranted)
    drive(scene.store.save_run(scene.active_run(run), scene.at(1)))
    assert drive(scene.finish(run, 2))
    assert drive(scene.skip(scene.skip_of("backup", 3))) == [1]
    assert len(drive(scene.store.ticks("backup"))) == 2
    assert drive(scene.store.prune(scene.at(10_000), 0)) == []
    drive(scene.store.ping())
    drive(scene.store.close())
