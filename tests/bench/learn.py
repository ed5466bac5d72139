#!/usr/bin/env python3
"""Learns how far probabilities are to be trusted (src/attribute/hear.c) from labelled scenario folders.

    learn.py [--caution X] GROUP...

GROUP: a file of lines as tests/bench/witness prints them; the folders must still be there for their truth.json. Groups weigh alike, however many
folders they have, so make one of each kind of source: formulas, mechanisms, servers. Folders whose likeliest deploy did not begin what it is said to
count X times: among what is watched fewer programs leak than among scenarios that are made to try a detector. Prints what to put into hear.c, and for
each group how the probabilities do that were learnt without its family (folders side by side in one directory), and without the whole group.

Needs numpy (Debian: python3-numpy).
"""
import argparse
import json
import os
import sys

import numpy as np

NAMES = """ODDS STEP_ODDS GAINS ONSET SIZE FASTER LIVES FIRM_ODDS SMALL_ODDS NO_TAIL MORE_TAIL STEP_TEETH TEETH ONE_OLDER OLDER LOAD
P RIVAL DIFFER CURVE UNSEEN""".split()
STIFF = 3.0  # ridge, in standard deviations of each witness


def folder(line, group):
    f = line.rstrip("\n").split("\t")
    x = [float(v) for v in f[4:]]
    if len(x) != len(NAMES) or not np.isfinite(x).all():
        raise ValueError("%d finite numbers are expected after the fourth column" % len(NAMES))
    with open(os.path.join(f[0], "truth.json")) as t:
        truth = json.load(t)
    right = set(truth.get("acceptable_index") or [])
    for which in ("deploy", "step_deploy"):
        if truth.get(which):
            right.add(truth[which]["index"])
    return dict(x=x, y=bool(right & set(int(k) for k in f[1].split(","))), now=float(f[2]), flag=float(f[3]), group=group,
                family=os.path.dirname(os.path.abspath(f[0])), leak=bool(truth.get("growth") and right), step=bool(truth.get("step_deploy")),
                none=not truth.get("growth") and not right, flagged=bool(truth.get("growth") and not right))


def read(path, group):
    rows = []
    try:
        with open(path) as lines:
            for line in lines:
                rows.append(folder(line, group))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError) as e:
        sys.exit("learn: %s, line %d: %s" % (path, len(rows) + 1, e))
    if not rows:
        sys.exit("learn: %s: no lines; are they of tests/bench/witness?" % path)
    return rows


def fit(x, y, weight):
    """Ridge logistic regression by Newton's method; coefficients of the witnesses as they are, the constant first."""
    mean, sd = x.mean(0), x.std(0) + 1e-9
    a = np.hstack([np.ones((len(y), 1)), (x - mean) / sd])
    b, ridge = np.zeros(a.shape[1]), np.full(a.shape[1], 2 * STIFF)
    ridge[0] = 1e-6
    for _ in range(30):
        p = 1 / (1 + np.exp(-a @ b))
        step = np.linalg.solve((a * (weight * p * (1 - p))[:, None]).T @ a + np.diag(ridge), a.T @ (weight * (y - p)) - ridge * b)
        b += step * min(1, 3 / np.abs(step).max())
        if np.abs(step).max() < 1e-8:
            break
    raw = b[1:] / sd
    return np.concatenate([[b[0] - raw @ mean], raw])


def worth(b, x):
    return 1 / (1 + np.exp(-(b[0] + x @ b[1:])))


def weights(group, y, caution):
    w = np.where(y, 1.0, caution)
    for g in set(group):
        w[group == g] *= len(y) / len(set(group)) / (group == g).sum()
    return w


def without(key, x, y, w):
    p = np.zeros(len(y))
    for k in sorted(set(key)):
        out = key == k
        p[out] = worth(fit(x[~out], y[~out], w[~out]), x[out])
    return p


def score(p, y):
    p = np.clip(p, 1e-3, 1 - 1e-3)
    return np.where(y, np.log(p), np.log(1 - p)).mean()


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--caution", type=float, default=3.0)
    a.add_argument("group", nargs="+")
    a = a.parse_args()
    rows = [r for i, path in enumerate(a.group) for r in read(path, i)]
    x, y = np.array([r["x"] for r in rows]), np.array([r["y"] for r in rows])
    group, family = np.array([r["group"] for r in rows]), np.array([r["family"] for r in rows])
    leak, step, none = np.array([r["leak"] for r in rows]), np.array([r["step"] for r in rows]), np.array([r["none"] for r in rows])
    flag = np.array([r["flag"] for r in rows])
    w = weights(group, y, a.caution) * ~(np.array([r["flagged"] for r in rows]) & (flag > 0))
    tried = {"model": (1 - flag) / (1 + np.exp(-x[:, 0])), "as built": np.array([r["now"] for r in rows])}
    if len(set(family)) > 1:
        tried["other families"] = (1 - flag) * without(family, x, y, w)
    if len(a.group) > 1:
        tried["other groups"] = (1 - flag) * without(group, x, y, w)
    for g, path in enumerate(a.group):
        for name, p in tried.items():
            m = group == g
            named = p[m] > .5
            print("%-12s %-14s log score %.4f  leaks right %d wrong %d  steps named %d  no growth blamed %d" % (os.path.basename(path), name, score(p[m], y[m]),
                  (named & y[m] & leak[m]).sum(), (named & ~y[m] & leak[m]).sum(), (named & y[m] & step[m]).sum(), (named & none[m]).sum()))
    b = fit(x, y, w)
    print("static const double ALWAYS = %.3f;" % b[0])
    for what, v in ("WORTH", b[1:]), ("USUAL", (w[:, None] * x).sum(0) / w.sum()):
        print("static const double %s[WITNESSES] = { %s };" % (what, ", ".join("[WITNESS_%s] = %.3f" % nv for nv in zip(NAMES, v))))


main()
