#!/bin/sh
# The detector without the rest of the house: the program that docs/detection.md shows, linked with libdetect.a and libbase.a alone.
build=${MC_BUILD:-.}
echo 1..3
out=$("$build/docs/detect_example" 2>&1)
[ $? -eq 0 ] && echo "ok 1 - the release, its slope and its onset are the truth" || { echo "not ok 1 - the answer is the truth"; echo "$out" | sed 's/^/# /'; }
# what the page says that it prints, figures apart
plain() { sed 's/[0-9][0-9.]*/N/g'; }
missing=$(sed -n 's/^    \(releases 3 to 5 grow\|growth began\)/\1/p' "${MC_SRC:-.}/docs/detection.md" | plain | while read -r line; do
	echo "$out" | plain | grep -qxF "$line" || echo "$line"
done)
[ -z "$missing" ] && echo "ok 2 - it prints what docs/detection.md shows" || { echo "not ok 2 - it prints what docs/detection.md shows"; echo "$missing" | sed 's/^/# /'; }
# the only header of ours that those of the detector need is base.h, and neither needs another library's
foreign=$(grep -hE '^#[[:space:]]*include' "${MC_SRC:-.}"/src/detect/*.[ch] "${MC_SRC:-.}/include/memculprit/detect.h" "${MC_SRC:-.}/include/memculprit/base.h" |
	grep -vE '"(memculprit/(base|detect)|[a-z]+)\.h"|<(assert|float|math|stdarg|stdbool|stddef|stdint|stdio|stdlib|string)\.h>')
[ -z "$foreign" ] && echo "ok 3 - its headers are those of C and base.h" || { echo "not ok 3 - its headers are those of C and base.h"; echo "$foreign" | sed 's/^/# /'; }
