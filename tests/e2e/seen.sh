#!/bin/sh
# The daemon as others see it: it watches a server through a deploy and a leak; a real Prometheus scrapes it
# meanwhile, answers every query of the dashboards and fires the alert that names the release; the API answers as
# its description says; and when the server is gone its series are.
python=/usr/bin/python3
[ -x "$python" ] || python=python3
command -v "$python" >/dev/null && command -v prometheus >/dev/null && command -v curl >/dev/null && "$python" -c "import jsonschema" 2>/dev/null ||
	{ echo "no Prometheus, curl or jsonschema"; exit 77; }
. "$MC_SRC/tests/e2e/browser.sh"
. "$MC_SRC/tests/e2e/wait.sh"
work=$(mktemp -d) && memory=$(in_memory) || exit 1
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
	rm -rf "$work" "$memory"
}
trap finish EXIT
trap 'exit 130' INT TERM
m() { "$MC_BIN" --config "$work/m.yml" "$@"; }
mark() { m mark logic_worker "$1" >"$work/mark" 2>&1 || wrong "mark: $(cat "$work/mark")"; }
get() { curl -fs --max-time 60 "http://127.0.0.1:$port$1"; }

cat >"$work/m.yml" <<END
sample: {interval: 0.1s}
store: {path: "$memory/m.db"}
web: {listen: ["127.0.0.1:0"], socket: "$work/s", per_process: true}
programs:
  - {name: logic_worker, match: {comm: $comm}}
  - {name: "<img src=x onerror=alert(1)>", match: {comm: ev$$}}
END
cp "$MC_BUILD/tests/e2e/leaky_old" "$work/ev$$"
"$work/ev$$" 1 0 >/dev/null 2>&1 &
evil=$!
"$MC_BIN" --config "$work/m.yml" serve 2>"$work/log" &
daemon=$!
ready() {
	port=$(sed -n 's/.*(port \([0-9]*\)).*/\1/p' "$work/log" | head -n 1)
	[ -n "$port" ] && get /-/ready >/dev/null
}
soon ready || { echo 'the daemon does not start'; cat "$work/log"; exit 1; }
metric() { get /metrics | K=$1 awk 'index($0, ENVIRON["K"] " ") == 1 { print $NF }'; }
release v2.2 leaky_old 0
mark v2.2
runs() { [ "$(metric 'memculprit_program_processes{program="logic_worker"}')" = 5 ]; }
soon runs || wrong 'the server is not seen'
"$python" "$MC_SRC/tests/e2e/prometheus_asks.py" "$port" "$MC_SRC" "$work" MemculpritMemoryGrows MemculpritCulpritFound >"$work/asks" 2>&1 &
asks=$!
samples=$(metric memculprit_samples_total)
sampled_for() { [ "$(metric memculprit_samples_total)" -ge $((samples + $1)) ]; }
soon sampled_for 65 || wrong 'no samples'
release v2.3 leaky_new 16384
seen() { m deploys logic_worker --json | grep -q '"source": "build-id"'; } # which a mark replaces
soon seen || wrong 'the deploy is not seen'
mark v2.3
wait "$asks" || fail=1
asks=
cat "$work/asks"

is_found() { # on a busy machine it is sure a little later
	get /api/v1/programs/logic_worker/blame >"$work/blame"
	grep -q '"verdict": "leak".*"culprit": {"version": "v2.3"' "$work/blame"
}
soon is_found || wrong "the culprit: $(cat "$work/blame")"
"$python" "$MC_SRC/tests/e2e/api_asks.py" "$port" "$MC_SRC" logic_worker || fail=1
if [ -z "${MC_SHORT-}" ] && browser_ready "$MC_BUILD/tests/e2e/seen.d"; then # with a browser where there is one
	(cd "$MC_BUILD/tests/e2e/seen.d" && node page_real.mjs "$browser" "$PWD" "$port") || fail=1
fi
kill -0 "$daemon" || wrong "the daemon has ended"
[ $fail = 0 ] || tail -n 5 "$work/log"
release ''
gone() { get /metrics >"$work/metrics" && ! grep 'program="logic_worker"' "$work/metrics"; }
soon gone >/dev/null || wrong "a program that is gone has left series: $(gone)"
exit $fail
