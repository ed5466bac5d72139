#!/bin/bash
# Sampling beside Debian's prometheus-process-exporter, over the same processes in the same run; prints
# figures and ratios. Rows of the whole daemon need one that starts.
#   COUNTS="10 100 1000 5000"  processes
#   TICKS=60                   of the sampler alone; SECONDS_OF=20 of the daemon at a tick a second
set -eu
build=$(cd "${MC_BUILD:-build}" && pwd)
counts=${COUNTS:-10 100 1000 5000} ticks=${TICKS:-60} seconds=${SECONDS_OF:-20} port=${PORT:-19461}
make -s -C "$build" tests/bench/sample_bench tests/bench/sample_farm
bench=$build/tests/bench/sample_bench farm=$build/tests/bench/sample_farm bin=$build/memculprit
peer=$(command -v prometheus-process-exporter || :)
dir=$(mktemp -d /var/tmp/mc-bench-XXXXXX)
pids=
# out of the work tree, whose commits are no versions of it
cp "$farm" "$dir/sample_farm"
farm=$dir/sample_farm
trap 'exec 7>&-; for p in $pids; do kill "$p" 2>/dev/null || :; done; wait; rm -rf "$dir"' EXIT

get() { awk -v k="$2" '$1 == k { print $2 }' "$dir/$1"; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { if (a > 0 && b > 0) printf "1/%.0f", b / a; else printf "-" }'; }
line() { printf '%-50s %12s %12s %8s  %s\n' "$1" "$2" "$3" "$4" "${5-}"; }
us() { cat /proc/"$1"/task/*/schedstat | awk '{ s += $1 } END { printf "%.0f\n", s / 1000 }'; } # CPU time so far
loop() { awk '{ printf "%.0f\n", $1 / 1000 }' "/proc/$1/task/$1/schedstat"; } # of the thread that samples and writes
others() { echo $(($(us "$1") - $(loop "$1"))); }
per() { awk -v a="$1" -v b="$2" -v n="$3" 'BEGIN { printf "%.1f", (b - a) / n }'; }
status() { awk -v k="$2:" '$1 == k { print $2 }' "/proc/$1/status"; }
page() { curl -sf -m 60 -o "$dir/page" "http://127.0.0.1:$1/metrics"; }
wait_page() { for _ in $(seq 300); do page "$1" && return; sleep 0.2; done; echo "no page on port $1" >&2; return 1; }
stop() { kill "$1" && wait "$1" 2>/dev/null || :; pids=${pids/ $1/}; }

# peer NAME FLAG... : start-up and CPU a scrape
peer() {
	local name=$1 p a b i n=3
	shift
	printf 'process_names:\n  - name: "{{.Comm}}"\n    cmdline: [".+"]\n' >"$dir/peer.yml"
	"$peer" -config.path "$dir/peer.yml" -web.listen-address "127.0.0.1:$port" "$@" >"$dir/peer.log" 2>&1 &
	p=$!
	pids="$pids $p"
	wait_page "$port"
	us "$p" >"$dir/us"
	echo "start_us $(cat "$dir/us")" >"$dir/$name"
	page "$port"
	a=$(us "$p")
	for ((i = 0; i < n; i++)); do page "$port"; done
	b=$(us "$p")
	echo "scrape_us $(per "$a" "$b" "$n")" >>"$dir/$name"
	echo "rss_kib $(status "$p" VmRSS)" >>"$dir/$name"
	stop "$p"
}

# The daemon at a tick a second: start-up, a tick with the store's write, a scrape, memory.
daemon() {
	local p a b i
	rm -rf "$dir/db"*
	printf 'sample: {interval: 1s, max_processes: 20000}\n' >"$dir/memculprit.yml"
	"$bin" --config "$dir/memculprit.yml" --db "$dir/db" serve --web.listen-address "127.0.0.1:$((port + 1))" >"$dir/log" 2>&1 &
	p=$!
	pids="$pids $p"
	wait_page $((port + 1)) || return 0
	echo "start_us $(loop "$p")" >"$dir/daemon"
	sleep 3
	a=$(loop "$p")
	i=$(others "$p")
	sleep "$seconds"
	b=$(loop "$p")
	echo "tick_us $(per "$a" "$b" "$seconds")" >>"$dir/daemon"
	echo "others_us $(per "$i" "$(others "$p")" "$seconds")" >>"$dir/daemon"
	a=$(us "$p")
	for i in $(seq 100); do page $((port + 1)); done
	b=$(us "$p")
	echo "scrape_us $(per "$a" "$b" 100)" >>"$dir/daemon"
	echo "anon_kib $(status "$p" RssAnon)" >>"$dir/daemon"
	stop "$p"
}

one() {
	local n=$1 read= f all
	mkfifo "$dir/in"
	rm -f "$dir/farm"
	"$farm" "$n" <"$dir/in" >"$dir/farm" &
	f=$!
	exec 7>"$dir/in"
	until [ -s "$dir/farm" ]; do sleep 0.1; done
	rm -f "$dir/daemon" "$dir/plain" "$dir/default"
	"$bench" tick "$ticks" 1000 auto >"$dir/tick"
	[ -z "$peer" ] || { peer plain -gather-smaps=false -threads=false; peer default; }
	"$bench" tick "$ticks" 10000 auto >"$dir/pss" # ten minutes at the default pace
	[ ! -x "$bin" ] || daemon
	"$bench" rss >"$dir/rss"
	for f in daemon plain default; do [ -e "$dir/$f" ] || : >"$dir/$f"; done
	all=$(get tick processes)
	echo "== $n processes ($all in all) =="
	line "" memculprit exporter ratio mark
	line "CPU us a tick" "$(get tick tick_us)" "$(get plain scrape_us)" "$(ratio "$(get tick tick_us)" "$(get plain scrape_us)")" \
		"$(awk -v t="$(get tick tick_us)" -v n="$all" 'BEGIN { printf "%.2f us a process", t / n }')"
	read=$(awk -v a="$(get tick tick_us)" -v b="$(get daemon scrape_us)" 'BEGIN { if (b > 0) print a + b }')
	line "CPU us a tick and a scrape" "$read" "$(get plain scrape_us)" "$(ratio "$read" "$(get plain scrape_us)")" "1/40"
	read=$(awk -v a="$(get daemon tick_us)" -v b="$(get daemon scrape_us)" 'BEGIN { if (b > 0) print a + b }')
	line "the same, with the store's write" "$read" "$(get plain scrape_us)" "$(ratio "$read" "$(get plain scrape_us)")" "1/15"
	line "analysis, CPU us a second (its own budget)" "$(get daemon others_us)" "" "" "7000, at first more"
	line "CPU us a tick, PSS on, 10 minutes" "$(get pss tick_us)" "$(get default scrape_us)" \
		"$(ratio "$(get pss tick_us)" "$(get default scrape_us)")" "1/20"
	read=$(get daemon start_us)
	line "start-up CPU us${read:+, the daemon}" "${read:-$(get tick first_us)}" "$(get default start_us)" \
		"$(ratio "${read:-$(get tick first_us)}" "$(get default start_us)")" "1/15 at 5,000"
	line "anonymous KiB of the daemon (peer: RSS)" "$(get daemon anon_kib)" "$(get default rss_kib)" "" "8192 at 1,000, 12288 at 5,000"
	line "RSS off from smaps_rollup, KiB, worst of $(get rss compared)" "$(get rss worst_kib)" "" "" 0
	exec 7>&-
	wait "$f" 2>/dev/null || :
	rm "$dir/in"
}

# How long a process of a GiB is held up at most, while nobody, memculprit and the exporter look at it.
stall() {
	local p=$1 before
	before=$(wc -l <"$dir/big")
	sleep 6
	tail -n +$((before + 2)) "$dir/big" | sort -n | tail -n 1
}
hold() {
	local f p none ours theirs=
	"$farm" big 1024 >"$dir/big" &
	f=$!
	pids="$pids $f"
	until [ -s "$dir/big" ]; do sleep 0.1; done
	sleep 1
	none=$(stall none)
	"$bench" pace 8 1000 >/dev/null &
	p=$!
	ours=$(stall ours)
	wait "$p"
	if [ -n "$peer" ]; then
		"$peer" -config.path "$dir/peer.yml" -web.listen-address "127.0.0.1:$port" >"$dir/peer.log" 2>&1 &
		p=$!
		pids="$pids $p"
		wait_page "$port"
		(for _ in $(seq 7); do page "$port"; sleep 0.8; done) &
		theirs=$(stall theirs)
		stop "$p"
	fi
	stop "$f"
	echo "== a process of 1 GiB, longest stall in 6 s, us =="
	line "" memculprit exporter nobody mark
	line "longest mmap and munmap of a page" "$ours" "$theirs" "$none" "1000 over nobody"
}

for n in $counts; do one "$n"; done
[ "${HOLD:-1}" = 0 ] || hold
