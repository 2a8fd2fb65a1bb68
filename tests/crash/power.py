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
        self.base, self.changes = bytearray(base), []

    def settle(self, until):
        while self.changes and self.changes[0][0] <= until:
            apply(self.base, self.changes.pop(0))

    def after(self, changes):
        content = bytearray(self.base)
        for change in changes:
            apply(content, change)
        return content

    def left(self, dice):
        manner = dice.choice(("nothing", "all", "prefix", "sectors"))
        kept = {"nothing": 0, "prefix": dice.randint(0, len(self.changes))}.get(manner, len(self.changes))
        content = self.after(self.changes[:kept])
        if manner == "prefix" and kept < len(self.changes) and self.changes[kept][2]:
            when, offset, data = self.changes[kept]
            apply(content, (when, offset, data[: dice.randint(0, len(data))]))
        return self.without_sectors(content, dice) if manner == "sectors" else content

    def become(self, content, when):
        """What the disk has shows changes that are not on record."""
        known = bytes(self.after(self.changes))
        if known == content:
            return
        same = len(os.path.commonprefix([known, content]))
        if len(known) > len(content):
            self.changes.append((when, len(content), None))
        if same < len(content):
            self.changes.append((when, same, content[same:]))

    def without_sectors(self, content, dice):
        before = self.base.ljust(len(content), b"\0")
        for at in range(0, len(content), SECTOR_BYTES):
            if dice.random() < 0.3:
                content[at : at + SECTOR_BYTES] = before[at : at + SECTOR_BYTES][: len(content) - at]
        return content


def apply(content, change):
    _, offset, data = change
    content.extend(bytes(max(0, offset - len(content))))
    if data is None:
        del content[offset:]
    else:
        content[offset : offset + len(data)] = data


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
        self.when = 0
        self.names = {}  # on the disk for good: path: File, or FOLDER
        self.pending = []  # changes of names that are not: (when, source, target, File or FOLDER)
        self.inodes = {}  # File, or the folder's path, by inode
        for path in self.paths():
            it = File(path.read_bytes()) if path.is_file() else FOLDER
            self.names[str(path)] = it
            self.inodes[path.stat().st_ino] = str(path) if it is FOLDER else it
        self.now = dict(self.names)  # what who is killed leaves

    def paths(self):
        return [self.folder, *self.folder.rglob("*")]

    def environment(self):
        self.take_record()
        self.take_unrecorded()
        return {"LD_PRELOAD": str(self.library), "SHOAL_RECORD": str(self.record), "SHOAL_RECORDED": str(self.folder)}

    def change_name(self, source, target, it):
        self.pending.append((self.when, source, target, it))
        rename(self.now, source, target, it)

    def sync_folder(self, path, until):
        for change in list(self.pending):
            when, source, target, _ = change
            if when <= until and os.path.dirname(target or source) == path:
                rename(self.names, *change[1:])
                self.pending.remove(change)

    def take_record(self):
        """A record at its end that is not whole is of who was killed meanwhile."""
        begun = {}
        for kind, inode, number, data in read_records(self.record):
            it = self.inodes.get(inode)
            self.when += 1
            if kind in "crlum":
                source, target = ([os.path.normpath(name) for name in data.decode().split("\0") if name] + [None])[:2]
            if kind == "c":
                self.inodes[inode] = File()
                self.change_name(None, source, self.inodes[inode])
            elif kind == "m":
                self.inodes[inode] = source
                self.change_name(None, source, FOLDER)
            elif kind == "r":
                self.change_name(source, target, self.now[source])
            elif kind == "l":
                self.change_name(None, target, self.now[source])
            elif kind == "u" and source in self.now:  # else mkstemp has made it
                self.change_name(source, None, self.now[source])
            elif kind in "wt":
                it.changes.append((self.when, number, data if kind == "w" else None))
            elif kind == "b":
                begun[number] = self.when
            elif kind == "e" and isinstance(it, File):
                it.settle(begun[number])
            elif kind == "e":
                self.sync_folder(it, begun[number])
        self.record.unlink(missing_ok=True)

    def take_unrecorded(self):
        """Who was killed may have changed what it had no time to put on record: what the folder shows beyond it."""
        there = {str(path): path for path in self.paths()}
        self.when += 1
        for name, path in there.items():
            inode = path.stat().st_ino
            if name not in self.now or (self.now[name] is not FOLDER and self.now[name] is not self.inodes.get(inode)):
                self.appeared(name, path, inode, there)
        for name in set(self.now) - set(there):
            self.change_name(name, None, self.now[name])
        for name, path in there.items():
            if path.is_file() and path.suffix != ".log":
                self.now[name].become(path.read_bytes(), self.when)

    def appeared(self, name, path, inode, there):
        """Made, renamed, or given another name."""
        it = self.inodes.get(inode)
        known = [other for other, file in self.now.items() if file is it and it is not FOLDER]
        if known:
            gone = [other for other in known if other not in there]
            self.change_name(gone[0] if gone else None, name, it)
        elif path.is_file():
            self.inodes[inode] = File()
            self.change_name(None, name, self.inodes[inode])
        else:
            self.inodes[inode] = name
            self.change_name(None, name, FOLDER)

    def lose(self, dice):
        """The power fails: the folder is as it may be found then."""
        self.take_record()
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
