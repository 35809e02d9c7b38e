#!/usr/bin/env python3
"""Makes what pages show of the sources: the table of files and the drawing of the rooms. `make docs` runs it.

  generate.py            writes them
  check.py generated     fails where they are stale
"""

import html
import pathlib
import re

from layers import TABLE, Table

PAGE = "docs/architecture.md"
BEGIN = "<!-- files: made by tests/style/generate.py from the headers' first sentences -->"
END = "<!-- end of files -->"
DRAWING = "docs/images/architecture.svg"
SENTENCE_CHARACTERS = 160


def first_sentence(header):
    """The first sentence of the comment that a header begins with, without the papers and pages in parentheses."""
    comment = []
    for line in header.splitlines():
        if line.startswith("//"):
            comment.append(line[2:].strip())
        elif comment or not (line.startswith("#pragma") or not line.strip()):
            break
    text = re.sub(r" \((?:[^()]*\b(?:19|20)\d\d\b[^()]*|[^()]*\bdocs/[^()]*)\)", "", " ".join(comment))
    sentence = re.split(r"(?<!\bal)(?<!\bed)(?<!\be\.g)(?<!\bi\.e)[.;?](?:\s|$)", text)[0]
    if len(sentence) > SENTENCE_CHARACTERS:
        sentence = sentence.split(": ")[0]
    return sentence.rstrip(":")


def folders_with_headers(root):
    modules = Table(root / TABLE).modules
    for module in modules:
        top = root / (module if module == "data_prep" else f"src/{module}")
        for folder in [top, *sorted(path for path in top.rglob("*") if path.is_dir())]:
            if headers := sorted(folder.glob("*.h")):
                yield folder.relative_to(root), headers


def file_table(root):
    lines = [BEGIN, "", "| folder | header | content |", "|---|---|---|"]
    for folder, headers in folders_with_headers(root):
        for i, header in enumerate(headers):
            sentence = first_sentence(header.read_text()).replace("|", "\\|").replace("<", "&lt;")
            lines.append(f"| {f'`{folder}`' if i == 0 else ''} | `{header.name}` | {sentence} |")
    return "\n".join([*lines, "", END])


def with_file_table(root):
    text = (root / PAGE).read_text()
    head, rest = text.split(BEGIN)
    return head + file_table(root) + rest.split(END)[1]


# --- The drawing --------------------------------------------------------------------------------------------------------

# Where a room stands from left to right; its row follows from the table.
COLUMNS = {"data_prep": 0, "command": 1, "image": 2, "data": 2, "feed": 2, "report": 3, "comm": 4, "eval": 4, "ops": 5, "nn": 5, "model": 5, "train": 5,
           "measure": 5, "run": 5, "plan": 5, "cli": 5, "loss": 6, "extractor": 6, "checkpoint": 7}
WIDTH, HEIGHT, GAP_X, GAP_Y, MARGIN = 142, 50, 20, 26, 12

STYLE = """
  text { font: 12px system-ui, sans-serif; text-anchor: middle; fill: #4a5563; }
  .name { font: 600 14px system-ui, sans-serif; fill: #14202e; }
  rect { fill: #eef3f9; stroke: #7f9bbd; }
  path { fill: none; stroke: #7c8a9a; stroke-width: 1.3; }
  marker path { fill: #7c8a9a; stroke: none; }
  @media (prefers-color-scheme: dark) {
    text { fill: #b5c0cd; }
    .name { fill: #f0f4f8; }
    rect { fill: #1d2a3a; stroke: #58779c; }
    path { stroke: #8796a8; }
    marker path { fill: #8796a8; }
  }
"""


def direct_edges(modules):
    """The edges that do not follow from others."""
    def reach(name):
        return set(modules[name]).union(*(reach(below) for below in modules[name]))
    for name, below in modules.items():
        implied = set().union(*(reach(other) for other in below))
        yield from ((name, other) for other in below if other not in implied)


def rows_of(modules):
    rows = {}

    def row(name):
        if name not in rows:
            rows[name] = 1 + max((row(below) for below in modules[name]), default=-1)
        return rows[name]

    for name in modules:
        row(name)
    # A room above the siblings stands right below those that use it.
    for name in modules:
        users = [rows[user] for user in modules if name in modules[user]]
        if rows[name] > 1 and users:
            rows[name] = min(users) - 1
    return rows


def notes_of(table_text):
    """What each room is, in the comment behind its line."""
    return dict(re.findall(r"^(\w+):[^#\n]*# (.*)$", table_text, re.MULTILINE))


def drawing(root):
    modules, notes = Table(root / TABLE).modules, notes_of((root / TABLE).read_text())
    rows = rows_of(modules)
    top = max(rows.values())
    full = MARGIN * 2 + (max(COLUMNS.values()) + 1) * (WIDTH + GAP_X) - GAP_X
    height = MARGIN * 2 + (top + 1) * (HEIGHT + GAP_Y) - GAP_Y

    def box(name):
        y = MARGIN + (top - rows[name]) * (HEIGHT + GAP_Y)
        if rows[name] == 0:
            return MARGIN, y, full - 2 * MARGIN
        return MARGIN + COLUMNS[name] * (WIDTH + GAP_X), y, WIDTH

    def edge(upper, lower):
        x, y, width = box(upper)
        end_x, end_y, end_width = box(lower)
        middle, target = x + width // 2, end_x + end_width // 2
        if rows[lower] == 0 or middle == target:
            return f"M{middle} {y + HEIGHT}V{end_y}"
        return f"M{x if target < middle else x + width} {y + HEIGHT // 2}H{target}V{end_y}"

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {full} {height}" role="img" '
           'aria-label="The rooms of bbg_dist and who includes whom">', f"<style>{STYLE}</style>",
           '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
           '<path d="M0 0L8 4L0 8z"/></marker></defs>']
    out += [f'<path d="{edge(*pair)}" marker-end="url(#tip)"/>' for pair in direct_edges(modules)]
    for name in modules:
        x, y, width = box(name)
        out.append(f'<rect x="{x}" y="{y}" width="{width}" height="{HEIGHT}" rx="6"/>')
        out.append(f'<text class="name" x="{x + width // 2}" y="{y + 21}">{name}</text>')
        out.append(f'<text x="{x + width // 2}" y="{y + 38}">{html.escape(notes.get(name, ""))}</text>')
    return "\n".join([*out, "</svg>", ""])


def made(root):
    """(path, text, what it ought to be) of all that is made."""
    if (root / PAGE).exists():
        yield PAGE, with_file_table
        yield DRAWING, drawing


def check_generated(root):
    for name, make in made(root):
        path = root / name
        if not path.exists() or path.read_text() != make(root):
            yield f"{name}: stale, run tests/style/generate.py (make docs)"
    if (root / PAGE).exists():
        for _, headers in folders_with_headers(root):
            for header in headers:
                length = len(first_sentence(header.read_text()))
                if not 10 <= length <= SENTENCE_CHARACTERS:
                    yield (f"{header.relative_to(root)}: its first sentence has {length} characters, 10 to "
                           f"{SENTENCE_CHARACTERS} are good for the table of files")


def main():
    root = pathlib.Path(__file__).resolve().parents[2]
    for name, make in made(root):
        (root / name).write_text(make(root))


if __name__ == "__main__":
    main()
