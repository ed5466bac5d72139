#!/usr/bin/env python3
"""Labelled memory scenarios of a third family: the cells of all processes stepped through time together. See docs/corpus.md.

  cellrun.py --out DIR [--n 120] [--seed0 1] [--kinds a,b] [--short] [--jobs 2]
  cellrun.py --list
Scenario i takes kind KINDS[i % len(KINDS)] and seed seed0+i; the folder is c<seed>, the kind is only in truth.json.
Needs Debian's python3-numpy (run with /usr/bin/python3).
"""
import argparse, os, sys, types
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
try:
    import numpy as np
except ImportError:
    sys.exit("cellrun.py: python3-numpy is needed (run with /usr/bin/python3)")
import cellplan, cells, cellwrite
from cells import PAGE


class Row:
    """One life: what was seen of it from step i0 on."""

    def __init__(self, life, i):
        self.life, self.i0, self.bytes, self.requests, self.threads, self.fds = life, max(0, i), [], [], [], []


class Fleet:
    """All processes of a scenario. amount: bytes that a trigger leaks (0: healthy)."""

    def __init__(self, s, rates, amount):
        R = s.rows
        self.s, self.rates, self.amount, self.rng, self.spikes = s, rates, amount, np.random.default_rng([s.seed, 0xAB]), np.random.default_rng([s.seed, 3])
        self.parts = cellplan.build(s)
        self.collected = any(isinstance(c, cells.Generations) for c in self.parts)
        self.todo = sorted((dict(x) for x in s.lives), key=lambda x: -x["start"])
        self.free, self.alive, self.done, self.row = list(range(R))[::-1], [], [], [None] * R
        self.start, self.serving, self.slot, self.level = np.zeros(R), np.zeros(R), np.zeros(R, int), np.zeros(R)
        self.kept, self.seen, self.rate, self.count, self.served = (np.zeros(R) for _ in range(5))
        self.total, self.triggers, self.seconds, self.limit = np.zeros(s.n), 0.0, 0.0, cellplan.NEVER

    def begin(self, x, i):
        s, r = self.s, self.free.pop()
        self.row[r] = Row(x, i)
        self.alive.append(r)
        q = dict(s.q[x["code"]], start=x["start"])
        for c in self.parts:
            c.reset(r, q)
        for a in (self.kept, self.seen, self.count, self.served):
            a[r] = 0
        self.start[r], self.slot[r] = x["start"], x["slot"]
        self.rate[r] = self.rates.get(x["code"], 0.0) * s.slot_rate[x["slot"]]
        self.level[r] = q["level"] + self.rng.normal(0, .3 * s.noise0)

    def come_and_go(self, i, t):
        for r in [r for r in self.alive if self.row[r].life["end"] <= t]:
            self.done.append(self.row[r])
            self.alive.remove(r)
            self.free.append(r)
            self.serving[r] = 0
        while self.todo and self.todo[-1]["start"] <= t:
            x = self.todo.pop()
            if x["end"] > t and self.free:
                self.begin(x, i)
        for r in self.alive:                     # what drains has its last requests only
            x = self.row[r].life
            self.serving[r] = 1 if not x["drain"] or t < x["end"] - x["drain"] else .03

    def triggered(self, w, t, age, i):
        """How often in this step each process did what may leak."""
        s, R = self.s, self.s.rows
        if s.how in ("request", "table"):
            return w.requests
        if s.how in ("burst", "rare"):
            return self.rng.binomial(w.requests.astype(np.int64), s.error[i] if i >= 0 else 0.0)
        if s.how == "timer":
            return np.floor(age / s.period) - np.floor(np.maximum(age - s.dt, 0) / s.period)
        if s.how == "conn":
            return self.rng.poisson(w.requests / 12) + w.opened
        if s.how == "threads":
            return self.rng.poisson(np.full(R, .02 * s.dt))
        if s.how == "session":
            return w.requests * np.maximum(.15, 1 - self.seen / (6 * s.per_release))
        return np.full(R, float(sum(t - s.dt < e[0] <= t for e in s.events)))

    def leak(self, w, t, age, i):
        n, s = self.triggered(w, t, age, i), self.s
        self.triggers += float(n[self.alive].sum())
        self.seconds += len(self.alive) * s.dt
        self.seen += n
        if s.free_at is None or t >= s.free_at:
            self.count += n * self.rate
        if s.how == "table":
            unit = 24 * self.amount
            self.kept = np.where(self.count > 0, unit * 2 ** np.ceil(np.log2(1 + self.count / 24)), 0)
        elif s.how == "threads":
            self.kept = np.floor(self.count) * self.amount
            w.threads += np.floor(self.count)
        else:
            self.kept = self.count * self.amount

    def bytes_of(self, w, t, age):
        s = self.s
        m = s.init * np.minimum(1, np.maximum(age, .05) / s.init_time) + (s.base - s.init) * np.minimum(1, age / (4 * s.init_time)) + self.level
        for c in self.parts:
            m = m + c.step(t, w)
        m = np.maximum(m if self.collected else m + self.kept, .1 * s.base)
        if s.jump_at is not None and t >= s.jump_at:
            m = m + s.jump
        if self.spikes.random() < .002:
            m[int(self.spikes.integers(0, len(m)))] += s.base * min(1, .03 * (1 + self.spikes.pareto(1.4)))
        return np.ceil(m / s.chunk) * s.chunk

    def step(self, i):
        s, R, t = self.s, self.s.rows, i * self.s.dt
        self.come_and_go(i, t)
        w = types.SimpleNamespace(pace=s.pace_warm, kept=self.kept if self.collected else np.zeros(R), opened=np.zeros(R), threads=np.ones(R), fds=np.full(R, 8.0))
        w.requests = self.rng.poisson(s.rate * s.dt * s.level[max(i, 0)] * s.skew[self.slot] * self.serving).astype(float)
        w.busy = self.rng.poisson(w.requests / s.dt * s.latency * s.flight[max(i, 0)]).astype(float)
        age = np.maximum(t - self.start, 0)
        self.served += w.requests
        self.leak(w, t, age, i)
        m = self.bytes_of(w, t, age)
        if i >= 0:
            for r in self.alive:
                y = self.row[r]
                y.bytes.append(m[r])
                y.requests.append(w.requests[r])
                y.threads.append(w.threads[r])
                y.fds.append(w.fds[r])
            self.total[i] = m[self.alive].sum() if self.alive else 0
        for r in list(self.alive):               # out of memory, or it has served its share
            x = self.row[r].life
            if (m[r] > self.limit or (s.recycle and self.served[r] > s.recycle * s.luck[x["slot"]])) and t - x["start"] > 3 * s.dt:
                rest = dict(x, start=t + self.rng.uniform(.3, 1) * s.dt + self.rng.uniform(0, 2))
                x["end"] = t + .2 * s.dt
                if rest["start"] < rest["end"]:
                    self.todo = sorted(self.todo + [rest], key=lambda z: -z["start"])

    def run(self):
        for i in range(-self.s.burn, self.s.n):  # what lived before the recording has a past
            self.step(i)
        self.done += [self.row[r] for r in self.alive]
        self.done = [y for y in self.done if y.bytes]
        return self


