#!/bin/bash
# Deploys are recognised with nothing configured: an ELF package note, Go's vcs.revision, names of the environment,
# a git work tree, a stamp file, only a build-id, the bytes of a file. Each program
# runs in one version, then in the next, and the deploy has the right commit. Restarts are no deploys.
set -u
. "${MC_SRC:-.}/tests/e2e/wait.sh"
bin=${MC_BIN:-./memculprit}
cc=${CC:-cc}
command -v git >/dev/null && command -v python3 >/dev/null && command -v ${cc%% *} >/dev/null ||
	{ echo "1..0 # SKIP git, python3 or a compiler is missing"; exit 77; }
dir=$(mktemp -d "${TMPDIR:-/tmp}/mc-deploys-XXXXXX")
memory=$(in_memory)
daemon=
trap 'finish' EXIT
export HOME=$dir GIT_CONFIG_NOSYSTEM=1 GOPATH=$dir/gopath GOCACHE=$dir/gocache GOFLAGS=
unset GIT_COMMIT SOURCE_COMMIT APP_VERSION GITHUB_SHA CI_COMMIT_SHA
p=m$(($$ % 100000)) # names of this run alone, 15 bytes at most
tests=0 failed=0
ok() { # ok RESULT WHAT
	tests=$((tests + 1))
	[ "$1" != 0 ] || { echo "ok $tests - $2"; return; }
	echo "not ok $tests - $2"
	failed=1
}

cat >"$dir/memculprit.yml" <<-EOF
sample: {interval: 0.1s}
store: {path: $memory/db}
web: {listen: ["127.0.0.1:0"], socket: $dir/socket}
EOF
m="$bin --config $dir/memculprit.yml"
$m serve >"$dir/log" 2>&1 &
daemon=$!
soon [ -S "$dir/socket" ] || { cat "$dir/log"; echo "Bail out! the daemon does not start"; exit 1; }

deploys() { $m deploys "$1" --json 2>"$dir/err"; }
# field PROGRAM FIELD : of the newest deploy that is no baseline; "" none. The JSON has a field on each line.
field() {
	deploys "$1" | awk -v want="\"$2\":" '
		/"id":/ { value = ""; base = 0 }
		/"source": "first seen"/ { base = 1 }
		$1 == want { value = $0; sub(/^[^:]*: "?/, "", value); sub(/"?,?$/, "", value) }
		/^ *}/ && !base && value != "" { last = value }
		END { print last }'
}
count() { deploys "$1" | awk '/"source":/ && !/first seen/ { n++ } END { print n + 0 }'; }
has() { [ "$(field "$1" "$2")" = "$3" ]; } # PROGRAM FIELD VALUE
counts() { [ "$(count "$1")" = "$2" ]; }    # PROGRAM DEPLOYS
# tell PROGRAM : what is known of it, for whoever reads of a failure
tell() {
	{ ps -ww -o pid,lstart,args -p "${running[$1]-$$}"; $m deploys "$1"; $m status "$1" --json; grep "$1" "$dir/log"; date; } 2>&1 | sed 's/^/# /'
	return 1
}
# becomes PROGRAM FIELD VALUE
becomes() { soon has "$@" || { echo "# $1: $2 is '$(field "$1" "$2")' and not '$3'; $(head -n 1 "$dir/err")"; tell "$1"; }; }
# Programs run under names of their own: NAME -> pid
declare -A running
begin() { name=$1; shift; "$@" >/dev/null 2>&1 & running[$name]=$!; }
end_all() {
	for name in "${!running[@]}"; do kill "${running[$name]}" 2>/dev/null; wait "${running[$name]}" 2>/dev/null; done
	running=()
}
finish() {
	trap - EXIT
	end_all
	[ -z "$daemon" ] || kill "$daemon" 2>/dev/null
	wait
	rm -rf "$dir" "$memory"
}
# all the programs that run are known to the daemon
first_seen() { deploys "$1" | grep -q first.seen; }
known() { for name in "${!running[@]}"; do soon first_seen "$name" || { echo "# not seen: $name"; tell "$name"; return; }; done; }
# lives TICKS NAME... : the processes of $program that have these names were sampled so often: what is a deploy was said to be one by then
lives() {
	local ticks=$1 pids=() name
	shift
	for name; do pids+=("${running[$name]}"); done
	soon sampled "$ticks" "${pids[@]}" || { echo "# $program: not sampled $ticks times: ${pids[*]}"; tell "$program"; }
}

c1=1111111111111111111111111111111111111111 c2=2222222222222222222222222222222222222222
echo '#include <unistd.h>
const char *version = VERSION;
int main(void) { for (;;) sleep(1000); }' >"$dir/x.c"
compile() { $cc -DVERSION="\"$1\"" -o "$2.new" "$dir/x.c" "${@:3}" && mv "$2.new" "$2"; } # VERSION OUT FLAGS...
note() { compile "$1" "$dir/${p}note" -Xlinker "--package-metadata={\"version\":\"$1\",\"commit\":\"$2\"}" 2>/dev/null; }
git=(git -c user.name=a -c user.email=a@b -c commit.gpgsign=false)
job() { cd "$dir/tree" && exec "$dir/${p}python3" mcjob.py; } # begin runs it in a shell of its own
go_build() { (cd "$dir/go" && go build -o "$dir/${p}go" .) >>"$dir/golog" 2>&1; }

