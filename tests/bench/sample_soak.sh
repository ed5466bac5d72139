#!/bin/bash
# 100,000 processes that begin and end while the daemon samples five times a second and listens for exits
# (where it may): no crash, no growth, no descriptor that stays.
set -eu
bin=${MC_BIN:-build/memculprit} exits=${EXITS:-100000}
dir=$(mktemp -d /var/tmp/mc-soak-XXXXXX)
trap 'kill "$pid" 2>/dev/null || :; wait; rm -rf "$dir"' EXIT
printf 'sample: {interval: 0.2s, short_lives: true}\n' >"$dir/memculprit.yml"
"$bin" --config "$dir/memculprit.yml" --db "$dir/db" serve --web.listen-address 127.0.0.1:0 >"$dir/log" 2>&1 &
pid=$!
anon() { awk '$1 == "RssAnon:" { print $2 }' "/proc/$pid/status"; }
fds() { find "/proc/$pid/fd" -mindepth 1 | wc -l; }
storm() { # N: each is a fork of its own; some have names of their own
	for ((i = 0; i < $1; i++)); do
		(exit 0) &
		((i % 200)) || wait_all
	done
	wait_all
}
wait_all() { local p; for p in $(jobs -p); do [ "$p" = "$pid" ] || wait "$p" || :; done; }
sleep 2
storm $((exits / 10))
sleep 3
before=$(anon) before_fds=$(fds)
storm $((exits - exits / 10))
sleep 3
kill -0 "$pid" || { cat "$dir/log"; echo 'the daemon is gone'; exit 1; }
after=$(anon) after_fds=$(fds)
echo "anonymous memory $before -> $after KiB, descriptors $before_fds -> $after_fds after $exits exits"
kill "$pid"
wait "$pid" || { echo 'the daemon did not end well'; exit 1; }
"$bin" --db "$dir/db" db check
[ "$after" -le $((before + 4096)) ] || { echo 'it has grown by more than 4 MiB'; exit 1; }
[ "$after_fds" -le $((before_fds + 50)) ] || { echo 'descriptors stay open'; exit 1; }
