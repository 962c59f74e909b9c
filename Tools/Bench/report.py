"""What is printed: Markdown tables, and goals with whether they are met."""
import dataclasses


def say(*lines):
    print(*lines, sep="\n", flush=True)


def table(columns, rows):
    """`columns` are (heading, format, key); a row is a dictionary, and what it lacks stays empty. The first column is text."""
    def cell(row, form, key):
        value = row.get(key)
        return "" if value is None else format(value, form)
    say("| " + " | ".join(heading for heading, _, _ in columns) + " |")
    say("|---|" + "---:|" * (len(columns) - 1))
    for row in rows:
        say("| " + " | ".join(cell(row, form, key) for _, form, key in columns) + " |")
    say("")


@dataclasses.dataclass(frozen=True)
class Goal:
    """A figure with what it should be."""
    section: str
    what: str
    value: float
    limit: float
    unit: str
    at_least: bool = False
    note: str = ""

    @property
    def met(self):
        slack = 1e-9 * self.limit  # what a division may be off by
        return self.value >= self.limit - slack if self.at_least else self.value <= self.limit + slack

    def __str__(self):
        sign = "≥" if self.at_least else "≤"
        missed = f"missed by {abs(self.value - self.limit):.3g} {self.unit}".rstrip()
        goal = f"goal {sign} {self.limit:g} {self.unit}".rstrip()
        note = f" ({self.note})" if self.note else ""
        return f"{self.what}: {self.value:.3g} {self.unit}".rstrip() + f"; {goal}: **{'met' if self.met else missed}**{note}"


def goals_table(goals):
    say("## Goals", "")
    for goal in goals:
        say(f"- {goal}")
    say("")
