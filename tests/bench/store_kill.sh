#!/bin/sh
# 1,000 times kill -9 at random points of writing: no acknowledged tick lost, `db check` clean.
cd "${MC_BUILD:-build}" || exit 1
make -s tests/fault/store_kill || exit 1
exec tests/fault/store_kill "${KILLS:-1000}" "${SEED:-$$}"
