#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Draws the parts of a step from the traces of `report.trace-steps` as one SVG picture, a band for each rank.

    timeline.py RUN/trace-rank-0.json RUN/trace-rank-1.json --output timeline.svg

Spans that the program names itself, nested ones below, and those of a thread beside the computing one (comm.exchange =
background) in a row of their own; the clock of each rank begins at its first span. Also prints what share of the traced
time the gradients' exchange and the norms' collectives take, and how much of the reductions beside was hidden, that is went
on while the computing thread did not wait for it.
"""
import argparse
import json
import pathlib
from xml.sax.saxutils import escape

COLOURS = {"update of D": "#4269d0", "update of G and E": "#3ca951", "update of D, G and E": "#4269d0", "data": "#97bbf5",
           "noise": "#97bbf5", "averages": "#9c6b4e", "backward": "#c5c9d6", "exchange": "#ff725c", "optimizer": "#efb118",
           "mpi all_reduce": "#d1352b", "mpi all_gather": "#d1352b"}
WIDTH, ROW, LEFT, MIN_LABEL = 1200, 18, 62, 7


def spans_of(path):
    events = json.loads(pathlib.Path(path).read_text())["traceEvents"]
    spans = sorted((e["ts"], -e["dur"], e["name"], e["tid"]) for e in events if e.get("ph") == "X" and e["name"] in COLOURS)
    start, computing = spans[0][0], spans[0][3]
    rows = {True: [], False: []}  # of the computing thread or not
    open_until = {True: [], False: []}
    for ts, negative, name, thread in spans:
        own = thread == computing
        while open_until[own] and open_until[own][-1] <= ts:
            open_until[own].pop()
        rows[own].append((ts - start, -negative, name, len(open_until[own])))
        open_until[own].append(ts - negative)
    depth = 1 + max(row for *_, row in rows[True])
    return rows[True] + [(ts, length, name, depth + row) for ts, length, name, row in rows[False]], depth


def hidden_share(spans, depth):
    """Of the reductions beside the computing thread; None where there are none."""
    beside = [(ts, ts + length) for ts, length, _, row in spans if row >= depth]
    waits = [(ts, ts + length) for ts, length, name, row in spans if row < depth and name == "exchange"]
    total = sum(end - start for start, end in beside)
    seen = sum(max(0, min(end, until) - max(start, since)) for start, end in beside for since, until in waits)
    return 1 - seen / total if total else None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("traces", nargs="+", type=pathlib.Path)
    parser.add_argument("--output", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    ranks, depths = zip(*(spans_of(path) for path in arguments.traces))
    total = max(ts + length for rank in ranks for ts, length, *_ in rank)
    depth = 1 + max(row for rank in ranks for *_, row in rank)
    band = ROW * depth + 26
    height = band * len(ranks) + 22
    scale = (WIDTH - LEFT - 8) / total
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="11">',
           f'<rect width="{WIDTH}" height="{height}" fill="white"/>']
    for number, rank in enumerate(ranks):
        top = number * band + 14
        out.append(f'<text x="6" y="{top + 13}" fill="#333">rank {number}</text>')
        for ts, length, name, row in rank:
            x, width = LEFT + ts * scale, max(length * scale, 0.6)
            out.append(f'<rect x="{x:.1f}" y="{top + row * ROW}" width="{width:.1f}" height="{ROW - 2}" '
                       f'fill="{COLOURS[name]}"><title>{escape(name)}: {length / 1e3:.2f} ms</title></rect>')
            if width > MIN_LABEL * len(name):
                dark = name in ("backward", "data", "noise", "optimizer")
                out.append(f'<text x="{x + 4:.1f}" y="{top + row * ROW + 12}" fill="{"#222" if dark else "white"}">'
                           f'{escape(name)}</text>')
        shares = {part: sum(length for _, length, name, _ in rank if name == span) / total
                  for part, span in (("exchange", "exchange"), ("norms", "mpi all_gather"))}
        print(f"rank {number}: {total / 1e3:.1f} ms traced; exchange {shares['exchange']:.1%}, "
              f"forward collectives of norms {shares['norms']:.1%}")
        hidden = hidden_share(rank, depths[number])
        if hidden is not None:
            print(f"rank {number}: {hidden:.0%} of the reductions beside were hidden")
    for tenth in range(0, 11, 2):
        x = LEFT + total * tenth / 10 * scale
        anchor = "end" if tenth == 10 else "middle"
        out.append(f'<text x="{x:.0f}" y="{height - 6}" fill="#666" text-anchor="{anchor}">{total * tenth / 1e4:.0f} ms</text>')
    out.append("</svg>")
    arguments.output.write_text("\n".join(out) + "\n")


if __name__ == "__main__":
    main()
