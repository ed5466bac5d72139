# For tests that wait. A machine that is busy elsewhere is no failure: what should become so has a minute, which costs nothing
# where it does; and what must not happen is looked for once the daemon has sampled the process often enough to have said it.
patience=60

# soon COMMAND... : tries it until it succeeds; 1 where it never does. After that the next ones have five seconds.
soon() {
	local end=$(($(date +%s) + patience))
	until "$@"; do
		[ "$(date +%s)" -lt "$end" ] || { patience=5; return 1; }
		sleep 0.1
	done
}

# sampled TICKS PID... : the daemon has stored so many samples of each, as processes of $program. $m is the command, with
# its configuration; it exports to $dir.
sampled() {
	local ticks=$1
	shift
	rm -rf "$dir/sampled"
	$m export "$program" "$dir/sampled" >/dev/null 2>&1 || return 1
	awk -F, -v ticks="$ticks" -v pids="$*" '
		NR == 1 { for (i = 1; i <= NF; i++) if ($i == "pid") pid = i; next }
		{ n[$pid]++ }
		END { k = split(pids, p, " "); for (i = 1; i <= k; i++) if (n[p[i]] < ticks) exit 1 }' "$dir/sampled/samples.csv"
}

# in_memory : makes a folder for a database, in memory where there is room: each tick waits for the disk, which others may keep
# busy for seconds. The caller removes it.
in_memory() {
	local free
	free=$(df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 { print $4 }')
	[ "${free:-0}" -gt 1000000 ] && mktemp -d /dev/shm/mc-test-XXXXXX 2>/dev/null || mktemp -d "${TMPDIR:-/tmp}/mc-test-XXXXXX"
}
