"""Writes a simulated scenario as a folder: what a sampler would have seen, the rows of deploys, and the truth."""
import json, os
import numpy as np
import fleet, plan


class Clock:
    """Wall time in ms of a second of the scenario; somebody may have set the clock on the way."""

    def __init__(self, s, rng):
        self.t0 = int(s.first * 1000)
        self.at, self.by = np.inf, 0.0
        if rng.random() < .08 or s.kind == "leak_gaps":
            self.at = rng.uniform(.1, .9) * s.span
            self.by = rng.uniform(2, 300) if rng.random() < .6 else -rng.uniform(.2, 60)

    def ms(self, t):
        t = np.asarray(t, float)
        return (self.t0 + np.round((t + np.where(t >= self.at, self.by, 0.0)) * 1000)).astype(np.int64)

    def one(self, t):
        return int(self.ms(np.array([t]))[0])


def seen(s, rng):
    """Which steps the sampler was there for: gaps of minutes to an hour, rarely more."""
    ok = np.ones(s.n_all, bool)
    for _ in range(rng.poisson(.8) if s.kind != "leak_gaps" else rng.integers(4, 15)):
        a = int(rng.uniform(s.early / s.dt, s.n_all))
        ok[a:a + 1 + int(min(np.exp(rng.uniform(np.log(60), np.log(5400))), .05 * s.span) / s.dt)] = False
    ok[:int(round(s.early / s.dt))] = False
    ok[int(round(s.early / s.dt))] = True
    return ok


def columns(s, lives, clock, ok, rng):
    """All rows as arrays, in the order of time."""
    jitter = rng.integers(0, 40, s.n_all) if rng.random() < .5 else np.zeros(s.n_all, np.int64)
    tick = clock.ms(np.arange(s.n_all) * s.dt - s.early) + jitter
    lives = sorted(lives, key=lambda x: x["life"]["start"])
    pid, bias, parts_ = int(rng.integers(300, 20000)), float(rng.uniform(0, .5)), []
    by_pid = rng.random() < .12
    for x in lives:
        pid += int(rng.integers(1, 60))
        keep = ok[x["j"]] & ((rng.random(len(x["j"])) >= s.miss) | (x["j"] == s.early / s.dt))
        if not keep.any():
            continue
        j, n = x["j"][keep], int(keep.sum())
        swap = x["swap"][keep]
        born = clock.one(x["life"]["start"] - bias) // 10 * 10
        faults = np.cumsum(np.maximum(0, np.diff(x["anon"], prepend=0.0)) / 4096 + rng.poisson(.5, len(x["j"])))[keep]
        parts_.append(dict(j=j, unix_ms=tick[j], key=np.full(n, "pid-%d" % pid if by_pid else x["life"]["key"]), pid=np.full(n, pid), start_ms=np.full(n, born),
                           anon=x["anon"][keep] - swap, swap=swap, shmem=x["shmem"][keep], file=x["file"][keep],
                           slot=np.full(n, x["life"]["slot"]), threads=x["threads"][keep], fds=x["fds"][keep], minflt=faults, code=np.full(n, x["life"]["code"])))
    all_ = {k: np.concatenate([p[k] for p in parts_]) for k in parts_[0]}
    order = np.argsort(all_["j"], kind="stable")
    return {k: v[order] for k, v in all_.items()}, tick


def text(path, head, cols):
    fmt = ",".join("%s" if c.dtype.kind == "U" else "%d" for c in cols)
    with open(path, "w") as f:
        f.write(head + "\n")
        f.write("\n".join(map(fmt.__mod__, zip(*[c.tolist() for c in cols]))))
        f.write("\n")


