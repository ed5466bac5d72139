#!/bin/bash
# The detector's CPU and memory against the number of samples, lives and deploys, beside a mean-shift PELT on the same data
# in the same run. A PELT takes time with the square of the distance between changes, so it is left out above PELT_MOST samples.
#   PELT_MOST=200000  samples
set -eu
build=$(cd "${MC_BUILD:-build}" && pwd)
most=${PELT_MOST:-200000}
make -s -C "$build" tests/bench/detect_bench
bench=$build/tests/bench/detect_bench

# samples a life, lives, deploys
one() {
	local ours theirs=
	ours=$("$bench" attribute "$1" "$2" "$3")
	read -r _ _ total _ _ <<<"$ours"
	[ "$total" -gt "$most" ] || theirs=$("$bench" pelt "$1" "$2" "$3")
	awk -v s="$1" -v l="$2" -v d="$3" -v a="$ours" -v b="$theirs" 'BEGIN {
		split(a, x, " "); n = split(b, y, " ")
		printf "%9d %6d %7d %10d %10.1f %9.3f %9d %-8s", s, l, d, x[3], x[1] * 1e3, x[1] * 1e6 / x[3], x[2], x[5]
		if (n) printf " %10.1f %7d %9d %8.2f\n", y[1] * 1e3, y[4], y[2], y[1] / x[1]
		else print "          -       -         -        -"
	}'
}

printf '%9s %6s %7s %10s %10s %9s %9s %-8s %10s %7s %9s %9s\n' samples lives deploys in_all CPU_ms us_each KiB verdict PELT_ms changes KiB ratio
printf '%9s %6s %7s %10s %10s %9s %9s %-8s %10s %7s %9s %9s\n' "a life" "" "" "" "" "" "" "" "" "" "" "PELT/ours"
for n in 1000 10000 100000 1000000; do one $n 4 1; done
for l in 1 5 50 500; do one 2000 $l 0; done
for d in 0 5 20 50 100 200; do one 200 $((2 * (d + 1))) $d; done
# thirty days at 15 s of 8 processes with 9 deploys: the mark is 500 ms
one 17280 80 9
