"""The table's events a second as an SVG, written by hand: bars, with those apart whose acknowledgement waits for the disk.

It is drawn on its own light card, so it reads the same on a white and on a dark page.
"""
from xml.sax.saxutils import escape

WIDTH, NAMES, BARS, BAR, STEP = 860, 320, 420, 20, 30
OURS, OTHERS, INK, FAINT, CARD = "#e8590c", "#7b8ca3", "#1f2933", "#5f6b78", "#fbfcfd"


def draw(path, lines):
    groups = [("Acknowledged when it is on the disk", [line for line in lines if line["waits_for_disk"] == "yes"], False),
              ("Acknowledged before that", [line for line in lines if line["waits_for_disk"] != "yes"], True)]
    # One bar far beyond the others would make them all alike: it is cut, and shows that.
    rates = sorted(line["per_s"] for line in lines)
    top = min(rates[-1], rates[-2] * 1.3) if len(rates) > 1 else rates[0]
    parts, y = [], 44
    for heading, group, hollow in groups:
        if not group:
            continue
        y += 24
        parts.append(text(24, y, heading, FAINT, 13, "600"))
        y += 10
        for line in sorted(group, key=lambda line: -line["per_s"]):
            parts += bar(y, line, min(line["per_s"] / top, 1) * BARS, hollow, cut=line["per_s"] > top)
            y += STEP
    height = y + 44
    head = [text(24, 34, "Events stored per second", INK, 18, "700"),
            text(24, height - 18, "batches of 100 events of 770 bytes, 8 connections with one batch in flight; all in one run on one machine (Tools/bench)", FAINT, 12)]
    path.write_text("\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img" '
        'aria-label="Events stored per second, ours beside the alternatives" font-family="system-ui, -apple-system, \'Segoe UI\', Helvetica, Arial, sans-serif">',
        f'<rect x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="10" fill="{CARD}" stroke="#d5dbe1"/>', *head, *parts, "</svg>", ""]))


def bar(y, line, length, hollow, cut):
    colour = OURS if line["ours"] else OTHERS
    paint = f'fill="{colour}" fill-opacity="0.18" stroke="{colour}"' if hollow else f'fill="{colour}" stroke="{colour}"'
    weight = "700" if line["ours"] else "400"
    x = NAMES + 12 + length - 40
    gap = [f'<path d="M{x + 6:.1f} {y - 3} L{x:.1f} {y + BAR + 3} h8 L{x + 14:.1f} {y - 3} z" fill="{CARD}"/>'] if cut else []
    return [text(NAMES, y + 15, line["name"].replace("**", ""), INK, 13, weight, "end"),
            f'<rect x="{NAMES + 12}" y="{y}" width="{max(length, 2):.1f}" height="{BAR}" rx="3" {paint}/>', *gap,
            text(NAMES + 20 + length, y + 15, f"{line['per_s']:,.0f}", INK, 13, weight)]


def text(x, y, words, colour, size, weight="400", anchor="start"):
    return f'<text x="{x:.1f}" y="{y}" fill="{colour}" font-size="{size}" font-weight="{weight}" text-anchor="{anchor}">{escape(words)}</text>'