# ---- everything in its first version ----
mkdir -p "$dir/tree" "$dir/stamp/bin" "$dir/go"
has_note=1 has_go=
note 1.0 $c1 || has_note=
compile env "$dir/${p}env"
"${git[@]}" -C "$dir/tree" init -q
printf '/%s\n' "${p}tree" >"$dir/tree/.gitignore"
echo one >"$dir/tree/source"
echo 'import time; time.sleep(1000)' >"$dir/tree/mcjob.py"
ln -s "$(python3 -c "import sys; print(sys.executable)")" "$dir/${p}python3" # a name of its own
"${git[@]}" -C "$dir/tree" add . && "${git[@]}" -C "$dir/tree" commit -qm one
compile 1 "$dir/tree/${p}tree"
compile 1 "$dir/stamp/bin/${p}stamp"
echo $c1 >"$dir/stamp/REVISION"
compile 1 "$dir/${p}build"
compile 1 "$dir/${p}bare" -Wl,--build-id=none
compile same "$dir/${p}same"
if [ -z "${MC_SHORT-}" ] && command -v go >/dev/null; then
	"${git[@]}" -C "$dir/go" init -q
	printf 'module example.org/mcgo\n\ngo 1.19\n' >"$dir/go/go.mod"
	printf 'package main\n\nimport "time"\n\nfunc main() { time.Sleep(time.Hour) }\n' >"$dir/go/main.go"
	"${git[@]}" -C "$dir/go" add . && "${git[@]}" -C "$dir/go" commit -qm one
	go_build && has_go=1 || sed 's/^/# /' "$dir/golog"
fi
[ -z "$has_note" ] || begin ${p}note "$dir/${p}note"
[ -z "$has_go" ] || begin ${p}go "$dir/${p}go"
begin ${p}env env GIT_COMMIT=$c1 "$dir/${p}env"
begin ${p}tree "$dir/tree/${p}tree"
begin ${p}stamp "$dir/stamp/bin/${p}stamp"
begin ${p}build "$dir/${p}build"
begin ${p}bare "$dir/${p}bare"
begin ${p}python3 job
begin ${p}same "$dir/${p}same"
known
ok $? "every program is seen, nothing configured"
program=${p}same none=0
lives 5 ${p}same || none=1 # and so often all that began before it
for name in "${!running[@]}"; do counts "$name" 0 || none=1; done
ok $none "what ran at first is no deploy"
end_all

# ---- and in the next ----
note 1.1 $c2 || :
echo two >"$dir/tree/source" # built first, and then committed
echo 'import time; time.sleep(1001)' >"$dir/tree/mcjob.py"
compile 2 "$dir/tree/${p}tree"
sleep 1.1 # a reflog counts in seconds
"${git[@]}" -C "$dir/tree" commit -qam two && "${git[@]}" -C "$dir/tree" tag v2
tree=$(git -C "$dir/tree" rev-parse HEAD)
compile 2 "$dir/stamp/bin/${p}stamp"
echo $c2 >"$dir/stamp/REVISION"
compile 2 "$dir/${p}build" -Wl,--build-id=0x0123456789abcdef0123456789abcdef01234567
cp "$dir/${p}bare" "$dir/${p}bare.new" && mv "$dir/${p}bare.new" "$dir/${p}bare"
if [ -n "$has_go" ]; then
	echo '// two' >>"$dir/go/main.go"
	"${git[@]}" -C "$dir/go" commit -qam two && go_build
fi
[ -z "$has_note" ] || begin ${p}note "$dir/${p}note"
[ -z "$has_go" ] || begin ${p}go "$dir/${p}go"
begin ${p}env env GIT_COMMIT=$c2 "$dir/${p}env" # the same file
begin ${p}tree "$dir/tree/${p}tree"
begin ${p}stamp "$dir/stamp/bin/${p}stamp"
begin ${p}build "$dir/${p}build"
begin ${p}bare "$dir/${p}bare" # the same bytes in another file
echo three >"$dir/tree/source" # not committed: in what runs as it lies there, not in what was built before
begin ${p}python3 job
if [ -n "$has_note" ]; then
	becomes ${p}note commit $c2 && becomes ${p}note version 1.1 && becomes ${p}note source "package note"
	ok $? "ELF package note"
fi
if [ -n "$has_go" ]; then
	becomes ${p}go commit "$(git -C "$dir/go" rev-parse HEAD)"
	ok $? "Go's vcs.revision"
