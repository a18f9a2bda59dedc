"""What all runs together have shown: nothing may be zero."""

import collections

from tests.chaos import feed

# Of all rows together.
_OUTCOMES = [outcome.name.lower() for outcome in feed.Outcome
             if outcome != feed.Outcome.UNEXPECTED]
# Of each row.
_OF_A_ROW = ("faults", "during", "after")


class Tally:
    """Sums figures of runs (run.py)."""

    def __init__(self):
        self.rows = {}
        self.outcomes = collections.Counter()
        self.terms = 0
        self.anomalies = 0

    def add(self, figures):
        row = self.rows.setdefault(figures["row"], collections.Counter())
        row["runs"] += 1
        for name in (*_OF_A_ROW, "terms"):
            row[name] += figures[name]
        self.outcomes.update(figures["outcomes"])
        self.terms += figures["terms"]
        self.anomalies += figures["anomalies"]

    def zeros(self):
        """What did not happen at all."""
        zeros = [f"{row}: {name}" for row, counts in self.rows.items()
                 for name in _OF_A_ROW if not counts[name]]
        zeros += [name for name in _OUTCOMES if not self.outcomes[name]]
        if not self.terms:
            zeros.append("new terms")
        if not self.rows:
            zeros.append("rows")
        return zeros

    def table(self):
        lines = [f"{'row':14}{'runs':>6}{'faults':>8}{'during':>9}{'after':>9}{'terms':>7}"]
        for row, counts in sorted(self.rows.items()):
            lines.append(f"{row:14}{counts['runs']:6}{counts['faults']:8}{counts['during']:9,}"
                         f"{counts['after']:9,}{counts['terms']:7}")
        lines += [f"{name:24}{self.outcomes[name]:10,}" for name in _OUTCOMES]
        return "\n".join(lines)
