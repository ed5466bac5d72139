#!/bin/bash
# The daemon over the trees of tests/fixtures/sample: a host with cgroup v2 and swap, one with v1; hostile names
# that come and go; load from a file. What it says in metrics and in status.
set -u
. "${MC_SRC:-.}/tests/e2e/wait.sh"
command -v curl >/dev/null || { echo 'curl is not installed'; exit 77; }
dir=$(mktemp -d /tmp/mc-sample-e2e-XXXXXX)
pid=
trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null; wait 2>/dev/null; rm -rf "$dir"' EXIT
n=0 failed=0
is() { # NAME EXPECTED GOT
	n=$((n + 1))
	if [ "$2" = "$3" ]; then
		echo "ok $n - $1"
	else
		echo "not ok $n - $1"
		echo "# expected '$2', got '$3'"
		failed=1
	fi
}
has() { # NAME TEXT FILE
	n=$((n + 1))
	if grep -qF -- "$2" "$3"; then
		echo "ok $n - $1"
	else
		echo "not ok $n - $1"
		echo "# no '$2' in:"
		sed 's/^/# /' "$3" | head -n 20
		failed=1
	fi
}
begin() { # TREE
	cp -r "$MC_FIXTURES/sample/$1" "$dir/$1"
	chmod -R u+w "$dir/$1"
	for p in 101 102; do
		[ "$1" != v2 ] || printf 'Rss: 9000 kB\nPss: %d kB\nPrivate_Clean: 8 kB\nPrivate_Dirty: 400 kB\n' $((p * 10)) >"$dir/v2/proc/$p/smaps_rollup"
	done
	"$MC_BIN" --config "$dir/memculprit.yml" --db "$dir/$1.db" serve --path.procfs "$dir/$1/proc" --path.sysfs "$dir/$1/sys" \
		--web.listen-address 127.0.0.1:0 >"$dir/log" 2>&1 &
	pid=$!
	soon ready && return
	echo "Bail out! the daemon does not start"
	sed 's/^/# /' "$dir/log"
	exit 1
}
ready() {
	port=$(sed -n 's/.*(port \([0-9]*\)).*/\1/p' "$dir/log" | head -n 1)
	[ -n "$port" ] && curl -sf -o "$dir/page" "http://127.0.0.1:$port/-/ready"
}
end() {
	kill "$pid"
	wait "$pid"
	is "$1 ends cleanly" 0 $?
	pid=
}
page() { curl -sf -o "$dir/page" "http://127.0.0.1:$port/metrics"; }
value() { K=$1 awk 'index($0, ENVIRON["K"] " ") == 1 { print $NF }' "$dir/page"; }
on_page() { page && "$@"; }
until_true() { soon on_page "$@"; }
value_is() { [ "$(value "$1")" = "$2" ]; }

echo '1..28'
printf 'sample: {interval: 0.1s, pss: on}\n' >"$dir/memculprit.yml"
begin v2
page
is 'swap is part of the memory of a program' 4194304 "$(value 'memculprit_program_memory_bytes{program="logic",kind="swap"}')"
is 'private memory' $(((67000 + 800) * 4096)) "$(value 'memculprit_program_memory_bytes{program="logic",kind="anon"}')"
is 'shared memory' $((15000 * 4096)) "$(value 'memculprit_program_memory_bytes{program="logic",kind="shmem"}')"
is 'processes' 2 "$(value 'memculprit_program_processes{program="logic"}')"
until_true value_is 'memculprit_program_unique_memory_bytes{program="logic"}' $((2 * 408 * 1024))
is 'memory that nobody else has' $((2 * 408 * 1024)) "$(value 'memculprit_program_unique_memory_bytes{program="logic"}')"
is 'and proportional memory, whose age is told' "$((2030 * 1024)) 1" \
	"$(value 'memculprit_program_proportional_memory_bytes{program="logic"}') $(grep -c '^memculprit_program_proportional_memory_age_seconds{program="logic"} ' "$dir/page")"
"$MC_BIN" --db "$dir/v2.db" status >"$dir/status" 2>&1
has 'what the host figures mean' '27 processes blocked, 99 % of memory in use: memory is short' "$dir/status"
# a worker is swapped out: what it holds does not fall
sed -i 's/^RssAnon:.*/RssAnon:\t200000 kB/; s/^VmSwap:.*/VmSwap:\t72096 kB/' "$dir/v2/proc/101/status"
echo '18704 58700 8700 200 0 9000 0' >"$dir/v2/proc/101/statm"
sed -i 's/^pswpout .*/pswpout 281063/' "$dir/v2/proc/vmstat"
until_true value_is 'memculprit_program_memory_bytes{program="logic",kind="swap"}' $((72096 * 1024))
is 'swapped out' $((72096 * 1024)) "$(value 'memculprit_program_memory_bytes{program="logic",kind="swap"}')"
is 'and private memory is less by it' $(((50000 + 800) * 4096)) "$(value 'memculprit_program_memory_bytes{program="logic",kind="anon"}')"
# the pid comes back as another program, with a name of the worst kind
mkdir "$dir/v2/proc/new"
cp "$dir/v2/proc/104/"* "$dir/v2/proc/new/"
printf '104 (<img src="x">\n\\) S 1 104 104 0 -1 4194560 1 0 0 0 1 1 0 0 20 0 1 0 99000 76611584 500 0 1 1 0 0 0\n' >"$dir/v2/proc/new/stat"
mv "$dir/v2/proc/104" "$dir/v2/old" && mv "$dir/v2/proc/new" "$dir/v2/proc/104"
until_true value_is 'memculprit_program_processes{program="<img src=\"x\">\n\\"}' 1
is 'a hostile name is one series' 1 "$(value 'memculprit_program_processes{program="<img src=\"x\">\n\\"}')"
is 'and the program before has none' '' "$(value 'memculprit_program_processes{program="agent"}')"
end v2

