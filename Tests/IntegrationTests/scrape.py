"""What `/metrics` says, as figures."""
import re

OUTCOMES = ["stored", "duplicate", "rejected", "limited", "unavailable"]


class Scrape:
    """One answer of `/metrics`."""

    def __init__(self, service):
        answer = service.request("GET", "/metrics")
        assert answer.status == 200, answer.body
        self.text = answer.body.decode()
        self.samples = {}
        for line in self.text.split("\n"):
            if not line or line.startswith("#"):
                continue
            name, labels, value = re.fullmatch(r'([a-z_]+)(?:\{(.*)\})? (\S+)', line, re.S).groups()
            found = re.findall(r'([a-z_]+)="((?:[^"\\]|\\.)*)"', labels or "", re.S)
            plain = {label: re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], text) for label, text in found}
            self.samples.setdefault(name, []).append((plain, float(value)))

    def all(self, name, **labels):
        """The samples of a family that have these labels."""
        return [(found, value) for found, value in self.samples.get(name, []) if labels.items() <= found.items()]

    def sum(self, name, **labels):
        return sum(value for _, value in self.all(name, **labels))

    def by(self, name, label, **labels):
        """The sums of a family's samples by one label, without zeros."""
        sums = {}
        for found, value in self.all(name, **labels):
            sums[found[label]] = sums.get(found[label], 0) + value
        return {value: count for value, count in sums.items() if count}

    def ledger(self, **labels):
        return {outcome: int(self.sum("events_ledger_total", outcome=outcome, **labels)) for outcome in OUTCOMES}
