#!/usr/bin/env bash
# Checks formatting and lint; any finding fails.
#
#   tools/lint.sh [--install] [paths...]
#
# clang-format looks at include/, src/, tests/ and tools/, clang-tidy at the sources of src/ and
# tools/; paths such as src/range narrow both. --install gets the two tools by apt when missing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

install=false
if [ "${1-}" = --install ]; then
  install=true
  shift
fi
paths=("$@")
if [ ${#paths[@]} -eq 0 ]; then paths=(include src tests tools); fi

# find_tool <name>: version 14 is what the project is formatted with; a newer one will do.
find_tool() { command -v "$1-14" || command -v "$1"; }

if ! find_tool clang-format >/dev/null || ! find_tool clang-tidy >/dev/null; then
  if ! $install; then
    echo "lint: clang-format or clang-tidy is missing; run tools/lint.sh --install" >&2
    exit 1
  fi
  as_root=(env DEBIAN_FRONTEND=noninteractive)
  if [ "$(id -u)" -ne 0 ]; then as_root=(sudo "${as_root[@]}"); fi
  apt=("${as_root[@]}" apt-get -qq -o DPkg::Lock::Timeout=300)
  "${apt[@]}" update
  "${apt[@]}" install -y --no-install-recommends clang-format clang-tidy
fi
clang_format=$(find_tool clang-format)
clang_tidy=$(find_tool clang-tidy)
major=$("$clang_format" --version | sed 's/.*version \([0-9]*\).*/\1/')
if [ "$major" -lt 14 ]; then
  echo "lint: $clang_format is version $major; 14 or newer is needed" >&2
  exit 1
fi

# sources <suffixes...>: tracked and new files under the paths, NUL-separated.
sources() {
  git ls-files -z --cached --others --exclude-standard -- "${paths[@]}" \
    | grep -zE "\\.($1)\$" | while IFS= read -r -d '' file; do
      if [ -e "$file" ]; then printf '%s\0' "$file"; fi
    done
}

status=0
echo "lint: clang-format"
while IFS= read -r -d '' file; do
  if ! "$clang_format" --dry-run --Werror "$file" 2>/dev/null; then
    echo "$file: not formatted; run $(basename "$clang_format") -i $file"
    status=1
  fi
done < <(sources 'h|cpp')

echo "lint: clang-tidy"
tools/bootstrap.sh
cmake --preset tidy >/dev/null
# Only what the build knows: a file in no target has no compile command.
compiled=$(sed -n 's/^ *"file": "\(.*\)",\{0,1\}$/\1/p' build/tidy/compile_commands.json)
sources cpp | while IFS= read -r -d '' file; do
  case "$file" in src/* | tools/*) ;; *) continue ;; esac
  if grep -qxF "$PWD/$file" <<<"$compiled"; then
    printf '%s\0' "$file"
  else
    echo "lint: $file is in no target, skipped" >&2
  fi
done | xargs -0 -r -n 1 -P "$(nproc)" "$clang_tidy" --quiet -p build/tidy 2>&1 \
  | sed '/^[0-9]* warnings* generated\.$/d' || status=1

if [ $status -ne 0 ]; then echo "lint: findings above" >&2; fi
exit $status
