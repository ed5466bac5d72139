#!/bin/bash
# The incident, re-enacted with a real server, a real repository and real releases: run.sh FOLDER
# Nothing is written into the database but what the daemon sees, and the marks that deploy.sh gives.
set -eu
: "${MC_BIN:?memculprit}" "${MC_SRC:?sources}"
release_seconds=${DEMO_RELEASE_SECONDS:-26}
rate=${DEMO_RATE:-800}
mkdir -p "$1"
DEMO=$(cd "$1" && pwd)
export DEMO MC_BIN

say() { printf '\n%s\n' "$*"; }
die() { echo "demo: $*" >&2; exit 1; }

# Only what was started here is ended, each by its own id.
daemon='' load=''
finish() {
	[ -z "$load" ] || kill "$load" 2>/dev/null || true
	[ ! -s "$DEMO/srv/logic.pid" ] || kill "$(cat "$DEMO/srv/logic.pid")" 2>/dev/null || true
	rm -f "$DEMO/srv/logic.pid"
	[ -z "$daemon" ] || kill "$daemon" 2>/dev/null || true
}
trap finish EXIT
trap 'exit 130' INT TERM

# Another user's git settings have no say in what is committed here.
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
export GIT_COMMITTER_NAME='Release Desk' GIT_COMMITTER_EMAIL='releases@logic.example'

