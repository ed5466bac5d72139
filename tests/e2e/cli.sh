#!/bin/bash
# The command line from end to end, on the incident: what it answers, exits with, and never does.
# shellcheck disable=SC2016
for need in git python3; do command -v $need >/dev/null || { echo "cli: no $need"; exit 77; }; done
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
. "$MC_SRC/tests/e2e/cli_fixture.sh"
. "$MC_SRC/tests/e2e/wait.sh"
export LC_ALL=C.UTF-8
m=$MC_BIN fail=0
wrong() { echo "cli: $*"; fail=1; }
# is NAME CONDITION : evaluated here
is() { eval "$2" || { wrong "$1"; sed 's/^/    /' out err 2>/dev/null | head -n 20; }; }
# run EXPECTED ARG... : stdout in out, stderr in err
run() {
	local want=$1 got
	shift
	timeout 300 "$m" "$@" >out 2>err </dev/null
	got=$?
	[ "$got" = "$want" ] || { wrong "'$*': exit code $got, not $want"; sed 's/^/    /' err | head -n 5; }
}
json() { python3 -c 'import json, sys; j = json.load(open("out")); sys.exit(not ('"$1"'))' || wrong "JSON: $1"; }

make_fixture "$work" >/dev/null || { echo "cli: no fixture"; exit 1; }
cd "$work" || exit 1

# ---- the answer ----
run 0 blame logic_worker
is 'the first line is the answer' '[[ $(head -n 1 out) =~ ^v2\.3\ started\ it:\ private\ memory\ of\ logic_worker\ grew\ by\ .*\ from\ 2026-02-03\ 1[34]: ]]'
is 'who ended it' 'grep -q "^v2.6 ended it: 2026-02-09 1" out'
is 'the guilty commit comes first' '[ "$(grep -m 1 "^  [0-9a-f]\{12\} " out | cut -c 16-40)" = "reply: encode with the pr" ]'
is 'with its place' 'grep -q "^      src/reply.c:1[0-9] in send_reply: memory acquired" out'
is 'what to do next at the end' 'tail -n 2 out | grep -q "^  memculprit plot logic_worker"'
run 0 blame logic_worker --json
json 'j["verdict"] == "leak" and j["state"] == "fixed" and j["culprit"]["version"] == "v2.3" and j["fixed_by"]["version"] == "v2.6"'
json 'j["commits"][0]["subject"].startswith("reply: encode") and j["commits"][0]["places"][0]["path"] == "src/reply.c"'
run 10 blame logic_worker --exit-code --as-of '2026-02-05 09:00'
is 'as of then it goes on' 'grep -q "grows by" out && ! grep -q "ended it:" out'
run 0 blame logic_worker --exit-code
run 4 blame logic_worker --as-of '2026-01-30 10:03'
run 3 blame logic_wroker
is 'the name that is wrong, and the one that is near' 'grep -q "no program .logic_wroker. .*did you mean .logic_worker" err && [ ! -s out ]'

