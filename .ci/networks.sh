#!/usr/bin/env bash
# Tests with servers of social networks that others wrote: installs them (Synapse, a Matrix homeserver, from the Python
# package index; telegram-test-api from npm's) into a folder of its own, runs the tests marked `networks`, and removes
# that folder. usage: .ci/networks.sh [arguments for pytest]
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-.venv/bin/python}

for needed in node npm; do
  command -v "$needed" >/dev/null || {
    echo "$needed is missing: install it (on Debian: apt-get install nodejs npm), then run this again" >&2; exit 2
  }
done

folder=$(mktemp -d "${TMPDIR:-/tmp}/feedpub-networks.XXXXXX")
trap 'rm -rf "$folder"' EXIT
echo "Installing Synapse and telegram-test-api" >&2
"$python" -m venv "$folder/synapse"
"$folder/synapse/bin/pip" install -qq --disable-pip-version-check matrix-synapse==1.163.2 || {
  echo "Synapse could not be installed: is the package index that pip uses here reachable?" >&2; exit 2
}
npm install --prefix "$folder" --silent --no-audit --no-fund --ignore-scripts telegram-test-api@4.2.1 >/dev/null || {
  echo "npm could not install telegram-test-api: is the package registry that npm uses here reachable?" >&2; exit 2
}

export FEEDPUB_TEST_NETWORKS=1 FEEDPUB_NETWORKS_SYNAPSE="$folder/synapse/bin/python" FEEDPUB_NETWORKS_NODE="$folder"
"$python" -m pytest -m networks -p no:cacheprovider tests/networks "$@"
