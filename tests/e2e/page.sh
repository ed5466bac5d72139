#!/bin/sh
# The page in a real browser. Skipped where npm, its registry or Chromium is missing.
. "$MC_SRC/tests/e2e/browser.sh"
dir=$MC_BUILD/tests/e2e/page.d
browser_ready "$dir" || exit 77
cd "$dir" && exec node page.mjs "$browser" "$dir" "$MC_BUILD/tests/e2e/serve_canned"
