#!/bin/sh
# Small corpora of simulated mechanisms and cells with fixed seeds: the answers stay within sane bounds, whatever is tuned.
# Of the lives under virtual time two folders, whose labels must fit their files and which must be answered.
# Skipped where numpy or scipy is missing (./dev installs both).
src=${MC_SRC:-.} bin=${MC_BIN:-./memculprit} py=/usr/bin/python3
"$py" -c 'import numpy, scipy' 2>/dev/null || { echo "mech: skipped, python3-numpy and python3-scipy are not here"; exit 77; }
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT INT TERM
kinds=leak_request,none_flat,leak_timer,none_cache,leak_oom,leak_rolling,none_gc,leak_fixed,none_warmup,leak_overlap
kinds=$kinds,leak_rollback,none_recycle,leak_latemark,none_pool,leak_session,none_diurnal,leak_bluegreen,none_frag
kinds=$kinds,leak_canary,none_single,leak_gc
export PYTHONDONTWRITEBYTECODE=1
"$py" "$src/tests/corpus/mech.py" --short --n 21 --seed0 7001 --kinds "$kinds" --out "$dir/corpus" || exit 1
"$py" "$src/tests/corpus/check_labels.py" "$dir/corpus" || exit 1
"$py" "$src/tests/corpus/grade_answers.py" --bin "$bin" "$dir/corpus" --report "$dir/report.md" \
	--min-right 0.6 --max-wrong 0.1 --max-false 0.12 || { cat "$dir/report.md"; exit 1; }
kinds=leak_request,none_quiet,leak_timer,none_lru,leak_conn,none_growload,leak_graceful,none_many,leak_fixed,none_fraglog
"$py" "$src/tests/corpus/cellrun.py" --short --n 10 --seed0 4101 --kinds "$kinds" --out "$dir/cells" || exit 1
"$py" "$src/tests/corpus/check_labels.py" "$dir/cells" || exit 1
"$py" "$src/tests/corpus/grade_answers.py" --bin "$bin" "$dir/cells" --report "$dir/cells.md" \
	--min-right 0.6 --max-wrong 0.2 --max-false 0.2 || { cat "$dir/cells.md"; exit 1; }
"$py" "$src/tests/corpus/virtual/run.py" --rows 1200 --n 2 --seed0 7 --kinds leak_request,none_cache --out "$dir/virtual" || exit 1
"$py" "$src/tests/corpus/check_labels.py" "$dir/virtual" || exit 1
"$py" "$src/tests/corpus/reliability.py" --bin "$bin" "$dir/corpus" "$dir/cells" >"$dir/reliability.md" || exit 1
grep -q '^n 21, ECE 0\.' "$dir/reliability.md" || { echo "mech: reliability.py has no table"; cat "$dir/reliability.md"; exit 1; }
[ "$("$bin" analyze --json "$dir"/virtual/v* | grep -c '"verdict"')" = 2 ] || { echo "mech: no answer to lives under virtual time"; exit 1; }
