#!/usr/bin/env bash
# Installs what is missing, builds everything and runs all tests.
#
#   tools/test.sh [preset] [--openvino] [--dask] [--wheel] [--browser]   dev, release (default) or asan
#
# --openvino (or PTQ_TEST_OPENVINO=1) installs the Python packages openvino and onnxruntime into the
# build folder and lets OpenVINO judge the quantized files too; --dask (or PTQ_TEST_DASK=1) installs
# dask and distributed there and spreads a calibration over Dask workers; --wheel (or
# PTQ_TEST_WHEEL=1) installs onnxruntime there and observes a model in Python; --browser (or
# PTQ_TEST_BROWSER=1) installs the distribution's chromium and looks at the page of `ptq report` in
# it. Else those tests are skipped.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
preset=release
openvino="${PTQ_TEST_OPENVINO:-0}"
dask="${PTQ_TEST_DASK:-0}"
wheel="${PTQ_TEST_WHEEL:-0}"
export PTQ_TEST_BROWSER="${PTQ_TEST_BROWSER:-0}"
for argument in "$@"; do
  case "$argument" in
    --openvino) openvino=1 ;;
    --dask) dask=1 ;;
    --wheel) wheel=1 ;;
    --browser) PTQ_TEST_BROWSER=1 ;;
    *) preset="$argument" ;;
  esac
done

tools/bootstrap.sh
cmake --preset "$preset"
cmake --build --preset "$preset"

# install_python <venv> <packages...>: into the build folder.
install_python() {
  local venv="build/$preset/$1"
  shift
  [ -x "$venv/bin/python" ] || python3 -m venv "$venv"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@"
}
version="$(sed -n 's/^pip onnxruntime==\([^ ]*\).*/\1/p' tools/deps.lock)"
if [ "$openvino" = 1 ]; then
  install_python openvino-venv openvino "onnxruntime==$version" numpy
fi
if [ "$wheel" = 1 ]; then
  install_python wheel-venv "onnxruntime==$version" numpy
fi
if [ "$dask" = 1 ]; then
  install_python dask-venv dask distributed
fi
if [ "$PTQ_TEST_BROWSER" = 1 ]; then
  tools/bootstrap.sh --browser
fi
ctest --preset "$preset" -j2 --output-on-failure --no-tests=error
