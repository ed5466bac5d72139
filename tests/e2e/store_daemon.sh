#!/bin/sh
# The database under the whole program: kill -9 while it writes, a full disk, a quota, a read-only folder, care
# while it runs.
python=/usr/bin/python3
[ -x "$python" ] || python=python3
command -v "$python" >/dev/null || { echo 'python3 is not installed'; exit 77; }
exec "$python" "$MC_SRC/tests/e2e/store_daemon_asks.py" "$MC_BIN" "$@"
