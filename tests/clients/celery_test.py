"""Celery: its broker (lists, sorted sets, pub/sub), its results, canvases, and what a killed worker had taken."""

import os
import signal
import subprocess
import sys
import time

import celery
import pytest
import redis

import ledger
from celery_app import add, app, double, due, late, limited, note, stubborn

HERE = os.path.dirname(os.path.abspath(__file__))


class Worker:
    """A worker process with four threads; its log is shown when a test fails."""

    def __init__(self, name, queues, *options, **environment):
        self.name = f"{name}@here"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", "celery_app", "worker", "-n", self.name, "-Q", queues, "-P", "threads",
             "-c", "4", "-l", "WARNING", *options],
            cwd=HERE, process_group=0, env={**os.environ, **environment})  # fmt: skip
        ledger.wait_until(lambda: app.control.inspect([self.name], timeout=0.5).ping(), "the worker answers", 30)

    def stop(self, signal_number=signal.SIGTERM):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal_number)
        self.process.wait(30)


def value_of(result, patience_s=60):
    """What it comes to. Celery subscribes to it on one connection and asks for it on another, without having heard of the
    first: where that one's shard gets no CPU just then, the answer is that there is none yet, and the message that
    there is one has been sent before the subscription. So it is asked again (README.md)."""
    end = time.monotonic() + patience_s
    while True:
        try:
            return result.get(timeout=5)
        except celery.exceptions.TimeoutError:
            if time.monotonic() > end:
                raise


@pytest.fixture(scope="module", autouse=True)
def workers():
    started = [Worker("one", "default,mail,images"), Worker("two", "default,mail,reports")]
    yield started
    for worker in started:
        worker.stop()


@pytest.fixture(autouse=True)
def clean():
    ledger.clear()


def test_tasks_of_several_queues_are_done_once_and_give_results():
    queues = ["default", "mail", "images", "reports"]
    results = [note.apply_async((f"job {at}",), queue=queues[at % 4]) for at in range(2000)]
    assert [value_of(result) for result in results] == [f"job {at}" for at in range(2000)]
    ledger.assert_once([f"job {at}" for at in range(2000)])


def test_delayed_tasks_come_not_before_their_time():
    for at in range(500):
        delay = 0.2 + at % 10 * 0.15
        due.apply_async((f"job {at}", time.time() + delay), countdown=delay, queue="mail")
    ledger.wait_for(500)
    ledger.assert_once([f"job {at}" for at in range(500)])


def test_a_failing_task_is_tried_again_and_no_more_than_it_may():
    results = [stubborn.delay(at) for at in range(200)]
    for at, result in enumerate(results):
        if at % 5 == 0:
            with pytest.raises(ValueError, match=f"job {at}"):
                value_of(result)
        else:
            assert value_of(result) == at
    ledger.assert_once([f"{at} attempt {attempt}" for at in range(200) for attempt in range(3)])


def test_priorities_are_kept():
    priorities = [at * 7 % 10 for at in range(300)]
    for at, priority in enumerate(priorities):
        note.apply_async((f"{priority}/{at}",), queue="ranked", priority=priority)
    worker = Worker("ranked", "ranked", "-c", "1", "--prefetch-multiplier", "100")
    try:
        ledger.wait_for(300)
    finally:
        worker.stop()
    # The transport has a list for each of the steps 0, 3, 6 and 9.
    steps = [int(job.split("/")[0]) // 3 for job in ledger.times()]
    assert steps == sorted(steps)


def test_groups_chains_and_chords_end_with_their_sums():
    group = celery.group(double.s(at) for at in range(500)).apply_async()
    assert value_of(group) == [2 * at for at in range(500)]
    chains = [celery.chain(double.s(at), double.s(), double.s()).apply_async() for at in range(100)]
    assert [value_of(chain) for chain in chains] == [8 * at for at in range(100)]
    chords = [celery.chord((double.s(at) for at in range(20)), add.s()).apply_async(queue="mail") for _ in range(50)]
    assert [value_of(chord) for chord in chords] == [380] * 50


def test_a_rate_limit_holds():
    begin = time.time()
    for at in range(40):
        limited.apply_async((at,), queue="limited")
    worker = Worker("limited", "limited", "--prefetch-multiplier", "10")
    try:
        ledger.wait_for(40)
    finally:
        worker.stop()
    times = sorted(float(line.split()[1]) for line in ledger.times())
    assert len(times) == 40 and times[-1] - begin > 3.5


def test_tasks_of_a_killed_worker_are_done_by_another_one(tmp_path):
    hang = tmp_path / "hang"
    hang.touch()
    victim = Worker("victim", "fragile", VISIBILITY_S="2")
    for at in range(100):
        late.apply_async((f"job {at}", str(hang)), queue="fragile")
    # What it has taken from the queue and not yet noted as unacknowledged would be lost: so it has to be full.
    ledger.wait_until(lambda: redis.Redis.from_url(ledger.URL).hlen("unacked") == 16, "it does four, and has twelve more")
    victim.stop(signal.SIGKILL)
    hang.unlink()
    time.sleep(3)  # a worker that starts puts back what has not been acknowledged for as long
    heir = Worker("heir", "fragile", VISIBILITY_S="2")
    try:
        ledger.wait_for(100, 200)
    finally:
        heir.stop()
    assert set(ledger.times()) == {f"job {at}" for at in range(100)}


def test_workers_are_controlled_by_broadcasts(workers):
    assert sorted(name for answer in app.control.ping(timeout=2) for name in answer) == ["one@here", "two@here"]
    app.control.cancel_consumer("images", destination=["one@here"], reply=True, timeout=2)
    result = note.apply_async(("waits",), queue="images")
    time.sleep(0.5)
    assert not result.ready()
    app.control.add_consumer("images", destination=["one@here"], reply=True, timeout=2)
    assert value_of(result, 30) == "waits"
    revoked = note.apply_async(("never",), countdown=1)
    app.control.revoke(revoked.id)
    with pytest.raises(celery.exceptions.TaskRevokedError):
        value_of(revoked, 30)
    ledger.assert_once(["waits"])


def test_beat_sends_periodic_tasks(tmp_path):
    beat = subprocess.Popen(
        [sys.executable, "-m", "celery", "-A", "celery_app", "beat", "-s", str(tmp_path / "schedule"), "--pidfile=",
         "--max-interval", "1"],
        cwd=HERE)  # fmt: skip
    try:
        ledger.wait_for(10)
    finally:
        beat.terminate()
        beat.wait(30)
    assert all(count == 1 for count in ledger.times().values())