# ---- the others ----
run 0 status
is 'a line for the program' 'grep -q "^logic_worker  *4 .* v2.6 .*fixed by v2.6" out'
is 'how old that is' 'grep -q "^Nothing is sampled now .*: this is the state of 2026-02-10 .* ago\.$" out'
run 0 status logic_worker --json
json 'j["programs"][0]["program"] == "logic_worker" and j["programs"][0]["processes"] == 4 and j["programs"][0]["culprit"]["version"] == "v2.3"'
run 3 status nobody
run 0 deploys logic_worker
is 'the culprit among seven' '[ "$(wc -l <out)" = 8 ] && grep -q " v2.3 .*started the growth" out && grep -q " v2.6 .*ended it" out'
run 0 deploys --json
json '[d["version"] for d in j["deploys"]] == ["v2.%d" % i for i in range(7)] and [d["culprit"] for d in j["deploys"]].index(True) == 3'
run 0 diff logic_worker
is 'the diff of v2.2..v2.3, suspects first' 'grep -q "^diff --git a/src/reply.c" out && [ "$(grep -m 1 "^diff " out)" = "diff --git a/src/reply.c b/src/reply.c" ] && ! grep -q "goto out" out'
run 0 diff logic_worker --from v2.5 --to v2.6
is 'the diff between two revisions' 'grep -q "^+.*free(buf);" out'
run 0 diff logic_worker --from v2.5 --to v2.6 --json
json '"free(buf)" in j["diff"] and len(j["commits"]) == 3'
run 2 diff logic_worker --from v2.5
run 2 diff logic_worker --from '' --to v2.6
is 'an empty revision is none' 'grep -q "^memculprit: --from is empty; " err && [ ! -s out ]'
run 2 diff logic_worker --from v2.5 --to ''
run 3 diff logic_worker --from v2.5 --to v9
run 3 diff nosuch
run 3 diff nosuch --from v2.5 --to v2.6
run 0 plot logic_worker
is 'a curve in braille with its marks' 'grep -q "⡇\|⡏\|⢸" out && grep -q "^  d v2.3 .*started the growth\|^  c v2.3 .*started the growth" out && grep -q "growth began" out'
is 'as wide as it should be' '[ "$(wc -L <out)" -le 80 ]'
run 0 plot logic_worker --svg curve.svg
is 'an SVG' 'grep -q "^<svg" curve.svg && grep -q "v2.3" curve.svg && [ ! -e curve.svg.tmp ]'
run 1 plot logic_worker --svg /dev/null/x.svg
run 1 plot logic_worker --svg no/such/folder/x.svg
is 'what to do' 'grep -q "^memculprit: no/such/folder/x.svg: No such file or directory; make the folder first, or name another place$" err'
run 0 plot logic_worker --json --since 2026-02-03 --until 2026-02-05
json 'j["t_ms"][0] == 1770076800000 and j["t_ms"][-1] == 1770249600000 and max(v for v in j["private_bytes"] if v) > 100e6'
mkdir many
awk 'BEGIN { print "unix_ms,process_key,pid,start_ms,rss_bytes,anon_bytes,shared_bytes,swap_bytes"
	for (i = 0; i < 70; i++) printf "%d,w,7,1700000000000,20000000,%d,0,0\n", 1700000000000 + i * 60000, 9000000 + i % 3 * 4096 }' >many/samples.csv
awk 'BEGIN { print "unix_ms,version,commit"; for (i = 0; i < 60; i++) printf "%d,v%d,\n", 1700000000000 + i * 60000, i }' >many/deploys.csv
run 0 --db many.db import many many
run 0 --db many.db plot many
is 'of too many deploys the newest are named' 'grep -q "^  Z v59 " out && ! grep -q "^  . v3 " out && grep -q "^  and 8 more deploys without a letter" out'
COLUMNS=80 run 0 deploys logic_worker
is 'whole remarks where a table has no room for them' 'grep -q "^  started the growth (100 %)\|^  started the growth" out && ! grep -q "…" out'
run 2 plot logic_worker --since 2026-02-05 --until 2026-02-03
run 3 plot logic_worker --since -1h
is 'when the last sample was' 'grep -q "its last is of 2026-02-10 11:56" err'
run 3 plot logic_worker --until 2026-01-01
is 'when the first sample was' 'grep -q "its first is of 2026-01-30 10:01" err'
run 0 --color=always plot logic_worker
is 'colour where it is asked for' 'grep -q "$(printf "\033")\[31m" out'

# ---- marks, without a daemon ----
run 0 mark logic_worker v2.5 --at '2026-02-10 09:00' --note 'rolled back'
is 'what was marked' 'grep -q "^logic_worker: v2.5, commit [0-9a-f]\{12\}, deploy [0-9]*, 2026-02-10 09:00" out'
run 0 mark logic_worker v2.5 --at '2026-02-10 09:05'
is 'known already' 'grep -q "already" out'
id=$("$m" deploys logic_worker --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["deploys"][-1]["id"])')
run 0 mark --delete "$id"
run 3 mark --delete "$id"
run 3 mark logic_worker no-such-revision
run 2 mark logic_worker
run 2 mark logic_worker v2.5 --at yesterday-ish
run 0 deploys logic_worker
is 'the mark is gone' '[ "$(wc -l <out)" = 8 ]'

