#!/bin/sh
# The dashboards are what their source says, the rules tell the incident's story, and a real Prometheus that scrapes
# canned figures answers every query and fires the alerts.
python=/usr/bin/python3
[ -x "$python" ] || python=python3
command -v "$python" >/dev/null || { echo 'no Python'; exit 77; }
command -v promtool >/dev/null && command -v prometheus >/dev/null || { echo 'no Prometheus'; exit 77; }
work=$(mktemp -d) || exit 1
server=
trap 'exec 3>&-; [ -z "$server" ] || wait "$server"; rm -rf "$work"' EXIT
fail=0

"$python" "$MC_SRC/dashboards/make.py" "$work" || exit 1
for b in "$work"/memculprit-*.json; do
	cmp "$b" "$MC_SRC/dashboards/$(basename "$b")" || { echo 'run dashboards/make.py'; fail=1; }
done
(cd "$MC_SRC/dashboards/prometheus" && promtool check rules memculprit.rules.yml && promtool check config --syntax-only prometheus.yml &&
	promtool test rules memculprit.test.yml) >"$work/rules" 2>&1 || { cat "$work/rules"; fail=1; }

mkfifo "$work/in"
"$MC_BUILD/tests/e2e/serve_canned" --programs 12 <"$work/in" >"$work/port" &
server=$!
exec 3>"$work/in"
until [ -s "$work/port" ]; do
	kill -0 "$server" || exit 1
	sleep 0.05
done
"$python" "$MC_SRC/tests/e2e/prometheus_asks.py" "$(cat "$work/port")" "$MC_SRC" "$work" MemculpritMemoryGrows MemculpritCulpritFound \
	MemculpritMemoryRunsOut || fail=1
exit $fail
