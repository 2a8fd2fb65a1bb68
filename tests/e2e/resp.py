"""A RESP client that hides nothing: requests as bytes, replies as bytes or as values.

redis-py shows what applications see. This one shows what is on the wire: errors are
values, RESP3 types keep their names, and read_raw() gives a reply byte for byte.
"""

import socket


class Closed(Exception):
    """The server closed the connection."""


class Error(str):
    """An error reply, its code and text without the leading '-'."""

    def __repr__(self):
        return f"Error({str(self)!r})"


class Simple(str):
    """A simple string."""


class Verbatim(bytes):
    """A RESP3 verbatim string, without its three letters of format."""


class Push(list):
    """A RESP3 push message."""


def encode(*arguments):
    """A request: an array of bulk strings."""
    parts = [b"*%d\r\n" % len(arguments)]
    for argument in arguments:
        if isinstance(argument, str):
            argument = argument.encode()
        elif not isinstance(argument, (bytes, bytearray)):
            argument = str(argument).encode()
        parts.append(b"$%d\r\n%b\r\n" % (len(argument), argument))
    return b"".join(parts)


def _value_of_line(kind, text):
    if kind == b"+":
        return Simple(text.decode())
    if kind == b"-":
        return Error(text.decode("utf-8", "backslashreplace"))
    if kind in (b":", b"("):
        return int(text)
    if kind == b",":
        return float(text)
    if kind == b"#":
        return text == b"t"
    if kind == b"_":
        return None
    raise ValueError(f"unknown reply type {kind!r} before {text!r}")


class Connection:
    """One socket. `address` is (host, port), or the path of a Unix socket."""

    def __init__(self, address, timeout=20, receive_bytes=None):
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        if receive_bytes:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.socket.connect(address)
        if family != socket.AF_UNIX:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._bytes = bytearray()
        self._at = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def send_commands(self, commands):
        self.send(b"".join(encode(*command) for command in commands))

    def command(self, *arguments):
        """One request and its reply, as a value."""
        self.send(encode(*arguments))
        return self.read()

    def __call__(self, line):
        """The words of `line` as one request; its reply as a value."""
        return self.command(*line.split())

    def pipeline(self, commands):
        commands = list(commands)
        self.send_commands(commands)
        return [self.read() for _ in commands]

    # Replies.

    def _fill(self):
        received = self.socket.recv(1 << 18)
        if not received:
            raise Closed()
        if self._at > 1 << 20:
            del self._bytes[: self._at]
            self._at = 0
        self._bytes += received

    def _line(self):
        start = self._at
        end = self._bytes.find(b"\r\n", start)
        while end < 0:
            seen = len(self._bytes) - self._at
            self._fill()
            end = self._bytes.find(b"\r\n", self._at + max(0, seen - 1))
        line = bytes(self._bytes[self._at : end])
        self._at = end + 2
        return line

    def _take(self, length):
        while len(self._bytes) - self._at < length:
            self._fill()
        taken = bytes(self._bytes[self._at : self._at + length])
        self._at += length
        return taken

    def read(self):
        """The next reply as a value."""
        if self._at == len(self._bytes):
            self._bytes.clear()
            self._at = 0
        line = self._line()
        kind, text = line[:1], line[1:]
        if kind in (b"$", b"="):
            if text == b"-1":
                return None
            body = self._take(int(text) + 2)[:-2]
            return body if kind == b"$" else Verbatim(body[4:])
        if kind in (b"*", b"~", b">"):
            if text == b"-1":
                return None
            items = [self.read() for _ in range(int(text))]
            return Push(items) if kind == b">" else items
        if kind == b"%":
            return {self._key(self.read()): self.read() for _ in range(int(text))}
        return _value_of_line(kind, text)

    @staticmethod
    def _key(key):
        return bytes(key) if isinstance(key, bytes) else key

    def read_raw(self):
        """The bytes of the next reply."""
        parts = []
        left = 1
        while left:
            line = self._line()
            parts.append(line + b"\r\n")
            left -= 1
            kind = line[:1]
            if kind in b"$=" and line != b"$-1":
                parts.append(self._take(int(line[1:]) + 2))
            elif kind in b"*~>" and line != b"*-1":
                left += int(line[1:])
            elif kind in b"%|":  # attributes come before the value that they describe
                left += 2 * int(line[1:]) + (kind == b"|")
        return b"".join(parts)

    def read_until_closed(self):
        """Everything that comes until the server closes; raises on a timeout."""
        everything = [bytes(self._bytes[self._at :])]
        self._bytes.clear()
        self._at = 0
        try:
            while received := self.socket.recv(1 << 16):
                everything.append(received)
        except ConnectionResetError:
            pass
        return b"".join(everything)

    def is_silent_for(self, seconds):
        """Whether nothing comes in that time; takes nothing away."""
        timeout = self.socket.gettimeout()
        self.socket.settimeout(seconds)
        try:
            self.socket.recv(1, socket.MSG_PEEK)
            return False
        except socket.timeout:
            return len(self._bytes) == self._at
        finally:
            self.socket.settimeout(timeout)

    def is_closed_within(self, seconds):
        """Whether the server closes it in that time, nothing being due."""
        self.socket.settimeout(seconds)
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True
        except socket.timeout:
            return False
