#!/usr/bin/python3
"""Runs the real clients' tests, each beside a fresh server of four shards with no other setting: see README.md."""

import argparse
import concurrent.futures
import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
FOLDER = ROOT / "build" / "clients"
MODULES = FOLDER / "node_modules"
sys.path.insert(0, str(HERE.parent / "e2e"))

from server import BINARY, Server  # noqa: E402

PATIENCE_S = 900
LEAST_NODE = 20  # which ioredis asks for


def without_node():
    if not shutil.which("node"):
        return "Node.js is not installed"
    version = subprocess.run(["node", "--version"], capture_output=True, text=True).stdout.strip()
    if int(version.lstrip("v").split(".")[0]) < LEAST_NODE:
        return f"Node.js is {version}, and its clients need {LEAST_NODE} or later"
    return "" if MODULES.is_dir() else "its modules are not installed (tests/clients/setup says why)"


def without_python(module):
    def reason():
        found = subprocess.run(["/usr/bin/python3", "-c", f"import {module}"], capture_output=True)
        return "" if found.returncode == 0 else f"Debian's python3-{module} is not installed"

    return reason


def without_sidekiq():
    return "" if shutil.which("sidekiq") else "Debian's ruby-sidekiq is not installed"


def without_asynq():
    if not os.environ.get("ASYNQ_GOPATH"):
        return "ASYNQ_GOPATH names no Go workspace that has github.com/hibiken/asynq"
    return "" if shutil.which("go") else "Go is not installed"


@dataclass
class Client:
    command: list
    missing: object  # why it can't run here, or ""
    environment: dict = field(default_factory=dict)


def node(file, **environment):
    return Client(["node", "--test", "--test-reporter=spec", "--test-force-exit", "--test-timeout=300000", file], without_node, environment)


def python(file, module):
    return Client(["/usr/bin/python3", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "ignore", file],
                  without_python(module))  # fmt: skip


CLIENTS = {
    "celery": python("celery_test.py", "celery"),
    "bullmq": node("bullmq.test.js", BULLMQ_DRIVER="ioredis"),
    "bullmq-node-redis": node("bullmq.test.js", BULLMQ_DRIVER="redis"),
    "rq": python("rq_test.py", "rq"),
    "sidekiq": Client(["ruby", "sidekiq_test.rb", "-v"], without_sidekiq),
    "bull": node("bull.test.js"),
    "bee-queue": node("bee_queue.test.js"),
    "ioredis": node("ioredis.test.js"),
    "node-redis": node("node_redis.test.js"),
    "redis-py": python("redis_py_test.py", "redis"),
    "asynq": Client(["go", "run", "asynq/main.go"], without_asynq,
                    {"GO111MODULE": "off", "GOPATH": os.environ.get("ASYNQ_GOPATH", "")}),
}


def is_redis():
    return "redis-server" in os.path.basename(BINARY)


def options_of_server(shards):
    options = ["--bind", "127.0.0.1"]
    return [*options, "--save", "", "--appendonly", "no"] if is_redis() else [*options, "--shards", shards]


def run_beside(name, client, server, folder):
    """The client's exit status and how long it took; what it printed lies in FOLDER."""
    environment = {**os.environ, "SHOAL_PORT": str(server.port), "SHOAL_LEDGER": os.path.join(folder, "ledger"),
                   "NODE_PATH": str(MODULES), "C_FORCE_ROOT": "1", "PYTHONDONTWRITEBYTECODE": "1",
                   **client.environment}  # fmt: skip
    open(environment["SHOAL_LEDGER"], "w").close()
    begin = time.monotonic()
    with open(FOLDER / f"{name}.log", "w") as log:
        process = subprocess.Popen(client.command, cwd=HERE, env=environment, stdin=subprocess.DEVNULL, stdout=log,
                                   stderr=log, start_new_session=True)  # fmt: skip
    try:
        return process.wait(PATIENCE_S), time.monotonic() - begin
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # whatever it left behind


def scripts_of(server):
    """What INFO says of the scripts that ran: those of one shard, of several, and those that had to begin again."""
    counts = {name: value for name, value in server.info().items() if name.startswith("scripts_")}
    return ", ".join(f"{name[8:]} {value}" for name, value in counts.items())


def run_one(name, shards):
    """(how it ended, a line to say so)"""
    client = CLIENTS[name]
    reason = client.missing()
    if reason:
        return "skipped", f"SKIP {name}: {reason}"
    with tempfile.TemporaryDirectory(prefix="shoal-clients-") as folder:
        server = Server(os.path.join(folder, "server"), *options_of_server(shards), binary=BINARY)
        try:
            server.start()
            status, seconds = run_beside(name, client, server, folder)
            if status != 0:
                return "failed", f"FAIL {name} after {seconds:.0f} s:\n{(FOLDER / f'{name}.log').read_text()[-6000:]}"
            counts = "" if is_redis() else scripts_of(server)
            if not is_redis():
                server.stop()
            return "passed", f"ok   {name} in {seconds:.0f} s{': scripts ' + counts if counts else ''}"
        except (AssertionError, subprocess.TimeoutExpired) as error:
            return "failed", f"FAIL {name}: {error}"
        finally:
            server.kill()


def main(arguments):
    parser = argparse.ArgumentParser(prog="run.py", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="CLIENT", help=f"of {', '.join(CLIENTS)}; all of them without")
    parser.add_argument("--shards", type=int, default=4)
    parser.add_argument("--jobs", type=int, default=2, help="clients that run at one time")
    options = parser.parse_args(arguments)
    if unknown := set(options.names) - set(CLIENTS):
        parser.error(f"no client is called {', '.join(sorted(unknown))}")
    FOLDER.mkdir(parents=True, exist_ok=True)
    ends = []
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for end, line in pool.map(lambda name: run_one(name, options.shards), options.names or CLIENTS):
            print(line, flush=True)
            ends.append(end)
    print(f"clients: {ends.count('passed')} passed, {ends.count('failed')} failed, {ends.count('skipped')} skipped")
    return 1 if "failed" in ends else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
