#!/usr/bin/env bash
# Tests with feed readers that people use: installs those that are missing (from Debian, and from npm into a folder of
# its own), runs the tests marked `readers`, and removes that folder. usage: .ci/readers.sh [arguments for pytest]
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-.venv/bin/python}
node_readers=(rss-parser@3.13.0 feedsmith@3.0.1 @extractus/feed-extractor@8.0.3)

missing=()
for needed in newsboat:newsboat sfeed:sfeed r2e:rss2email xmllint:libxml2-utils localedef:libc-bin; do
  command -v "${needed%%:*}" >/dev/null || missing+=("${needed#*:}")
done
[ -e /usr/share/i18n/locales/ja_JP ] || missing+=(locales)

install() {
  local root=()
  [ "$(id -u)" = 0 ] || root=(sudo -n)
  export DEBIAN_FRONTEND=noninteractive
  "${root[@]}" apt-get update -qq && "${root[@]}" apt-get install -qq -y --no-install-recommends "$@" >/dev/null
}
if [ ${#missing[@]} -gt 0 ]; then
  echo "Installing ${missing[*]}" >&2
  if ! command -v apt-get >/dev/null; then
    echo "these are missing and there is no apt-get to install them: ${missing[*]}; install them as this system does" >&2
    exit 2
  fi
  install "${missing[@]}" || {
    echo "these could not be installed: install them yourself: apt-get install ${missing[*]}" >&2; exit 2
  }
fi

folder=$(mktemp -d "${TMPDIR:-/tmp}/feedpub-readers.XXXXXX")
trap 'rm -rf "$folder"' EXIT
export FEEDPUB_TEST_READERS=1 FEEDPUB_READERS_NODE=
if command -v node >/dev/null && command -v npm >/dev/null; then
  npm install --prefix "$folder" --silent --no-audit --no-fund --ignore-scripts "${node_readers[@]}" >/dev/null || {
    echo "npm could not install ${node_readers[*]}: is the package registry that npm uses here reachable?" >&2; exit 2
  }
  export FEEDPUB_READERS_NODE="$folder"
else
  echo "Without node and npm, the readers that are written for Node are left out" >&2
fi

"$python" -m pytest -m readers -p no:cacheprovider tests/readers "$@"
