"""Append-only folders made by hand, as shards write them side by side; and what is to survive of them."""

import pathlib

from resp import encode


def _crc32c_table():
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


_TABLE = _crc32c_table()


def crc32c(data):
    value = 0xFFFFFFFF
    for byte in data:
        value = value >> 8 ^ _TABLE[(value ^ byte) & 255]
    return value ^ 0xFFFFFFFF


def group(body, stamp):
    rest = b" %016x %016x\r\n" % (len(body), stamp) + body
    return b"#GROUP:%08x" % crc32c(rest) + rest


def claim(until, known, lasts):
    lines = b"#KNOWN:%016x %016x\r\n" % (until, known)
    for start in range(0, len(lasts), 48):
        lines += b"#LAST:" + b" ".join(b"%016x" % last for last in lasts[start : start + 48]) + b"\r\n"
    return lines


def stamped(stamp, *commands):
    return b"#STAMP:%016x\r\n" % stamp + b"".join(encode(*command) for command in commands)


class Folder:
    """appendonlydir with its manifest."""

    def __init__(self, folder):
        self.path = pathlib.Path(folder) / "appendonlydir"
        self.path.mkdir(parents=True)
        self.lines = []

    def add(self, data, sequence, kind="i", more=""):
        name = f"appendonly.aof.{sequence}.{'incr' if kind == 'i' else 'base'}.aof"
        (self.path / name).write_bytes(data)
        self.lines.append(f"file {name} seq {sequence} type {kind}{more}\n")
        (self.path / "appendonly.aof.manifest").write_text("".join(self.lines))
        return self.path / name

    def add_segments(self, segments, sequence=1):
        """A generation: the bytes of each shard's file."""
        return [
            self.add(data, sequence + i, more=f" shard {i} shards {len(segments)}") for i, data in enumerate(segments)
        ]


def cut_stamp(segments):
    """The rule, from what is left: of each segment its groups, (until, known, lasts) each."""
    untils = [max((until for until, _, _ in groups), default=0) for groups in segments]
    complete = list(untils)
    for groups in segments:
        for _, known, lasts in groups:
            for i, last in enumerate(lasts):
                if last <= untils[i]:
                    complete[i] = max(complete[i], known)
    return min(complete)
