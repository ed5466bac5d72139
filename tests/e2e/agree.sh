#!/bin/sh
# What the daemon answers is what analyze answers on the exported samples, after restarts too, and what one command shows all show.
# agree.sh DIR... holds the answers about those folders against each other and tells the largest difference.
# Skipped where numpy is missing (./dev installs it).
py=/usr/bin/python3
"$py" -c 'import numpy' 2>/dev/null || { echo "agree: skipped, python3-numpy is not here"; exit 77; }
export PYTHONDONTWRITEBYTECODE=1
exec "$py" "${MC_SRC:-.}/tests/e2e/agree_asks.py" "${MC_BIN:-./memculprit}" "$@"
