#!/bin/sh
# Every allocation, write, sync, open, read and truncation fails, once and for good: what `make check` does with
# a part of them.
cd "${MC_BUILD:-build}" || exit 1
make -s tests/fault/store_fault tests/fault/store_care || exit 1
export MC_FAULT_ALL=1 MC_FIXTURES="${MC_SRC:-..}/tests/fixtures"
tests/fault/store_fault && exec tests/fault/store_care
