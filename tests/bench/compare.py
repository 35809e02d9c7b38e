#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The training step of this project beside PyTorch's, in one run: rounds in which every contender is started in turn.

    compare.py [--width 16 32] [--batch 64] [--ranks 2] [--rounds 5] [--against plain tuned reducer] [--json FILE]

Contenders: `ours` (bbg_bench), `reducer` (the same step, gradients by c10d::Reducer), and `plain`, `tuned`, `compiled`
(ddp_step.py; compiled is tuned with --compile). With --bf16 the Python ones run under autocast, and ours with
train.precision = bfloat16. All begin from the same weights, and ddp_step.py refuses to go on if its first losses are
not ours. Each rank has one thread and a core of its own.

Prints a table: the median over rounds of each contender's median step, and of the ratios to ours within a round, with
their range. Close other programs: on a busy machine ranges are wide.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
DDP = {"plain": ["--variant", "plain"], "tuned": ["--variant", "tuned"], "compiled": ["--variant", "tuned", "--compile"]}


def last_json(command, environment):
    result = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True)
    if result.returncode != 0:
        sys.exit(f"compare: failed with {result.returncode}: {' '.join(map(str, command))}\n{result.stderr.strip()}")
    return json.loads(result.stdout.strip().splitlines()[-1]) if result.stdout.strip() else None


def compare(width, arguments, folder):
    start = folder / f"start-{width}.safetensors"
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    bench = ["mpirun", "--quiet", "--oversubscribe", "--bind-to", "core", "-np", str(arguments.ranks), arguments.program,
             "--config", ROOT / "configs/bigbigan_32.ini", "--model.width", str(width), "--train.d-steps", "1",
             "--data.batch", str(arguments.batch), "--data.shards=", "--train.ema-start", "0", "--compute.device", "cpu",
             "--bench.rounds", "1", "--bench.steps", str(arguments.steps)]
    last_json([*bench, "--bench.write-start", start], environment)

    def time_once(name):
        if name in DDP:
            python_path = os.pathsep.join(filter(None, [str(arguments.packages), os.environ.get("PYTHONPATH")]))
            more = ["--bf16"] if arguments.bf16 else []
            return last_json([sys.executable, "-B", ROOT / "tests/bench/ddp_step.py", "--start", start, "--ranks",
                              str(arguments.ranks), "--steps", str(arguments.steps), *DDP[name], *more],
                             environment | {"PYTHONPATH": python_path})
        more = ["--train.precision", "bfloat16"] if arguments.bf16 else []
        return last_json([*bench, "--bench.exchange", name, *more], environment)

    names = ["ours", *arguments.against]
    results = {name: [] for name in names}
    for k in range(arguments.rounds):
        for name in names[k % len(names):] + names[:k % len(names)]:
            results[name].append(time_once(name))
            print(f"compare: width {width}, round {k + 1}: {name} {results[name][-1]['median_ms']:.1f} ms", file=sys.stderr)
    return results


def table(width, results):
    ours = [r["median_ms"] for r in results["ours"]]
    lines = [f"| width {width} | dtype | step, ms | times ours | range over rounds |", "|---|---|---|---|---|"]
    for name, rounds in results.items():
        ratios = [r["median_ms"] / o for r, o in zip(rounds, ours)]
        lines.append(f"| {name} | {rounds[0]['dtype']} | {statistics.median(r['median_ms'] for r in rounds):.0f} | "
                     f"{statistics.median(ratios):.2f} | {min(ratios):.2f} to {max(ratios):.2f} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--width", type=int, nargs="+", default=[16, 32])
    parser.add_argument("--batch", type=int, default=64, help="over all ranks")
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=10, help="timed steps of a contender in a round")
    parser.add_argument("--against", nargs="+", default=["plain", "tuned", "reducer"], choices=[*DDP, "reducer"])
    parser.add_argument("--bf16", action="store_true")
    parser.add_argument("--program", type=pathlib.Path, default=ROOT / "build/release/bin/bbg_bench")
    parser.add_argument("--packages", type=pathlib.Path, default=ROOT / ".deps/bench", help="of requirements.txt")
    parser.add_argument("--json", type=pathlib.Path, help="all results go here too")
    arguments = parser.parse_args()
    all_results = {}
    with tempfile.TemporaryDirectory() as folder:
        for width in arguments.width:
            all_results[width] = compare(width, arguments, pathlib.Path(folder))
            print(table(width, all_results[width]) + "\n", flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(all_results, indent=1) + "\n")


if __name__ == "__main__":
    main()
