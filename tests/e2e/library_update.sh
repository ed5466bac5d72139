#!/bin/bash
# The library that a program uses is replaced by one that leaks, and the program restarted, its own file untouched:
# the update is a deploy of its own kind, and blame names it.
set -u
. "${MC_SRC:-.}/tests/e2e/wait.sh"
bin=${MC_BIN:-./memculprit}
cc=${CC:-cc}
command -v python3 >/dev/null && command -v ${cc%% *} >/dev/null || { echo "1..0 # SKIP python3 or a compiler is missing"; exit 77; }
dir=$(mktemp -d "${TMPDIR:-/tmp}/mc-library-XXXXXX")
memory=$(in_memory)
daemon= servers=
finish() {
	trap - EXIT
	for i in $servers $daemon; do kill "$i" 2>/dev/null; done
	wait
	rm -rf "$dir" "$memory"
}
trap finish EXIT
name=lib$(($$ % 100000))
tests=0 failed=0
ok() { # ok RESULT WHAT
	tests=$((tests + 1))
	if [ "$1" = 0 ]; then echo "ok $tests - $2"; else echo "not ok $tests - $2"; failed=1; fi
}
cat >"$dir/kept.c" <<'C'
#include <stdlib.h>
#include <string.h>
char *volatile mckept_seen;
void mckept(void)
{
	char *p = malloc(16384);
	if (p)
		memset(p, 1, 16384);
	mckept_seen = p;
#ifndef LEAK
	free(p);
#endif
}
C
cat >"$dir/server.c" <<'C'
#include <unistd.h>
void mckept(void);
int main(void) { for (;;) { mckept(); usleep(20000); } }
C
library() { $cc -shared -fPIC "$@" -o "$dir/new.so" "$dir/kept.c" && mv "$dir/new.so" "$dir/libmckept.so.1"; }
library || exit 1
$cc -o "$dir/$name" "$dir/server.c" "$dir/libmckept.so.1" -Wl,-rpath,"$dir" || exit 1
before=$(cksum <"$dir/$name")
begin() {
	servers=
	for _ in 1 2 3; do "$dir/$name" & servers="$servers $!"; done
}
end() { kill $servers; wait $servers 2>/dev/null; servers=; }

cat >"$dir/m.yml" <<-END
sample: {interval: 0.1s}
store: {path: $memory/db}
web: {listen: ["127.0.0.1:0"], socket: $dir/socket}
programs: [{name: $name, match: {comm: $name}}] # what else begins here by the hundred has its libraries read in its turn
END
m="$bin --config $dir/m.yml" program=$name
begin
$m serve >"$dir/log" 2>&1 &
daemon=$!
seen() { $m deploys "$name" 2>/dev/null | grep -q "$1"; }
# each process's are read when its turn comes; what is known of them is kept
libraries_known() {
	python3 - "$memory/db" <<-'PY' 2>/dev/null
		import sqlite3, sys
		db = sqlite3.connect("file:%s?mode=ro" % sys.argv[1], uri=True)
		known = [v for v, in db.execute("SELECT CAST(value AS TEXT) FROM fact WHERE name LIKE 'libraries/%'")]
		sys.exit(not any("libmckept" in v for v in known))
	PY
}
# shellcheck disable=SC2086
soon libraries_known && soon sampled 50 $servers
ok $? "the program is seen, with its libraries"
end
begin # a restart with the same library
# shellcheck disable=SC2086
soon sampled 20 $servers && $m deploys "$name" >"$dir/out" 2>&1 && ! grep -q libmckept "$dir/out"
ok $? "a restart with the same library is no deploy"
end
library -DLEAK || exit 1
begin
soon seen 'libmckept 1, build'
ok $? "another build of the library is a deploy"
blamed() { # on a busy machine it is sure a little later
	$m blame "$name" --json >"$dir/blame" 2>"$dir/err"
	grep -q '"version": "libmckept' "$dir/blame" && grep -q '"verdict": "leak"' "$dir/blame" && ! grep -q '"culprit": null' "$dir/blame"
}
soon blamed
python3 - "$dir/blame" <<'PY'
import json, sys
a = json.load(open(sys.argv[1]))
c = a["culprit"]
assert a["verdict"] == "leak" and c and c["version"].startswith("libmckept 1, build ") and c["commit"] == "", (a["verdict"], c, a["candidates"])
assert c["deployed_ms"] <= c["first_seen_ms"], c
assert any(k["version"] == c["version"] for k in a["candidates"])
PY
ok $? "blame names the library's update"
says_so() { # each tick has a new answer, and the first ones waver
	$m blame "$name" >"$dir/text" 2>&1
	head -1 "$dir/text" | grep -q 'libmckept 1, build .* started it' && grep -q 'the update of a library' "$dir/text"
}
soon says_so
ok $? "and says so, and that no commit of the program is to blame"
listed() { # of the newest answer that is kept
	$m deploys "$name" >"$dir/text" 2>&1
	grep 'libmckept' "$dir/text" | grep -q 'started the growth'
}
soon listed
ok $? "and so do the deploys"
[ "$before" = "$(cksum <"$dir/$name")" ]
ok $? "the program itself is untouched"
[ $failed = 0 ] || { sed 's/^/# /' "$dir/blame" "$dir/text" "$dir/err" "$dir/log"; }
echo "1..$tests"
exit $failed
