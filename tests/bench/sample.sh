#!/bin/bash
# Sampling beside Debian's prometheus-process-exporter, over the same processes in the same run; prints
# figures and ratios, and last a line a mark. As root it has a PID namespace of its own, so that both see the
# processes made here and nothing else.
#   COUNTS="10 100 1000 5000"  processes
#   TICKS=60                   of the sampler alone; SECONDS_OF=20 of the daemon at a tick a second
#   HOLD=8                     rounds of looking for stalls of a process of a GiB; 0: none
set -eu
if [ -z "${MC_ALONE-}" ] && unshare --pid --fork --mount-proc true 2>/dev/null; then
	MC_ALONE=1 exec unshare --pid --fork --kill-child --mount-proc bash "$0"
fi
build=$(cd "${MC_BUILD:-build}" && pwd)
counts=${COUNTS:-10 100 1000 5000} ticks=${TICKS:-60} seconds=${SECONDS_OF:-20} port=${PORT:-19461} rounds=${HOLD:-8}
make -s -C "$build" tests/bench/sample_bench tests/bench/sample_farm
bench=$build/tests/bench/sample_bench farm=$build/tests/bench/sample_farm bin=$build/memculprit
peer=$(command -v prometheus-process-exporter || :)
dir=$(mktemp -d /var/tmp/mc-bench-XXXXXX)
pids=
# out of the work tree, whose commits are no versions of it
cp "$farm" "$dir/sample_farm"
farm=$dir/sample_farm
mkfifo "$dir/never"
exec 8<>"$dir/never"
coproc ask { exec "$bench" ask; }
exec 5>&"${ask[1]}" 6<&"${ask[0]}" # a coprocess' own descriptors are not there in subshells
trap 'exec 7>&-; for p in $pids $ask_PID; do kill "$p" 2>/dev/null || :; done; wait; rm -rf "$dir"' EXIT

