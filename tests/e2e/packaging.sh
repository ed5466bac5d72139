#!/bin/sh
# The service file is as closed as it claims, the man pages and completions have no mistake.
cd "$MC_SRC" || exit 1
fail=0
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
wrong() { echo "packaging: $*"; fail=1; }

if command -v mandoc >/dev/null; then
	for m in man/*.[1-8]; do
		# what is installed where this runs is no mistake of the page
		mandoc -T lint -W warning "$m" 2>&1 | grep -v 'referenced manual not found' >"$work/lint"
		[ ! -s "$work/lint" ] || { cat "$work/lint"; wrong "$m"; }
		grep -q '^\.Sh EXAMPLES' "$m" || wrong "$m has no EXAMPLES"
	done
	grep -q '^\.Sh EXIT STATUS' man/memculprit.1 || wrong "memculprit.1 has no EXIT STATUS"
fi
bash -n packaging/completions/memculprit.bash || wrong "bash completion"
if command -v zsh >/dev/null; then zsh -n packaging/completions/_memculprit || wrong "zsh completion"; fi

# every command of the program's help is in the man page and in both completions
for c in serve status blame diff deploys mark plot analyze import export check-config db; do
	grep -qE "^\.It Cm .*$c" man/memculprit.1 || grep -qE "Cm $c" man/memculprit.1 || wrong "no $c in memculprit.1"
	grep -qw -- "$c" packaging/completions/memculprit.bash || wrong "no $c in the bash completion"
	grep -q -- "'$c:" packaging/completions/_memculprit || wrong "no $c in the zsh completion"
done

# bash completes a command, an option and a value
completed() {
	bash -c '. packaging/completions/memculprit.bash; COMP_WORDS=("$@"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
		PATH=/nowhere:$PATH; _memculprit; echo "${COMPREPLY[*]}"' - "$@"
}
[ "$(completed memculprit bl)" = blame ] || wrong "bash: bl -> blame"
[ "$(completed memculprit blame --as)" = --as-of ] || wrong "bash: blame --as -> --as-of"
[ "$(completed memculprit --color al)" = always ] || wrong "bash: --color al -> always"
[ "$(completed memculprit --db x.db db ch)" = check ] || wrong "bash: db ch -> check"

if command -v systemd-analyze >/dev/null; then
	level=$(systemd-analyze security --offline=true --no-pager "$PWD/packaging/memculprit.service" 2>"$work/err" |
		sed -n 's/.*exposure level for memculprit.service: \([0-9.]*\).*/\1/p')
	if [ -z "$level" ]; then
		echo "packaging: systemd-analyze does not work here: $(head -n 1 "$work/err")"
	elif ! awk -v l="$level" 'BEGIN { exit !(l <= 2.0) }'; then
		wrong "exposure level $level, and at most 2.0 is promised"
	fi
fi
exit $fail
