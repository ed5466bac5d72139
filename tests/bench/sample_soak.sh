#!/bin/bash
# 100,000 processes that begin and end while the daemon samples five times a second and listens for exits
# (where it may): no crash, no growth, no descriptor that stays.
set -eu
# alone with its own processes where that may be: what others begin and end is lives to the daemon too
if [ -z "${MC_ALONE-}" ] && unshare --pid --fork --mount-proc true 2>/dev/null; then
	MC_ALONE=1 exec unshare --pid --fork --kill-child --mount-proc bash "$0"
fi
build=$(cd "${MC_BUILD:-build}" && pwd)
bin=${MC_BIN:-$build/memculprit} exits=${EXITS:-100000}
make -s -C "$build" tests/bench/sample_farm
dir=$(mktemp -d /var/tmp/mc-soak-XXXXXX)
trap 'kill "$pid" 2>/dev/null || :; wait; rm -rf "$dir"' EXIT
cp "$build/tests/bench/sample_farm" "$dir/farm"
printf 'sample: {interval: 0.2s, short_lives: true}\n' >"$dir/memculprit.yml"
"$bin" --config "$dir/memculprit.yml" --db "$dir/db" serve --web.listen-address 127.0.0.1:0 >"$dir/log" 2>&1 &
pid=$!
# what it holds at rest: an answer on a program of thousands of lives takes memory while it is made
anon() {
	for _ in $(seq 20); do
		awk '$1 == "RssAnon:" { print $2 }' "/proc/$pid/status"
		sleep 1
	done | sort -n | head -n 1
}
# those beyond one for each process that there is
fds() { echo $(($(find "/proc/$pid/fd" -mindepth 1 | wc -l) - $(find /proc -maxdepth 1 -name '[0-9]*' 2>/dev/null | wc -l))); }
sleep 2
"$dir/farm" storm $((exits / 5))
before=$(anon) before_fds=$(fds)
"$dir/farm" storm $((exits - exits / 5))
after=$(anon) after_fds=$(fds)
kill -0 "$pid" || { cat "$dir/log"; echo 'the daemon is gone'; exit 1; }
echo "anonymous memory $before -> $after KiB, descriptors beyond processes $before_fds -> $after_fds after $exits exits"
kill "$pid"
wait "$pid" || { echo 'the daemon did not end well'; exit 1; }
"$bin" --db "$dir/db" db check
[ "$after" -le $((before + 4096)) ] || { echo 'it has grown by more than 4 MiB'; exit 1; }
[ "$after_fds" -le $((before_fds + 50)) ] || { echo 'descriptors stay open'; exit 1; }