# release VERSION : its commits, as their authors made them, and the tag
release() {
	local date
	git -C "$DEMO/repo" am -q --committer-date-is-author-date "$MC_SRC/demo/history/$1"/*.patch
	date=$(git -C "$DEMO/repo" log -1 --format=%aI)
	GIT_COMMITTER_DATE=$date git -C "$DEMO/repo" tag -a -m "logic_worker $1" "$1"
}

free_ports() {
	python3 -c '
import socket
held = [socket.socket() for _ in range(3)]
for s in held: s.bind(("127.0.0.1", 0))
print(*(s.getsockname()[1] for s in held))'
}

# ask PORT PATH : the answer of an HTTP server on loopback
ask() {
	(
		exec 3<>"/dev/tcp/127.0.0.1/$1" || exit 1
		printf 'GET %s HTTP/1.0\r\nHost: 127.0.0.1:%s\r\n\r\n' "$2" "$1" >&3
		timeout 30 cat <&3
	) 2>/dev/null
}

# until_ok TENTHS WHAT COMMAND... : waits for it
until_ok() {
	local left=$1 what=$2
	shift 2
	until "$@"; do
		left=$((left - 1))
		[ $left -gt 0 ] || die "$what; look into $DEMO/log"
		sleep 0.1
	done
}
ready() { ask "$WEB_PORT" /-/ready | head -n 1 | grep -q ' 200 '; }
serving() { ask "$STATUS_PORT" /metrics | grep -q '^logic_requests_total'; }

set_up() {
	(cd "$DEMO" && rm -rf repo srv var log)
	mkdir -p "$DEMO/repo" "$DEMO/srv/releases" "$DEMO/var" "$DEMO/log"
	git -C "$DEMO/repo" init -q -b main
	gcc -O2 -o "$DEMO/srv/load" "$MC_SRC/demo/load.c" -lm
	read -r PORT STATUS_PORT WEB_PORT <<<"$(free_ports)"
	export PORT STATUS_PORT WEB_PORT
	# a Unix socket's name has 107 bytes
	local socket=$DEMO/var/memculprit.sock
	[ ${#socket} -lt 100 ] || socket=${TMPDIR:-/tmp}/memculprit-demo-$$.sock
	cat >"$DEMO/memculprit.yml" <<-END
		sample: {interval: 0.25s}
		store: {path: "$DEMO/var/memculprit.db"}
		web: {listen: ["127.0.0.1:$WEB_PORT"], socket: "$socket", per_process: true}
		programs:
		  - name: logic_worker
		    match: {comm: logic_worker, cmdline: '--port=$PORT\b'}
		    repository: "$DEMO/repo"
		    tags: "v*"
		    load: {url: "http://127.0.0.1:$STATUS_PORT/metrics", metric: logic_requests_total}
	END
	"$MC_BIN" check-config "$DEMO/memculprit.yml"
}

start() {
	"$MC_BIN" --config "$DEMO/memculprit.yml" serve >"$DEMO/log/memculprit.log" 2>&1 &
	daemon=$!
	until_ok 600 "memculprit serve did not get ready" ready
	release v2.0
	MARK=yes "$MC_SRC/demo/deploy.sh" v2.0
	until_ok 600 "logic_worker does not serve" serving
	"$DEMO/srv/load" "$PORT" "$rate" >"$DEMO/log/load.log" 2>&1 &
	load=$!
}

# memory of the workers now, for the eye: private and shared of one
worker_memory() {
	local master pid
	master=$(cat "$DEMO/srv/logic.pid")
	pid=$(pgrep -P "$master" | head -n 1)
	awk '/^RssAnon/ { a = $2 } /^RssShmem/ { s = $2 } END { printf "a worker holds %.1f MiB of its own, %d MiB shared", a / 1024, s / 1024 }' \
		"/proc/$pid/status"
}

surge() { kill -USR1 "$load"; }
# One worker is stopped by hand; the master starts another.
restart_a_worker() { kill "$(pgrep -P "$(cat "$DEMO/srv/logic.pid")" | tail -n 1)"; }

# stay VERSION WHAT : the release runs; what happens meanwhile depends on it
stay() {
	local third=$((release_seconds / 3))
	printf '%s  %-5s %s\n' "$(date +%T)" "$1" "$2"
	sleep $third
	case $1 in
	v2.2) surge ;;
	v2.4) restart_a_worker ;;
	esac
	sleep $third
	[ "$1" != v2.2 ] || surge
	sleep $((release_seconds - 2 * third))
	printf '                %s\n' "$(worker_memory)"
}

act() {
	say "Seven releases of logic_worker, $release_seconds s each, under $rate requests a second."
	stay v2.0 "the server as it was"
	deploy v2.1 "a larger cache, filled at start-up"
	deploy v2.2 "a library that nothing uses yet; and twice the requests for a while"
	deploy v2.3 "eight commits"
	deploy v2.4 "six commits; and one worker is restarted by hand"
	MARK=no deploy v2.5 "five commits; nobody marks this deploy"
	deploy v2.6 "five commits"
}
deploy() {
	release "$1"
	"$MC_SRC/demo/deploy.sh" "$1" || die "deploy of $1 went wrong; look into $DEMO/log"
	until_ok 600 "logic_worker $1 does not serve" serving
	stay "$1" "$2"
}

mc() {
	say "\$ memculprit $*"
	"$MC_BIN" --config "$DEMO/memculprit.yml" "$@"
}

answer() {
	mc status
	mc blame logic_worker
	mc deploys logic_worker
	mc plot logic_worker
	"$MC_BIN" --config "$DEMO/memculprit.yml" plot logic_worker --svg "$DEMO/logic_worker.svg"
	"$MC_BIN" --config "$DEMO/memculprit.yml" blame logic_worker --json >"$DEMO/blame.json"
	guilty=$(git -C "$DEMO/repo" log --format=%H -1 --grep='^handler: answers in the format of the protocol library' main)
	fixed=$(git -C "$DEMO/repo" rev-parse 'v2.6^{commit}')
	python3 "$MC_SRC/demo/check.py" "$DEMO/blame.json" v2.3 "$guilty" v2.6 "$fixed"
}

leave() {
	local m="$MC_BIN --config $DEMO/memculprit.yml"
	cat <<-END

	Left behind in $DEMO:
	  var/memculprit.db   the database          logic_worker.svg   the curve
	  repo/               the repository        blame.json         the answer
	  log/                what each part said   memculprit.yml     the configuration
	To look at it again:
	  $m blame logic_worker
	  $m diff logic_worker
	Page and metrics: start the daemon, then open http://127.0.0.1:$WEB_PORT/ and
	http://127.0.0.1:$WEB_PORT/metrics
	  $m serve
	END
}

end_daemon() {
	kill "$daemon"
	wait "$daemon" || die "memculprit serve ended with $?; look into $DEMO/log/memculprit.log"
	daemon=''
}

set_up
start
act
answer
kill "$load" && wait "$load"
load=''
say "The clients: $(cat "$DEMO/log/load.log")"
end_daemon
leave
say "The answer is right, in $SECONDS s."
