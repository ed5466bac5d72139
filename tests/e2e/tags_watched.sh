#!/bin/bash
# A tag that is made after a deploy was recognised by its commit becomes the deploy's version, with the daemon running.
set -u
. "${MC_SRC:-.}/tests/e2e/wait.sh"
bin=${MC_BIN:-./memculprit}
command -v git >/dev/null || { echo "1..0 # SKIP git is missing"; exit 77; }
dir=$(mktemp -d "${TMPDIR:-/tmp}/mc-tags-XXXXXX")
memory=$(in_memory)
daemon= server=
trap 'trap - EXIT; for i in $server $daemon; do kill "$i" 2>/dev/null; done; wait; rm -rf "$dir" "$memory"' EXIT
export HOME=$dir GIT_CONFIG_NOSYSTEM=1
unset GIT_COMMIT SOURCE_COMMIT APP_VERSION GITHUB_SHA CI_COMMIT_SHA
name=tag$(($$ % 100000))
git=(git -C "$dir/repo" -c user.name=a -c user.email=a@b -c commit.gpgsign=false -c tag.gpgsign=false)
git init -q "$dir/repo"
for i in 1 2 3; do echo $i >"$dir/repo/file" && "${git[@]}" add file && "${git[@]}" commit -qm "commit $i"; done
cp "$(command -v sleep)" "$dir/$name"
cat >"$dir/m.yml" <<-END
sample: {interval: 0.1s}
store: {path: $memory/db}
web: {listen: ["127.0.0.1:0"], socket: $dir/socket}
programs: [{name: $name, match: {comm: $name}, repository: $dir/repo, tags: "v*"}]
END
m="$bin --config $dir/m.yml" program=$name
begin() { # REVISION
	[ -z "$server" ] || { kill "$server"; wait "$server"; } 2>/dev/null
	GIT_COMMIT=$("${git[@]}" rev-parse "$1") "$dir/$name" 1000 &
	server=$!
}
tests=0 failed=0
ok() { # ok RESULT WHAT
	tests=$((tests + 1))
	if [ "$1" = 0 ]; then echo "ok $tests - $2"; else echo "not ok $tests - $2"; failed=1; sed 's/^/# /' "$dir/out" "$dir/log"; fi
}
# shows TEXT : one of the deploys comes to have it
has() { $m deploys "$name" --json >"$dir/out" 2>&1 && tr -d '\n' <"$dir/out" | grep -q "$1"; }
shows() { soon has "$1"; }
begin HEAD~2
$m serve --log.level=warn >"$dir/log" 2>&1 &
daemon=$!
shows 'first seen'
ok $? "the program is seen"
begin HEAD~1
second=$("${git[@]}" rev-parse HEAD~1)
shows "\"version\": \"\", *\"commit\": \"$second\".*\"source\": \"environment\""
ok $? "its deploy is known by the commit, and has no version"
"${git[@]}" tag -a -m two v2 HEAD~1
"${git[@]}" tag other HEAD~1
shows "\"version\": \"v2\", *\"commit\": \"$second\".*\"tag_ms\": [1-9]"
ok $? "a tag made afterwards becomes its version, with its time"
begin HEAD
shows "\"version\": \"\", *\"commit\": \"$("${git[@]}" rev-parse HEAD)\""
"${git[@]}" pack-refs --all
"${git[@]}" tag v3
shows "\"version\": \"v3\""
ok $? "a light one too, where refs are packed"
# the same commit by a shorter name, and by an annotated tag's own id: neither is another deploy
deploys=$($m deploys "$name" --json | grep -c '"id":')
again() { # VALUE of GIT_COMMIT
	kill "$server"; wait "$server" 2>/dev/null
	GIT_COMMIT=$1 "$dir/$name" 1000 &
	server=$!
	soon sampled 5 $server && $m deploys "$name" --json >"$dir/out" && [ "$(grep -c '"id":' "$dir/out")" = "$deploys" ]
}
again "$("${git[@]}" rev-parse --short=9 HEAD)"
ok $? "a shorter commit is the same"
"${git[@]}" tag -a -m four v4 HEAD
again "$("${git[@]}" rev-parse v4)"
ok $? "an annotated tag's id is its commit"
kill "$server"; wait "$server" 2>/dev/null
"${git[@]}" commit -q --allow-empty -m five
GIT_COMMIT=$("${git[@]}" rev-parse --short=9 HEAD) "$dir/$name" 1000 &
server=$!
shows "\"commit\": \"$("${git[@]}" rev-parse HEAD)\""
ok $? "and a short one is kept whole"
echo "1..$tests"
exit $failed