# ---- in and out ----
run 0 blame logic_worker --json
cp out before
run 0 import logic_worker incident
run 0 blame logic_worker --json
is 'importing twice changes nothing' 'cmp -s before out'
run 0 deploys --json
json 'len(j["deploys"]) == 7'
run 0 export logic_worker copy
run 0 --db copy.db import logic_worker copy
run 0 --db copy.db blame logic_worker --json
is 'what was exported gives the same answer' 'cmp -s before out'
cp -r copy seen
printf '1000,v0,,,first seen\n' >>seen/deploys.csv
run 0 --db seen.db import logic_worker seen
run 0 --db seen.db blame logic_worker --json
is 'what was only seen first is no deploy' 'cmp -s before out'
run 0 --db seen.db export logic_worker again
is 'an export says how each was recognised' 'grep -q "^1000,v0,,,first seen$" again/deploys.csv'
is 'and has every sample' '[ "$(wc -l <again/samples.csv)" = "$(wc -l <copy/samples.csv)" ]'
run 0 analyze again --json
is 'an export is answered as the database' 'python3 -c "import json,sys; a,b=[json.load(open(f)) for f in (\"before\",\"out\")]; sys.exit(not all(a[k]==b[k] for k in (\"verdict\",\"onset_ms\",\"culprit\",\"candidates\")))"'
run 3 --db nowhere/x.db serve --web.listen-address 127.0.0.1:0
is 'a folder that is not there is not made' '[ ! -e nowhere ] && grep -q "there is no folder .*nowhere for the database; make it" err'
run 1 --db fresh.db serve --web.listen-address 127.0.0.1:0 --path.procfs /nonexistent
is 'a daemon that never ran leaves nothing' '[ -z "$(ls | grep "^fresh.db")" ]'
run 1 export logic_worker copy
is 'nothing is overwritten' 'grep -q "is there already" err'
mkdir bad
sed '5000s/,[0-9]*,0,/,x,0,/' incident/samples.csv >bad/samples.csv
run 1 import other bad
is 'the place of the bad line' 'grep -q "^memculprit: bad/samples.csv:5000:7: shared_bytes: not a number" err'
run 3 status other
run 3 import other nowhere
is 'what a folder has to have' 'grep -q "^memculprit: nowhere/samples.csv is not there; a scenario folder has samples.csv and deploys.csv$" err'

# ---- analyze ----
run 1 analyze --json --jobs 3 incident nowhere week-2 bad
python3 - <<'END' || wrong 'analyze: an answer a folder, in order'
import json
a = [json.loads(x) for x in open("out")]
assert [x.get("program") for x in a] == ["incident", None, "week-2", None]
assert a[0]["culprit"]["version"] == a[2]["culprit"]["version"] == "v2.3"
assert "nowhere" in a[1]["error"] and "bad/samples.csv:5000:7" in a[3]["error"]
assert abs(sum(c["probability"] for c in a[0]["candidates"]) + a[0]["not_a_deploy_probability"] + a[0]["no_change_probability"] - 1) < 1e-6
END
run 0 analyze incident
is 'in words too' 'grep -q "^v2.3 started it: private memory of incident" out'
run 2 analyze --jobs 0 incident
python3 - <<'END' || wrong 'the database and the folder give the same answer'
import json
a, b = json.load(open("before")), json.loads(__import__("subprocess").run([__import__("os").environ["MC_BIN"], "analyze", "--json", "incident"], stdout=-1).stdout)
assert a["verdict"] == b["verdict"] and a["culprit"]["version"] == b["culprit"]["version"]
assert abs(a["culprit"]["probability"] - b["culprit"]["probability"]) < 0.02
END

# ---- care ----
run 0 db check
run 0 db backup backup.db
run 0 --db backup.db deploys --json
json 'len(j["deploys"]) == 7'
run 1 db backup backup.db
run 0 db compact
run 0 --db copy.db db salvage saved.db
run 0 --db saved.db blame logic_worker
is 'salvaged' 'grep -q "^v2.3 started it" out'
cp copy.db hurt.db
size=$(stat -c %s hurt.db)
head -c $((size / 2)) /dev/zero | tr '\0' X | dd of=hurt.db bs=4096 seek=$((size / 4096 / 4)) conv=notrunc 2>/dev/null
run 1 --db hurt.db db check
is 'damage is told, and what to do' 'grep -q "damaged.*salvage" err'
run 2 db chekc
is 'a near miss' 'grep -q "did you mean check" err'
run 2 db backup
run 3 --db nothing.db status
is 'reading makes no database' '[ ! -e nothing.db ]'
cp "$MC_SRC/tests/fixtures/store/v1.db" old.db && chmod u+w old.db
run 1 --db old.db db check
is 'how an older database is brought up to date' "grep -q \"older schema 1: 'memculprit serve' brings it up to date, or 'memculprit db compact'\" err"
run 0 --db old.db db compact
is 'with a copy beside' '[ -s old.db.before-2 ]'
run 0 --db old.db db check
run 3 --db nothing.db db compact
is 'compacting neither' '[ ! -e nothing.db ]'
head -c 5000 /dev/urandom >garbage.db
run 1 --db garbage.db status
run 1 --db garbage.db import logic_worker incident

