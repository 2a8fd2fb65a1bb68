"""Who has done which job: a file that every worker process appends to, one line a job, beside the server that is tested."""

import collections
import os
import time

PATH = os.environ["SHOAL_LEDGER"]
URL = f"redis://127.0.0.1:{os.environ['SHOAL_PORT']}/0"


def note(job):
    """One write, so that lines of several processes do not mix."""
    file = os.open(PATH, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(file, f"{job}\n".encode())
    os.close(file)


def clear():
    open(PATH, "w").close()


def times():
    with open(PATH) as file:
        return collections.Counter(file.read().splitlines())


def assert_once(expected):
    """Neither a job of `expected` that was not done once, nor any other."""
    done = times()
    assert [job for job in expected if done[job] == 0][:5] == [], "not done"
    assert [job for job, count in done.items() if count != 1][:5] == [], "done more than once"
    assert len(done) == len(expected)


def wait_until(condition, what, seconds=60):
    deadline = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        assert time.monotonic() < deadline, f"{what}: not after {seconds} s"
        time.sleep(0.02)


def wait_for(count, seconds=60):
    """Until as many jobs are done."""
    wait_until(lambda: len(times()) >= count, f"{count} jobs are done", seconds)
