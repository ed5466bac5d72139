#!/usr/bin/env python3
"""cli_schema_holds.py SCHEMAS: runs the commands in the current folder (see cli_fixture.sh) and holds what they print with
--json against the schemas. Every schema has to be used, and each has to refuse an answer that was tampered with."""
import json
import os
import subprocess
import sys

import jsonschema

os.environ["COLUMNS"] = "40"  # a plot of few instants
BIN, SCHEMAS = os.environ["MC_BIN"], sys.argv[1]
schemas = {n[:-5]: json.load(open(os.path.join(SCHEMAS, n))) for n in sorted(os.listdir(SCHEMAS)) if n.endswith(".json")}
# one file refers to another: made one here, so that nothing is resolved by name
for s in schemas.values():
    del s["$id"]
analyze = schemas["analyze"]["anyOf"]
assert analyze[0] == {"$ref": "blame.json"}
analyze[0] = {k: v for k, v in schemas["blame"].items() if k not in ("$schema", "$defs")}
schemas["analyze"]["$defs"] = schemas["blame"]["$defs"]
failed, used = [], set()


def made(s):
    jsonschema.Draft202012Validator.check_schema(s)
    return jsonschema.Draft202012Validator(s)


validators = {n: made(s) for n, s in schemas.items()}


def check(name, answer, what):
    used.add(name)
    for e in list(validators[name].iter_errors(answer))[:3]:
        failed.append("%s: %s: %s" % (what, "/".join(map(str, e.absolute_path)), e.message[:300]))


def run(name, *args, code=0):
    p = subprocess.run([BIN, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    what = " ".join(args)
    if p.returncode != code:
        failed.append("%s: exit code %d: %s" % (what, p.returncode, p.stderr.decode()))
        return
    for line in p.stdout.decode().splitlines() if name == "analyze" else [p.stdout.decode()]:
        answer = json.loads(line)
        check(name, answer, what)
        for key in answer:  # a field that is missing, and one of another kind, has to be noticed
            other = dict(answer)
            del other[key]
            if validators[name].is_valid(other):
                failed.append("%s: '%s' may be left out" % (name, key))
            other[key] = {"no": "such"} if key not in ("host", "culprit") else 7
            if validators[name].is_valid(other):
                failed.append("%s: '%s' may be anything" % (name, key))


run("blame", "blame", "logic_worker", "--json")
run("blame", "blame", "logic_worker", "--json", "--as-of", "2026-02-05 09:00")
run("blame", "blame", "logic_worker", "--json", "--as-of", "2026-01-30 10:03", code=4)
run("status", "status", "--json")
run("deploys", "deploys", "--json")
run("diff", "diff", "logic_worker", "--json")
run("plot", "plot", "logic_worker", "--json", "--since", "2026-02-03", "--until", "2026-02-10")
run("mark", "mark", "logic_worker", "v2.6", "--at", "2026-02-09 13:00", "--json")
run("import", "import", "logic_worker", "incident", "--json")
run("import", "export", "logic_worker", "exported", "--json")
run("check-config", "check-config", "memculprit.yml", "--json")
run("db", "db", "check", "--json")
run("db", "db", "backup", "backup.db", "--json")
run("analyze", "analyze", "--json", "incident", "nowhere", code=1)
for n in set(schemas) - used:
    failed.append("no answer was held against %s.json" % n)
for line in failed:
    print("schema:", line)
sys.exit(bool(failed))