python3 - <<'END'
import shutil, sqlite3
sqlite3.connect("foreign.db").execute("CREATE TABLE t (x)")
shutil.copy("copy.db", "newer.db")
c = sqlite3.connect("copy.db")
c.execute("INSERT INTO fact VALUES ('notice', 'of 9 processes nothing can be read' || char(10) || 'and 2 are left out')")
c.commit()
c = sqlite3.connect("newer.db")
c.execute("PRAGMA user_version = 999")
c.commit()
END
run 0 --db copy.db status
is 'what the daemon could not read' 'grep -qx "of 9 processes nothing can be read" out && grep -qx "and 2 are left out" out'
run 1 --db foreign.db status
is 'a database of another program' 'grep -q "foreign.db" err'
run 1 --db foreign.db import logic_worker incident
run 0 --db newer.db blame logic_worker
is 'a newer schema is read, with a word' 'grep -q "^v2.3 started it" out && grep -q "newer" err'
run 1 --db newer.db import logic_worker incident

# ---- configuration ----
run 0 check-config memculprit.yml
printf 'sample: {interval: 10x}\nprogrms: []\n' >wrong.yml
run 2 check-config wrong.yml
is 'every error with its place' 'grep -q "wrong.yml:1:" err && grep -q "wrong.yml:2:1" err'
run 2 check-config wrong.yml --json
json 'not j["ok"] and len(j["errors"]) == 2'
run 3 check-config nothing.yml
run 2 --config wrong.yml status
run 3 --config nothing.yml status

# ---- habits ----
run 0 --help
is 'help on stdout' 'grep -q "^Commands:" out && [ ! -s err ]'
run 2
run 2 sttaus
run 2 status --colour never
run 2 --color sometimes status
run 0 help blame
for c in serve status blame diff deploys mark plot analyze import export check-config db; do
	run 0 $c --help
	is "$c --help" 'grep -q "^Usage: memculprit $c" out && grep -q "^Examples:" out && [ ! -s err ]'
done
habits=(status 'blame logic_worker')
[ -n "${MC_SHORT-}" ] || habits+=(deploys 'plot logic_worker' 'diff logic_worker' 'analyze incident')
for c in "${habits[@]}"; do
	# shellcheck disable=SC2086
	run 0 $c
	is "$c: no ESC in a file" '! grep -q "$(printf "\033")" out err'
	is "$c: no blanks at the ends of lines" '! grep -qE "[ 	]$" <(grep -v "^ *|\|^[-+ ]" out)'
	# shellcheck disable=SC2086
	LC_ALL=C run 0 $c
	is "$c: ASCII in the C locale" '! grep -qP "[^\x00-\x7f]" out err'
	for w in 40 200; do
		# shellcheck disable=SC2086
		COLUMNS=$w run 0 $c
		case $c in diff*) ;; *) is "$c: within $w columns" '[ "$(wc -L <out)" -le $w ]' ;; esac
	done
	# shellcheck disable=SC2086
	"$m" $c >/dev/full 2>err && wrong "$c: a full disk is not noticed"
	is "$c: a full disk is told" 'grep -q "^memculprit: standard output: No space" err'
	# shellcheck disable=SC2086
	"$m" $c 2>err >&- && wrong "$c: a closed stdout is not noticed"
	is "$c: a closed stdout is told" '[ -s err ]'
	# shellcheck disable=SC2086
	"$m" $c 2>err | true
	is "$c: a reader that has seen enough" '[ ! -s err ]'
done
is 'the database was never standard output' '"$m" db check >/dev/null'
# a container may have no pseudo-terminal to give
terminal=
if command -v script >/dev/null && script -qec true /dev/null </dev/null >/dev/null 2>&1; then
	terminal=1
else
	echo 'cli: no terminal can be had here: what one is shown is not tested'
