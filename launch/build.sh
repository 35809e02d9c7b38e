# shellcheck shell=bash
# build_preset NAME [TARGETS...]: configures and builds in build/NAME, quiet unless something is wrong. Sourced by launch/demo
# and launch/test after env.sh, in the checkout's root. A new folder is set up for what builds it fastest from nothing; where
# one source is changed again and again, `cmake -DBBG_UNITY=OFF build/NAME` builds that sooner.

# Jobs: one a core, but 2 GB of memory for each, which a file that includes libtorch can take.
bbg_build_jobs() {
  local cores memory_gb
  cores=$(nproc)
  memory_gb=$(awk '/^MemAvailable:/ { print int($2 / 1000000) }' /proc/meminfo)
  local jobs=$((memory_gb / 2))
  echo $((jobs < 1 ? 1 : jobs < cores ? jobs : cores))
}

build_preset() {
  local preset=$1 targets=()
  shift
  if (($#)); then targets=(--target "$@"); fi
  local log=build/$preset/launch.log
  local settings=("-DBBG_TORCH_DIR=$BBG_TORCH_DIR" "-DBBG_CUDA=$BBG_CUDA")
  if [[ ! -e build/$preset/CMakeCache.txt ]]; then settings+=(-DBBG_UNITY=ON); fi
  mkdir -p "build/$preset"
  if ! cmake --preset "$preset" "${settings[@]}" >"$log" 2>&1; then
    tail -n 25 "$log" >&2
    echo "build: configuring failed (all of it: $PWD/$log)" >&2
    echo "  if the folder was configured with other tools before: rm -rf build/$preset" >&2
    return 1
  fi
  echo "build: building the preset $preset with $(bbg_build_jobs) jobs"
  if [[ -t 1 ]]; then
    cmake --build --preset "$preset" --parallel "$(bbg_build_jobs)" "${targets[@]}"
  elif ! cmake --build --preset "$preset" --parallel "$(bbg_build_jobs)" "${targets[@]}" >>"$log" 2>&1; then
    grep -E -A 6 'error:|FAILED:|undefined reference' "$log" | head -n 60 >&2 || tail -n 25 "$log" >&2
    echo "build: failed (all of it: $PWD/$log)" >&2
    return 1
  fi
}
