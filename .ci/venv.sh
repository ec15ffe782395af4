#!/bin/sh
# Makes .venv: the locked dependencies, each checked against its hash, and feedpub itself, editable.
set -eu
cd "$(dirname "$0")/.."

stop() { echo "$1" >&2; exit 1; }
recent() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }
whole() { "$1" -c 'import ensurepip, venv' >/dev/null 2>&1; }

if ! { recent .venv/bin/python && .venv/bin/python -c 'import pip' 2>/dev/null; }; then
  found=''
  for python in ${PYTHON:-python3.14 python3.13 python3.12 python3.11 python3}; do
    recent "$python" || continue
    found=$python
    if whole "$python"; then break; fi
  done
  [ -n "$found" ] || stop "feedpub needs Python 3.11 or later: install it, or name it: make PYTHON=/path/to/python3"
  whole "$found" || stop "$found cannot make virtual environments: install its venv package (on Debian: python3-venv)"
  "$found" -m venv --clear .venv || stop "$found could not make .venv here: is this folder writable?"
fi

echo "Installing the locked dependencies into .venv (once; about a minute)" >&2
# What is only there as source is built with the locked setuptools, never with one fetched unseen.
install() { .venv/bin/python -m pip install -qq --disable-pip-version-check --no-deps "$@"; }
{ install --require-hashes -r requirements-build.lock &&
  install --require-hashes --no-build-isolation --use-pep517 -r requirements-dev.lock &&
  install --no-build-isolation -e .; } || stop "The dependencies could not be installed: is the package index that pip uses here reachable?"
