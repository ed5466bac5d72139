#!/bin/bash
# How the team of logic_worker puts a release on the machine: deploy.sh VERSION
# Builds the tag, installs it beside the others, switches over, restarts, and says so to memculprit.
set -eu
version=$1
: "${DEMO:?folder of the demo}" "${MC_BIN:?memculprit}" "${PORT:?port of requests}" "${STATUS_PORT:?port of figures}"
release=$DEMO/srv/releases/$version
commit=$(git -C "$DEMO/repo" rev-parse "$version^{commit}")

rm -rf "$release" && mkdir -p "$release/source"
git -C "$DEMO/repo" archive "$version" | tar -x -C "$release/source"
make -s -C "$release/source" -j2 CC=gcc VERSION="$version" COMMIT="$commit" >"$DEMO/log/build-$version.log" 2>&1
mv "$release/source/logic_worker" "$release/logic_worker"

# The old master takes its workers along; the clients try again for as long as nobody listens.
if [ -s "$DEMO/srv/logic.pid" ]; then
	old=$(cat "$DEMO/srv/logic.pid")
	kill "$old"
	while readlink -q "/proc/$old/exe" >/dev/null; do sleep 0.02; done
fi
ln -sfn "$release" "$DEMO/srv/current"
setsid "$DEMO/srv/current/logic_worker" --port="$PORT" --status-port="$STATUS_PORT" --workers=4 \
	>>"$DEMO/log/logic_worker.log" 2>&1 </dev/null &
echo $! >"$DEMO/srv/logic.pid"

[ "${MARK-yes}" = no ] ||
	"$MC_BIN" --config "$DEMO/memculprit.yml" mark logic_worker "$version" --note "deploy.sh" >>"$DEMO/log/mark.log" 2>&1
