#!/usr/bin/env bash
# Installs what is missing, builds everything and runs all tests.
#
#   tools/test.sh [preset]   dev, release (default) or asan
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
preset="${1:-release}"

tools/bootstrap.sh
cmake --preset "$preset"
cmake --build --preset "$preset"
ctest --preset "$preset" -j2 --output-on-failure --no-tests=error
