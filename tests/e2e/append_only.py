"""The append-only file of a server, as others see it: its bytes, and what redis-server loads from it."""

import contextlib
import pathlib
import shutil
import tempfile

from server import Server, wait_until

FOLDER = "appendonlydir"


def segments(folder):
    """The files that the manifest names, in the order in which they are loaded."""
    place = pathlib.Path(folder) / FOLDER
    lines = (place / "appendonly.aof.manifest").read_text().splitlines()
    return [place / line.split()[1] for line in lines]


def written(folder):
    """All bytes of all segments, as far as they have been handed to the kernel."""
    return b"".join(path.read_bytes() for path in segments(folder))


@contextlib.contextmanager
def loaded_by_redis(folder):
    """A redis-server that has loaded a copy of the folder's file, which it refuses unless it is whole."""
    with tempfile.TemporaryDirectory() as copy:
        shutil.copytree(pathlib.Path(folder) / FOLDER, pathlib.Path(copy) / FOLDER)
        options = ("--appendonly", "yes", "--aof-load-truncated", "no", "--save", "", "--bind", "127.0.0.1")
        server = Server(copy, *options, "--enable-debug-command", "yes", binary="redis-server")
        try:
            server.start()
            wait_until(lambda: server.info("persistence")["loading"] == "0")
            yield server
        finally:
            server.kill()
