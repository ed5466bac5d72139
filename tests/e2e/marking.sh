#!/bin/bash
# The examples of docs/marking.md are run as they stand there, against a daemon.
set -u
. "${MC_SRC:-.}/tests/e2e/wait.sh"
bin=${MC_BIN:-./memculprit} src=${MC_SRC:-.}
command -v git >/dev/null && command -v curl >/dev/null || { echo "1..0 # SKIP no git or no curl"; exit 77; }
dir=$(mktemp -d "${TMPDIR:-/tmp}/mc-marking-XXXXXX")
daemon=
trap '[ -z "$daemon" ] || kill "$daemon" 2>/dev/null; wait; rm -rf "$dir"' EXIT
export HOME=$dir GIT_CONFIG_NOSYSTEM=1 MEMCULPRIT_CONFIG=$dir/memculprit.yml
unset MEMCULPRIT_DB
# 'secret' by bcrypt, cost 5
hash='$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a'
mkdir "$dir/bin" && ln -s "$(cd "$(dirname "$bin")" && pwd)/$(basename "$bin")" "$dir/bin/memculprit"
PATH=$dir/bin:$PATH
git=(git -C "$dir/repo" -c user.name=a -c user.email=a@b -c commit.gpgsign=false)
git init -q "$dir/repo"
for i in 1 2 3 4; do
	echo $i >"$dir/repo/file"
	"${git[@]}" add file && "${git[@]}" commit -qm "commit $i" && "${git[@]}" tag "v$i"
done
cat >"$dir/memculprit.yml" <<-EOF
sample: {interval: 0.2s}
store: {path: $dir/db}
web: {listen: ["127.0.0.1:0"], socket: $dir/socket}
programs: [{name: logic_worker, match: {comm: logic_worker}, repository: $dir/repo}, {name: mcmarked, match: {comm: mcmarked}}]
EOF
printf 'basic_auth_users:\n  deployer: "%s"\n' "$hash" >"$dir/web.yml"
memculprit serve --web.enable-mark --web.config.file="$dir/web.yml" >"$dir/log" 2>&1 &
daemon=$!
soon [ -S "$dir/socket" ] && soon grep -q '(port ' "$dir/log"
port=$(sed -n 's/.*(port \([0-9]*\)).*/127.0.0.1:\1/p' "$dir/log" | head -1)
[ -n "$port" ] || { cat "$dir/log"; echo "Bail out! the daemon does not start"; exit 1; }

