#!/bin/sh
# The daemon as others see it: it watches a server through a deploy and a leak; a real Prometheus scrapes it
# meanwhile, answers every query of the dashboards and fires the alert that names the release; the API answers as
# its description says; and when the server is gone its series are.
python=/usr/bin/python3
[ -x "$python" ] || python=python3
command -v "$python" >/dev/null && command -v prometheus >/dev/null && command -v curl >/dev/null && "$python" -c "import jsonschema" 2>/dev/null ||
	{ echo "no Prometheus, curl or jsonschema"; exit 77; }
. "$MC_SRC/tests/e2e/browser.sh"
work=$(mktemp -d) || exit 1
fail=0
comm=lw$$ # no other test's
wrong() { echo "FAILED: $*"; fail=1; }
daemon='' server='' asks='' evil=''
# release VERSION BINARY BYTES : ends what runs, and starts that
release() {
	[ -z "$server" ] || { kill "$server"; wait "$server"; } 2>/dev/null
	server=
	[ -n "$1" ] || return 0
	mkdir -p "$work/$1"
	cp "$MC_BUILD/tests/e2e/$2" "$work/$1/$comm"
	"$work/$1/$comm" 4 "$3" >/dev/null 2>&1 &
	server=$!
}
finish() {
	release ''
	[ -z "$asks" ] || kill "$asks" 2>/dev/null
	[ -z "$evil" ] || kill "$evil" 2>/dev/null
	[ -z "$daemon" ] || kill "$daemon" 2>/dev/null
	wait
	rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM
m() { "$MC_BIN" --config "$work/m.yml" "$@"; }
mark() { m mark logic_worker "$1" >"$work/mark" 2>&1 || wrong "mark: $(cat "$work/mark")"; }
get() { curl -fs --max-time 20 "http://127.0.0.1:$port$1"; }

port=$("$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cat >"$work/m.yml" <<END
sample: {interval: 0.1s}
store: {path: "$work/m.db"}
web: {listen: ["127.0.0.1:$port"], socket: "$work/s", per_process: true}
programs:
  - {name: logic_worker, match: {comm: $comm}}
  - {name: "<img src=x onerror=alert(1)>", match: {comm: ev$$}}
END
release v2.2 leaky_old 0
cp "$MC_BUILD/tests/e2e/leaky_old" "$work/ev$$"
"$work/ev$$" 1 0 >/dev/null 2>&1 &
evil=$!
"$MC_BIN" --config "$work/m.yml" serve 2>"$work/log" &
daemon=$!
for _ in 1 2 3 4 5 6 7 8 9 10; do
	sleep 0.3
	get /-/ready >/dev/null && break
done
mark v2.2
"$python" "$MC_SRC/tests/e2e/prometheus_asks.py" "$port" "$MC_SRC" "$work" MemculpritMemoryGrows MemculpritCulpritFound >"$work/asks" 2>&1 &
asks=$!
sleep 7
release v2.3 leaky_new 16384
sleep 1
mark v2.3
wait "$asks" || fail=1
asks=
cat "$work/asks"

for _ in 1 2 3 4 5 6 7 8 9 10; do # on a busy machine it is sure a little later
	get /api/v1/programs/logic_worker/blame >"$work/blame"
	grep -q '"verdict": "leak".*"culprit": {"version": "v2.3"' "$work/blame" && break
	sleep 1
done
grep -q '"culprit": {"version": "v2.3"' "$work/blame" || wrong "the culprit: $(cat "$work/blame")"
"$python" "$MC_SRC/tests/e2e/api_asks.py" "$port" "$MC_SRC" logic_worker || fail=1
if [ -z "${MC_SHORT-}" ] && browser_ready "$MC_BUILD/tests/e2e/seen.d"; then # with a browser where there is one
	(cd "$MC_BUILD/tests/e2e/seen.d" && node page_real.mjs "$browser" "$PWD" "$port") || fail=1
fi
kill -0 "$daemon" || wrong "the daemon has ended"
[ $fail = 0 ] || tail -n 5 "$work/log"
release ''
sleep 1
get /metrics >"$work/metrics" || wrong 'no metrics'
grep 'program="logic_worker"' "$work/metrics" && wrong 'a program that is gone has left series'
exit $fail
