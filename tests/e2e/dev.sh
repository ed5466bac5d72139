#!/bin/sh
# ./dev asks the network for nothing when all packages are there, and says what it installs when not.
dev=$MC_SRC/dev
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
fail() { echo "dev: $*"; cat "$work/out" "$work/calls" 2>/dev/null; exit 1; }

mkdir "$work/bin"
cat >"$work/bin/dpkg-query" <<'END'
#!/bin/sh
for p; do :; done
case $p in libmissing*) exit 1 ;; esac
printf installed
END
cat >"$work/bin/apt-get" <<'END'
#!/bin/sh
echo "apt-get $*" >>"$CALLS"
[ -z "$APT_FAILS" ]
END
# as root or not, the way through sudo is the same from here
printf '#!/bin/sh\nexec "$@"\n' >"$work/bin/sudo"
chmod +x "$work/bin/"*
PATH=$work/bin:$PATH
CALLS=$work/calls
export PATH CALLS APT_FAILS

: >"$CALLS"
"$dev" _need gcc make >"$work/out" 2>&1 || fail "nothing is missing, and yet it fails"
[ ! -s "$CALLS" ] || fail "it calls apt-get though nothing is missing"
[ ! -s "$work/out" ] || fail "it talks though nothing is missing"

"$dev" _need gcc libmissing1-dev make libmissing2 >"$work/out" 2>&1 || fail "it does not install"
grep -q 'installing libmissing1-dev libmissing2$' "$work/out" || fail "it does not say what it installs"
[ "$(wc -l <"$CALLS")" = 2 ] || fail "not one update and one install"
head -n 1 "$CALLS" | grep -q update || fail "no update first"
tail -n 1 "$CALLS" | grep -q 'install .*libmissing1-dev libmissing2$' || fail "it installs something else"
! tail -n 1 "$CALLS" | grep -qw gcc || fail "it installs what is there"

APT_FAILS=1 "$dev" _need libmissing1-dev >"$work/out" 2>&1 && fail "apt-get failed, and it goes on"
grep -q '^dev: ' "$work/out" || fail "it does not say that it could not install"

"$dev" help >"$work/out" 2>&1 || fail "no help"
for word in run test demo build bench fuzz soak help; do
	grep -qE "^  $word( |\$)" "$work/out" || fail "help does not know $word"
done
"$dev" no-such-command >"$work/out" 2>&1
[ $? = 2 ] || fail "wrong usage is not 2"

# Lanes side by side: their counts add up, one that dies is a failure, and what is left out is said.
mkdir "$work/tree"
sed '/^case \${1:-help} in/,$d' "$dev" >"$work/tree/dev"
cat >"$work/lanes" <<'END'
. "$1/dev"
first() { one good 100 true; must bad 100 false || return; one never 100 true; }
second() { one good-too 100 true; not_run thing "it is not here"; }
third() { exit 3; }
lanes first second third
verdict
END
bash "$work/lanes" "$work/tree" >"$work/out" 2>&1 && fail "two lanes went wrong, and it says that all is well"
[ "$(tail -n 1 "$work/out")" = "2 passed, 2 failed" ] || fail "the lanes do not add up"
grep -q '^thing: skipped, it is not here' "$work/out" || fail "it does not say what is skipped"
grep -q '^failed: bad third' "$work/out" || fail "it does not say what failed"
[ -e "$work/tree/build/log/never.log" ] && fail "a lane goes on where it must not"

# Of a test that failed it is said what failed: the lines about it, and no others.
mkdir -p "$work/tree/b/tests" "$work/tree/b/lane-x/tests"
tap='ok 1 - before\n# why\nnot ok 2 - the one\n# and how\nok 3 - after\n1..3\n'
for t in tests/tap tests/good lane-x/tests/other; do printf "$tap" >"$work/tree/b/$t.log"; done
seq 100 | sed 's/^/line /' >"$work/tree/b/tests/plain.log"
seq 40 | sed 's/^/not ok /' >"$work/tree/b/tests/many.log"
printf 'ok 1 - a\nBail out! no daemon\n' >"$work/tree/b/tests/bail.log"
for t in tests/tap tests/plain tests/many tests/bail lane-x/tests/other; do echo ':test-result: FAIL' >"$work/tree/b/$t.trs"; done
echo ':test-result: PASS' >"$work/tree/b/tests/good.trs"
printf 'TEST_LOGS = tests/tap.log tests/hangs.log\n' >"$work/tree/b/Makefile"
printf '. "$1/dev"; cd "$1" && tell b && unended b' >"$work/told"
MAKEFLAGS='' MAKEOVERRIDES='' bash "$work/told" "$work/tree" >"$work/out" 2>&1
{
	echo '    b/tests/bail.log'
	echo '        Bail out! no daemon'
	echo '    b/tests/many.log'
	seq 20 | sed 's/^/        not ok /'
	echo '        (and 20 lines more)'
	echo '    b/tests/plain.log'
	seq 81 100 | sed 's/^/        line /'
	echo '    b/tests/tap.log'
	printf '        %s\n' '# why' 'not ok 2 - the one' '# and how'
	echo '    b/tests/hangs.log: not ended'
} >"$work/want"
diff "$work/want" "$work/out" >"$work/calls" || fail "it does not say what failed, or more than that"

# A port that is taken is said before anything else, and the banner comes once somebody listens.
cat >"$work/taken" <<'END'
. "$1/dev"
need() { :; }
build() { :; }
cd "$1"
coproc python3 -c '
import socket
s = socket.create_server(("127.0.0.1", 0))
print(s.getsockname()[1], flush=True)
input()'
read -r PORT <&"${COPROC[0]}"
(run) && exit 1
what_to_try $$
sleep 60 &
kill "$!"
wait "$!"
PORT=1 what_to_try "$!"
END
if command -v python3 >/dev/null; then
	bash "$work/taken" "$work/tree" >"$work/out" 2>&1 </dev/null
	head -n 1 "$work/out" | grep -q '^dev: port [0-9]* is taken' || fail "a taken port is not the first thing that is said"
	! grep -q 'build/memculprit: No such file' "$work/out" || fail "it starts on a taken port"
	[ "$(grep -c '^After three ticks' "$work/out")" = 1 ] || fail "the banner is not there once"
fi

# What configure asks for is in the list, under the name of the Debian package that has it.
PATH=${PATH#"$work/bin:"}
"$dev" _packages >"$work/out"
for p in $(cat "$work/out"); do
	case $p in *[!a-z0-9.+-]*) fail "no name of a package: $p" ;; esac
done
command -v dpkg-query >/dev/null && command -v pkg-config >/dev/null || exit 0
for module in $(sed -n 's/^PKG_CHECK_MODULES(\[[A-Z0-9]*\], \[\([^] ]*\).*/\1/p' "$MC_SRC/configure.ac"); do
	dir=$(pkg-config --variable=pcfiledir "$module") && [ -n "$dir" ] || continue
	package=$(dpkg-query -S "$dir/$module.pc" 2>/dev/null | sed 's/:.*//')
	[ -n "$package" ] || continue
	grep -qx "$package" "$work/out" || fail "configure wants $module: $package is not in the list"
	[ "$package" = libcmocka-dev ] || grep -q " $package," "$MC_SRC/packaging/debian/control" ||
		fail "configure wants $module: $package is no Build-Depends of the Debian package"
done
exit 0
