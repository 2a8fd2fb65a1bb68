"""The jobs that rq_test.py enqueues, as its worker processes load them."""

import os
import time

import ledger


def note(job):
    ledger.note(job)
    return job


def add(*names):
    """The sum of the results of the jobs that the current one depends on."""
    import rq

    return sum(dependency.result for dependency in rq.get_current_job().fetch_dependencies())


def double(number):
    return number * 2


def due(job, not_before):
    ledger.note(job if time.time() >= not_before else f"early {job}")


def stubborn(number):
    """Fails twice, or always where the number says so."""
    ledger.note(f"{number} attempt {ledger_attempt(number)}")
    if number % 5 == 0 or ledger_attempt(number) < 4:
        raise ValueError(f"job {number}")
    return number


def ledger_attempt(number):
    return 1 + sum(line.startswith(f"{number} attempt ") for line in ledger.times())


def hang(job, path):
    """Hangs where the file is there."""
    if os.path.exists(path):
        time.sleep(600)
    ledger.note(job)
