#!/usr/bin/env bash
# Tests in a real browser: installs Debian's chromium if there is none, and runs the tests marked `browser`.
# They speak to it through its own protocol, so no driver is needed. usage: .ci/browser.sh [arguments for pytest]
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-.venv/bin/python}

if ! command -v chromium >/dev/null; then
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null ||
    { echo "chromium is missing: install it (on Debian: apt-get install chromium), then run this again" >&2; exit 2; }
  echo "Installing Debian's chromium" >&2
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends chromium >/dev/null
fi
"$python" -m pytest -m browser -p no:cacheprovider tests/browser "$@"
