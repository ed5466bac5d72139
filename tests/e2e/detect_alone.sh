#!/bin/sh
# The detector without the rest of the house: the program that docs/detection.md shows, linked with libdetect.a and libbase.a alone.
build=${MC_BUILD:-.}
echo 1..3
out=$("$build/docs/detect_example" 2>&1)
[ $? -eq 0 ] && echo "ok 1 - the release, its slope and its onset are the truth" || { echo "not ok 1 - the answer is the truth"; echo "$out" | sed 's/^/# /'; }
# what the page says that it prints: each line, figures to 2 % (another compiler rounds otherwise)
page() { sed -n '/detect_example.c.*a\.out/,/^[^ ]/s/^    \([a-z]\)/\1/p' "${MC_SRC:-.}/docs/detection.md" | grep -v '^cc '; }
compare() {
	awk 'function near(a, b) { return a == b || (a + 0 != 0 && b + 0 != 0 && (a - b) ^ 2 <= (.02 * a) ^ 2 + .02 ^ 2) }
		NR == FNR { line[++n] = $0; next }
		{ k = split(line[++m], a, /[ (),:]+/); l = split($0, b, /[ (),:]+/); bad = k != l
		  for (i = 1; i <= k; i++) bad = bad || !near(a[i], b[i])
		  if (bad) print "page: " line[m] "; printed: " $0 }
		END { if (n != m || n == 0) print n " lines on the page, " m " printed" }' "$1" "$2"
}
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT INT TERM
page >"$dir/page"
echo "$out" >"$dir/out"
missing=$(compare "$dir/page" "$dir/out")
[ -z "$missing" ] && echo "ok 2 - it prints what docs/detection.md shows" || { echo "not ok 2 - it prints what docs/detection.md shows"; echo "$missing" | sed 's/^/# /'; }
# the only header of ours that those of the detector need is base.h, and neither needs another library's
foreign=$(grep -hE '^#[[:space:]]*include' "${MC_SRC:-.}"/src/detect/*.[ch] "${MC_SRC:-.}/include/memculprit/detect.h" "${MC_SRC:-.}/include/memculprit/base.h" |
	grep -vE '"(memculprit/(base|detect)|[a-z]+)\.h"|<(assert|float|math|stdarg|stdbool|stddef|stdint|stdio|stdlib|string)\.h>')
[ -z "$foreign" ] && echo "ok 3 - its headers are those of C and base.h" || { echo "not ok 3 - its headers are those of C and base.h"; echo "$foreign" | sed 's/^/# /'; }
