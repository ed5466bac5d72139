#!/usr/bin/env python3
"""Are the probabilities honest? A table of stated against observed, from folders whose truth is known.

  reliability.py --bin memculprit DIR... [--jobs 2] [--bins 10]
Each answer makes one statement: what it holds likeliest (a deploy; a growth that no deploy began; no change) with that
probability. It is right as in grade_answers.py: a deploy that is an acceptable row, or the true step's; `not a deploy` where growth is there
that no deploy began; `no change` where nothing grows. ECE: mean distance of stated and observed over the bins, weighted by
their answers. Brier: mean square of probability less truth (1 or 0). Needs nothing but python3."""
import argparse, json, os, sys
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import grade_answers


def statement(d, t, x):
    """Probability of what the answer holds likeliest, and whether that is so."""
    ok = {int(grade_answers.rows_of(d)[i]["unix_ms"]) for i in t.get("acceptable_index") or []}
    step = t.get("step_deploy")
    if step and not t["growth"]:
        ok.add(step["unix_ms"])
    said = [(x["not_a_deploy_probability"], bool(t["growth"] and not t.get("deploy"))),
            (x["no_change_probability"], not t["growth"] and not step)]
    said += [(c["probability"], c["deployed_ms"] in ok) for c in x["candidates"]]
    return max(said, key=lambda s: s[0])


def table(said, nbins):
    lines = ["| stated | answers | mean stated | right | 95 % of chance |", "|---|---|---|---|---|"]
    ece = 0.0
    for b in range(nbins):
        inside = [s for s in said if min(int(s[0] * nbins), nbins - 1) == b]
        if not inside:
            continue
        n, p, r = len(inside), sum(s[0] for s in inside) / len(inside), sum(s[1] for s in inside) / len(inside)
        ece += n / len(said) * abs(p - r)
        sd = 1.96 * (p * (1 - p) / n) ** .5
        lines.append("| %.2f to %.2f | %d | %.3f | %.3f | %.2f to %.2f |" % (b / nbins, (b + 1) / nbins, n, p, r, max(0, p - sd), min(1, p + sd)))
    brier = sum((s[0] - s[1]) ** 2 for s in said) / max(1, len(said))
    return "\n".join(lines + ["", "n %d, ECE %.3f, Brier %.3f" % (len(said), ece, brier)])


def folders_of(top):
    names = [top] if os.path.exists(os.path.join(top, "truth.json")) else [os.path.join(top, n) for n in sorted(os.listdir(top))]
    return [n for n in names if os.path.exists(os.path.join(n, "truth.json"))]


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("dirs", nargs="+", metavar="DIR")
    ap.add_argument("--bin", required=True)
    ap.add_argument("--jobs", type=int, default=2)
    ap.add_argument("--bins", type=int, default=10)
    a = ap.parse_args()
    everything = []
    for top in a.dirs:
        folders, said = folders_of(top), []
        for i in range(0, len(folders), 42):
            part = folders[i:i + 42]
            for d, x in zip(part, grade_answers.ask(a.bin, part, a.jobs)):
                with open(os.path.join(d, "truth.json")) as f:
                    said.append(statement(d, json.load(f), x))
        if not said:
            sys.exit("reliability: no folder with a truth.json below " + top)
        everything += said
        print("### %s\n\n%s\n" % (os.path.basename(os.path.normpath(top)), table(said, a.bins)))
    if len(a.dirs) > 1:
        print("### together\n\n%s" % table(everything, a.bins))
    return 0


if __name__ == "__main__":
    sys.exit(main())
