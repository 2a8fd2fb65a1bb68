"""RQ: its lists, sorted sets and transactions; schedules, dependencies, and what a killed worker had taken."""

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta

import pytest
import redis
import rq
from rq.job import Job, JobStatus

import ledger
import rq_tasks

HERE = os.path.dirname(os.path.abspath(__file__))
QUEUES = ["high", "default", "low", "mails to send"]
connection = redis.Redis.from_url(ledger.URL)


class Worker:
    """A worker process; SimpleWorker runs jobs without a fork for each."""

    def __init__(self, *queues, kind="rq.worker.SimpleWorker", options=()):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "rq.cli", "worker", "--url", ledger.URL, "-w", kind, "-q", *options, *queues],
            cwd=HERE, process_group=0)  # fmt: skip

    def stop(self, signal_number=signal.SIGTERM):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal_number)
        self.process.wait(30)


@pytest.fixture
def start():
    started = []

    def start_one(*arguments, **keywords):
        started.append(Worker(*arguments, **keywords))
        return started[-1]

    yield start_one
    for worker in started:
        worker.stop(signal.SIGKILL)


@pytest.fixture(autouse=True)
def clean():
    ledger.clear()


def queue(name):
    return rq.Queue(name, connection=connection)


def test_jobs_of_several_queues_are_done_once_and_keep_results(start):
    for _ in range(3):
        start(*QUEUES)
    jobs = []
    for name in QUEUES:
        data = [rq.Queue.prepare_data(rq_tasks.note, (f"{name}/{at}",), result_ttl=600) for at in range(250)]
        jobs += queue(name).enqueue_many(data)
        jobs += [queue(name).enqueue(rq_tasks.note, f"{name}/{at}", result_ttl=600) for at in range(250, 500)]
    ledger.wait_for(2000, 120)
    ledger.assert_once([f"{name}/{at}" for name in QUEUES for at in range(500)])
    ledger.wait_until(lambda: all(job.get_status() == JobStatus.FINISHED for job in jobs), "all are finished")
    assert all(job.result == job.args[0] for job in jobs)
    assert all(queue(name).finished_job_registry.count == 500 and queue(name).count == 0 for name in QUEUES)


def test_higher_queues_come_first_and_front_jobs_before_others(start):
    for at in range(100):
        queue("low").enqueue(rq_tasks.note, f"low {at}")
        queue("high").enqueue(rq_tasks.note, f"high {at}")
        queue("high").enqueue(rq_tasks.note, f"front {99 - at}", at_front=True)
    start("high", "low")
    ledger.wait_for(300)
    assert list(ledger.times()) == [f"{kind} {at}" for kind in ("front", "high", "low") for at in range(100)]


def test_scheduled_jobs_come_not_before_their_time(start):
    for at in range(200):
        delay = 1 + at % 3
        queue("later").enqueue_in(timedelta(seconds=delay), rq_tasks.due, f"job {at}", time.time() + delay - 1)
    for _ in range(2):
        start("later", options=["--with-scheduler"])
    ledger.wait_for(200)
    ledger.assert_once([f"job {at}" for at in range(200)])


def test_a_failing_job_is_tried_again_and_no_more_than_it_may(start):
    jobs = [queue("retry").enqueue(rq_tasks.stubborn, at, retry=rq.Retry(max=2)) for at in range(100)]
    start("retry")
    ended = (JobStatus.FINISHED, JobStatus.FAILED)
    ledger.wait_for(300)
    ledger.wait_until(lambda: all(job.get_status() in ended for job in jobs), "all have ended")
    ledger.assert_once([f"{at} attempt {attempt}" for at in range(100) for attempt in (1, 2, 3)])
    assert [job.get_status() for job in jobs] == [ended[at % 5 == 0] for at in range(100)]
    assert queue("retry").failed_job_registry.count == 20


def test_a_job_waits_for_those_that_it_depends_on_in_other_queues(start):
    for _ in range(2):
        start("leaves", "roots")
    roots = []
    for at in range(100):
        leaves = [queue("leaves").enqueue(rq_tasks.double, at, result_ttl=600) for _ in range(3)]
        roots.append(queue("roots").enqueue(rq_tasks.add, depends_on=leaves, result_ttl=600))
    ledger.wait_until(lambda: all(root.get_status() == JobStatus.FINISHED for root in roots), "all are done")
    assert [root.result for root in roots] == [6 * at for at in range(100)]


def test_a_killed_workers_job_is_found_and_put_back(start, tmp_path):
    hang = tmp_path / "hang"
    hang.touch()
    fragile = queue("fragile")
    job = fragile.enqueue(rq_tasks.hang, "was lost", str(hang), job_timeout=1)
    rest = [fragile.enqueue(rq_tasks.note, f"job {at}") for at in range(50)]
    victim = start("fragile", kind="rq.Worker")
    ledger.wait_until(lambda: job.get_status() == JobStatus.STARTED, "it is taken")
    victim.stop(signal.SIGKILL)
    for horse in connection.smembers("rq:workers"):
        connection.srem("rq:workers", horse)
    hang.unlink()
    os.environ["PYTHONUNBUFFERED"] = "1"
    # The registry gives up on a job some time after its timeout: here at once.
    connection.zadd(fragile.started_job_registry.key, {job.id: 1})
    fragile.started_job_registry.cleanup()
    assert fragile.failed_job_registry.get_job_ids() == [job.id]
    assert Job.fetch(job.id, connection=connection).get_status() == JobStatus.FAILED
    fragile.failed_job_registry.requeue(job.id)
    start("fragile", kind="rq.Worker")
    ledger.wait_for(51)
    ledger.assert_once(["was lost", *(f"job {at}" for at in range(50))])
    ledger.wait_until(lambda: all(one.get_status() == JobStatus.FINISHED for one in [job, *rest]), "all are finished")


def test_workers_hear_commands_and_shut_down_warmly(start):
    worker = start("quiet")
    name = ledger.wait_until(lambda: [w.name for w in rq.Worker.all(queue=queue("quiet"))], "it is there")[0]
    from rq.command import send_shutdown_command

    channel = f"rq:pubsub:{name}"
    ledger.wait_until(lambda: connection.pubsub_numsub(channel)[0][1] == 1, "it listens")
    send_shutdown_command(connection, name)
    assert worker.process.wait(30) == 0
    ledger.wait_until(lambda: not rq.Worker.all(queue=queue("quiet")), "it is gone")
