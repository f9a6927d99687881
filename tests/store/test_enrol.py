"""The roll: which jobs there are, and what is remembered of those that come back."""

from jobd.core.claim import Pause


async def test_the_past_of_a_new_job_is_not_owed(scene) -> None:
    memories = await scene.enrol("backup", minute=5)
    assert memories["backup"].settled_until == scene.at(5)


async def test_every_enrolled_job_is_remembered_and_no_other(scene) -> None:
    await scene.enrol("a", "b")
    assert set(await scene.enrol("b", "c", minute=1)) == {"b", "c"}


async def test_a_known_job_keeps_its_watermark(scene) -> None:
    await scene.enrol("backup")
    memories = await scene.enrol("backup", minute=60)
    assert memories["backup"].settled_until == scene.at(0)


async def test_a_changed_schedule_starts_anew(scene) -> None:
    await scene.enrol("backup")
    memories = await scene.enrol("backup", minute=60, schedule="0 3 * * * Europe/Berlin")
    assert memories["backup"].settled_until == scene.at(60)


async def test_a_job_that_was_away_starts_anew(scene) -> None:
    await scene.enrol("backup", "poll")
    await scene.enrol("poll", minute=10)
    memories = await scene.enrol("backup", "poll", minute=60)
    assert memories["backup"].settled_until == scene.at(60)
    assert memories["poll"].settled_until == scene.at(0)


async def test_a_job_that_was_away_keeps_its_token_and_last_success(scene) -> None:
    """The token guards what the job writes to elsewhere: it must not start at 1 again."""
    await scene.enrol("backup", "poll")
    await scene.pass_through("backup", 1)
    await scene.enrol("poll", minute=10)
    memory = (await scene.enrol("backup", minute=60))["backup"]
    assert (memory.token, memory.last_success) == (1, scene.at(1.5))


async def test_ticks_decided_before_a_change_of_schedule_stay_decided(scene) -> None:
    """The clock was set back meanwhile: the new schedule meets ticks that already ran."""
    await scene.enrol("backup")
    await scene.pass_through("backup", 30)
    await scene.enrol("backup", minute=20, schedule="*/10 * * * * UTC")
    answer = await scene.claim("backup", 30)
    assert (answer.reason, answer.settled) == (None, True)


async def test_active_runs_come_with_the_memory(scene) -> None:
    await scene.enrol("backup")
    run = await scene.claim("backup", 1)
    memory = (await scene.enrol("backup", minute=2))["backup"]
    assert memory.active == (scene.active_run(run),)


async def test_active_runs_of_removed_jobs_are_orphans(scene) -> None:
    await scene.enrol("backup", "poll")
    run = await scene.claim("backup", 1)
    await scene.claim("poll", 1)
    await scene.enrol("poll", minute=2)
    assert list(await scene.store.orphans()) == [scene.active_run(run)]


async def test_a_job_on_the_roll_has_no_orphans(scene) -> None:
    await scene.enrol("backup")
    await scene.claim("backup", 1)
    assert list(await scene.store.orphans()) == []


async def test_a_pause_is_remembered(scene) -> None:
    await scene.enrol("backup")
    pause = Pause("uid 1000 (anna)", scene.at(1), "moving house 📦", scene.at(60))
    await scene.store.save_pause(["backup"], pause)
    assert (await scene.memory("backup")).pause == pause


async def test_a_pause_ends(scene) -> None:
    await scene.enrol("backup")
    await scene.store.save_pause(["backup"], Pause("anna", scene.at(1)))
    await scene.store.save_pause(["backup"], None)
    assert (await scene.memory("backup")).pause is None


async def test_many_jobs_are_paused_at_once_and_no_other(scene) -> None:
    await scene.enrol("backup", "poll", "sync")
    pause = Pause("anna", scene.at(1))
    await scene.store.save_pause(["backup", "poll"], pause)
    memories = [await scene.memory(job) for job in ("backup", "poll", "sync")]
    assert [memory.pause for memory in memories] == [pause, pause, None]


async def test_a_pause_of_no_job_changes_nothing(scene) -> None:
    await scene.enrol("backup")
    await scene.store.save_pause([], Pause("anna", scene.at(1)))
    assert (await scene.memory("backup")).pause is None


async def test_skip_next_is_remembered_and_forgotten(scene) -> None:
    await scene.enrol("backup")
    wish = Pause("anna", scene.at(1), "not tonight")
    await scene.store.save_skip_next("backup", wish)
    assert (await scene.memory("backup")).skip_next == wish
    await scene.store.save_skip_next("backup", None)
    assert (await scene.memory("backup")).skip_next is None


async def test_an_empty_roll_is_a_roll(scene) -> None:
    await scene.enrol("backup")
    assert await scene.enrol(minute=1) == {}
    assert (await scene.enrol("backup", minute=2))["backup"].settled_until == scene.at(2)


async def test_all_is_well_on_a_healthy_store(scene) -> None:
    await scene.store.ping()
    await scene.enrol("backup")
    assert (await scene.memory("backup")).job == "backup"
