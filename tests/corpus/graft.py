#!/usr/bin/env python3
"""Scenarios made of real lives: curves of recorded healthy processes, and a growth grafted on those of some releases.

  graft.py --from RECORDINGS --out DIR [--n 60] [--seed0 1]
The warm-up, the noise, the size of the steps and how much lives differ are those of the recorded servers; only the
growth is ours. A recorded tick may stand for up to 30 seconds. Needs python3-numpy (run with /usr/bin/python3).
"""
import argparse, csv, json, os, sys
try:
    import numpy as np
except ImportError:
    sys.exit("graft.py: python3-numpy is needed (run with /usr/bin/python3)")

KINDS = ["leak_graft_request", "none_graft", "leak_graft_timer", "leak_graft_fixed", "none_graft", "leak_graft_one", "none_graft"]
PAGE = 4096


def settles(anon):
    """A life that still rises as fast at its end is no ground for 'no growth' when it is shown without its ceiling."""
    n = len(anon)
    return anon[-1] - anon[2 * n // 3] <= max(.2 * (anon.max() - anon.min()), 8 * PAGE)


def healthy(folder):
    """Healthy lives of one recording: {key: [arrays of one life]}, and requests of each tick by time."""
    with open(os.path.join(folder, "truth.json")) as f:
        t = json.load(f)
    until = t["deploy"]["unix_ms"] if t["growth"] else 1 << 62
    lives, order = {}, []
    with open(os.path.join(folder, "samples.csv")) as f:
        for r in csv.DictReader(f):
            if int(r["unix_ms"]) >= until:
                break
            k = (r["process_key"], r["pid"], r["start_ms"])
            lives.setdefault(k, []).append([int(r[c]) for c in ("unix_ms", "anon_bytes", "shared_bytes", "threads", "fds")])
    path = os.path.join(folder, "load.csv")
    with open(path) as f:
        load = np.array([[int(r["unix_ms"]), int(r["requests_total"])] for r in csv.DictReader(f)])
    out = {}
    for k, v in lives.items():
        a = np.array(v)
        if len(a) >= 40 and settles(a[:, 1]):
            req = np.diff(np.interp(a[:, 0], load[:, 0], load[:, 1]), prepend=np.nan)
            req[0] = req[1]
            out.setdefault(k[0], []).append(dict(anon=a[:, 1], shared=a[:, 2], threads=a[:, 3], fds=a[:, 4], requests=np.maximum(req, 0)))
    return t["server"], out


def settled_noise(life):
    """Spread of the second half of a life about its own line: what a growth has to stand out from."""
    y = life["anon"][len(life["anon"]) // 2:].astype(float)
    x = np.arange(len(y))
    return max(float(np.std(y - np.polyval(np.polyfit(x, y, 1), x))), PAGE / 2)


def make(kind, seed, pools, out):
    rng = np.random.default_rng([0x6AF7, seed])
    server, pool = pools[int(rng.integers(0, len(pools)))]
    keys = sorted(pool)
    short = min(min(len(x["anon"]) for x in pool[k]) for k in keys)
    n_rel, tick = int(rng.integers(3, 12)), float(rng.choice([.5, 1, 2, 5, 15, 30]))
    leak = kind.startswith("leak_")
    k = int(rng.integers(1, n_rel)) if leak else None             # the first release that grows; row k-1
    fixed = k + 1 if kind == "leak_graft_fixed" and k + 1 < n_rel else n_rel
    one = keys[int(rng.integers(0, len(keys)))] if kind == "leak_graft_one" else None
    noise = float(np.median([settled_noise(x) for q in keys for x in pool[q]]))
    amount = max(noise * float(np.exp(rng.uniform(np.log(6), np.log(60)))), 40 * PAGE)
    t0, rows, load, marks, total, now, pid = int(1.7e12 + rng.uniform(0, 3e10)), [], [], [], 0.0, 0, 900
    onset = None
    for r in range(n_rel):
        length = int(rng.integers(int(.75 * short), short + 1))
        if r:
            marks.append(t0 + int((now * tick + rng.uniform(-.2, .2) * length * tick) * 1000))
        bad = leak and k <= r < fixed
        if r == k:
            onset = t0 + int(now * tick * 1000)
        req = None
        for q in keys:
            life = pool[q][int(rng.integers(0, len(pool[q])))]
            pid += int(rng.integers(1, 9))
            x = np.arange(1, length + 1) / length
            if kind != "leak_graft_timer":
                x = np.cumsum(life["requests"][:length])
                x = x / max(x[-1], 1)
            grown = np.floor(x * amount * float(np.exp(rng.normal(0, .2))) / PAGE) * PAGE if bad and one in (None, q) else np.zeros(length)
            req = life["requests"][:length] if req is None else req
            start = t0 + int((now * tick - rng.uniform(.1, .9) * tick) * 1000)
            for i in range(length):
                if rng.random() < .01:
                    continue
                a = int(life["anon"][i] + grown[i])
                rows.append((t0 + int((now + i) * tick * 1000), q, pid, start, a + int(life["shared"][i]), a, int(life["shared"][i]), 0,
                             int(life["threads"][i]), int(life["fds"][i])))
        for i in range(length):
            total += req[i]
            load.append((t0 + int((now + i) * tick * 1000), int(total)))
        now += length
    rows.sort(key=lambda x: x[0])
    d = os.path.join(out, "s%06d" % seed)
    os.makedirs(d, exist_ok=True)
    deploys = [(m, "g%d" % (i + 1), "") for i, m in enumerate(marks)]
    for name, head, what in (("samples", "unix_ms,process_key,pid,start_ms,rss_bytes,anon_bytes,shared_bytes,swap_bytes,threads,fds", rows),
                             ("load", "unix_ms,requests_total", load), ("deploys", "unix_ms,version,commit", deploys)):
        with open(os.path.join(d, name + ".csv"), "w") as f:
            f.write(head + "\n" + "".join(",".join(map(str, x)) + "\n" for x in what))
    ref = lambda i: dict(index=i, unix_ms=deploys[i][0], version=deploys[i][1], commit="")
    truth = dict(kind=kind, seed=seed, family="graft", growth=leak, deploy=ref(k - 1) if leak else None, onset_ms=onset,
                 deploy_fixed=ref(fixed - 1) if leak and fixed < n_rel else None, step_deploy=None, acceptable_index=[k - 1] if leak else [],
                 server=server, growth_over_noise=amount / noise if leak else 0, processes=len(keys), interval_ms=int(tick * 1000),
                 hours=now * tick / 3600, deploys=len(deploys), rows=len(rows), signal="anon", note="")
    with open(os.path.join(d, "truth.json"), "w") as f:
        json.dump(truth, f, indent=1)
    return len(rows)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--from", dest="source", required=True)
    ap.add_argument("--out", required=True)
    ap.add_argument("--n", type=int, default=60)
    ap.add_argument("--seed0", type=int, default=1)
    a = ap.parse_args()
    names = sorted(n for n in os.listdir(a.source) if os.path.exists(os.path.join(a.source, n, "load.csv")))
    pools = [x for x in (healthy(os.path.join(a.source, n)) for n in names) if x[1]]
    if not pools:
        sys.exit("graft.py: no healthy life of 40 samples under %s" % a.source)
    rows = [make(KINDS[i % len(KINDS)], a.seed0 + i, pools, a.out) for i in range(a.n)]
    print("scenarios %d rows %d" % (len(rows), sum(rows)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
