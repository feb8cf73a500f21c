#!/usr/bin/env bash
# From a fresh clone to a quantized model that passed its gate: builds ptq, quantizes the ResNet in
# data/ to int8 and compares it with the original on the test set. Fails when more than one
# percentage point of top-1 accuracy is lost.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

step() { printf '\n$ %s\n' "$*"; "$@"; }

model=data/fashion_resnet.onnx
quantized=build/demo/fashion_resnet.int8.onnx
ptq=build/release/tools/ptq/ptq

step tools/bootstrap.sh
step cmake --preset release
step cmake --build --preset release --target ptq_cli
mkdir -p "$(dirname "$quantized")"
step "$ptq" quantize "$model" --data data/fashion_calib.npz -o "$quantized" --force
step "$ptq" validate "$model" "$quantized" --data data/fashion_test.npz --labels labels \
  --max-drop 1.0
