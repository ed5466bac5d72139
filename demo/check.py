#!/usr/bin/env python3
"""Holds the demo's answer against what was done: BLAME.JSON CULPRIT GUILTY_COMMIT FIXED_BY FIX_COMMIT."""
import json
import sys


def main():
    path, culprit, guilty, fixed_by, fix_commit = sys.argv[1:]
    try:
        with open(path, encoding="utf-8") as f:
            answer = json.load(f)
    except ValueError as e:
        print(f"demo: blame --json gave no answer, see {path}: {e}", file=sys.stderr)
        return 1
    wrong = []

    def same(what, got, expected):
        if got != expected:
            wrong.append(f"{what} is {got!r}, and should be {expected!r}")

    named = answer.get("culprit") or {}
    same("verdict", answer.get("verdict"), "leak")
    same("culprit", named.get("version"), culprit)
    same("state", answer.get("state"), "fixed")
    fixer = answer.get("fixed_by")
    if isinstance(fixer, dict):
        fixer = fixer.get("version") or fixer.get("commit")
    if fixer not in (fixed_by, fix_commit):
        wrong.append(f"fixed_by is {fixer!r}, and should be {fixed_by!r}")
    first = [c.get("commit") for c in answer.get("commits") or []][:3]
    if guilty not in first:
        wrong.append(f"the guilty commit {guilty[:12]} is not among the first suspects {[c[:12] for c in first]}")
    places = [p for c in answer.get("commits") or [] if c.get("commit") == guilty for p in c.get("places") or []]
    if not any(p.get("path") == "src/handler.c" and "not released" in p.get("reason", "") for p in places):
        wrong.append(f"the guilty commit has no place in src/handler.c with its reason: {places}")
    for line in wrong:
        print("demo: " + line, file=sys.stderr)
    return 1 if wrong else 0


sys.exit(main())
