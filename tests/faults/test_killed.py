"""A process that works on customer values is killed at any moment; the next one ends where nobody was killed."""

import random

import pytest
from state import differences

#: by job: the state of the database that it starts from
JOBS = {"refresh": "traded", "ranges": "traded", "queue": "traded", "tiers": "ruled", "followup": "due"}
SEED = 20260122
MOMENTS, ALL_MOMENTS = 2, 20


def test_ranges_end_where_one_reading_does(stage):
    """A large company is refreshed in ranges; nobody can tell by its figures."""
    assert not differences(stage.undisturbed("traded", "refresh")[1], stage.undisturbed("traded", "ranges")[1])


@pytest.mark.parametrize("job", JOBS)
def test_killed_and_run_again(stage, exhaustive, job):
    start, name = JOBS[job], "queue" if job == "tiers" else job
    undisturbed, expected = stage.undisturbed(start, name)
    assert undisturbed["steps"] > 30, "too short to be disturbed"
    assert not expected["crm_value_queue"] and not expected["failed"]
    seeded, alive = random.Random(f"{SEED} {job}"), 0
    for number in range(ALL_MOMENTS if exhaustive else MOMENTS):
        stage.set(start)
        if number % 2:
            seconds = seeded.uniform(0, 0.95 * undisturbed["seconds"])
            alive += stage.kill_after(seconds, name)
            moment = f"killed after {seconds:.3f} s of {undisturbed['seconds']:.3f}"
        else:
            step = seeded.randint(1, undisturbed["steps"] - 1)
            alive += stage.kill_at(step, name)
            moment = f"killed before step {step} of {undisturbed['steps']}"
        stage.worker.do(name)
        said = differences(expected, stage.forgiving())
        assert not said, f"{job} {moment}:\n{said}"
    assert alive > number / 2, "most of these moments came after the end"
