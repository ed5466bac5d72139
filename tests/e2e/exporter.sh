#!/bin/sh
# The exporter from outside, with canned data: formats, hostile names, slow clients, TLS, passwords.
python=/usr/bin/python3
[ -x "$python" ] || python=python3
"$python" -c 'import prometheus_client' 2>/dev/null || { echo 'the Python Prometheus client is not installed'; exit 77; }
exec "$python" "$MC_SRC/tests/e2e/exporter_asks.py" "$MC_BUILD/tests/e2e/serve_canned"
