"""What a power loss would have left of a server's files, by the record of what it did (recorder.c).

What was written and synced is there, and so are the names in a folder that was synced. Of the rest there
is what the dice choose: nothing; all; a prefix of what was done, the last of it torn; or any sectors, and
any prefix of the names. Who is killed only leaves what is on record behind; later servers on the same
folder go on with it, until the power fails.
"""

import os
import pathlib
import struct

HEAD = struct.Struct("<QQQQ")
SECTOR_BYTES = 512
FOLDER = "a folder"


class File:
    """base: on the disk for good; changes since then: (when, offset, bytes), or (when, length, None)."""

    def __init__(self, base=b""):
        self.base, self.changes, self.begun = base, [], {}

    def settle(self, until):
        while self.changes and self.changes[0][0] <= until:
            self.base = apply(self.base, self.changes.pop(0))

    def left(self, dice):
        manner = dice.choice(("nothing", "all", "prefix", "sectors"))
        kept = {"nothing": 0, "prefix": dice.randint(0, len(self.changes))}.get(manner, len(self.changes))
        content = self.base
        for change in self.changes[:kept]:
            content = apply(content, change)
        if manner == "prefix" and kept < len(self.changes) and self.changes[kept][2]:
            when, offset, data = self.changes[kept]
            content = apply(content, (when, offset, data[: dice.randint(0, len(data))]))
        return self.without_sectors(content, dice) if manner == "sectors" else content

    def without_sectors(self, content, dice):
        content = bytearray(content)
        before = self.base.ljust(len(content), b"\0")
        for at in range(0, len(content), SECTOR_BYTES):
            if dice.random() < 0.3:
                content[at : at + SECTOR_BYTES] = before[at : at + SECTOR_BYTES][: len(content) - at]
        return bytes(content)


def apply(content, change):
    _, offset, data = change
    content = content[:offset].ljust(offset, b"\0") if data is None else content.ljust(offset, b"\0")
    return content if data is None else content[:offset] + data + content[offset + len(data) :]


def read_records(path):
    content = path.read_bytes() if path.exists() else b""
    at = 0
    while at + HEAD.size <= len(content):
        kind, inode, number, length = HEAD.unpack_from(content, at)
        at += HEAD.size
        if at + length > len(content):
            return
        yield chr(kind), inode, number, content[at : at + length]
        at += length


class Power:
    """Of one data folder. Only what is recorded of it can be lost; logs are not."""

    def __init__(self, library, folder):
        self.library, self.folder = library, pathlib.Path(folder)
        self.record = pathlib.Path(f"{folder}.record")
        self.begin()

    def begin(self):
        """All that is there now is there for good."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.record.unlink(missing_ok=True)
        self.names = {}  # on the disk for good: path: File, or FOLDER
        self.pending = []  # changes of names that are not
        self.inodes = {}  # File, or the folder's path, by inode
        for path in [self.folder, *self.folder.rglob("*")]:
            it = File(path.read_bytes()) if path.is_file() else FOLDER
            self.names[str(path)] = it
            self.inodes[path.stat().st_ino] = str(path) if it is FOLDER else it

    def end_record(self):
        """Of a large write, which is not recorded as a whole where the server was killed meanwhile."""
        if self.record.exists():
            whole = sum(HEAD.size + len(data) for _, _, _, data in read_records(self.record))
            os.truncate(self.record, whole)

    def environment(self):
        self.end_record()
        return {"LD_PRELOAD": str(self.library), "SHOAL_RECORD": str(self.record), "SHOAL_RECORDED": str(self.folder)}

    def sync_folder(self, path, until):
        for change in list(self.pending):
            when, source, target, _ = change
            if when <= until and os.path.dirname(target or source) == path:
                rename(self.names, *change[1:])
                self.pending.remove(change)

    def replay(self):
        now, begun = dict(self.names), {}

        def change_name(source, target, it):
            self.pending.append((when, source, target, it))
            rename(now, source, target, it)

        for when, (kind, inode, number, data) in enumerate(read_records(self.record)):
            it = self.inodes.get(inode)
            if kind in "crlum":
                source, target = ([os.path.normpath(name) for name in data.decode().split("\0") if name] + [None])[:2]
            if kind == "c":
                self.inodes[inode] = File()
                change_name(None, source, self.inodes[inode])
            elif kind == "m":
                self.inodes[inode] = source
                change_name(None, source, FOLDER)
            elif kind == "r":
                change_name(source, target, now[source])
            elif kind == "l":
                change_name(None, target, now[source])
            elif kind == "u" and source in now:  # else mkstemp has made it
                change_name(source, None, now[source])
            elif kind in "wt":
                it.changes.append((when, number, data if kind == "w" else None))
            elif kind == "b":
                begun[number] = when
            elif kind == "e" and isinstance(it, File):
                it.settle(begun[number])
            elif kind == "e":
                self.sync_folder(it, begun[number])

    def lose(self, dice):
        """The power fails: the folder is as it may be found then."""
        self.replay()
        kept = dice.choice((0, len(self.pending), dice.randint(0, len(self.pending))))
        for change in self.pending[:kept]:
            rename(self.names, *change[1:])
        for path in self.folder.rglob("*"):
            if path.is_file() and path.suffix != ".log":
                path.unlink()
        for name, it in self.names.items():
            if it is not FOLDER and os.path.dirname(name) in self.names and not name.endswith(".log"):
                os.makedirs(os.path.dirname(name), exist_ok=True)
                pathlib.Path(name).write_bytes(it.left(dice))
        self.begin()


def rename(names, source, target, it):
    if source and names.get(source) is it:
        names.pop(source)
    if target:
        names[target] = it