def roughness(done):
    """Spread around a line in the later part of each life: what a growth has to stand out from."""
    v = []
    for y in done:
        a = np.array(y.bytes)[len(y.bytes) // 4:]
        if len(a) >= 12:
            x = np.arange(len(a))
            v.append(float(np.std(a - np.polyval(np.polyfit(x, a, 1), x))))
    return float(np.median(v)) if v else PAGE


def simulate(s):
    """The healthy run first; where something leaks, again with as much of it as stands out from that run's noise."""
    f = Fleet(s, {}, 0.0).run()
    s.noise, s.ratio = roughness(f.done), 0.0
    if not s.rates:
        return f
    s.ratio = s.growth_ratio
    room = s.gap if s.k is None or s.kind == "leak_config" else max(s.gap * .3, min(s.rel[s.k]["room"], 2 * s.gap))
    want = s.base * s.swap_ratio if s.kind == "leak_swap" else max(s.ratio * s.noise, .01 * s.base if s.kind != "leak_slow" else 0)
    length = s.recycle / s.rate if s.recycle else room
    g = Fleet(s, s.rates, want / max(f.triggers / max(f.seconds, 1) * length, 1e-9))
    g.limit = max(s.base * s.room_ratio, s.noise * 60 + 3 * max(max(y.bytes) for y in f.done))
    return g.run()


def one(job):
    kind, seed, short, out = job
    s = cellplan.make(kind, seed, short)
    return cellwrite.folder(s, simulate(s), os.path.join(out, "c%06d" % seed))


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--out")
    ap.add_argument("--n", type=int, default=120)
    ap.add_argument("--seed0", type=int, default=1)
    ap.add_argument("--kinds")
    ap.add_argument("--short", action="store_true", help="few rows a scenario, for tests")
    ap.add_argument("--jobs", type=int, default=1)
    ap.add_argument("--list", action="store_true")
    a = ap.parse_args()
    if a.list or not a.out:
        print("\n".join(dict.fromkeys(cellplan.KINDS)))
        return 0 if a.list else 2
    kinds = a.kinds.split(",") if a.kinds else cellplan.KINDS
    unknown = sorted(set(kinds) - set(cellplan.KINDS))
    if unknown:
        sys.exit("cellrun.py: no such kind: %s (--list shows them)" % ", ".join(unknown))
    jobs = [(kinds[i % len(kinds)], a.seed0 + i, a.short, a.out) for i in range(a.n)]
    if a.jobs > 1:
        import multiprocessing
        with multiprocessing.Pool(a.jobs) as pool:
            done = list(pool.imap(one, jobs))
    else:
        done = list(map(one, jobs))
    print("scenarios %d rows %d largest %d" % (len(done), sum(done), max(done)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
