#!/bin/sh
# Brings uPlot into node_modules beside STAMP from the lock file, where npm and the registry can be had. Without
# them the page shows still curves, so this never fails. usage: uplot.sh SRCDIR STAMP
src=$1
stamp=$2
dir=$(dirname "$stamp")
mkdir -p "$dir"
if command -v npm >/dev/null 2>&1; then
	cp "$src/web/package.json" "$src/web/package-lock.json" "$dir/"
	(cd "$dir" && chmod u+w package.json package-lock.json &&
		npm ci --omit=dev --ignore-scripts --prefer-offline --fetch-retries=1 --fetch-retry-mintimeout=1000 --no-audit --no-fund >npm.log 2>&1) ||
		echo "uPlot could not be fetched (see $dir/npm.log): the page is built without it"
else
	echo "npm is not installed: the page is built without uPlot"
fi
: >"$stamp"
