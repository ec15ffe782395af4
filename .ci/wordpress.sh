#!/usr/bin/env bash
# Tests against a real WordPress: starts one (start.sh installs it from Debian), runs the tests marked `wordpress`,
# and ends what it started. usage: .ci/wordpress.sh [arguments for pytest]
# WORDPRESS_KIT: the directory of start.sh, stop.sh and eval.php; WORDPRESS_EXPORT: the WXR file the site is made of.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-.venv/bin/python}
kit=${WORDPRESS_KIT:-../shared/wordpress}
export_file=${WORDPRESS_EXPORT:-../shared/data/wordpress-theme-unit-test.en.xml}

for needed in "$kit/start.sh" "$kit/stop.sh" "$kit/eval.php" "$export_file"; do
  [ -e "$needed" ] || { echo "$needed is missing: set WORDPRESS_KIT and WORDPRESS_EXPORT to where they are" >&2; exit 2; }
done
command -v xmllint >/dev/null ||
  { echo "xmllint is missing: install it (on Debian: apt-get install libxml2-utils), then run this again" >&2; exit 2; }
if (exec 3<>/dev/tcp/127.0.0.1/8081) 2>/dev/null; then
  echo "port 8081 is in use: end what listens there (another WordPress of these tests?)" >&2; exit 2
fi

# Not below the home directory: the database runs as another user, who may not be let in there.
WP_ROOT=$(mktemp -d "${TMPDIR:-/tmp}/feedpub-wordpress.XXXXXX")
export WP_ROOT
chmod 755 "$WP_ROOT"
finish() {
  database=$(cat "$WP_ROOT/db/pid" 2>/dev/null || true)
  "$kit/stop.sh"
  for _ in $(seq 100); do kill -0 "${database:-0}" 2>/dev/null && [ -n "$database" ] || break; sleep 0.1; done
  rm -rf "$WP_ROOT"
}
trap finish EXIT

"$kit/start.sh" "$export_file"
export FEEDPUB_TEST_WORDPRESS="$WP_ROOT/site" WORDPRESS_KIT="$kit" WORDPRESS_EXPORT="$export_file"
"$python" -m pytest -m wordpress -p no:cacheprovider tests/wordpress "$@"
