#!/bin/bash
# The walk from a line of the new revision to its commit agrees with git blame OLD..NEW on 99 lines of 100.
set -eu
command -v git >/dev/null && command -v python3 >/dev/null || { echo "1..0 # SKIP no git or no python3"; exit 77; }
src=${MC_SRC:-.}
dir=$(mktemp -d "${TMPDIR:-/tmp}/mc-walk-XXXXXX")
trap 'rm -rf "$dir"' EXIT
export HOME=$dir GIT_CONFIG_NOSYSTEM=1
lines=$([ -n "${MC_SHORT-}" ] && echo 60 || echo 200)
python3 "$src/tests/bench/deploy_make.py" "$dir/repo" 150 7
bash "$src/tests/bench/deploy_lines.sh" "$dir/repo" v0 v1 "$lines" >"$dir/figures" 2>"$dir/differ"
read -r n same _ <"$dir/figures"
echo "1..1"
if [ "$n" -ge "$lines" ] && [ $((same * 100)) -ge $((n * 99)) ]; then
	echo "ok 1 - $same of $n lines agree with git blame"
else
	sed 's/^/# /' "$dir/differ"
	echo "not ok 1 - $same of $n lines agree with git blame"
	exit 1
fi
