#!/bin/bash
# The store beside Debian's Prometheus and VictoriaMetrics, on the same data in the same run. Every line has its
# mark; the last one says how many were met. Half of the processes are idle most of the time, a fifth never.
#   DAYS=1        of 50 processes x 12 fields at 15 s for the others' size (ours is 30 days as well)
#   RECORD=60     seconds of samples of this machine's own processes, their changes drawn by lot as one more kind of data
#   SCRAPES=30    seconds of scraping 1,000 processes x 12 fields each second, for CPU and bytes written
set -eu
build=$(cd "${MC_BUILD:-build}" && pwd)
days=${DAYS:-1} scrapes=${SCRAPES:-30} record=${RECORD:-60}
ticks=$((days * 5760)) month=172800
make -s -C "$build" tests/bench/store_bench
bench=$build/tests/bench/store_bench
dir=$(mktemp -d /var/tmp/mc-bench-XXXXXX)
pids=
trap 'for p in $pids; do kill "$p" 2>/dev/null || :; done; wait; rm -rf "$dir"' EXIT

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
get() { awk -v k="$2" '$1 == k { print $2 }' "$dir/$1"; }
ready() { # URL
	for _ in $(seq 300); do curl -sf "$1" >/dev/null && return; sleep 0.2; done
	echo "no answer from $1" >&2
	return 1
}
met=0 missed=0
head() { printf '%-47s %11s %11s %8s %8s\n' "$@"; }
# line NAME OURS THEIRS MARK : a ratio, or without THEIRS a figure, and whether it is at most MARK
line() {
	local value=$2 ratio=-
	if [ "$3" != - ]; then
		ratio=$(awk -v a="$2" -v b="$3" 'BEGIN { if (b > 0) printf "%.3f", a / b; else print "?" }')
		value=$ratio
	fi
	local said=missed
	if awk -v v="$value" -v m="$4" 'BEGIN { exit !(v == v + 0 && v <= m) }'; then said=met; fi
	[ $said = met ] && met=$((met + 1)) || missed=$((missed + 1))
	printf '%-47s %11s %11s %8s %8s  %s\n' "$1" "$2" "$3" "$ratio" "$4" "$said"
}

ours() {
	"$bench" fill "$dir/size.db" 50 "$ticks" 15000 0 0 >"$dir/size"
	"$bench" fill "$dir/month.db" 50 "$month" 15000 1 0 >"$dir/month"
	"$bench" read "$dir/month.db" 50 >"$dir/read"
	rm "$dir/month.db"
	"$bench" fill "$dir/wide.db" 1000 720 15000 0 3 >"$dir/wide"
	"$bench" fill "$dir/program.db" 8 "$month" 15000 1 0 >/dev/null
	"$bench" program "$dir/program.db" >"$dir/program"
	"$bench" lives "$dir/lives.db" 50 600 6 >"$dir/lives"
	"$bench" lives "$dir/brief.db" 50 600 4 >"$dir/brief"
	"$bench" lives "$dir/few.db" 50 60 6 >"$dir/few"
}

# A page a second of 1,000 processes, from one tick to the next.
serve_pages() { # PORT
	mkdir "$dir/pages"
	"$bench" pages 20 1000 "$dir/pages"
	python3 - "$dir/pages" "$1" <<-'EOF2' &
	import http.server, itertools, sys
	pages = itertools.cycle([open(f"{sys.argv[1]}/{i}", "rb").read() for i in range(20)])
	class Page(http.server.BaseHTTPRequestHandler):
	    protocol_version = "HTTP/1.1"
	    def do_GET(self):
	        body = next(pages)
	        self.send_response(200)
	        self.send_header("Content-Type", "text/plain; version=0.0.4")
	        self.send_header("Content-Length", str(len(body)))
	        self.end_headers()
	        self.wfile.write(body)
	    def log_message(self, *a): pass
	http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), Page).serve_forever()
	EOF2
	pids="$pids $!"
}