get() { awk -v k="$2" '$1 == k { print $2 }' "$dir/$1"; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { if (a > 0 && b > 0) printf "1/%.0f", b / a; else printf "-" }'; }
line() { printf '%-50s %12s %12s %8s  %s\n' "$1" "$2" "$3" "$4" "${5-}"; }
# mark TEXT MEASURED MOST [THEIRS]: whether it is held; with THEIRS, MEASURED is to be at most 1/MOST of it
mark() {
	awk -v t="$1" -v a="$2" -v m="$3" -v b="${4-}" 'BEGIN {
		if (a == "") exit
		ok = b == "" ? a <= m : a * m <= b
		printf "%-62s %-12s %-10s %s\n", t, b == "" ? a : sprintf("1/%.0f", b / a), b == "" ? "<= " m : "<= 1/" m, ok ? "held" : "MISSED" }' >>"$dir/marks"
}
us() { cat /proc/"$1"/task/*/schedstat | awk '{ s += $1 } END { printf "%.0f\n", s / 1000 }'; } # CPU time so far
analysis() { # of the thread that analyses, which has a budget of its own
	for t in /proc/"$1"/task/*; do
		if read -r name <"$t/comm" && [ "$name" = mc-analysis ]; then
			awk '{ printf "%.0f\n", $1 / 1000 }' "$t/schedstat"
			return
		fi
	done
	echo 0
}
per() { awk -v a="$1" -v b="$2" -v n="$3" 'BEGIN { printf "%.1f", (b - a) / n }'; }
status() { awk -v k="$2:" '$1 == k { print $2 }' "/proc/$1/status"; }
# By one process that stays, so that neither sees one begin and end.
page() {
	echo "$1" >&5
	read -r code samples <&6
	[ "$code" = 200 ]
}
nap() { read -r -t "$1" -u 8 _ || :; }
wait_page() { for _ in $(seq 300); do page "$1" 2>/dev/null && return; nap 0.2; done; echo "no page on port $1" >&2; return 1; }
stop() { kill "$1" && wait "$1" 2>/dev/null || :; pids=${pids/ $1/}; }

# peer NAME FLAG... : start-up and CPU a scrape
peer() {
	local name=$1 p a b i n=5
	shift
	printf 'process_names:\n  - name: "{{.Comm}}"\n    cmdline: [".+"]\n' >"$dir/peer.yml"
	"$peer" -config.path "$dir/peer.yml" -web.listen-address "127.0.0.1:$port" "$@" >"$dir/peer.log" 2>&1 &
	p=$!
	pids="$pids $p"
	wait_page "$port"
	echo "start_us $(us "$p")" >"$dir/$name"
	page "$port"
	a=$(us "$p")
	for ((i = 0; i < n; i++)); do page "$port"; nap 0.5; done
	b=$(us "$p")
	echo "scrape_us $(per "$a" "$b" "$n")" >>"$dir/$name"
	echo "rss_kib $(status "$p" VmRSS)" >>"$dir/$name"
	stop "$p"
}

# The whole daemon at a tick a second, scraped once a tick: start-up, a tick and its scrape (without the analysis) with
# and without what it says of storing, the analysis, and the most anonymous memory it was seen with.
stored_us() { awk -F'storing ' '/storing/ { split($2, v, ","); s += v[1] } END { printf "%.0f\n", s * 1000 }' "$dir/log"; }
daemon() {
	local p a b i first last most=0 kib from stored
	rm -rf "$dir/db"*
	printf 'sample: {interval: 1s, max_processes: 20000}\n' >"$dir/memculprit.yml"
	"$bin" --config "$dir/memculprit.yml" --db "$dir/db" serve --log.level debug --web.listen-address "127.0.0.1:$((port + 1))" >"$dir/log" 2>&1 &
	p=$!
	pids="$pids $p"
	wait_page $((port + 1)) || return 0
	echo "start_us $(us "$p")" >"$dir/daemon"
	nap 15 # what a start leaves to the next ticks, and first answers
	page $((port + 1))
	first=$samples a=$(us "$p") from=$(analysis "$p") stored=$(stored_us)
	for ((i = 0; i < seconds; i++)); do
		nap 1
		page $((port + 1))
		while read -r key kib _; do [ "$key" != RssAnon: ] || [ "$kib" -le "$most" ] || most=$kib; done <"/proc/$p/status"
	done
	b=$(us "$p") i=$(analysis "$p") last=$samples stored=$(($(stored_us) - stored))
	echo "tick_us $(per "$a" "$((b - i + from))" "$((last - first))")" >>"$dir/daemon"
	echo "bare_us $(per "$a" "$((b - i + from - stored))" "$((last - first))")" >>"$dir/daemon"
	echo "analysis_us $(per "$from" "$i" "$((last - first))")" >>"$dir/daemon"
	echo "anon_kib $most" >>"$dir/daemon"
	stop "$p"
}

one() {
	local n=$1 f all
	mkfifo "$dir/in"
	rm -f "$dir/farm"
	"$farm" "$n" <"$dir/in" >"$dir/farm" &
	f=$!
	exec 7>"$dir/in"
	until [ -s "$dir/farm" ]; do nap 0.1; done
	rm -f "$dir/daemon" "$dir/plain" "$dir/default"
	"$bench" tick "$ticks" 1000 auto >"$dir/tick"
	[ -z "$peer" ] || { peer plain -gather-smaps=false -threads=false; peer default; }
	"$bench" tick "$ticks" 10000 pss >"$dir/pss" # ten minutes at the default pace
	[ ! -x "$bin" ] || daemon
	"$bench" rss >"$dir/rss"
	for f in daemon plain default; do [ -e "$dir/$f" ] || : >"$dir/$f"; done
	all=$(get tick processes)
	echo "== $n processes ($all in all) =="
	line "" memculprit exporter ratio mark
	line "CPU us a tick of the sampler alone" "$(get tick tick_us)" "$(get plain scrape_us)" "$(ratio "$(get tick tick_us)" "$(get plain scrape_us)")" \
		"$(awk -v t="$(get tick tick_us)" -v n="$all" 'BEGIN { printf "%.2f us a process", t / n }')"
	line "CPU us a tick and a scrape, the daemon" "$(get daemon bare_us)" "$(get plain scrape_us)" "$(ratio "$(get daemon bare_us)" "$(get plain scrape_us)")" "1/40"
	line "the same, with the store's write" "$(get daemon tick_us)" "$(get plain scrape_us)" "$(ratio "$(get daemon tick_us)" "$(get plain scrape_us)")" "1/15"
	line "analysis, CPU us a second (its own budget)" "$(get daemon analysis_us)" "" "" "7500, at first more"
	line "CPU us a tick, PSS on, 10 minutes" "$(get pss tick_us)" "$(get default scrape_us)" \
		"$(ratio "$(get pss tick_us)" "$(get default scrape_us)")" "1/20"
	line "start-up CPU us, the daemon" "$(get daemon start_us)" "$(get default start_us)" "$(ratio "$(get daemon start_us)" "$(get default start_us)")" "1/15 at 5,000"
	line "anonymous KiB of the daemon, most (peer: RSS)" "$(get daemon anon_kib)" "$(get default rss_kib)" "" "8192 at 1,000, 12288 at 5,000"
	line "RSS off from smaps_rollup, KiB, worst of $(get rss compared)" "$(get rss worst_kib)" "" "" 0
	if [ -n "$peer" ]; then
		mark "$n processes: tick and scrape" "$(get daemon bare_us)" 40 "$(get plain scrape_us)"
		mark "$n processes: the same with the store's write" "$(get daemon tick_us)" 15 "$(get plain scrape_us)"
		mark "$n processes: ten minutes with PSS on" "$(get pss tick_us)" 20 "$(get default scrape_us)"
		[ "$n" -lt 5000 ] || mark "$n processes: start-up" "$(get daemon start_us)" 15 "$(get default start_us)"
	fi
	[ "$n" != 1000 ] || mark "$n processes: anonymous memory, KiB" "$(get daemon anon_kib)" 8192
	[ "$n" != 5000 ] || mark "$n processes: anonymous memory, KiB" "$(get daemon anon_kib)" 12288
	mark "$n processes: RSS off from smaps_rollup, KiB" "$(get rss worst_kib)" 0
	exec 7>&-
	wait "$f" 2>/dev/null || :
	rm "$dir/in"
}

# How long a process of a GiB is held up at most in each second, while nobody and while the daemon looks at it (it is
# stopped and goes on in turns, so that both have the same neighbours), and beside the exporter. The process has a
# real-time priority where it may: others' load is no stall.
window() { # NAME
	local before
	before=$(wc -l <"$dir/big")
	nap 3.2
	tail -n +$((before + 2)) "$dir/big" >>"$dir/$1"
}
worst() { sort -n "$dir/$1" | tail -n 1; }
middle() { sort -n "$dir/$1" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
hold() {
	local f p i fifo=
	! chrt -f 10 true 2>/dev/null || fifo="chrt -f 10"
	$fifo "$farm" big 1024 >"$dir/big" &
	f=$!
	pids="$pids $f"
	until [ -s "$dir/big" ]; do nap 0.1; done
	"$bin" --config "$dir/memculprit.yml" --db "$dir/db" serve --web.listen-address "127.0.0.1:$((port + 1))" >"$dir/log" 2>&1 &
	p=$!
	pids="$pids $p"
	nap 3
	for ((i = 0; i < rounds; i++)); do
		kill -STOP "$p"
		window none
		kill -CONT "$p"
		window ours
	done
	stop "$p"
	: >"$dir/theirs"
	if [ -n "$peer" ]; then
		"$peer" -config.path "$dir/peer.yml" -web.listen-address "127.0.0.1:$port" >"$dir/peer.log" 2>&1 &
		p=$!
		pids="$pids $p"
		wait_page "$port"
		(for _ in $(seq 9); do page "$port"; nap 0.7; done) &
		window theirs
		window theirs
		stop "$p"
	fi
	stop "$f"
	echo "== a process of 1 GiB, longest stall in a second, us =="
	line "" memculprit exporter nobody mark
	line "median of the seconds" "$(middle ours)" "$(middle theirs)" "$(middle none)"
	line "the worst of $(wc -l <"$dir/ours") and $(wc -l <"$dir/none") seconds" "$(worst ours)" "$(worst theirs)" "$(worst none)" "1000 over nobody"
	mark "a process of 1 GiB: longest stall over nobody's, us" "$(($(worst ours) - $(worst none)))" 1000
}

for n in $counts; do one "$n"; done
[ "$rounds" = 0 ] || hold
echo "== marks =="
cat "$dir/marks"