# block HEADING LANGUAGE NUMBER : that fenced block below the heading
block() {
	awk -v h="## $1" -v lang="\`\`\`$2" -v n="$3" '
		/^## / { here = $0 == h }
		here && $0 == lang { if (++k == n) { on = 1; next } }
		/^```$/ { on = 0 }
		on' "$src/docs/marking.md"
}
# shell_of : of YAML on stdin the literal text below "run: |" or the "- |" of a list, its indent taken away
shell_of() {
	awk '/^ *(run: \||- \|)$/ { on = 1; indent = -1; next }
		on { if (indent < 0) { match($0, /^ */); indent = RLENGTH } if ($0 ~ /[^ ]/ && match($0, /^ */) && RLENGTH < indent) { on = 0; next } print substr($0, indent + 1) }'
}
tests=0 failed=0
# marked VERSION NOTE : a deploy of it is listed, with the note
marked() {
	local n=$((tests += 1)) what=$3
	memculprit deploys logic_worker --json >"$dir/list" 2>&1
	if grep -q "\"commit\": \"$("${git[@]}" rev-parse "$1")\"" "$dir/list" && grep -q "\"note\": \"$2" "$dir/list"; then
		echo "ok $n - $what"
	else
		sed 's/^/# /' "$dir/out" "$dir/list" | head -40
		echo "not ok $n - $what"
		failed=1
	fi
}
run() { # run NAME=VALUE... <script
	env "$@" bash -eu -s >"$dir/out" 2>&1
	echo "exit code $?" >>"$dir/out"
}

"${git[@]}" checkout -q v1
block "A shell script" sh 1 | run REPOSITORY="$dir/repo" PROGRAM=logic_worker
marked v1 'deploy.sh by' "the shell script"
block "A shell script" sh 2 | run URL="http://$port" MARK_AUTH=deployer:secret PROGRAM=logic_worker REVISION=v2
marked v2 remote "curl from elsewhere"
block "GitHub Actions" yaml 1 | shell_of | run URL="http://$port" AUTH=deployer:secret PROGRAM=logic_worker \
	GITHUB_SHA="$("${git[@]}" rev-parse v3)" GITHUB_RUN_ID=77
marked v3 'GitHub run 77' "GitHub Actions"
block "GitLab CI" yaml 1 | shell_of | run MEMCULPRIT_URL="http://$port" MEMCULPRIT_AUTH=deployer:secret PROGRAM=logic_worker \
	CI_COMMIT_SHA="$("${git[@]}" rev-parse v4)" CI_PIPELINE_ID=88
marked v4 'GitLab pipeline 88' "GitLab CI"
block "Argo CD" yaml 1 | shell_of | run URL="http://$port" AUTH=deployer:secret PROGRAM=logic_worker REVISION=v1
marked v1 'Argo CD' "Argo CD"

# HEAD and branches name another commit tomorrow: what is kept is the commit
"${git[@]}" checkout -qb main-line && "${git[@]}" commit -q --allow-empty -m untagged
untagged=$("${git[@]}" rev-parse HEAD)
for rev in HEAD main-line; do
	n=$((tests += 1))
	memculprit mark logic_worker "$rev" --json >"$dir/out" 2>&1
	if grep -q "\"version\": *\"\"" "$dir/out" && grep -q "\"commit\": *\"$untagged\"" "$dir/out"; then echo "ok $n - $rev is kept as its commit"; else
		sed 's/^/# /' "$dir/out"
		echo "not ok $n - $rev is kept as its commit"
		failed=1
	fi
done

# the answers of the table
answers() { # CODE WHAT CURL-ARGUMENTS...
	local n=$((tests += 1)) code=$1 what=$2
	shift 2
	got=$(curl -s -o "$dir/out" -w '%{http_code}' --max-time 60 "$@" "http://$port/api/v1/deploys")
	if [ "$got" = "$code" ]; then echo "ok $n - $what: $code"; else
		sed 's/^/# /' "$dir/out"
		echo "not ok $n - $what: $got, not $code"
		failed=1
	fi
}
answers 401 "a wrong password" --user deployer:wrong --data '{"program": "logic_worker", "revision": "v2"}'
answers 404 "no such revision" -H 'Content-Type: application/json' --user deployer:secret --data '{"program": "logic_worker", "revision": "v9"}'
answers 400 "no JSON" -H 'Content-Type: application/json' --user deployer:secret --data 'program=logic_worker'
# ---- what is marked names what runs, also where the file that is run stays the same ----
if command -v python3 >/dev/null; then
	program=mcmarked m=memculprit pids=()
	ln -s "$(python3 -c 'import sys; print(sys.executable)')" "$dir/$program"
	echo 'import time; time.sleep(1000)' >"$dir/entry.py"
	check() { # check RESULT WHAT
		tests=$((tests + 1))
		[ "$1" != 0 ] || { echo "ok $tests - $2"; return; }
		{ memculprit deploys $program; memculprit status; cat "$dir/versions"; } 2>&1 | sed 's/^/# /'
		echo "not ok $tests - $2"
		failed=1
	}
	stop_all() { [ ${#pids[@]} = 0 ] || { kill "${pids[@]}"; wait "${pids[@]}" 2>/dev/null; pids=(); }; }
	trap 'stop_all; [ -z "$daemon" ] || kill "$daemon" 2>/dev/null; wait; rm -rf "$dir"' EXIT
	start_all() { # a start is known to a second only
		stop_all
		sleep 1.2
		for i in 1 2; do
			"$dir/$program" "$dir/entry.py" &
			pids+=($!)
		done
	}
	# runs VERSION PID... : the export says so of all samples of these processes
	runs() {
		rm -rf "$dir/export"
		memculprit export $program "$dir/export" >/dev/null 2>&1 || return 1
		awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next } { print $at["pid"], $at["version"] "." }' "$dir/export/samples.csv" | sort -u >"$dir/versions"
		local version=$1 pid
		shift
		for pid; do [ "$(grep "^$pid " "$dir/versions")" = "$pid $version." ] || return 1; done
	}
	mark() { memculprit mark $program "$1" >"$dir/out" 2>&1 || sed 's/^/# /' "$dir/out"; }
	deploys_total() { curl -s --user deployer:secret "http://$port/metrics" | awk '/^memculprit_program_deploys_total.*"'$program'"/ { print $2 }'; }
	start_all
	first=("${pids[@]}")
	soon sampled 12 "${pids[@]}" && mark r1 && soon runs r1 "${first[@]}"
	start_all
	second=("${pids[@]}")
	mark r2 # at once: nobody saw the restart yet
	soon runs r2 "${second[@]}" && soon runs r1 "${first[@]}"
	check $? "a mark after a restart names what runs since"
	start_all
	soon sampled 12 "${pids[@]}" && runs r2 "${pids[@]}"
	check $? "a restart alone is none of another release"
	mark r3
	third=("${pids[@]}")
	soon runs r3 "${third[@]}" && runs r2 "${second[@]}"
	check $? "until the mark that comes after it"
	mark r4
	kill "${pids[1]}" && wait "${pids[1]}" 2>/dev/null
	"$dir/$program" "$dir/entry.py" & pids[1]=$!
	fourth=${pids[1]}
	soon sampled 12 "$fourth" && runs r4 "$fourth" && runs r3 "${third[@]}"
	check $? "a mark before a restart names what begins after it, and what runs on keeps its name"
	kill "$daemon" && wait "$daemon" 2>/dev/null
	memculprit serve --web.enable-mark --web.config.file="$dir/web.yml" >"$dir/log" 2>&1 &
	daemon=$!
	soon [ -S "$dir/socket" ] && soon grep -q '(port ' "$dir/log"
	port=$(sed -n 's/.*(port \([0-9]*\)).*/127.0.0.1:\1/p' "$dir/log" | head -1)
	soon sampled 20 "$fourth" && runs r4 "$fourth" && runs r3 "${third[@]}"
	check $? "also after a restart of the daemon"
	start_all
	soon sampled 12 "${pids[@]}" && mark r2
	soon runs r2 "${pids[@]}" && soon sampled 15 "${pids[@]}" && runs r3 "${third[@]}"
	check $? "what is gone back to has its name again"
	[ "$(memculprit deploys $program --json | grep -c '"source": "mark"')" = 5 ] && [ "$(memculprit deploys $program --json | grep -c '"source":')" = 5 ]
	check $? "and each mark is a deploy, nothing else is"
	stop_all
	echo 'import time; time.sleep(1001)' >"$dir/entry.py"
	mark r5 && start_all
	soon sampled 5 "${pids[@]}" && soon runs r5 "${pids[@]}" && [ "$(deploys_total)" = 2 ]
	check $? "another file after a mark is that mark's, and one deploy"
fi
echo "1..$tests"
exit $failed
