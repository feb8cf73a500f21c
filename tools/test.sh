#!/usr/bin/env bash
# Installs what is missing, builds everything and runs all tests.
#
#   tools/test.sh [preset] [--openvino]   dev, release (default) or asan
#
# --openvino (or PTQ_TEST_OPENVINO=1) installs the Python packages openvino and onnxruntime into the
# build folder and lets OpenVINO judge the quantized files too; else that test is skipped.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
preset=release
openvino="${PTQ_TEST_OPENVINO:-0}"
for argument in "$@"; do
  case "$argument" in
    --openvino) openvino=1 ;;
    *) preset="$argument" ;;
  esac
done

tools/bootstrap.sh
cmake --preset "$preset"
cmake --build --preset "$preset"
if [ "$openvino" = 1 ]; then
  venv="build/$preset/openvino-venv"
  [ -x "$venv/bin/python" ] || python3 -m venv "$venv"
  version="$(sed -n 's/^pip onnxruntime==\([^ ]*\).*/\1/p' tools/deps.lock)"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    openvino "onnxruntime==$version" numpy
fi
ctest --preset "$preset" -j2 --output-on-failure --no-tests=error