def samples(s, c, d, rng):
    """samples.csv, with a different set of optional columns each time."""
    i64 = lambda x: np.asarray(x).astype(np.int64)
    anon, shared = i64(c["anon"]), i64(c["file"] + c["shmem"])
    cols = [("unix_ms", c["unix_ms"]), ("process_key", c["key"]), ("pid", c["pid"]), ("start_ms", c["start_ms"]), ("rss_bytes", anon + shared),
            ("anon_bytes", anon), ("shared_bytes", shared), ("swap_bytes", i64(c["swap"]))]
    if s.kind == "leak_shmem" or rng.random() < .3:
        cols.append(("shmem_bytes", i64(c["shmem"])))
    if s.kind == "none_surge" or rng.random() < .5:
        cols += [("threads", i64(c["threads"])), ("fds", i64(c["fds"]))]
    if rng.random() < .4:
        cols.append(("minflt", i64(c["minflt"])))
    s.identified = bool(rng.random() < .22)
    if s.identified:
        codes, at = np.unique(c["code"], return_inverse=True)
        both = rng.random() < .5
        cols.append(("version", np.array([plan.version_of(s, int(x)) for x in codes])[at]))
        if both:
            cols.append(("commit", np.array([fleet.commit_of(s.seed, int(x)) for x in codes])[at]))
    two = np.random.default_rng([0x40, s.seed])
    if s.slots > 1 and two.random() < .07:     # two hosts, whose slots bear the same names
        cols.append(("host", np.array(["web-1", "web-2"])[c["slot"] % 2]))
        cols[1] = ("process_key", np.array(["app:%d" % i for i in range(int(c["slot"].max()) // 2 + 1)])[c["slot"] // 2])
    if rng.random() < .3:                      # columns come in any order
        cols = [cols[i] for i in rng.permutation(len(cols))]
    text(os.path.join(d, "samples.csv"), ",".join(n for n, _ in cols), [v for _, v in cols])
    return len(anon)


def load(s, d, ok, tick, rng):
    """load.csv: counters of the program; sometimes none, sometimes requests alone; they may start again."""
    if rng.random() < .13 and s.kind not in ("none_growthload", "none_moreload"):   # there nothing else tells it from growth
        return "none"
    j = np.flatnonzero(ok)
    req = np.sum(s.req, axis=0)
    total, base = np.cumsum(req), rng.integers(0, 10 ** 7)
    if (rng.random() < .25 or s.kind == "leak_gaps") and s.rel:
        for r in s.rel:                        # the counter lives in the program, and dies with it
            a = int((r["t"] + s.early) / s.dt)
            if r["mode"] != "config":
                total[a:] -= total[a] if a < len(total) else 0
        base = 0
    cols = [("unix_ms", tick[j]), ("requests_total", (base + total[j]).astype(np.int64))]
    only = rng.random() < .25
    if not only:
        n = len(req)
        for name, size in (("net_rx_bytes", 700), ("net_tx_bytes", 9000)):
            cols.append((name, np.cumsum(req * size * rng.uniform(.5, 2) * np.exp(rng.normal(0, .05, n)))[j].astype(np.int64)))
    text(os.path.join(d, "load.csv"), ",".join(n for n, _ in cols), [v for _, v in cols])
    return "requests" if only else "all"


def folder(s, lives, d):
    rng = np.random.default_rng([0x77, s.seed])
    os.makedirs(d, exist_ok=True)
    clock, ok = Clock(s, rng), seen(s, rng)
    c, tick = columns(s, lives, clock, ok, rng)
    n = samples(s, c, d, rng)
    loaded = load(s, d, ok, tick, rng)
    with open(os.path.join(d, "deploys.csv"), "w") as f:
        f.write("unix_ms,version,commit\n")
        for r in s.rel:
            r["unix_ms"] = clock.one(r["mark"])
            f.write("%d,%s,%s\n" % (r["unix_ms"], r["version"], r["commit"]))
    truth(s, d, clock, loaded, n)
    return n


def truth(s, d, clock, loaded, rows):
    ref = lambda i: None if i is None else dict(index=i, unix_ms=s.rel[i]["unix_ms"], version=s.rel[i]["version"], commit=s.rel[i]["commit"])
    leak = s.kind.startswith("leak_")
    out = dict(kind=s.kind, seed=s.seed, family="mech", growth=bool(leak or s.kind.startswith("flag_")),
               deploy=ref(s.k) if leak else None, onset_ms=None if s.onset is None else clock.one(s.onset), deploy_fixed=ref(s.fix) if leak else None,
               step_deploy=ref(s.step["index"]) if s.step else None, step_bytes=s.step["bytes"] if s.step else 0,
               acceptable_index=s.accept if leak else [], signal="shmem" if s.shm else "processes" if s.children else "anon",
               how=[g["how"] for g in s.growths], growth_over_noise=s.ratio, noise_bytes=s.noise, base_bytes=s.base, character=s.character,
               rollout=s.rollout, marks=s.mark_style, config_rows=sum(r["mode"] == "config" for r in s.rel), load=loaded, identified=s.identified,
               clock_step_s=clock.by, processes=s.slots, hours=s.span / 3600, interval_ms=int(s.dt * 1000), deploys=len(s.rel), rows=rows,
               restarts=s.restarts, note=s.note)
    with open(os.path.join(d, "truth.json"), "w") as f:
        json.dump(out, f, indent=1, default=float)
