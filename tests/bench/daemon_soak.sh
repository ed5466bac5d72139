#!/bin/sh
# Thousands of ticks at 0.05 s over a /proc tree whose processes come and go: its own memory stays flat.
python=/usr/bin/python3
[ -x "$python" ] || python=python3
MC_TICKS=${MC_TICKS:-8000} exec "$python" "$MC_SRC/tests/e2e/daemon_asks.py" "$MC_BIN" flat