cat >"$dir/memculprit.yml" <<-END
sample: {interval: 0.1s}
programs:
  - name: web
    match: {unit: "web*.service"}
    load: {file: $dir/requests, metric: requests_total}
  - name: "guest-\${comm}"
    match: {cgroup: "/lxc/*"}
END
echo requests_total 1000 >"$dir/requests"
begin v1
until_true value_is 'memculprit_program_requests_total{program="web"}' 1000
is 'requests come from a file' 1000 "$(value 'memculprit_program_requests_total{program="web"}')"
is 'a selector by cgroup, its name with the comm' 1 "$(value 'memculprit_program_processes{program="guest-init"}')"
is 'what no selector has is not there' '' "$(value 'memculprit_program_processes{program="lost"}')"
is 'I/O that cannot be read has no series' '' "$(value 'memculprit_program_io_read_bytes_total{program="web"}')"
# what does not come is said, and what the configuration changes holds from the next tick on
mv "$dir/requests" "$dir/elsewhere"
said() { "$MC_BIN" --config "$dir/memculprit.yml" --db "$dir/v1.db" status >"$dir/status" 2>&1 && grep -qF -- "$1" "$dir/status"; }
until_true said 'requests of web are not known'
has 'load that does not come is in status' "requests of web are not known: load from $dir/requests: open: No such file" "$dir/status"
is 'and in the log once' 1 "$(grep -c 'requests of web are not known' "$dir/log")"
mv "$dir/elsewhere" "$dir/requests"
until_true grep -q 'requests of web are known again' "$dir/log"
has 'and when it is over' 'requests of web are known again' "$dir/log"
has 'that short lives are not counted' "short lives are not counted; 'sample: {short_lives: true}' counts" "$dir/status"
before=$(value 'memculprit_program_processes{program="web"}')
sed -i 's/^sample:.*/sample: {interval: 0.1s, max_programs: 1, short_lives: true}/' "$dir/memculprit.yml"
kill -HUP "$pid"
until_true said 'sample.max_programs is 1'
page
has 'a lower limit holds at once, and is said' 'sample.max_programs is 1' "$dir/status"
is 'one program is left' 1 "$(grep -c '^memculprit_program_processes{' "$dir/page")"
counted=$(grep -c '^memculprit_short_lives_total ' "$dir/page")
denied=$(grep -c 'short lives are not seen' "$dir/status")
is 'short lives are counted since, or it is said why not' 1 "$((counted + denied))"
sed -i 's/^sample:.*/sample: {interval: 0.1s}/' "$dir/memculprit.yml"
kill -HUP "$pid"
until_true value_is 'memculprit_program_processes{program="guest-init"}' 1
is 'and all of them again' "$before 1" "$(value 'memculprit_program_processes{program="web"}') $(value 'memculprit_program_processes{program="guest-init"}')"
end v1

# a folder that is no procfs, and procfs without the host's files
mkdir "$dir/none"
"$MC_BIN" --db "$dir/none.db" serve --path.procfs "$dir/none" --web.listen-address 127.0.0.1:0 >"$dir/log" 2>&1
is 'a folder that is no procfs is refused' 1 $?
has 'and said' "$dir/none is no procfs" "$dir/log"
if unshare -m -p -f --mount-proc mount -t proc -o subset=pid proc /proc 2>/dev/null; then
	# ends with the namespace's first process
	unshare -m -p -f --kill-child --mount-proc sh -c 'mount -t proc -o subset=pid proc /proc && exec "$@"' sh \
		"$MC_BIN" --config "$dir/memculprit.yml" --db "$dir/pids.db" serve --web.listen-address 127.0.0.1:0 >"$dir/log" 2>&1 &
	pid=$!
	soon grep -qF 'figures of the host cannot be read' "$dir/log"
	has 'host figures that cannot be read are missed' "figures of the host cannot be read: there is no 'meminfo'" "$dir/log"
	kill -9 "$pid"
	wait "$pid" 2>/dev/null
	pid=
else
	n=$((n + 1))
	echo "ok $n - host figures that cannot be read are missed # SKIP no right to mount procfs"
fi
exit $failed
