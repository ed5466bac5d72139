#!/bin/bash
# The line walk beside `git blame OLD..NEW`: how many of N lines, spread over the files that changed, have the
# same answer, and what both cost.
#   deploy_lines.sh REPO OLD NEW [N]
# Prints: lines, agreeing, CPU seconds of the walk, of listing the range, seconds of git blame; then what differs.
set -eu
build=$(cd "${MC_BUILD:-build}" && pwd)
repo=$1 old=$2 new=$3 n=${4:-500}
dir=$(mktemp -d "${TMPDIR:-/tmp}/mc-lines-XXXXXX")
trap 'rm -rf "$dir"' EXIT
git=(git -C "$repo" -c core.quotepath=off -c safe.directory='*')
"${git[@]}" diff --name-only --diff-filter=AMR "$old" "$new" -- '*.c' '*.h' '*.go' '*.py' '*.js' '*.rs' '*.java' '*.cc' |
	awk -v n=40 '{ f[NR] = $0 } END { step = NR > n ? NR / n : 1; for (i = 1; i <= NR; i += step) print f[int(i)] }' >"$dir/files"
each=$((n / $(awk 'END { print NR ? NR : 1 }' "$dir/files") + 1))
# lines that the release changed are the interesting ones: half of them where there are so many
while read -r f; do
	"${git[@]}" show "$new:$f" | wc -l >"$dir/count"
	"${git[@]}" diff -U0 "$old" "$new" -- "$f" | awk -v f="$f" -v each="$each" -v all="$(cat "$dir/count")" '
		/^@@/ { split($3, a, ","); start = substr(a[1], 2); c = a[2] == "" ? 1 : a[2]; for (i = 0; i < c; i++) l[++m] = start + i }
		END {
			half = int(each / 2); if (m < half) half = m
			for (i = 0; i < half; i++) want[l[1 + int(i * m / half)]] = 1
			rest = each - half
			for (i = 0; i < rest && all > 0; i++) want[1 + int(i * all / rest)] = 1
			for (k = 1; k <= all; k++) if (k in want) print f "\t" k
		}'
done <"$dir/files" | head -n "$n" >"$dir/lines"
"$build/tests/bench/deploy_bench" walk "$repo" "$old" "$new" <"$dir/lines" >"$dir/ours"
t=$(date +%s%N)
cut -f1 "$dir/lines" | uniq | while read -r f; do
	"${git[@]}" blame -s -l --porcelain "$old..$new" -- "$f" | awk -v f="$f" '
		/^[0-9a-f]+ [0-9]+ [0-9]+/ { id = $1; line = $3; next }
		/^boundary/ { edge[id] = 1; next }
		/^\t/ { print f "\t" line "\t" ((id in edge) ? "-" : id) }'
done >"$dir/git"
t=$(awk -v a="$t" -v b="$(date +%s%N)" 'BEGIN { printf "%.3f", (b - a) / 1e9 }')
awk -F'\t' -v t="$t" -v show="$dir/differ" 'NR == FNR { g[$1 FS $2] = $3; next }
	$1 == "cpu" { printf "%d\t%d\t%s\t%s\t%s\n", n, same, $2, $3, t; next }
	{ n++; if (g[$1 FS $2] == $3) same++; else print $1 ":" $2 ": git " g[$1 FS $2] ", ours " $3 >show }' "$dir/git" "$dir/ours"
[ ! -f "$dir/differ" ] || head -5 "$dir/differ" >&2
