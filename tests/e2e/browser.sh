# For the tests that need a browser: browser_ready FOLDER brings playwright-core there from the lock file, beside the
# scripts, and sets $browser. It says why where it cannot.
browser_ready() {
	browser=$(command -v chromium || command -v chromium-browser) || { echo 'no Chromium'; return 1; }
	command -v npm >/dev/null 2>&1 || { echo 'no npm'; return 1; }
	mkdir -p "$1"
	cp "$MC_SRC/web/package.json" "$MC_SRC/web/package-lock.json" "$MC_SRC"/tests/e2e/*.mjs "$1/" && chmod u+w "$1"/*.mjs "$1"/*.json
	(cd "$1" && npm ci --ignore-scripts --prefer-offline --fetch-retries=1 --fetch-retry-mintimeout=1000 --no-audit --no-fund >npm.log 2>&1) ||
		{ echo 'npm ci: no packages'; return 1; }
}
