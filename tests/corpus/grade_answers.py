#!/usr/bin/env python3
"""Holds the answers of `memculprit analyze --json` against the truth of labelled folders.

  grade_answers.py --bin memculprit CORPUS [--jobs 2] [--report FILE] [--min-right X] [--max-wrong X] [--max-false X]
right: the culprit is an acceptable row, or, with none named, the acceptable rows hold more than half of the
probability. wrong: another row is blamed. false: no growth, and a row blamed (a step that is there excepted).
bare: no growth, verdict leak, nobody blamed. The bounds become the exit code; an answer that is missing, is no JSON or
whose probabilities do not add up to 1 is a failure always. Needs nothing but python3.
"""
import argparse, collections, json, os, subprocess, sys, tempfile


def rows_of(d):
    with open(os.path.join(d, "deploys.csv")) as f:
        head = f.readline().strip().split(",")
        return [dict(zip(head, line.strip().split(","))) for line in f if line.strip()]


def adds_up(x):
    return abs(sum(c["probability"] for c in x["candidates"]) + x["not_a_deploy_probability"] + x["no_change_probability"] - 1) < .02


def outcome(d, t, x):
    ok = {int(rows_of(d)[i]["unix_ms"]) for i in t["acceptable_index"]}
    culprit, verdict = x.get("culprit"), x["verdict"]
    blamed = culprit["deployed_ms"] if culprit else None
    if t.get("deploy"):
        mass = sum(c["probability"] for c in x["candidates"] if c["deployed_ms"] in ok)
        if verdict == "leak" and (blamed in ok if culprit else mass > .5):
            return "right"
        return "wrong" if culprit else "missed"
    if t["growth"]:
        return "wrong" if culprit else "right" if verdict == "leak" else "missed"
    step = t.get("step_deploy")
    if step and verdict == "step":
        return "step" if blamed == step["unix_ms"] else "false" if culprit else "step unnamed"
    return "false" if culprit else "bare" if verdict == "leak" else "quiet"


def ask(binary, folders, jobs):
    """Answers, in order; the program sees folders without the truth."""
    with tempfile.TemporaryDirectory() as tmp:
        shown = []
        for d in folders:
            m = os.path.join(tmp, os.path.basename(d))
            os.mkdir(m)
            for n in os.listdir(d):
                if n.endswith(".csv"):
                    os.symlink(os.path.abspath(os.path.join(d, n)), os.path.join(m, n))
            shown.append(m)
        p = subprocess.run([binary, "analyze", "--json", "--jobs", str(jobs)] + shown, stdout=subprocess.PIPE, timeout=900)
    lines = p.stdout.decode("utf-8").splitlines()
    if p.returncode or len(lines) != len(folders):
        sys.exit("analyze: exit code %d, %d answers for %d folders" % (p.returncode, len(lines), len(folders)))
    return [json.loads(x) for x in lines]


def describe(name, t, x, o):
    c, best = x.get("culprit"), (x["candidates"] or [{"version": "-", "probability": 0.0}])[0]
    return "- `%s` %s: **%s**; verdict %s, culprit %s, best %s %.2f, not a deploy %.2f, no change %.2f; true row %s; %d processes, %.1f h at %.1f s, %d rows, %s" % (
        name, t["kind"], o, x["verdict"], c["version"] if c else "none", best["version"], best["probability"], x["not_a_deploy_probability"],
        x["no_change_probability"], (t.get("deploy") or t.get("step_deploy") or {}).get("version"), t.get("processes", 0), t.get("hours", 0),
        t["interval_ms"] / 1000, t["deploys"], ", ".join(str(t[k]) for k in ("character", "rollout", "marks", "how", "note") if t.get(k)))


def report(path, corpus, done):
    by = collections.defaultdict(collections.Counter)
    for _, t, x, o in done:
        by[t["kind"]][o] += 1
        by[t["kind"]]["verdict " + x["verdict"]] += 1
    with open(path, "w") as f:
        f.write("# %s\n\n| kind | outcomes | verdicts |\n|---|---|---|\n" % corpus)
        for k in sorted(by):
            part = lambda v: ", ".join("%s %d" % (n.replace("verdict ", ""), c) for n, c in sorted(by[k].items()) if n.startswith("verdict") == v)
            f.write("| %s | %s | %s |\n" % (k, part(False), part(True)))
        for o in ("wrong", "false", "bare", "missed"):
            f.write("\n## %s\n" % o)
            f.writelines(describe(n, t, x, o) + "\n" for n, t, x, got in done if got == o)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("corpus")
    ap.add_argument("--bin", required=True)
    ap.add_argument("--jobs", type=int, default=2)
    ap.add_argument("--report")
    ap.add_argument("--min-right", type=float, default=0.0)
    ap.add_argument("--max-wrong", type=float, default=1.0)
    ap.add_argument("--max-false", type=float, default=1.0)
    a = ap.parse_args()
    names = sorted(n for n in os.listdir(a.corpus) if os.path.exists(os.path.join(a.corpus, n, "truth.json")))
    folders = [os.path.join(a.corpus, n) for n in names]
    answers = []
    for i in range(0, len(folders), 42):
        answers += ask(a.bin, folders[i:i + 42], a.jobs)
    done, crooked = [], []
    for n, d, x in zip(names, folders, answers):
        with open(os.path.join(d, "truth.json")) as f:
            t = json.load(f)
        done.append((n, t, x, outcome(d, t, x)))
        if not adds_up(x):
            crooked.append(n)
    if a.report:
        report(a.report, a.corpus, done)
    leaks = [o for _, t, _, o in done if t.get("deploy")]
    calm = [o for _, t, _, o in done if not t["growth"]]
    share = lambda part, word: part.count(word) / max(1, len(part))
    right, wrong, false = share(leaks, "right"), share(leaks, "wrong"), share(calm, "false")
    print("leaks %d: right %.3f wrong %.3f | no growth %d: false %.3f bare %.3f" % (len(leaks), right, wrong, len(calm), false, share(calm, "bare")))
    bad = ["probabilities of %s do not add up" % ", ".join(crooked)] if crooked else []
    bad += ["right %.3f is below %.3f" % (right, a.min_right)] if right < a.min_right else []
    bad += ["wrong %.3f is above %.3f" % (wrong, a.max_wrong)] if wrong > a.max_wrong else []
    bad += ["false %.3f is above %.3f" % (false, a.max_false)] if false > a.max_false else []
    for b in bad:
        print("grade_answers: " + b)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
