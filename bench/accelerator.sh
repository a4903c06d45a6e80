#!/bin/sh
# All that a machine with a GPU is asked, within ten minutes: the record of `make bench`, what CUDA
# graphs of whole loops change, the whole book at paper, and what has moved beside the published one.
#
#   bench/accelerator.sh [mnist]     the environment has JAX for the GPU; see README.md
#
# PRESET=quick rehearses it where there is none.
set -u
cd "$(dirname "$0")/.." || exit 1
data=${1:-mnist} build=_build/accelerator graphs=FUSION,CUBLAS,CUBLASLT,CUSTOM_CALL,CUDNN,WHILE
export KERAS_BACKEND=jax BACKEND=jax
asked() {
  limit=$1 begun=$(date +%s)
  shift
  timeout "$limit" "$@"
  echo "--- $* ended with $? after $(($(date +%s) - begun)) s (at most $limit)"
}
asked 240 make bench DATA="$data"
asked 50 .venv/bin/python bench/run.py --dataset "$data" \
  --flags "--xla_gpu_enable_command_buffer=$graphs --xla_gpu_graph_min_graph_size=1"
asked 300 make book DATA="$data" PRESET="${PRESET:-paper}" BUILD="$build"
asked 10 make verify BUILD="$build"
