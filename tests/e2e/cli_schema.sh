#!/bin/bash
# Real answers are what docs/schema says.
command -v git >/dev/null || { echo "cli_schema: no git"; exit 77; }
python3 -c 'import jsonschema' 2>/dev/null || { echo "cli_schema: no python3-jsonschema"; exit 77; }
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
. "$MC_SRC/tests/e2e/cli_fixture.sh"
make_fixture "$work" >/dev/null || { echo "cli_schema: no fixture"; exit 1; }
cd "$work" && python3 "$MC_SRC/tests/e2e/cli_schema_holds.py" "$MC_SRC/docs/schema"
