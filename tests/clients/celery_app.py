"""The tasks that celery_test.py calls, as its worker processes load them."""

import os
import time

import celery

import ledger

app = celery.Celery("celery_app", broker=ledger.URL, backend=ledger.URL)
app.conf.update(
    broker_transport_options={"visibility_timeout": int(os.environ.get("VISIBILITY_S", 3600)), "queue_order_strategy": "priority", "unacked_restore_limit": 100},
    result_chord_retry_interval=0.1,
    worker_prefetch_multiplier=4,
    task_default_queue="default",
    beat_schedule={"tick": {"task": "celery_app.tick", "schedule": 0.2}},
)


@app.task
def note(job):
    ledger.note(job)
    return job


@app.task
def add(numbers):
    return sum(numbers)


@app.task
def double(number):
    return number * 2


@app.task
def tick():
    ledger.note(f"tick {time.time()}")


@app.task
def due(job, not_before):
    ledger.note(job if time.time() >= not_before else f"early {job}")


@app.task(bind=True, max_retries=2, default_retry_delay=0)
def stubborn(self, number):
    ledger.note(f"{number} attempt {self.request.retries}")
    if self.request.retries < 2 or number % 5 == 0:
        raise self.retry(countdown=number % 3 * 0.1, exc=ValueError(f"job {number}"))
    return number


@app.task(rate_limit="10/s")
def limited(job):
    ledger.note(f"{job} {time.time()}")


@app.task(acks_late=True)
def late(job, hang_path):
    """Hangs where the file is there."""
    if os.path.exists(hang_path):
        time.sleep(600)
    ledger.note(job)
