"""Which answers say that what they answer is on disk, where the policy promises it.

Not while the append-only file is switched off, and until it is whole again. An answer counts if its command was sent
when the promise held, and it has held without a break until the answer was there.
"""


class Promise:
    def __init__(self):
        self.begin()

    def begin(self):
        """A server has started with its append-only file."""
        self.period, self.holds = 0, True

    def suspend(self):
        """Before the file is switched off."""
        self.holds = False
        self.period += 1

    def resume(self):
        """The file is whole: what is sent from now on is answered when it is in there."""
        self.holds = True

    def now(self):
        """At sending, for kept()."""
        return self.period if self.holds else None

    def kept(self, at_sending):
        return at_sending is not None and at_sending == self.period
