#!/usr/bin/env python3
"""Losses of two runs beside each other, of their metrics.jsonl: curves.py CPU.jsonl GPU.jsonl"""
import json
import sys


def losses_by_step(path):
    with open(path, encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    return {row["step"]: row for row in rows if "loss_d" in row}


def main():
    cpu, gpu = (losses_by_step(path) for path in sys.argv[1:3])
    steps = sorted(cpu.keys() & gpu.keys())
    if not steps:
        sys.exit("curves: the runs have no step in common")
    for name in ("loss_d", "loss_ge"):
        pairs = [(step, cpu[step][name], gpu[step][name]) for step in steps]
        apart = max(pairs, key=lambda pair: abs(pair[1] - pair[2]) / max(abs(pair[1]), 1e-3))
        later = pairs[len(pairs) // 2:]
        means = [sum(pair[side] for pair in later) / len(later) for side in (1, 2)]
        print(f"curves: {name}: first {pairs[0][1]:.6f} {pairs[0][2]:.6f}; last {pairs[-1][1]:.4f} {pairs[-1][2]:.4f}; "
              f"mean of the later half {means[0]:.4f} {means[1]:.4f}; most apart at step {apart[0]}: {apart[1]:.6f} {apart[2]:.6f}")


if __name__ == "__main__":
    sys.exit(main())