prom_cpu=0 prom_written=0
scrape() { # PID of prometheus
	local used wrote n=$((scrapes * 12000))
	used() { awk '{ print ($14 + $15) * 10000 }' "/proc/$1/stat"; } # clock ticks of 1/100 s, as microseconds
	wrote() { awk '$1 == "write_bytes:" { print $2 }' "/proc/$1/io"; }
	local cpu0 io0
	cpu0=$(used "$1") io0=$(wrote "$1")
	sleep "$scrapes"
	prom_cpu=$(awk -v a="$cpu0" -v b="$(used "$1")" -v n="$n" 'BEGIN { printf "%.4f", (b - a) / n }')
	prom_written=$(awk -v a="$io0" -v b="$(wrote "$1")" -v n="$n" 'BEGIN { printf "%.3f", (b - a) / n }')
}

# Raw points of one series: an instant query for all, or ranges of 11,000 points, whichever is faster.
prom_query=0
query() { # PORT
	local end=$((1700000000 + month - 1)) t0 t1 t2 at to
	t0=$(date +%s%N)
	curl -sf -G "http://127.0.0.1:$1/api/v1/query" --data-urlencode 'query=month_anon_bytes{pid="2"}[2d]' -d time=$end \
		-o "$dir/answer"
	t1=$(date +%s%N)
	for ((at = 0; at < month; at += 11000)); do
		to=$((at + 10999 < month ? at + 10999 : month - 1))
		curl -sf -G "http://127.0.0.1:$1/api/v1/query_range" --data-urlencode 'query=month_anon_bytes{pid="2"}' \
			-d start=$((1700000000 + at)) -d end=$((1700000000 + to)) -d step=1 -o "$dir/part"
	done
	t2=$(date +%s%N)
	python3 - "$dir/answer" <<-'EOF2'
	import json, sys
	n = len(json.load(open(sys.argv[1]))["data"]["result"][0]["values"])
	assert n >= 172799, f"{n} points"
	EOF2
	prom_query=$(awk -v a=$((t1 - t0)) -v b=$((t2 - t1)) 'BEGIN { printf "%.2f", (a < b ? a : b) / 1e6 }')
}

# Bytes a value of Prometheus's blocks for $dir/text, into $dir/$1.
blocks() {
	promtool tsdb create-blocks-from openmetrics "$dir/text" "$dir/$1" >>"$dir/promtool.log" 2>&1
	du -sb "$dir/$1" | awk -v n="$(get size values)" '{ printf "%.4f", $1 / n }'
}

prom_bytes=0
prometheus_side() {
	local port pages prom best
	"$bench" text bench 50 "$ticks" 15000 >"$dir/text"
	prom_bytes=$(blocks tsdb)
	# as many points a second apart: promtool reads its input anew for every two hours
	"$bench" text month 1 "$month" 1000 >"$dir/long"
	promtool tsdb create-blocks-from openmetrics "$dir/long" "$dir/tsdb" >>"$dir/promtool.log" 2>&1
	rm "$dir/long"
	port=$(free_port) pages=$(free_port)
	serve_pages "$pages"
	cat >"$dir/prometheus.yml" <<-EOF2
	global: {scrape_interval: 1s}
	scrape_configs:
	  - job_name: bench
	    static_configs: [{targets: ["127.0.0.1:$pages"]}]
	EOF2
	prometheus --config.file="$dir/prometheus.yml" --storage.tsdb.path="$dir/tsdb" --storage.tsdb.retention.time=100y \
		--web.listen-address="127.0.0.1:$port" >"$dir/prometheus.log" 2>&1 &
	prom=$!
	pids="$pids $prom"
	ready "http://127.0.0.1:$port/-/ready"
	sleep 3
	scrape $prom
	query "$port"
	best=$prom_query
	query "$port"
	prom_query=$(awk -v a="$best" -v b="$prom_query" 'BEGIN { print (a < b ? a : b) }')
	kill $prom
	wait $prom 2>/dev/null || :
}

