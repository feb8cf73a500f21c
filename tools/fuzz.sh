#!/usr/bin/env bash
# Builds the fuzzers with clang (preset fuzz) and runs each for some seconds; any finding fails.
#
#   tools/fuzz.sh [--install] [seconds] [targets...]    60 seconds, all targets of tests/fuzz
#
# New inputs are kept in build/fuzz/corpus/NAME, findings in build/fuzz/findings. A finding belongs into
# tests/fuzz/corpus/NAME together with its fix. --install gets clang and its runtime by apt.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

install=false
if [ "${1-}" = --install ]; then
  install=true
  shift
fi
seconds="${1-60}"
if [ $# -gt 0 ]; then shift; fi
case "$seconds" in
  '' | *[!0-9]*)
    echo "fuzz: expected a number of seconds, found '$seconds'" >&2
    exit 2
    ;;
esac

# has_fuzzer: clang links libFuzzer, which is in a package of its own.
has_fuzzer() {
  command -v clang++ >/dev/null && echo 'extern "C" int LLVMFuzzerTestOneInput(const char*, unsigned long) { return 0; }' \
    | clang++ -x c++ -fsanitize=fuzzer,address,undefined -o /dev/null - 2>/dev/null
}

if ! has_fuzzer; then
  if ! $install; then
    echo "fuzz: clang with libFuzzer is missing; run tools/fuzz.sh --install" >&2
    exit 1
  fi
  as_root=(env DEBIAN_FRONTEND=noninteractive)
  if [ "$(id -u)" -ne 0 ]; then as_root=(sudo "${as_root[@]}"); fi
  apt=("${as_root[@]}" apt-get -qq -o DPkg::Lock::Timeout=300)
  "${apt[@]}" update
  "${apt[@]}" install -y --no-install-recommends clang
  version=$(clang --version | sed -n 's/.*version \([0-9]*\).*/\1/p;q')
  "${apt[@]}" install -y --no-install-recommends "libclang-rt-$version-dev"
fi

tools/bootstrap.sh
cmake --preset fuzz >/dev/null
cmake --build --preset fuzz --target ptq_fuzzers
targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
  for folder in tests/fuzz/corpus/*/; do targets+=("$(basename "$folder")"); done
fi

# Libraries of the distribution are not instrumented, which container checks cannot bear.
export ASAN_OPTIONS="detect_container_overflow=0${ASAN_OPTIONS:+:$ASAN_OPTIONS}"
export UBSAN_OPTIONS="print_stacktrace=1${UBSAN_OPTIONS:+:$UBSAN_OPTIONS}"
mkdir -p build/fuzz/findings
status=0
for name in "${targets[@]}"; do
  mkdir -p "build/fuzz/corpus/$name"
  log="build/fuzz/$name.log"
  if build/fuzz/tests/fuzz/ptq_fuzz_"$name" -max_total_time="$seconds" -rss_limit_mb=1024 -timeout=10 \
    -max_len=8192 -print_final_stats=1 -artifact_prefix="build/fuzz/findings/$name-" \
    "build/fuzz/corpus/$name" "tests/fuzz/corpus/$name" >"$log" 2>&1; then
    executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    echo "fuzz: $name: $executions executions in $seconds s, no finding"
  else
    echo "fuzz: $name: FINDING, see $log" >&2
    tail -n 30 "$log" >&2
    status=1
  fi
done
exit $status
