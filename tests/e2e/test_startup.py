"""Starting and stopping: each mistake is one clear line on stderr and exit status 1."""

import os
import pathlib
import re
import signal
import socket
import subprocess

import pytest

from server import BINARY, free_port, run_to_end, scaled, wait_until


def refusal(*arguments, input=None):
    """The one line that a server says which does not start."""
    status, _, errors = run_to_end(*arguments, input=input)
    assert status == 1, errors
    lines = errors.splitlines()
    assert len(lines) == 1 and 10 < len(lines[0]) < 400, errors
    return lines[0]


def configuration(tmp_path, text):
    path = tmp_path / "broken.conf"
    path.write_text(text)
    return str(path)


def test_a_broken_line_is_named_with_its_number(tmp_path):
    line = refusal(configuration(tmp_path, "port 0\n\n# fine\nmaxmemory lots\n"))
    assert "4" in line and "maxmemory" in line


@pytest.mark.parametrize(
    "wrong,nearest", [("maxmemroy 1gb", "maxmemory"), ("prot 6380", "port"), ("tcp-keep-alive 3", "tcp-keepalive"), ("shard 2", "shards")]
)
def test_an_unknown_directive_is_answered_with_the_nearest_name(tmp_path, wrong, nearest):
    line = refusal(configuration(tmp_path, f"port 0\n{wrong}\n"))
    assert re.search(r"\b2\b", line) and f"{nearest}" in line and wrong.split()[0] in line
    name, value = wrong.split()
    assert nearest in refusal(f"--{name}", value)


@pytest.mark.parametrize(
    "text", ["timeout\n", "timeout 1 2\n", "databases 0\n", "loglevel loud\n", "requirepass 'x\n", "port 65536\n", "save 1\n", "affinity nostar\n"]
)  # fmt: skip
def test_broken_configurations(tmp_path, text):
    assert re.search(r"\b1\b", refusal(configuration(tmp_path, text)))


def test_a_configuration_that_listens_nowhere(tmp_path):
    assert "listen" in refusal(configuration(tmp_path, "bind\n"))


def test_a_configuration_that_is_not_there(tmp_path):
    assert "nosuch.conf" in refusal(str(tmp_path / "nosuch.conf"))
    assert refusal(str(tmp_path))


def test_a_port_in_use():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        line = refusal("--port", port, "--bind", "127.0.0.1")
        assert str(port) in line and "Address already in use" in line


def test_an_address_that_is_not_ours():
    line = refusal("--port", free_port(), "--bind", "203.0.113.77")
    assert "203.0.113.77" in line


def test_data_folders_that_cannot_be(tmp_path):
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "nosuch", tmp_path / "file", "/proc"):
        assert str(folder) in refusal("--port", free_port(), "--dir", folder)


@pytest.mark.parametrize("shards", ["0", "10000", "-1", "many", ""])
def test_shard_counts_that_cannot_be(shards):
    assert "shards" in refusal("--port", free_port(), "--shards", shards)


@pytest.mark.parametrize("cpus", ["9999", "0-", "x", "3-1", "0,,1", "-1", "70000"])
def test_cpus_that_do_not_exist(cpus):
    assert "cpus" in refusal("--port", free_port(), "--shard-cpus", cpus)


def test_fewer_cpus_than_shards():
    assert "1 CPU" in refusal("--port", free_port(), "--shard-cpus", "0", "--shards", "2")


def test_a_unix_socket_where_none_can_be(tmp_path):
    assert "nosuch" in refusal("--port", "0", "--unixsocket", tmp_path / "nosuch" / "s")
    assert refusal("--port", "0", "--unixsocket", "/tmp/" + "x" * 200)
    assert "listen" in refusal("--port", "0")


def test_a_log_file_that_cannot_be(tmp_path):
    assert "nosuch" in refusal("--port", free_port(), "--logfile", tmp_path / "nosuch" / "log")


def test_version_and_help():
    for option in ("--version", "-v"):
        status, out, errors = run_to_end(option)
        assert status == 0 and errors == "" and re.match(r"Shoal server v=\d+\.\d+\.\d+ sha=\S+ bits=64\n$", out)
    for option in ("--help", "-h"):
        status, out, errors = run_to_end(option)
        assert status == 0 and errors == "" and out.startswith("Usage: shoal-server") and "--shards" in out