# Sets vm_bytes: of VictoriaMetrics for $dir/text.
vm_bytes=0
victoria_side() {
	local port vm
	rm -rf "$dir/vm"
	port=$(free_port)
	victoria-metrics -storageDataPath="$dir/vm" -retentionPeriod=100y -httpListenAddr="127.0.0.1:$port" \
		-memory.allowedBytes=300MB >"$dir/vm.log" 2>&1 &
	vm=$!
	pids="$pids $vm"
	ready "http://127.0.0.1:$port/health"
	# its text has milliseconds
	sed '/^#/d; s/$/000/' "$dir/text" | curl -sf -X POST -T - "http://127.0.0.1:$port/api/v1/import/prometheus"
	curl -sf "http://127.0.0.1:$port/internal/force_flush"
	curl -sf "http://127.0.0.1:$port/internal/force_merge"
	sleep 5
	while curl -sf "http://127.0.0.1:$port/metrics" | grep -E '^vm_active_(force_)?merges.* [1-9]' >/dev/null; do sleep 1; done
	kill $vm
	wait $vm 2>/dev/null || :
	vm_bytes=$(du -sb "$dir/vm/data" "$dir/vm/indexdb" | awk -v n="$(get size values)" '{ s += $1 } END { printf "%.4f", s / n }')
}

# Other kinds of data: how well what packs depends on what the processes do.
other_kind() { # NAME KIND
	STORE_KIND=$2 "$bench" fill "$dir/kind.db" 50 "$month" 15000 1 0 >"$dir/kind"
	rm -f "$dir/kind.db"*
	local prom=- vm=-
	STORE_KIND=$2 "$bench" text bench 50 "$ticks" 15000 >"$dir/text"
	! have_prometheus || prom=$(blocks "tsdb-$1")
	if have_victoria; then
		victoria_side
		vm=$vm_bytes
	fi
	line "  the same of $1 processes; Prometheus" "$(get kind bytes_per_value)" "$prom" 0.20
	line "  the same of $1 processes; VictoriaMetrics" "$(get kind bytes_per_value)" "$vm" 0.70
}
have_prometheus() { command -v prometheus >/dev/null && command -v promtool >/dev/null; }
have_victoria() { command -v victoria-metrics >/dev/null; }

"$bench" record "$dir/recorded" 50 "$record" 1000 >/dev/null
ours
: >"$dir/text"
if have_prometheus; then
	prometheus_side
else
	echo "prometheus is not installed: its ratios are missing"
fi
if have_victoria && [ -s "$dir/text" ]; then
	victoria_side
else
	echo "victoria-metrics is not installed: its ratio is missing"
fi

head "" memculprit other ratio mark
line "bytes a value, 30 d x 50 x 12; Prometheus" "$(get month bytes_per_value)" "$prom_bytes" 0.20
line "bytes a value, 30 d x 50 x 12; VictoriaMetrics" "$(get month bytes_per_value)" "$vm_bytes" 0.70
other_kind quiet quiet
other_kind busy busy
other_kind real "$dir/recorded"
line "CPU us a value written, 1,000 processes" "$(get wide cpu_us_per_value)" "$prom_cpu" 0.12
line "bytes to the disk a value, 1,000 processes" "$(get wide written_per_value)" "$prom_written" 0.70
line "tick p99, ms, 1,000 processes" "$(get wide tick_ms_p99)" - 25
line "worst tick, ms" "$(get wide tick_ms_worst)" - 100
line "one series x $month points, ms" "$(get read one_series_ms)" "$prom_query" 0.08
line "50 series x 30 days, ms" "$(get read all_series_ms)" - 150
line "a program: 8 lives x 30 days x 3 fields, ms" "$(get program program_ms)" - 100
line "bytes a value, 30,000 lives of 6 samples" "$(get lives bytes_per_value)" - 2
line "bytes a value, 30,000 lives of 4 samples" "$(get brief bytes_per_value)" - 2
line "us to read a life of 30,000; of 3,000" "$(get lives read_us_per_life)" "$(get few read_us_per_life)" 1.5
line "anonymous memory while writing that, KiB" "$(get wide anon_kib)" - 8192
echo "quiet: idle in 98 of 100 ticks; busy: in 3; real: what $record s of this machine's own processes changed, by lot."
echo "Busy data are noise to the last bit: there is nothing left to pack, whoever packs."
echo "of a file of $days d only: $(get size bytes_per_value) bytes a value; the others hold $days d too: promtool reads"
echo "its input anew for every two hours. Times are good on a machine that does nothing else."
echo "$met met, $missed missed"
[ $missed = 0 ]