fi
if [ -n "$terminal" ]; then
	# tty COMMAND : on a terminal of 80 columns
	tty() { script -qec "stty cols 80 rows 60 2>/dev/null; $*" /dev/null </dev/null >out 2>&1; }
	tty "env TERM=xterm $m status"
	is 'colour on a terminal' 'grep -q "$(printf "\033")\[" out'
	tty "env TERM=xterm NO_COLOR=1 $m status"
	is 'NO_COLOR' '! grep -q "$(printf "\033")\[[0-9;]*m" out'
	tty "env TERM=dumb $m status"
	is 'a dumb terminal' '! grep -q "$(printf "\033")" out'
	tty "env TERM=xterm MEMCULPRIT_PAGER='sed s/^/PAGED:/' $m diff logic_worker"
	is 'a pager' 'grep -q "^PAGED:.*suspects first" out'
	tty "env TERM=xterm MEMCULPRIT_PAGER=no-such-pager $m diff logic_worker"
	is 'no pager is no reason to show nothing' 'grep -q "suspects first" out'
	tty "env TERM=xterm MEMCULPRIT_PAGER='head -n 1' $m diff logic_worker"
	is 'a pager that has seen enough' '[ "$(wc -l <out)" = 1 ]'
	MEMCULPRIT_PAGER='sed s/^/PAGED:/' run 0 diff logic_worker
	is 'no pager in a pipe' '! grep -q PAGED out'
fi
if [ -n "$terminal" ]; then
	# more folders than the quickest machine does in that time, and an end to them
	for _ in $(seq 3000); do printf 'incident '; done >folders
	says_so() { grep -q "memculprit: analyzing .*(1 s)" out && head -n 1 slow.json | python3 -m json.tool >/dev/null 2>&1; }
	for limit in 4 20 100; do # on a busy machine four may be too few to begin with
		tty "env TERM=xterm timeout --foreground $limit $m analyze --json --jobs 1 $(cat folders) >slow.json"
		! says_so || break
	done
	is 'work over a second says so' says_so
fi
timeout 120 "$m" status --watch >out 2>err &
watch=$!
twice() { [ "$(grep -c "^PROGRAM" out)" -ge 2 ]; }
soon twice
kill $watch
wait $watch 2>/dev/null
is 'status --watch shows it anew' twice

# ---- names that mean harm ----
evil=$(printf 'e\033[31m<b>\377"x\nnext')
run 0 import "$evil" week-2
for c in status deploys 'status --json' 'deploys --json'; do
	# shellcheck disable=SC2086
	run 0 $c
	is "$c: a hostile name" '! grep -q "$(printf "\033")" out && iconv -f UTF-8 -t UTF-8 out >/dev/null 2>&1'
done
run 0 blame "$evil"
is 'blame of a hostile name' '! grep -q "$(printf "\033")" out && head -n 1 out | grep -q "started it"'

# ---- completions come from the same table ----
for s in bash zsh; do
	run 0 completion $s
	case $s in bash) file=memculprit.bash ;; zsh) file=_memculprit ;; esac
	cmp -s out "$MC_SRC/packaging/completions/$file" ||
		wrong "packaging/completions/$file is not what 'memculprit completion $s' prints"
done
completed() {
	bash -c '. "$0"; COMP_WORDS=("$@"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); PATH=$(dirname "$MC_BIN"):$PATH
		_memculprit; echo "${COMPREPLY[*]}"' "$MC_SRC/packaging/completions/memculprit.bash" "$@"
}
is 'bash completes programs' '[ "$(completed memculprit --db copy.db blame lo)" = logic_worker ]'
is 'bash completes options' '[ "$(completed memculprit plot x --si)" = --since ]'
is 'bash completes folders' '[ "$(completed memculprit analyze inci)" = incident ]'
is 'bash completes values' '[ "$(completed memculprit serve --log.level w)" = warn ]'
is 'bash completes actions' '[ "$(completed memculprit db sal)" = salvage ]'
if command -v zsh >/dev/null; then
	cat >comp.zsh <<'END'
_arguments() { print -r -- "ARGUMENTS $*"; [[ $* == *'->command'* ]] && state=$want; return 0 }
_describe() { print -r -- "DESCRIBE $* : ${(P)@[-1]}" }
_files() { :; }
words=(blame); CURRENT=2
want=$1
source $2 >result 2>&1
cat result
END
	PATH=$(dirname "$MC_BIN"):$PATH zsh -f comp.zsh command "$MC_SRC/packaging/completions/_memculprit" >out 2>err
	is 'zsh completes commands' 'grep -q "^DESCRIBE.*blame:which deploy" out && [ ! -s err ]'
	zsh -f comp.zsh argument "$MC_SRC/packaging/completions/_memculprit" >out 2>err
	is 'zsh completes the options of a command' 'grep -q "^ARGUMENTS .*--as-of=\[answer from only" out && ! grep -q "jobs" out'
fi
exit $fail
