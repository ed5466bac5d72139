#!/bin/bash
# Every example of the README, the man pages and the help does what it says, and the pages know every option.
for need in git python3; do command -v $need >/dev/null || { echo "cli_examples: no $need"; exit 77; }; done
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
. "$MC_SRC/tests/e2e/cli_fixture.sh"
. "$MC_SRC/tests/e2e/wait.sh"
export LC_ALL=C.UTF-8
fail=0
wrong() { echo "cli_examples: $*"; fail=1; }
make_fixture "$work/base" >/dev/null || { echo "cli_examples: no fixture"; exit 1; }
cp "$work/base/memculprit.db" "$work/base/damaged.db"
mkdir "$work/bin"
ln -s "$MC_BIN" "$work/bin/memculprit"
export PATH=$work/bin:$PATH MEMCULPRIT_DB=$work/run/memculprit.db MEMCULPRIT_CONFIG=$work/run/memculprit.yml

# ---- collect ----
{
	sed -n 's/^ *\$ \(memculprit .*\)/\1/p' "$MC_SRC/README.md"
	sed -n 's/^\.Dl \(memculprit .*\)/\1/p' "$MC_SRC"/man/*.1
	for c in '' serve status blame diff deploys mark plot analyze import export check-config db; do
		# shellcheck disable=SC2086
		"$MC_BIN" $c --help | sed -n '/^Examples:/,$s/^  \(memculprit .*\)/\1/p' | sed 's/   .*//'
	done
} | sort -u >"$work/examples"
n=$(wc -l <"$work/examples")
[ "$n" -ge 30 ] || wrong "only $n examples were found"

# ---- run ----
while IFS= read -r example; do
	rm -rf "$work/run"
	mkdir "$work/run"
	cd "$work/run" || exit 1
	ln -s ../base/incident ../base/week-2 ../base/logic .
	cp ../base/*.db ../base/memculprit.yml .
	command=$example
	case $example in
	*' serve'*)
		# ports that nobody has, and an end: the example itself goes on for ever
		command=$(sed -E 's/(--web.listen-address[= ])[^ ]*/\1127.0.0.1:0/g' <<<"$example")
		case $command in *listen-address*) ;; *) command="$command --web.listen-address=127.0.0.1:0" ;; esac
		bash -c "exec $command" >"$work/out" 2>"$work/err" </dev/null &
		soon grep -q '(port ' "$work/err" || wrong "'$example' does not listen"
		kill $!
		wait $!
		got=$?
		;;
	*)
		timeout 300 bash -c "exec $command" >"$work/out" 2>"$work/err" </dev/null
		got=$?
		;;
	esac
	[ $got = 0 ] || { wrong "'$example': exit code $got"; head -n 3 "$work/err"; continue; }
	case $example in
	*' serve'*) ;;
	*' --svg '*) [ -s curve.svg ] || wrong "'$example' made no drawing" ;;
	*) [ -s "$work/out" ] || wrong "'$example' says nothing" ;;
	esac
done <"$work/examples"

# ---- the pages know every option, and none that is not there ----
tr -d '\\' <"$MC_SRC/man/memculprit.1" >"$work/page"
cat "$MC_SRC"/man/memculprit-*.1 | tr -d '\\' >>"$work/page"
for c in '' serve status blame diff deploys mark plot analyze import export check-config db; do
	# shellcheck disable=SC2086
	"$MC_BIN" $c --help | sed -n 's/^  \(-., \)*--\([a-z.-]*\).*/\2/p'
done | sort -u >"$work/options"
while IFS= read -r o; do
	grep -qF -- "Fl -$o" "$work/page" || wrong "no page knows --$o"
done <"$work/options"
grep -oE 'Fl -[a-z][a-z.-]+' "$work/page" | cut -c 5- | sort -u | while IFS= read -r o; do
	grep -qxF -- "$o" "$work/options" || echo "$o"
done >"$work/unknown"
[ ! -s "$work/unknown" ] || wrong "the pages tell of options that are not there: $(tr '\n' ' ' <"$work/unknown")"
exit $fail
