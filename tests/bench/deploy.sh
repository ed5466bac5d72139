#!/bin/bash
# Deploys, beside git in the same run: identity of a process, the changes of a range with renames, hunks and places,
# the diff as text, the walk from lines to commits. On generated repositories of 100, 1,000 and 10,000 commits, and
# on a real one where REPO, OLD and NEW name it.
#   SIZES="100 1000 10000" LARGE=100000 (empty: none)
set -eu
build=$(cd "${MC_BUILD:-build}" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
make -s -C "$build" tests/bench/deploy_bench
bench=$build/tests/bench/deploy_bench
dir=$(mktemp -d /var/tmp/mc-bench-XXXXXX)
pids=
trap 'for p in $pids; do kill "$p" 2>/dev/null || :; done; rm -rf "$dir"' EXIT
export HOME=$dir GIT_CONFIG_NOSYSTEM=1

line() { printf '%-46s %12s %12s  %s\n' "$1" "$2" "$3" "${4-}"; }
# CPU seconds of a command, its output thrown away
cpu_of() {
	{ TIMEFORMAT='%U %S'; time "$@" >/dev/null 2>&1; } 2>&1 | awk '{ printf "%.3f", $1 + $2 }'
}

line "" memculprit git mark
# identity: a plain program, one with a package note, a script in a work tree
cat >"$dir/x.c" <<'C'
#include <unistd.h>
int main(void) { sleep(1000); return 0; }
C
if ${CC:-cc} -Xlinker --package-metadata='{"version":"1","commit":"0123456789abcdef0123456789abcdef01234567"}' -o "$dir/note" "$dir/x.c"; then
	"$dir/note" & pids="$pids $!"
	line "identity by package note, us" "$("$bench" identity $! 2000 | cut -f1)" - "20"
fi
sleep 1000 & pids="$pids $!"
line "identity by build-id, us" "$("$bench" identity $! 2000 | cut -f1)" - "20"
git init -q "$dir/tree"
cp "$(command -v sleep)" "$dir/tree/app" 
git -C "$dir/tree" add app
git -C "$dir/tree" -c user.name=a -c user.email=a@b commit -qm one
"$dir/tree/app" 1000 & pids="$pids $!"
line "identity by git work tree, us" "$("$bench" identity $! 2000 | cut -f1)" - "(reads HEAD's log)"

for n in ${SIZES:-100 1000 10000}; do
	python3 "$here/deploy_make.py" "$dir/$n" "$n"
	read -r s kib commits places < <("$bench" changes "$dir/$n" v0 v1)
	mark=; [ "$n" != 1000 ] || mark="0.5 CPU s, 300 MiB"
	line "changes of $commits commits ($places places), CPU s" "$s" "$(cpu_of git -C "$dir/$n" log -M --numstat v0..v1)" "$mark"
	line "  peak memory, MiB" "$((kib / 1024))" - "$([ "$n" != 1000 ] || echo 300)"
	read -r s kib bytes _ < <("$bench" diff "$dir/$n" v0 v1)
	line "  the diff as text ($((bytes / 1024)) KiB), CPU s" "$s" "$(cpu_of git -C "$dir/$n" diff -M v0 v1)"
	read -r lines same walk range blame < <(bash "$here/deploy_lines.sh" "$dir/$n" v0 v1 500 2>/dev/null)
	mark=; [ "$n" != 1000 ] || mark="0.6 CPU s"
	line "  walk of $lines lines (range $range), s" "$walk" "$blame" "$mark"
	line "  lines that agree with git blame" "$same" "$lines" "99 %"
done
# a large repository: small commits, so that it is made in seconds
if [ -n "${LARGE-100000}" ]; then
	python3 "$here/deploy_large.py" "$dir/large" "${LARGE-100000}"
	read -r s kib commits _ < <("$bench" changes "$dir/large" v1 v2)
	line "of ${LARGE-100000} commits the last $commits, CPU s" "$s" "$(cpu_of git -C "$dir/large" log -M --numstat v1..v2)" "0.5 CPU s, 300 MiB"
	line "  peak memory, MiB" "$((kib / 1024))" - 300
	read -r s kib commits _ < <("$bench" changes "$dir/large" v0 v2)
	line "  all of them (the newest $commits are looked into), CPU s" "$s" -
	line "  peak memory, MiB" "$((kib / 1024))" - 300
fi
if [ -n "${REPO-}" ]; then
	read -r s kib commits places < <("$bench" changes "$REPO" "$OLD" "$NEW")
	line "$(basename "$(dirname "$REPO")") $OLD..$NEW: $commits commits, CPU s" "$s" "$(cpu_of git -C "$REPO" log -M --numstat "$OLD..$NEW")"
	line "  peak memory, MiB" "$((kib / 1024))" -
	read -r lines same walk range blame < <(bash "$here/deploy_lines.sh" "$REPO" "$OLD" "$NEW" 500)
	line "  walk of $lines lines (range $range), s" "$walk" "$blame"
	line "  lines that agree with git blame" "$same" "$lines" "99 %"
fi
