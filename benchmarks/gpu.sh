#!/usr/bin/env bash
# What a graphics card makes of the package: at most 9 minutes on one CUDA
# machine with PyTorch and JAX, or, with --dry, a minute on a CPU (two where
# others use it too).
#
#     bash benchmarks/gpu.sh              # writes benchmarks/results/gpu.json
#     OUT=/elsewhere bash benchmarks/gpu.sh
#     PYTHON=.venv/bin/python bash benchmarks/gpu.sh --dry
#
# Beside it lies gpu-kit/, which `make gpu-kit` makes; a dry run does without.
# Ends with 1 if a part failed, and with 0 if one only ran out of time.
set -euo pipefail
begun=$(date +%s)
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}

site=$(mktemp -d)
trap 'rm -rf "$site"' EXIT
# The checkout comes before the kit's wheel of it, which may be older.
export PYTHONPATH="$PWD/benchmarks:$PWD:$site${PYTHONPATH:+:$PYTHONPATH}"
if [ -d gpu-kit ]; then
    "$python" -P -m gpu.install gpu-kit "$site"
fi
"$python" -P -m gpu --begun "$begun" "$@"
