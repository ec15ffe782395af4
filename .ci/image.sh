#!/usr/bin/env bash
# Tests of the image: builds it with buildah, which needs no engine, and runs it with its own namespaces.
# usage: .ci/image.sh [arguments for pytest]
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-.venv/bin/python}

if ! command -v buildah >/dev/null || ! command -v debootstrap >/dev/null; then
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null ||
    { echo "buildah and debootstrap are missing: install them (on Debian: apt-get install buildah debootstrap)" >&2; exit 2; }
  echo "Installing Debian's buildah and debootstrap" >&2
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
    apt-get install -qq --no-install-recommends buildah debootstrap >/dev/null
fi
"$python" -m pytest -m image -p no:cacheprovider tests/image "$@"
