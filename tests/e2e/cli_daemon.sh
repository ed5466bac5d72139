#!/bin/bash
# The command line beside a running daemon: what writes goes through its socket, what reads needs nobody.
for need in git python3; do command -v $need >/dev/null || { echo "cli_daemon: no $need"; exit 77; }; done
work=$(mktemp -d) || exit 1
daemon=
trap '[ -z "$daemon" ] || kill "$daemon" 2>/dev/null; wait; rm -rf "$work"' EXIT
. "$MC_SRC/tests/e2e/cli_fixture.sh"
. "$MC_SRC/tests/e2e/wait.sh"
export LC_ALL=C.UTF-8
m=$MC_BIN fail=0
wrong() { echo "cli_daemon: $*"; fail=1; sed 's/^/    /' out err 2>/dev/null | head -n 12; }
run() {
	local want=$1 got
	shift
	timeout 300 "$m" "$@" >out 2>err </dev/null
	got=$?
	[ "$got" = "$want" ] || wrong "'$*': exit code $got, not $want"
}
# a program of that name may run on this machine: it is first seen, and no deploy of the folder
imported() { python3 -c 'import json, sys; assert sum(d["source"] == "import" for d in json.load(open("out"))["deploys"]) == int(sys.argv[1])' "$1"; }
make_fixture "$work" >/dev/null || { echo "cli_daemon: no fixture"; exit 1; }
cd "$work" || exit 1
rm -f memculprit.db*
sed -i "s|^store:.*|sample: {interval: 200ms}\nstore: {path: $work/memculprit.db}\nweb: {socket: $work/sock}|" memculprit.yml
mkdir -p proc
"$m" serve --web.listen-address 127.0.0.1:0 >serve.out 2>serve.err &
daemon=$!
up() { [ -S sock ] && "$m" status >/dev/null 2>&1; }
soon up || { echo "cli_daemon: the daemon does not start"; cat serve.err; exit 1; }

run 0 import logic_worker incident
grep -q "imported 12768 samples of 28 processes" out || wrong 'what was imported is not told'
grep -q 'logic_worker are older than 30 d' err || wrong 'what the daemon will not keep is not told'
run 0 blame logic_worker
grep -q '^v2.3 started it: ' out || wrong 'the answer of an import beside the daemon'
run 0 status logic_worker --json
python3 -c 'import json; p = json.load(open("out"))["programs"][0]; assert p["culprit"]["version"] == "v2.3", p' || wrong 'its answer is stored'
cp out before
run 0 import logic_worker incident
run 0 deploys logic_worker --json
imported 7 || wrong 'importing twice changes nothing'
sed '5000s/,[0-9]*,0,/,x,0,/' incident/samples.csv >week-2/samples.csv
run 1 import other week-2
grep -q 'week-2/samples.csv:5000:7: shared_bytes: not a number' err || wrong 'the place of a bad line'
run 3 status other
run 3 import other nowhere
run 0 mark logic_worker v2.5 --note 'back again'
grep -q '^logic_worker: v2.5, commit' out || wrong 'mark through the socket'
run 0 mark logic_worker v2.5
grep -q already out || wrong 'a mark that is known'
id=$("$m" deploys logic_worker --json | python3 -c 'import json, sys; print([d["id"] for d in json.load(sys.stdin)["deploys"] if d["source"] == "mark"][-1])')
run 0 mark --delete "$id"
run 0 deploys logic_worker --json
grep -q "\"id\": $id," out && wrong 'the mark is not gone'
run 3 mark logic_worker no-such-revision
run 0 db compact
run 0 db check
run 0 db backup copy.db
run 0 --db copy.db blame logic_worker
run 1 serve --web.listen-address 127.0.0.1:0
grep -q "process $daemon" err || wrong 'a second daemon is told who has the database'

kill -TERM $daemon
wait $daemon
got=$?
daemon=
[ $got = 0 ] || { echo "cli_daemon: the daemon's exit code is $got"; tail -n 20 serve.err; fail=1; }
run 0 blame logic_worker
run 0 db check
exit $fail
