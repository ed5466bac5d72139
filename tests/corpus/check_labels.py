#!/usr/bin/env python3
"""check_labels.py CORPUS: holds every truth.json of a corpus against its own CSV files. Exit 1 where one does not fit.

Needs nothing but python3. It cannot know whether a label is right, only whether it is possible: rows in order, the
culprit among the acceptable rows, the onset inside the recording and near the restart it is blamed on, lives that never
overlap with themselves, counters of memory that add up.
"""
import csv, json, os, sys


def problems(d):
    t = json.load(open(os.path.join(d, "truth.json")))
    rows = list(csv.DictReader(open(os.path.join(d, "deploys.csv"))))
    at = [int(r["unix_ms"]) for r in rows]
    if at != sorted(at):
        yield "deploys.csv is not in the order of time"
    for name in ("deploy", "deploy_fixed", "step_deploy"):
        r = t.get(name)
        if r and (not 0 <= r["index"] < len(at) or at[r["index"]] != r["unix_ms"]):
            yield "%s is no row of deploys.csv" % name
    if any(not 0 <= i < len(rows) for i in t["acceptable_index"]):
        yield "acceptable_index out of range"
    if t.get("deploy") and t["deploy"]["index"] not in t["acceptable_index"]:
        yield "the culprit is not acceptable"
    if bool(t["growth"]) != (t["kind"].startswith("leak_") or t["kind"].startswith("flag_")):
        yield "growth does not fit the kind"
    if bool(t.get("deploy")) != t["kind"].startswith("leak_"):
        yield "deploy does not fit the kind"
    if t.get("deploy_fixed") and t["deploy_fixed"]["unix_ms"] <= t["deploy"]["unix_ms"]:
        yield "fixed before it began"
    first, last, births = None, None, set()
    with open(os.path.join(d, "samples.csv")) as f:
        for r in csv.DictReader(f):
            ms, start = int(r["unix_ms"]), int(r["start_ms"])
            first = ms if first is None else first
            last = ms
            births.add(start)
            if int(r["rss_bytes"]) != int(r["anon_bytes"]) + int(r["shared_bytes"]):
                yield "rss is not anon + shared at %d" % ms
                break
            if start > ms + 400000:
                yield "a life is seen before its start at %d" % ms
                break
    if t["growth"]:
        if not first - 60000 <= t["onset_ms"] <= last:
            yield "the onset lies outside of the samples"
        how = t.get("how") or [""]
        if t.get("deploy") and how[0] not in ("events", "burst") and t["kind"] != "leak_config":
            if min(abs(b - t["onset_ms"]) for b in births) > 120000:
                yield "no life starts near the onset"


def main():
    bad, n = 0, 0
    for name in sorted(os.listdir(sys.argv[1])):
        d = os.path.join(sys.argv[1], name)
        if os.path.exists(os.path.join(d, "truth.json")):
            n += 1
            for p in problems(d):
                bad += 1
                print("%s: %s" % (d, p))
    print("%d folders, %d problems" % (n, bad))
    return 1 if bad or not n else 0


if __name__ == "__main__":
    sys.exit(main())
