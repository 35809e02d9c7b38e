#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The training step of this project beside PyTorch's, in one run: rounds in which every contender is started in turn.

    compare.py [--width 16 32] [--batch 64] [--ranks 2] [--rounds 5] [--against plain tuned reducer] [--json FILE]
    compare.py --device cuda [--batch 256 640] [--precision bfloat16 tf32 float32] [--limit 180] [--json FILE] ...

Contenders: `ours` (bbg_bench), `reducer` (our step, gradients by c10d::Reducer) and, of ddp_step.py, `plain`, `tuned` and
`compiled` (tuned with --compile). On CPUs each rank has one thread and a core of its own. On a GPU, with one rank, there
are also `no-graphs` (ours, call by call), `searched` (tuned with --search) and `compiled-graphs` (with CUDA graphs).

All begin from the same weights, and ddp_step.py refuses to go on if its first losses are not ours. bfloat16 is autocast
in Python and train.precision in ours. A contender that fails, runs out of memory or past --limit has a line that says
so; the others go on, and the exit code is 1.

Prints a table for each width, batch and precision: the median over rounds of each contender's median step, and of the
ratios to ours within a round, with their range. Close other programs: on a busy machine ranges are wide.
"""
import argparse
import contextlib
import itertools
import json
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
OURS = {"ours": [], "reducer": ["--bench.exchange", "reducer"], "no-graphs": ["--train.cuda-graphs", "off"]}
THEIRS = {"plain": ["--variant", "plain"], "tuned": ["--variant", "tuned"],
          "searched": ["--variant", "tuned", "--search"],
          "compiled": ["--variant", "tuned", "--compile"],
          "compiled-graphs": ["--variant", "tuned", "--compile", "--compile-mode", "reduce-overhead"]}
OF_A_CPU = ["plain", "tuned", "compiled", "reducer"]
OF_A_GPU = ["no-graphs", "reducer", "plain", "tuned", "searched", "compiled", "compiled-graphs"]
START_BATCH = 8  # on a GPU: what others time is not the checked step's batch


def run(command, environment, limit):
    """The result, which is the last line of output, or what failed."""
    with subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          start_new_session=True) as process:
        try:
            output, errors = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(subprocess.TimeoutExpired):
                os.killpg(process.pid, signal.SIGTERM)  # its ranks end with it, or by its hand
                process.wait(timeout=20)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            return {"failed": f"not over after {limit:g} s"}
    if process.returncode != 0:
        lines = [line for line in errors.splitlines() if line.strip()]
        told = next((line for line in reversed(lines) if "rror" in line.split(" ")[0]), lines[-1] if lines else "")
        return {"failed": f"exit code {process.returncode}: {told[:300]}"}
    return json.loads(output.strip().splitlines()[-1]) if output.strip() else {}


class Comparison:
    def __init__(self, arguments, folder, width):
        self.arguments, self.width, self.is_gpu = arguments, width, arguments.device == "cuda"
        self.environment = os.environ if self.is_gpu else os.environ | {"OMP_NUM_THREADS": "1"}
        launcher = [] if self.is_gpu else ["mpirun", "--quiet", "--oversubscribe", "--bind-to", "core", "-np",
                                           str(arguments.ranks)]
        self.bench = [*launcher, arguments.program, "--config", arguments.config, "--train.d-steps", "1",
                      "--data.shards=", "--train.ema-start", "0", "--compute.device", arguments.device,
                      "--bench.rounds", "1", "--bench.steps", str(arguments.steps)]
        if width:
            self.bench += ["--model.width", str(width)]
        if self.is_gpu:  # orthogonal values take as long as all the steps
            self.bench += ["--bench.parts", "false", "--bench.warmup", "3", "--model.init", "n02"]
        self.start = folder / f"start-{width}.safetensors"

    def write_start(self, batch):
        more = ["--data.batch", str(START_BATCH if self.is_gpu else batch), "--bench.write-start", self.start]
        if self.is_gpu:
            more += ["--compute.tf32", "false", "--train.cuda-graphs", "off"]
        return run([*self.bench, *more], self.environment, self.arguments.limit)

    def time_once(self, name, batch, precision):
        arguments = self.arguments
        if name in OURS:
            more = ["--data.batch", str(batch), "--compute.tf32", str(precision != "float32").lower()]
            if precision == "bfloat16":
                more += ["--train.precision", "bfloat16"]
            return run([*self.bench, *OURS[name], *more], self.environment, arguments.limit)
        python_path = os.pathsep.join(filter(None, [str(arguments.packages), os.environ.get("PYTHONPATH")]))
        environment = self.environment if self.is_gpu else self.environment | {"PYTHONPATH": python_path}
        ranks = 1 if self.is_gpu else arguments.ranks
        more = {"float32": [], "tf32": ["--tf32"], "bfloat16": ["--bf16", "--tf32"] if self.is_gpu else ["--bf16"]}
        return run([sys.executable, "-B", ROOT / "tests/bench/ddp_step.py", "--start", self.start, "--device",
                    arguments.device, "--ranks", str(ranks), "--batch", str(batch), "--steps", str(arguments.steps),
                    *THEIRS[name], *more[precision]], environment, arguments.limit)

    def rounds(self, batch, precision):
        """Results by contender; the first of a round changes."""
        names = ["ours", *self.arguments.against]
        results = {name: [] for name in names}
        for k in range(self.arguments.rounds):
            turn = k % len(names)
            for name in names[turn:] + names[:turn]:
                begin = time.monotonic()
                result = self.time_once(name, batch, precision)
                results[name].append(result)
                told = result.get("failed") or f"{result['median_ms']:.1f} ms"
                print(f"compare: batch {batch}, {precision}, round {k + 1}: {name} {told} "
                      f"(run in {time.monotonic() - begin:.0f} s)", file=sys.stderr, flush=True)
        return results


def table(title, results, gflop):
    """A contender that failed once has no ratios. TFLOP/s: of the networks as published."""
    is_gpu = any(r.get("gpu_memory_bytes") for rounds in results.values() for r in rounds)
    more = (["images/s"] + (["TFLOP/s"] if gflop else []) + ["memory, GB"]) if is_gpu else []
    columns = [title, "step, ms", *more, "times ours", "range over rounds"]
    lines = [columns, ["---"] * len(columns)]
    ours = results["ours"]
    for name, rounds in results.items():
        failures = [r["failed"] for r in rounds if "failed" in r]
        if failures:
            lines.append([name, *[""] * (len(columns) - 2), failures[0]])
            continue
        line = [name, f"{statistics.median(r['median_ms'] for r in rounds):.0f}"]
        if more:
            speed = statistics.median(r["images_per_second"] for r in rounds)
            memory = max(r["gpu_memory_bytes"] for r in rounds) / 1e9
            line += [f"{speed:.0f}"] + ([f"{speed * gflop / 1e3:.0f}"] if gflop else []) + [f"{memory:.0f}"]
        ratios = [r["median_ms"] / o["median_ms"] for r, o in zip(rounds, ours) if "failed" not in o]
        lines.append(line + ([f"{statistics.median(ratios):.2f}", f"{min(ratios):.2f} to {max(ratios):.2f}"]
                             if ratios else ["", ""]))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def read_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--config", type=pathlib.Path, help="default: configs/bigbigan_32.ini; on a GPU "
                        "configs/bigbigan/high_res_e.ini, BigBiGAN at 128 px with a ResNet-50 encoder at 256 px")
    parser.add_argument("--width", type=int, nargs="+", help="default: 16 32; on a GPU the configuration's")
    parser.add_argument("--batch", type=int, nargs="+", help="over all ranks; default: 64; on a GPU 256")
    parser.add_argument("--precision", nargs="+", choices=["float32", "tf32", "bfloat16"],
                        help="default: float32; on a GPU bfloat16")
    parser.add_argument("--ranks", type=int, default=2, help="on CPUs")
    parser.add_argument("--rounds", type=int, help="default: 5; on a GPU 1")
    parser.add_argument("--steps", type=int, help="timed steps of a contender in a round; default: 10; on a GPU 6")
    parser.add_argument("--against", nargs="*", choices=sorted({*OF_A_CPU, *OF_A_GPU}), help="default: all of them but "
                        "compiled; on a GPU no-graphs, plain, tuned and compiled")
    parser.add_argument("--limit", type=float, help="seconds for each start of a contender; default: none")
    parser.add_argument("--gflop", type=float, help="of a step and an image (ddp_step.py --flops), for TFLOP/s")
    parser.add_argument("--program", type=pathlib.Path, default=ROOT / "build/release/bin/bbg_bench")
    parser.add_argument("--packages", type=pathlib.Path, default=ROOT / ".deps/bench", help="of requirements.txt")
    parser.add_argument("--json", type=pathlib.Path, help="results go here too, after each table")
    arguments = parser.parse_args()
    for name in ("config", "program", "packages"):  # contenders run in the checkout's folder
        if getattr(arguments, name) is not None:
            setattr(arguments, name, getattr(arguments, name).resolve())
    is_gpu = arguments.device == "cuda"
    for name, on_cpu, on_gpu in (
            ("config", ROOT / "configs/bigbigan_32.ini", ROOT / "configs/bigbigan/high_res_e.ini"),
            ("width", [16, 32], [None]), ("batch", [64], [256]), ("precision", ["float32"], ["bfloat16"]),
            ("rounds", 5, 1), ("steps", 10, 6),
            ("against", ["plain", "tuned", "reducer"], ["no-graphs", "plain", "tuned", "compiled"])):
        if getattr(arguments, name) is None:
            setattr(arguments, name, on_gpu if is_gpu else on_cpu)
    unknown = set(arguments.against) - set(OF_A_GPU if is_gpu else OF_A_CPU)
    if unknown:
        parser.error(f"--against {' '.join(sorted(unknown))} is not for --device {arguments.device}")
    if not is_gpu and "tf32" in arguments.precision:
        parser.error("--precision tf32 is for --device cuda")
    return arguments


def main():
    arguments = read_arguments()
    everything, has_failed = [], False
    with tempfile.TemporaryDirectory() as folder:
        for width in arguments.width:
            comparison, start_of = Comparison(arguments, pathlib.Path(folder), width), None
            for batch, precision in itertools.product(arguments.batch, arguments.precision):
                if start_of is None or (start_of != batch and not comparison.is_gpu):
                    failed = comparison.write_start(batch).get("failed")
                    if failed:
                        sys.exit(f"compare: no start for the others: {failed}")
                    start_of = batch
                results = comparison.rounds(batch, precision)
                has_failed |= any("failed" in r for rounds in results.values() for r in rounds)
                title = (f"width {width}, " if width else "") + f"batch {batch}, {precision}"
                print(table(title, results, arguments.gflop) + "\n", flush=True)
                everything.append({"width": width, "batch": batch, "precision": precision, "results": results})
                if arguments.json:
                    arguments.json.write_text(json.dumps(everything, indent=1) + "\n")
    return 1 if has_failed else 0


if __name__ == "__main__":
    sys.exit(main())
