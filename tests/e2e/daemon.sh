#!/bin/sh
# The daemon from outside, over a /proc tree made by hand: deploys, restarts, deaths, garbage; then bad input,
# trouble with the database, marks, signals and systemd's sockets.
python=/usr/bin/python3
[ -x "$python" ] || python=python3
command -v "$python" >/dev/null || { echo 'python3 is not installed'; exit 77; }
exec "$python" "$MC_SRC/tests/e2e/daemon_asks.py" "$MC_BIN" "$@"
