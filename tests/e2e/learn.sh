#!/bin/sh
# tests/bench/learn.py learns from lines as tests/bench/witness prints them: every witness gets a coefficient, in the order of witness.h; one that tells right from
# wrong the right sign, one that says nothing little; input that is none is an error.
# Skipped where numpy is missing (./dev installs it).
src=${MC_SRC:-.} py=/usr/bin/python3
"$py" -c 'import numpy' 2>/dev/null || { echo "learn: skipped, python3-numpy is not here"; exit 77; }
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT INT TERM
export PYTHONDONTWRITEBYTECODE=1
fail() { echo "learn: $1"; cat "$dir/out" "$dir/err"; exit 1; }
learn() { "$py" "$src/tests/bench/learn.py" "$@" >"$dir/out" 2>"$dir/err"; }
names=$(sed -n 's/^\tWITNESS_\([A-Z_]*\),.*/\1/p' "$src/src/attribute/witness.h")

# two groups of two families of ten folders; GAINS is high where the deploy named began a leak, NO_TAIL where nothing grew; LOAD says nothing
for group in a b; do
	for i in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19; do
		folder=$dir/$group$((i % 2))/s$i
		mkdir -p "$folder"
		if [ $((i / 2 % 2)) = 0 ]; then
			echo '{"growth": true, "deploy": {"index": 3}, "step_deploy": null, "acceptable_index": [3]}' >"$folder/truth.json"
		else
			echo '{"growth": false, "deploy": null, "step_deploy": null}' >"$folder/truth.json"
		fi
		printf '%s\t3,5\t0.7\t0' "$folder"
		for name in $names; do
			case $name in
			GAINS) printf '\t%d' $((i / 2 % 2 == 0 ? 1 : -1));;
			NO_TAIL) printf '\t0.%d' $((i / 2 % 2 == 0 ? i % 3 : 5 + i % 3));;
			*) printf '\t1.%d' $((i / 4 % 2));;
			esac
		done
		echo
	done >"$dir/$group"
done
learn "$dir/a" "$dir/b" || fail "it fails"
[ ! -s "$dir/err" ] || fail "it complains"
[ "$(sed -n 's/^static const double WORTH/&/p' "$dir/out" | grep -o 'WITNESS_[A-Z_]*\]' | tr -d ']' | sed 's/^WITNESS_//')" = "$names" ] || fail "other witnesses than witness.h has"
grep -Eq '^static const double ALWAYS = -?[0-9]+\.[0-9]+;$' "$dir/out" || fail "no constant"
grep -Eiq 'nan|inf' "$dir/out" && fail "numbers that are none"
worth() { sed -n "/WORTH/s/.*WITNESS_$1\] = \(-*[0-9.]*\).*/\1/p" "$dir/out"; }
awk -v g="$(worth GAINS)" -v t="$(worth NO_TAIL)" -v l="$(worth LOAD)" 'BEGIN { exit !(g > .3 && t < -.3 && l < .3 && l > -.3) }' || fail "signs"
grep -Eq '^a +other groups .* leaks right 10 wrong 0 .* no growth blamed 0$' "$dir/out" || fail "what was not learnt from is judged wrong"
# one family has no other to learn from
grep "$dir/a0/" "$dir/a" >"$dir/one"
learn "$dir/one" || fail "one family fails"
grep -Eiq 'nan|inf' "$dir/out" && fail "one family gives numbers that are none"

refused() { learn "$@" && fail "it takes $what"; grep -q '^learn: ' "$dir/err" && ! grep -q Traceback "$dir/err" || fail "no plain error for $what"; }
head -n 3 "$dir/a" >"$dir/bad"
what='a line that is cut short'; printf '%s\t3\t0.5\t0\t1\n' "$dir/a0/s0" >>"$dir/bad"; refused "$dir/bad"
what='a word for a number'; sed '1s/1\.0/one/' "$dir/a" >"$dir/bad"; refused "$dir/bad"
what='a number that is none'; sed '1s/1\.0/nan/' "$dir/a" >"$dir/bad"; refused "$dir/bad"
what='an empty group'; : >"$dir/bad"; refused "$dir/bad"
what='a folder without truth'; sed "1s|^$dir/a0|$dir/gone|" "$dir/a" >"$dir/bad"; refused "$dir/bad"
what='a truth that is none'; mkdir "$dir/odd" && echo '[' >"$dir/odd/truth.json" && sed "1s|^$dir/a0/s0|$dir/odd|" "$dir/a" >"$dir/bad"; refused "$dir/bad"
what='a deploy without index'; echo '{"growth": true, "deploy": {"name": "x"}}' >"$dir/odd/truth.json"; refused "$dir/bad"
what='a group that is not there'; refused "$dir/none"
exit 0
