#!/bin/bash
# What it costs to be seen, in one run beside process-exporter (where it is installed): scrapes of a host with
# 1,000 processes, the server's CPU time for one, a large gzipped body; then the page with 30 days of one program.
# Ratios hold elsewhere, figures only here.
set -u
: "${MC_BIN:?memculprit}" "${MC_SRC:?sources}" "${MC_BUILD:?build}"
python=/usr/bin/python3
[ -x "$python" ] || python=python3
work=$(mktemp -d) || exit 1
make -s -C "$MC_BUILD" tests/e2e/leaky_old tests/e2e/serve_canned || exit 1
started=()
trap 'kill "${started[@]}" 2>/dev/null; wait; rm -rf "$work"' EXIT
port() { "$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# 1,000 processes in 50 programs
for i in $(seq 16); do
	cp "$MC_BUILD/tests/e2e/leaky_old" "$work/bench_$i"
	"$work/bench_$i" 62 0 >/dev/null 2>&1 &
	started+=($!)
done
mine=$(port)
cat >"$work/m.yml" <<-END
	store: {path: "$work/m.db"}
	web: {listen: ["127.0.0.1:$mine"], socket: "$work/s"}
END
"$MC_BIN" --config "$work/m.yml" serve 2>"$work/log" &
daemon=$!
started+=("$daemon")
peer='' peer_pid=''
if command -v prometheus-process-exporter >/dev/null || command -v process-exporter >/dev/null; then
	peer=$(port)
	"$(command -v prometheus-process-exporter || command -v process-exporter)" -procnames "$(seq -s, -f 'bench_%g' 16)" \
		-web.listen-address "127.0.0.1:$peer" >/dev/null 2>&1 &
	peer_pid=$!
	started+=("$peer_pid")
fi
"$MC_BUILD/tests/e2e/serve_canned" --programs 320 --points 172800 < <(sleep 600) >"$work/port" &
canned=$!
started+=("$canned")
sleep 12 # one tick
"$python" "$MC_SRC/tests/bench/serve_ask.py" "$mine" "$daemon" "$peer" "$peer_pid" "$(cat "$work/port")" "$canned"

. "$MC_SRC/tests/e2e/browser.sh"
if browser_ready "$MC_BUILD/tests/e2e/seen.d"; then
	# the page alone, without the thousand
	for p in "${started[@]}"; do
		[ "$p" = "$canned" ] || { kill "$p"; wait "$p"; } 2>/dev/null
	done
	started=("$canned")
	(cd "$MC_BUILD/tests/e2e/seen.d" && cp "$MC_SRC/tests/bench/paint.mjs" . && node paint.mjs "$browser" "$PWD" "$(cat "$work/port")")
fi
