"""What two servers' replies to SCAN, HSCAN, SSCAN and ZSCAN have in common.

Where a cursor leads, and how many elements a step shows, is each server's own affair. But the walk
begins at 0, and one step that ends it has seen everything.
"""


def _begins(cursor):
    """Cursors are read by strtoul: signs and zeros before the number are nothing."""
    return not cursor.lstrip(b"+-").strip(b"0")


def same_step(cursor, expected, got):
    """Whether two steps from one cursor, each the next and its set of elements, may belong to the same value."""
    if not _begins(cursor):
        return True
    if expected[0] == got[0] == b"0":
        return expected[1] == got[1]
    if expected[0] == b"0":
        return got[1] <= expected[1]
    return got[0] != b"0" or expected[1] <= got[1]
