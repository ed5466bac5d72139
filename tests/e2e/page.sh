#!/bin/sh
# The page in a real browser. Skipped where npm, its registry or Chromium is missing.
browser=$(command -v chromium || command -v chromium-browser) || { echo 'no Chromium'; exit 77; }
command -v npm >/dev/null 2>&1 || { echo 'no npm'; exit 77; }
dir=$MC_BUILD/tests/e2e/page.d
mkdir -p "$dir"
cp "$MC_SRC/web/package.json" "$MC_SRC/web/package-lock.json" "$MC_SRC/tests/e2e/page.mjs" "$dir/" && chmod u+w "$dir"/*
(cd "$dir" && npm ci --ignore-scripts --prefer-offline --fetch-retries=1 --fetch-retry-mintimeout=1000 --no-audit --no-fund >npm.log 2>&1) || { echo 'npm ci: no packages'; exit 77; }
cd "$dir" && exec node page.mjs "$MC_BUILD/tests/e2e/serve_canned" "$browser" "$dir"
