#!/usr/bin/env bash
# What is to be seen on a GPU and nowhere else, in the order of its worth: kernels, real runs beside a CPU's, training tests, where a
# step's time goes, and the step beside PyTorch's.
#
#   run.sh 1        at most 9 minutes
#   run.sh 2        at most 3.5 more: memory checkers, TF32, the largest batch
#   run.sh runs     lists the training runs: name, options
#
# In a folder that pack.sh made. Results go to $OUT (default: results beside this script), packed anew after each step, so that one that
# hangs costs nothing before it. Each step has a limit of its own.
# BBG_DEVICE=cpu rehearses it where there is no GPU: GPU tests skip, benchmarks run on the CPU until their limit.
set -uo pipefail
packed=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

small='--data.shards shards/train --data.test-shards shards/test --checkpoint.every 100000 --report.grid-every 100000
  --eval.probe-train 1000 --eval.probe-test 500 --eval.neighbours-train 500 --eval.neighbours-test 200 --eval.samples 200
  --eval.standing-passes 8'
residual='--config configs/bigbigan_32.ini --model.channels 1 --model.width 16 --train.d-steps 1 --data.batch 64'
# shellcheck disable=SC2086  # words of a command line
runs() {
  echo demo64 --config configs/demo.ini --compute.dtype float64 --run.steps 12 --report.every 2 $small
  echo demo32 --config configs/demo.ini --compute.tf32 false --run.steps 400 --report.every 10 $small
  echo residual32 $residual --compute.tf32 false --run.steps 40 --report.every 4 $small
  echo residualbf16 $residual --train.precision bfloat16 --run.steps 40 --report.every 4 $small
}
if [[ ${1:-} == runs ]]; then runs && exit; fi

part=${1:-1} device=${BBG_DEVICE:-cuda}
end=$((SECONDS + (part == 1 ? 530 : 200)))
: "${OUT:=$packed/results}"
work=$(mktemp -d) && mkdir -p "$OUT"
trap 'rm -rf "$work"' EXIT
cd "$packed" || exit 1
if [[ -z ${BBG_TORCH_LIB:-} ]]; then
  if ! torch=$(python3 -c 'import importlib.util as u; print(u.find_spec("torch").submodule_search_locations[0])' 2>/dev/null); then
    echo "run: python3 has no torch; put one with it on PATH, or set BBG_TORCH_LIB to .../site-packages/torch/lib" >&2
    exit 2
  fi
  BBG_TORCH_LIB=$torch/lib
fi
export BBG_TORCH_LIB PYTHONUNBUFFERED=1
bin=$packed/build/release/bin

say() { echo "$*" | tee -a "$work/summary.txt"; }
pack_results() { tar czf "$OUT/.part" -C "$work" . && mv "$OUT/.part" "$OUT/results-$part.tar.gz"; }
step() { # NAME LIMIT-IN-SECONDS COMMAND...
  local name=$1 limit=$2 left=$((end - SECONDS)) start=$SECONDS code=0
  shift 2
  if ((limit > left)); then limit=$left; fi
  if ((limit < 10)); then say "$name: no time left" && return; fi
  timeout --kill-after=5 "$limit" "$@" >"$work/$name.log" 2>&1 || code=$?
  say "$name: exit $code, $((SECONDS - start)) s of $limit"
  tail -n 3 "$work/$name.log" | cut -c1-300 | tee -a "$work/summary.txt"
  pack_results
}
train() { # NAME LIMIT-IN-SECONDS
  local options
  options=$(runs | sed -n "s/^$1 //p")
  # shellcheck disable=SC2086  # words of a command line
  step "$1" "$2" "$bin/bbg_dist" $options --compute.device "$device" --run.output "$work/$1"
  cp "$work/$1/metrics.jsonl" "$work/$1.jsonl" 2>/dev/null
  rm -rf "${work:?}/$1"
  if [[ -s $work/$1.jsonl && -s cpu/$1.jsonl ]]; then python3 curves.py "cpu/$1.jsonl" "$work/$1.jsonl" 2>&1 | tee -a "$work/summary.txt"; fi
}

memory=$(nvidia-smi --query-gpu=memory.total --format=csv,noheader,nounits 2>/dev/null | head -n 1)
memory=${memory:-0}
# With 80 GB PyTorch's contenders fit a smaller batch.
batch=$((memory > 100000 ? 256 : 160))
card=$(nvidia-smi --query-gpu=name,memory.total,driver_version --format=csv,noheader 2>/dev/null | head -n 1)
say "${card:-no GPU}; batch $batch"
bench=("$bin/bbg_bench" --compute.device "$device" --config configs/bigbigan/high_res_e.ini --data.shards= --train.d-steps 1
  --train.ema-start 0 --model.init n02 --bench.parts false --bench.warmup 3 --bench.rounds 2 --bench.steps 3)
# GFLOP of a step and an image, as PyTorch's tuned step executes them.
compare=(python3 tests/bench/compare.py --device "$device" --gflop 408.7)
kernels='*/WeightKernels.*:WeightIterations.*:*/NormKernels.*:*/ConvolutionEnd.*'
few_kernels='*/WeightKernels.*/?:WeightIterations.*:*/NormKernels.*/?:*/ConvolutionEnd.*/?'
systems='LeadOfTheHost.*:NcclCommunicator.*:*/GpuTraining.*/ResidualAttentionHinge:*/GpuTraining.*/StridedBatchNormLogistic'
systems+=':*/GpuTraining.*/ConditionalBigGan'

if ((part == 1)); then
  step links 20 env BBG_UNDER=ldd "$bin/bbg_bench"
  step kernels 75 "$bin/gpu_tests" --gtest_filter="$kernels" --gtest_brief=1
  train demo64 40
  train demo32 40
  train residual32 40
  train residualbf16 40
  step systems 60 "$bin/gpu_tests" --gtest_brief=1 --gtest_filter="$systems"
  step ours 60 "${bench[@]}" --data.batch "$batch" --train.precision bfloat16 --bench.without-graphs true \
    --bench.trace "$work/trace.json"
  if [[ -e $work/trace.json ]]; then gzip -9 "$work/trace.json" && mv "$work/trace.json.gz" "$OUT/"; fi
  step heuristics-b 40 env TORCH_CUDNN_USE_HEURISTIC_MODE_B=1 "${bench[@]}" --data.batch "$batch" --train.precision bfloat16
  # The lines of contenders are in the log at once, the table only behind the last.
  step pytorch 330 "${compare[@]}" --batch "$batch" --precision bfloat16 --against tuned compiled plain --limit 210 \
    --json "$work/pytorch.json"
else
  checker='compute-sanitizer --print-limit 5 --tool'
  step memcheck 45 env BBG_UNDER="$checker memcheck" "$bin/gpu_tests" --gtest_filter="$few_kernels" --gtest_brief=1
  step racecheck 45 env BBG_UNDER="$checker racecheck" "$bin/gpu_tests" --gtest_filter="$few_kernels" --gtest_brief=1
  step tf32 85 "${compare[@]}" --batch 96 --precision tf32 --against tuned --limit 40 --json "$work/tf32.json"
  step largest 30 "${bench[@]}" --data.batch $((memory > 100000 ? 640 : 320)) --train.precision bfloat16
fi
say "done after $SECONDS s"
pack_results
cp "$work/summary.txt" "$OUT/summary-$part.txt"
