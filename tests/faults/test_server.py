"""The database server goes away, is full, is slow, or is in somebody's way in the middle of the work."""

import os
import random
import subprocess
import threading
import time

import pytest
from state import differences
from test_killed import JOBS

SEED = 20260122
DATABASE = "faults"


@pytest.mark.parametrize("job", JOBS)
def test_server_restarted(stage, exhaustive, job):
    """The server crashes, or is shut down, at some moment; it comes back, and the next run goes on."""
    start, name = JOBS[job], "queue" if job == "tiers" else job
    undisturbed, expected = stage.undisturbed(start, name)
    seeded = random.Random(f"{SEED} restart {job}")
    for number in range(5 if exhaustive else 1):
        stage.set(start)
        step = seeded.randint(1, undisturbed["steps"] - 1)
        stage.worker.begin(name, stop_at=step)
        assert stage.worker.end() == {"stopped": True}
        stage.cluster.stop("fast" if number % 2 else "immediate")
        stage.worker.go_on()
        stage.cluster.start()
        # the last step may be the last thing it asked for
        stage.worker.end()
        stage.cluster.wait_for_nobody(DATABASE)
        stage.worker.do(name)
        said = differences(expected, stage.forgiving())
        assert not said, f"{job}, restarted at step {step} of {undisturbed['steps']}:\n{said}"


@pytest.fixture
def small_disk(stage):
    """A tablespace on a disk that has room for the database and little else; `fill` leaves so many KiB of it."""
    if os.geteuid():
        pytest.skip("only root can mount a small disk")
    folder = stage.cluster.folder / "disk"
    folder.mkdir()
    size = stage.cluster.query("postgres", f"SELECT pg_database_size('{DATABASE}_traded')")[0][0] + (64 << 20)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=False)
    if mounted.returncode:
        pytest.skip("mounting a small disk is not allowed here")
    try:
        space = folder / "space"
        space.mkdir()
        os.chown(space, stage.cluster.data.stat().st_uid, -1)
        stage.cluster.query("postgres", f"CREATE TABLESPACE small LOCATION '{space}'")
        yield folder
        stage.cluster.drop(DATABASE)
        stage.cluster.query("postgres", "DROP TABLESPACE small")
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def fill(folder, kilobytes):
    """Leave so much room on a disk."""
    free = os.statvfs(folder)
    with open(folder / "filler", "wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(free.f_bavail * free.f_frsize - kilobytes * 1024, 1))


def test_disk_full(stage, exhaustive, small_disk):
    _undisturbed, expected = stage.undisturbed("traded", "refresh")
    failed = 0
    for kilobytes in (0, 64, 256, 512, 1024, 2048) if exhaustive else (0, 256):
        stage.set("traded", "TABLESPACE small")
        fill(small_disk, kilobytes)
        stage.worker.begin("refresh")
        failed += bool(stage.worker.end()["error"]) or bool(
            stage.query("SELECT 1 FROM crm_value_run WHERE state != 'done'")
        )
        (small_disk / "filler").unlink()
        stage.cluster.wait_for_nobody(DATABASE)
        stage.worker.do("refresh")
        said = differences(expected, stage.forgiving())
        assert not said, f"{kilobytes} KiB left:\n{said}"
    assert failed, "there was room enough"


def test_statement_timeout(stage, exhaustive):
    _undisturbed, expected = stage.undisturbed("traded", "refresh")
    failed = 0
    for milliseconds in (2, 4, 8, 12, 20, 30, 50) if exhaustive else (3, 12):
        stage.set("traded")
        # from elsewhere: in this database it holds for the test, too
        stage.cluster.query("postgres", f"ALTER DATABASE {DATABASE} SET statement_timeout = {milliseconds}")
        stage.worker.begin("refresh")
        error = stage.worker.end()["error"]
        stage.cluster.query("postgres", f"ALTER DATABASE {DATABASE} RESET statement_timeout")
        failed += bool(error or stage.query("SELECT 1 FROM crm_value_run WHERE state != 'done'"))
        stage.worker.do("refresh")
        said = differences(expected, stage.forgiving())
        assert not said, f"{milliseconds} ms:\n{said}"
    assert failed, "every statement was quick enough"


def test_deadlock(stage):
    """Another session holds a customer and asks for the others: the refresh is the victim and tries again."""
    _undisturbed, expected = stage.undisturbed("traded", "refresh")
    stage.set("traded")
    # those that the refresh writes, all in its first batch
    written = {
        row
        for [row] in stage.cluster.query(
            f"{DATABASE}_due", "SELECT id FROM crm_value WHERE as_of_date = %s", stage.today
        )
    }
    rows = [
        row
        for [row] in stage.query("SELECT id FROM crm_value WHERE company_id = 1 ORDER BY partner_id LIMIT 80")
        if row in written
    ]
    assert len(rows) > 10
    other = stage.cluster.connect(DATABASE)
    with other, other.cursor() as cursor:
        cursor.execute("SET deadlock_timeout = '1min'")
        cursor.execute("SELECT FROM crm_value WHERE id = ANY(%s) FOR UPDATE", [rows[-1:]])
        stage.worker.begin("refresh")
        until = time.monotonic() + 60
        while not stage.query("SELECT 1 FROM pg_locks WHERE NOT granted"):
            assert time.monotonic() < until, "nobody met anybody"
            time.sleep(0.02)
        taking = threading.Thread(
            target=cursor.execute, args=("SELECT FROM crm_value WHERE id = ANY(%s) FOR UPDATE", [rows[:-1]])
        )
        taking.start()
        taking.join(60)
        assert not taking.is_alive()
    other.close()
    done = stage.worker.end()
    assert not done["error"], done["error"]
    assert stage.query("SELECT deadlocks FROM pg_stat_database WHERE datname = %s", DATABASE)[0][0] >= 1
    assert not differences(expected, stage.state())
