#!/usr/bin/env bash
# Makes a folder of some 40 MB with what run.sh needs on a GPU machine that has PyTorch's wheel, Python and a driver, but neither a
# compiler nor MPI: programs, the libraries that such a machine lacks, shards, and the losses of the same runs on a CPU.
#
#   pack.sh FOLDER [SHARDS]
#
# Before, in this checkout: `launch/demo digits`, which makes the SHARDS (default: .deps/shards/digits, with train and test in it), and
#   source launch/env.sh && cmake --build --preset release --target bbg_dist bbg_bench gpu_tests
# Then copy FOLDER to the GPU machine and start `bash FOLDER/run.sh 1` there.
set -euo pipefail

out=$(realpath -m "${1:?pack.sh FOLDER [SHARDS]}")
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
checkout=$(cd "$here/../../.." && pwd)
shards=$(realpath "${2:-$checkout/.deps/shards/digits}")
bin=$checkout/build/release/bin
programs=(bbg_dist bbg_bench gpu_tests)
for needed in "${programs[@]/#/$bin/}" "$bin/libbbg_gpu.so" "$shards/train" "$shards/test"; do
  [[ -e $needed ]] || { echo "pack: $needed is missing; the head of this script says what to build before" >&2 && exit 2; }
done
rm -rf "$out" && mkdir -p "$out"/{bin,lib,openmpi,build/release/bin,tests/golden,cpu}

cp "$here"/{run.sh,curves.py} "$out"
cp -r "$checkout/configs" "$out"
cp -r "$checkout/tests/bench" "$out/tests"
cp "$checkout"/tests/golden/*.py "$out/tests/golden"
cp -r "$shards" "$out/shards"

# Each program is behind a wrapper: the machine's own Python must not see the libraries that are packed here.
for program in "${programs[@]}"; do
  strip -o "$out/bin/$program" "$bin/$program"
  cat >"$out/build/release/bin/$program" <<'WRAPPER'
#!/usr/bin/env bash
packed=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
torch=${BBG_TORCH_LIB:?run.sh sets it}
nvidia=$(cd "$torch/../.." && pwd)/nvidia
export LD_LIBRARY_PATH=$packed/lib:$torch:$nvidia/cu13/lib:$nvidia/nccl/lib:$nvidia/cudnn/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
# One rank starts without a launcher's server, and with the components of Open MPI that are packed.
export OMPI_MCA_mca_base_component_path=$packed/openmpi OMPI_MCA_ess_singleton_isolated=1 OMPI_MCA_pml=ob1
export OMPI_MCA_btl=self,vader HWLOC_PLUGINS_PATH=/nonexistent
# shellcheck disable=SC2086  # a command with its options, as "compute-sanitizer --tool memcheck"
exec ${BBG_UNDER:-} "$packed/bin/$(basename "$0")" "$@"
WRAPPER
  chmod +x "$out/build/release/bin/$program"
done

strip -o "$out/bin/libbbg_gpu.so" "$bin/libbbg_gpu.so"  # which they open

# All but the C and C++ libraries and those of the wheels.
theirs='^(linux-vdso|ld-linux|libc|libm|libdl|librt|libpthread|libutil|libresolv|libgcc_s|libstdc\+\+|libgomp)[.-]'
ldd "${programs[@]/#/$bin/}" | awk '$2 == "=>" && $3 ~ /^\// && $3 !~ /site-packages/ {print $3}' | sort -u |
  while read -r library; do
    if ! basename "$library" | grep -qE "$theirs"; then cp -L "$library" "$out/lib"; fi
  done
openmpi=$(dirname "$(ldconfig -p | awk '/libmpi\.so/ {print $NF; exit}' | xargs realpath)")
components=$(find "$openmpi" -maxdepth 3 -type d -name 'openmpi3' | head -n 1)
for name in allocator_basic allocator_bucket bml_r2 btl_self btl_vader coll_basic coll_inter coll_libnbc coll_self coll_sm coll_tuned \
  errmgr_default_app ess_singleton mpool_hugepage op_avx osc_pt2pt osc_rdma osc_sm pmix_isolated pml_ob1 rcache_grdma \
  reachable_weighted schizo_ompi schizo_orte shmem_mmap shmem_posix state_app; do
  cp "${components:?Open MPI 4.1 is needed}/mca_$name.so" "$out/openmpi"
done
cp -L "$(ldconfig -p | awk '/libmca_common_sm\.so/ {print $NF; exit}')" "$out/lib"

# The same runs on this machine's CPUs, for curves.py.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
while read -r name options; do
  # shellcheck disable=SC2086  # words of a command line
  (cd "$out" && OMP_NUM_THREADS=2 "$bin/bbg_dist" ${options/--run.steps 400/--run.steps 150} --compute.device cpu \
    --run.output "$work/$name" >/dev/null)
  cp "$work/$name/metrics.jsonl" "$out/cpu/$name.jsonl"
done < <(bash "$here/run.sh" runs)
du -sh "$out"
