#!/bin/bash
# A process in a real cgroup of Kubernetes' shape and with a root of its own: the pod's template, and the image's tag,
# are its version where its file says nothing.
set -u
. "${MC_SRC:-.}/tests/e2e/wait.sh"
bin=${MC_BIN:-./memculprit}
cc=${CC:-cc}
command -v ${cc%% *} >/dev/null && [ "$(id -u)" = 0 ] || { echo "1..0 # SKIP not root, or no compiler"; exit 77; }
dir=$(mktemp -d "${TMPDIR:-/tmp}/mc-container-XXXXXX")
memory=$(in_memory)
daemon= server= group=
finish() {
	trap - EXIT
	for i in $server $daemon; do kill "$i" 2>/dev/null; done
	wait
	while [ -n "$group" ] && [ "$group" != "$root" ]; do
		soon rmdir "$group" 2>/dev/null # the last process may not have left it yet
		group=${group%/*}
	done
	rm -rf "$dir" "$memory"
}
trap finish EXIT
for root in /sys/fs/cgroup/memory /sys/fs/cgroup; do
	try=$root/mckubepods$$
	mkdir "$try" 2>/dev/null && [ -f "$try/cgroup.procs" ] && break
	rmdir "$try" 2>/dev/null
	try=
done
[ -n "$try" ] || { echo "1..0 # SKIP no cgroup can be made"; exit 77; }
chroot=$(PATH=$PATH:/usr/sbin:/sbin command -v chroot) || { rmdir "$try"; echo "1..0 # SKIP no chroot"; exit 77; }
id=$(printf '%064d' $$)
group=$try/burstable/pod12345678-1234-1234-1234-123456789abc/$id
mkdir -p "$group" "$dir/root"
name=pod$(($$ % 100000))
echo 'int pause(void); const char *version = VERSION; int main(void) { for (;;) pause(); }' >"$dir/x.c"
compile() { $cc -static -Wl,--build-id=none -DVERSION="\"$1\"" -o "$dir/new" "$dir/x.c" 2>/dev/null && mv "$dir/new" "$dir/root/$name"; }
compile one || { echo "1..0 # SKIP no static C library"; exit 77; }
cat >"$dir/m.yml" <<-END
sample: {interval: 0.1s}
store: {path: $memory/db}
web: {listen: ["127.0.0.1:0"], socket: $dir/socket}
programs: [{name: $name, match: {comm: $name}}]
END
begin() { # NAME=VALUE...
	[ -z "$server" ] || { kill "$server"; wait "$server"; } 2>/dev/null
	sh -c 'echo $$ >"$1/cgroup.procs" && shift && exec "$@"' sh "$group" env -i "$@" "$chroot" "$dir/root" "/$name" &
	server=$!
}
tests=0 failed=0
ok() { # ok RESULT WHAT
	tests=$((tests + 1))
	if [ "$1" = 0 ]; then echo "ok $tests - $2"; else echo "not ok $tests - $2"; failed=1; sed 's/^/# /' "$dir/out" "$dir/log"; fi
}
m="$bin --config $dir/m.yml" program=$name
# shows TEXT : one of the deploys comes to have it
has() { $m deploys "$name" --json >"$dir/out" 2>&1 && tr -d '\n' <"$dir/out" | grep -q "$1"; }
shows() { soon has "$1"; }
begin KUBERNETES_SERVICE_HOST=10.0.0.1 HOSTNAME=web-7d4b9c6f5d-x2z4q
$m serve --log.level=warn >"$dir/log" 2>&1 &
daemon=$!
shows '"version": "pod template 7d4b9c6f5d".*"source": "first seen"'
ok $? "the pod's template is the version of what runs first"
grep -q "labels of container $id" "$dir/out"
ok $? "the container's id comes from its cgroup"
begin KUBERNETES_SERVICE_HOST=10.0.0.1 HOSTNAME=web-5c5c5c5c5c-k4v2m
soon sampled 5 "$server" && has '"source": "first seen"' && ! grep -q 5c5c5c5c5c "$dir/out"
ok $? "the same file in a pod of another template is no other version"
compile two
begin KUBERNETES_SERVICE_HOST=10.0.0.1 HOSTNAME=web-6f8c7b5d94-k4v2m
shows '"version": "pod template 6f8c7b5d94".*"source": "container labels"'
ok $? "another file is, with the template as its version"
compile three
begin OTEL_RESOURCE_ATTRIBUTES=container.image.name=registry.example.org/web,container.image.tag=v9
shows '"version": "v9".*"source": "container labels"'
ok $? "or with the tag of its image"
echo "1..$tests"
exit $failed