fi
becomes ${p}env commit $c2 && becomes ${p}env source environment
ok $? "a name of the environment"
becomes ${p}tree commit "$tree" && [ "$(field ${p}tree source)" = "git work tree" ]
ok $? "a git work tree whose build was committed afterwards"
becomes ${p}python3 commit "$tree"
ok $? "a script in a git work tree"
case $(field ${p}tree note) in *"local changes"*) tell ${p}tree ;; *) case $(field ${p}python3 note) in *"with local changes"*) ;; *) tell ${p}python3 ;; esac ;; esac
ok $? "that it runs with local changes is said, and of the build before them it is not"
"${git[@]}" -C "$dir/tree" checkout -q source
becomes ${p}tree version v2 && becomes ${p}python3 version v2
ok $? "and has its tag"
range() { "$bin" --config "$dir/memculprit.yml" diff "$1" --from "$tree~1" --to "$tree" >"$dir/text" 2>&1; }
range ${p}python3 && grep -q "^  $(printf %.12s "$tree") two (" "$dir/text" && range ${p}tree
ok $? "the commits of a work tree that no configuration names"
{ cat "$dir/memculprit.yml"; echo "programs: [{name: ${p}tree, match: {comm: ${p}tree}}]"; } >"$dir/named.yml"
"$bin" --config "$dir/named.yml" diff ${p}tree --from "$tree~1" --to v2 >"$dir/text" 2>&1
ok $? "nor for a program that is named"
mv "$dir/tree/.git" "$dir/elsewhere"
range ${p}tree
[ $? = 2 ] && grep -q "$dir/tree, from which ${p}tree ran, is not there any more; .*'repository:'" "$dir/text"
ok $? "one that has gone is named"
mv "$dir/elsewhere" "$dir/tree/.git"
if [ "$(id -u)" = 0 ]; then
	chown 65534 "$dir/tree/.git"
	range ${p}tree
	[ $? = 2 ] && grep -q "which is user 65534's; .*'repository:'" "$dir/text"
	ok $? "but not where it is another user's"
	chown 0 "$dir/tree/.git"
fi
becomes ${p}stamp commit $c2 && becomes ${p}stamp source "stamp file"
ok $? "a stamp file"
becomes ${p}build build_id 0123456789abcdef0123456789abcdef01234567 && becomes ${p}build commit ""
ok $? "only the build-id, and no commit is claimed"
program=${p}bare
lives 5 ${p}bare && counts ${p}bare 0
ok $? "a file without a build-id, copied: no deploy"
end_all

# ---- back, on, and restarts ----
[ -z "$has_note" ] || { note 1.0 $c1; begin ${p}note "$dir/${p}note"; }
compile 2 "$dir/${p}bare" -Wl,--build-id=none
begin ${p}bare "$dir/${p}bare"
if [ -n "$has_note" ]; then
	becomes ${p}note commit $c1 && counts ${p}note 2 && field ${p}note note | grep -q '^ran here before' || tell ${p}note
	ok $? "a rollback to the version before"
fi
soon counts ${p}bare 1 || tell ${p}bare
ok $? "a file without a build-id, with other contents"
times=$([ -n "${MC_SHORT-}" ] && echo 100 || echo 1000)
python3 - "$dir/${p}same" "$times" <<'PY'
import subprocess, sys, time
for i in range(int(sys.argv[2])):
    p = subprocess.Popen([sys.argv[1]])
    if i % 50 == 0:
        time.sleep(0.3)  # long enough to be counted
    p.kill()
    p.wait()
PY
begin ${p}same "$dir/${p}same"
program=${p}same
lives 5 ${p}same && counts ${p}same 0 && first_seen ${p}same
ok $? "no deploy in $times restarts"

# ---- a canary: one of four processes, and taken back ----
end_all
compile 1 "$dir/${p}can"
program=${p}can
for i in 1 2 3 4; do begin can$i "$dir/$program"; done
lives 5 can1 can2 can3 can4
cp "$dir/$program" "$dir/before"
stop() { kill "${running[$1]}"; wait "${running[$1]}" 2>/dev/null; unset "running[$1]"; }
stop can4
compile 2 "$dir/$program" -Wl,--build-id=0x0123456789abcdef0123456789abcdef01234567
begin can4 "$dir/$program"
soon counts $program 1 && lives 20 can4
cp "$dir/before" "$dir/new" && mv "$dir/new" "$dir/$program" # and the file is the old one again
$m deploys $program >"$dir/text" 2>&1
grep -q 'canary: 1 of 4 processes' "$dir/text" || tell $program
ok $? "a canary is called one"
stop can4
begin can4 "$dir/$program"
taken_back() {
	$m deploys $program >"$dir/text" 2>&1
	counts $program 2 && tail -1 "$dir/text" | grep -q rollback && grep -q 'canary: 1 of 4' "$dir/text"
}
soon taken_back || tell $program
ok $? "a canary that was taken back is a rollback"

[ $failed = 0 ] || tail -n 50 "$dir/log" | sed 's/^/# /'
grep -E 'level=(error|warn)' "$dir/log" | sed 's/^/# /'
echo "1..$tests"
exit $failed
