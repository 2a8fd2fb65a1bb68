"""Figures as lines of a table: median, spread over the rounds, target, and whether it was met."""

import statistics
from dataclasses import dataclass

LAYOUT = "  {:<44} {:>10} {:>10} {:>10}  {:<15} {:<12} {}"


@dataclass
class Target:
    least: float
    most: float
    text: str

    def met(self, measured):
        return self.least <= measured <= self.most


def at_most(value):
    return Target(float("-inf"), value, f"<= {value:g}")


def at_least(value):
    return Target(value, float("inf"), f">= {value:g}")


def between(least, most):
    return Target(least, most, f"{least:g} to {most:g}")


def number(value):
    """As many digits as say something."""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    if abs(value) >= 10:
        return f"{value:.1f}"
    return f"{value:.3f}"


def ratios(upper, lower):
    """By round: what drifts from round to round hits both."""
    return [above / below if below else float("inf") for above, below in zip(upper, lower)]


class Report:
    """Prints each line as soon as it is known."""

    def __init__(self):
        self.met = 0
        self.missed = []

    @staticmethod
    def _print(line):
        print(line.rstrip(), flush=True)

    def section(self, title):
        self._print("\n" + title)
        self._print(LAYOUT.format("", "median", "from", "to", "", "target", ""))

    def note(self, text):
        self._print(text)

    def add(self, name, values, unit="", target=None):
        """values: one of each round."""
        median = statistics.median(values)
        verdict = ""
        if target and target.met(median):
            verdict = "met"
            self.met += 1
        elif target:
            verdict = "MISSED"
            self.missed.append(f"{name}: {number(median)}, target {target.text}")
        self._print(LAYOUT.format(name, number(median), number(min(values)), number(max(values)), unit,
                                  target.text if target else "", verdict))

    def finish(self):
        self._print(f"\n{self.met} targets met, {len(self.missed)} missed")
        for line in self.missed:
            self._print("  " + line)
