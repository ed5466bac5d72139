#!/bin/sh
# Each failure mode by name: a small scenario written here, and what `analyze` makes of it. See mode_cases.py.
command -v python3 >/dev/null || { echo "1..0 # SKIP python3 is not here"; exit 0; }
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT INT TERM
PYTHONDONTWRITEBYTECODE=1 python3 "${MC_SRC:-.}/tests/e2e/mode_cases.py" "${MC_BIN:-./memculprit}" "$dir"