def test_the_banner_says_what_runs(start, backend):
    server = start("--shards", 2, "--net-backend", backend)
    log = wait_until(lambda: "Ready to accept" in server.log() and server.log())
    for text in ("Shoal ", "2 shards", f"Network: {backend}", f"127.0.0.1:{server.port}", "Ready to accept connections"):
        assert text in log, text
    assert server.info("server")["multiplexing_api"].startswith(backend)


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
def test_signals_stop_it_cleanly_with_clients_at_work(start, backend, signal_number):
    server = start("--shards", 3, "--net-backend", backend)
    connections = [server.connect() for _ in range(10)]
    for connection in connections:
        connection.send_commands([("SET", f"k:{i}", "v") for i in range(200)])
    server.stop(signal_number)
    assert f"Received {signal.Signals(signal_number).name}" in server.log()
    for connection in connections:
        connection.read_until_closed()
        connection.close()


def test_connections_that_begin_while_it_stops_do_not_keep_it(start, backend):
    """Some are accepted and on the way to their shard when the shards let go of theirs."""
    for _ in range(scaled(50)):
        server = start("--shards", 3, "--net-backend", backend)
        connections = [server.connect() for _ in range(10)]
        server.stop()
        for connection in connections:
            connection.close()


@pytest.mark.parametrize("options", ["", "NOSAVE", "NOW FORCE"])
def test_shutdown_by_command(start, backend, options):
    server = start("--shards", 2, "--net-backend", backend)
    with server.connect() as connection:
        connection.send(f"SHUTDOWN {options}\r\n".encode())
        assert connection.read_until_closed() == b""
    server.wait_for_exit()
    server.stop()


def test_sighup_opens_the_log_again(start, tmp_path):
    log = tmp_path / "shoal.log"
    server = start("--logfile", log)
    wait_until(lambda: "Ready to accept connections" in log.read_text())
    assert server.log() == ""
    log.rename(tmp_path / "shoal.log.1")
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: log.exists() and "opened again" in log.read_text())
    with server.connect() as connection:
        assert connection("PING") == "PONG"
    server.stop()
    assert "bye bye" in log.read_text() and "bye bye" not in (tmp_path / "shoal.log.1").read_text()


def test_pidfile(start, tmp_path):
    pidfile = tmp_path / "shoal.pid"
    server = start("--pidfile", pidfile)
    assert int(pidfile.read_text()) == server.pid
    server.stop()
    assert not pidfile.exists()


def test_options_after_a_file_win(start, tmp_path):
    path = tmp_path / "some.conf"
    path.write_text("maxmemory 1gb\ntimeout 5\nshards 1\nbind 127.0.0.1\n")
    server = start("--timeout", 9, "--shards", 2, config=path, host="127.0.0.1")
    with server.connect() as connection:
        assert connection("CONFIG GET timeout") == [b"timeout", b"9"]
        assert connection("CONFIG GET maxmemory") == [b"maxmemory", b"1073741824"]
    assert server.info("shoal")["shards"] == "2"


def test_a_configuration_on_standard_input(tmp_path):
    port = free_port()
    process = subprocess.Popen([BINARY, "-"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    try:
        process.stdin.write(f"port {port}\nbind 127.0.0.1\ndir {tmp_path}\n")
        process.stdin.close()

        def answers():
            try:
                with socket.create_connection(("127.0.0.1", port)):
                    return True
            except OSError:
                return False

        wait_until(answers)
        process.terminate()
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()


def test_debians_redis_conf_is_accepted(start, tmp_path):
    stock = pathlib.Path("/etc/redis/redis.conf")
    if not stock.exists():
        pytest.skip("Debian's redis package is not installed")
    path, data, port = tmp_path / "redis.conf", tmp_path / "data", free_port()
    data.mkdir()
    ours = {
        "port": port, "dir": data, "logfile": data / "log", "pidfile": data / "pid", "unixsocket": data / "socket", "daemonize": "no",
    }  # fmt: skip
    lines = []
    for line in stock.read_text().splitlines():
        name = line.split(" ")[0]
        lines.append(f"{name} {ours[name]}" if name in ours else line)
    path.write_text("\n".join(lines) + "\n")
    server = start(config=path, port=0, host="127.0.0.1", address=("127.0.0.1", port))
    with server.connect() as connection:
        assert connection("SET k v") == "OK"
    wait_until(lambda: "Ready to accept connections" in (data / "log").read_text())


def test_daemonize(tmp_path):
    port = free_port()
    status, _, errors = run_to_end(
        *("--port", port, "--bind", "127.0.0.1", "--dir", tmp_path, "--daemonize", "yes"),
        *("--pidfile", tmp_path / "pid", "--logfile", tmp_path / "log"),
    )
    assert status == 0 and errors == ""
    pid = int(wait_until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text()))
    try:
        wait_until(lambda: "Ready to accept" in (tmp_path / "log").read_text())
    finally:
        os.kill(pid, signal.SIGTERM)
    wait_until(lambda: "bye bye" in (tmp_path / "log").read_text())
    wait_until(lambda: not (tmp_path / "pid").exists())
