#!/bin/bash
# The store beside Debian's Prometheus, on the same data in the same run; prints figures and ratios.
#   DAYS=4        of 50 processes x 12 fields at 15 s, for size and reading
#   SECONDS_OF=40 of scraping 1,000 processes x 12 fields, for CPU and bytes written
set -eu
build=$(cd "${MC_BUILD:-build}" && pwd)
days=${DAYS:-4} scrapes=${SECONDS_OF:-40}
ticks=$((days * 5760)) port=${PORT:-19451}
make -s -C "$build" tests/bench/store_bench
bench=$build/tests/bench/store_bench
dir=$(mktemp -d /var/tmp/mc-bench-XXXXXX)
pids=
trap 'for p in $pids; do kill "$p" 2>/dev/null || :; done; wait; rm -rf "$dir"' EXIT

get() { awk -v k="$2" '$1 == k { print $2 }' "$dir/$1"; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { if (b > 0) printf "%.3f", a / b; else printf "-" }'; }
line() { printf '%-42s %12s %12s %8s  %s\n' "$1" "$2" "$3" "$4" "${5-}"; }

"$bench" fill "$dir/size.db" 50 "$ticks" 15000 0 >"$dir/size"
"$bench" read "$dir/size.db" 50 >"$dir/read"
"$bench" fill "$dir/wide.db" 1000 720 15000 0 >"$dir/wide"
"$bench" lives "$dir/lives.db" 50 600 4 >"$dir/lives"

prom_bytes=0 prom_query=0 prom_cpu=0 prom_written=0
if command -v prometheus >/dev/null && command -v promtool >/dev/null; then
	values=$(get size values)
	"$bench" text 50 "$ticks" 15000 >"$dir/text"
	promtool tsdb create-blocks-from openmetrics "$dir/text" "$dir/tsdb" >"$dir/promtool.log" 2>&1
	rm "$dir/text"
	prom_bytes=$(du -sb "$dir/tsdb" | awk -v n="$values" '{ printf "%.4f", $1 / n }')

	mkdir "$dir/pages"
	"$bench" pages 20 1000 "$dir/pages"
	python3 - "$dir/pages" $((port + 1)) <<-'EOF' &
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
	EOF
	pids="$pids $!"
	cat >"$dir/prometheus.yml" <<-EOF
	global: {scrape_interval: 1s}
	scrape_configs:
	  - job_name: bench
	    static_configs: [{targets: ["127.0.0.1:$((port + 1))"]}]
	EOF
	prometheus --config.file="$dir/prometheus.yml" --storage.tsdb.path="$dir/tsdb" --storage.tsdb.retention.time=100y \
		--web.listen-address="127.0.0.1:$port" >"$dir/prometheus.log" 2>&1 &
	prom=$!
	pids="$pids $prom"
	for _ in $(seq 100); do curl -sf "http://127.0.0.1:$port/-/ready" >/dev/null && break; sleep 0.2; done
	sleep 3
	used() { awk '{ print ($14 + $15) * 10000 }' "/proc/$prom/stat"; } # clock ticks of 1/100 s, as microseconds
	wrote() { awk '$1 == "write_bytes:" { print $2 }' "/proc/$prom/io"; }
	cpu0=$(used) io0=$(wrote)
	sleep "$scrapes"
	n=$((scrapes * 12000))
	prom_cpu=$(awk -v a="$cpu0" -v b="$(used)" -v n="$n" 'BEGIN { printf "%.4f", (b - a) / n }')
	prom_written=$(awk -v a="$io0" -v b="$(wrote)" -v n="$n" 'BEGIN { printf "%.3f", (b - a) / n }')

	# its queries give 11,000 points at most: as many of them as it takes
	now=$(date +%s%N)
	for ((at = 0; at < ticks; at += 11000)); do
		to=$((at + 10999 < ticks ? at + 10999 : ticks - 1))
		curl -sf -G "http://127.0.0.1:$port/api/v1/query_range" --data-urlencode 'query=bench_anon_bytes{pid="2"}' \
			-d start=$((1700000000 + at * 15)) -d end=$((1700000000 + to * 15)) -d step=15 -o "$dir/answer"
	done
	prom_query=$((($(date +%s%N) - now) / 1000))
	prom_query=$(awk -v us="$prom_query" 'BEGIN { printf "%.2f", us / 1000 }')
	grep -q '"values"' "$dir/answer"
fi

line "" memculprit prometheus ratio mark
line "bytes a value, $days days x 50 x 12" "$(get size bytes_per_value)" "$prom_bytes" \
	"$(ratio "$(get size bytes_per_value)" "$prom_bytes")" "0.20"
line "CPU us a value written, 1,000 processes" "$(get wide cpu_us_per_value)" "$prom_cpu" \
	"$(ratio "$(get wide cpu_us_per_value)" "$prom_cpu")" "0.12"
line "bytes to the disk a value, 1,000 processes" "$(get wide written_per_value)" "$prom_written" \
	"$(ratio "$(get wide written_per_value)" "$prom_written")" "0.7 (of compaction it shows little here)"
line "one series x $ticks points, ms" "$(get read one_series_ms)" "$prom_query" \
	"$(ratio "$(get read one_series_ms)" "$prom_query")" "0.08"
line "50 series x $ticks points, ms" "$(get read all_series_ms)" - - "150 for 172,800"
line "tick p99, ms, 1,000 processes" "$(get wide tick_ms_p99)" - - "25"
line "worst tick, ms" "$(get wide tick_ms_worst)" - - "100"
line "anonymous memory of it, KiB" "$(get wide anon_kib)" - - "8192 for the daemon"
line "bytes a value, lives of 4 samples" "$(get lives bytes_per_value)" - - "2"
line "reading such a life, us" "$(get lives read_us_per_life)"  - -
