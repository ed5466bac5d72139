"""A program whose history is written down as a scenario folder: for the failure modes of mode_cases.py. Sizes in MiB, times in hours."""
import math
import os
import random

T0, MIB = 1_760_000_000_000, 1 << 20


class World:
    """A program of `slots` processes over `span` hours, each restarted by every deploy."""

    def __init__(self, name, span=36.0, dt=120.0, slots=2, deploys=(6, 12, 18, 24, 30), base=40.0, sd=.25, versions=None):
        self.rng = random.Random(name)
        self.span, self.dt, self.slots, self.base, self.sd = span, dt / 3600, slots, base, sd
        names = versions or ["v%d" % (k + 1) for k in range(len(deploys))]
        self.deploys = [dict(t=t, mark=t - .003, version=v) for t, v in zip(deploys, names)]
        self.tick = [k * self.dt for k in range(int(span / self.dt))]
        self.warm, self.warm_tau = 3.0, .1
        self.rate = [50 * math.exp(.05 * self.rng.gauss(0, 1)) for _ in self.tick]
        self.hosts = 0  # slots are spread over so many; each has its own row of a deploy
        self.identity, self.load, self.clock = False, True, lambda t: 0.0
        self.lives = self.by_deploys()

    def by_deploys(self, stagger=.004):
        out = []
        for s in range(self.slots):
            starts = [-1.0 - .01 * s] + [d["t"] + stagger * s for d in self.deploys]
            for r, a in enumerate(starts):
                out.append(dict(slot=s, release=r, start=a, end=starts[r + 1] - .0005 if r + 1 < len(starts) else self.span))
        return out

    def chop(self, hours):
        """Restarts that no deploy is behind: every so many hours, each slot at its own times."""
        out = []
        for l in self.lives:
            a, k = l["start"], 0
            while a < l["end"] - .01:
                b = min(l["end"], a + hours * (.8 + .4 * self.rng.random()))
                out.append(dict(l, start=a, end=b - .0005))
                a = b
        self.lives = out

    def grow_from(self, release, per_hour, until=99):
        return lambda l, age, t: per_hour * age if release <= l["release"] < until else 0.0

    def version(self, release):
        return self.deploys[release - 1]["version"] if release else "v0"

    def write(self, d, grow=lambda l, age, t: 0.0, extra=lambda l, age, t: {}, keep=lambda t: True, load_factor=lambda t: 1.0):
        os.makedirs(d)
        rows, pid = [], 1000
        height = [self.rng.gauss(0, .8) for _ in range(1000)]
        for l in sorted(self.lives, key=lambda l: l["start"]):
            pid += self.rng.randint(1, 30)
            x, rho = self.rng.gauss(0, 1), math.exp(-self.dt / .25)
            for t in self.tick:
                if not (l["start"] <= t <= l["end"]) or not keep(t):
                    continue
                age = t - l["start"]
                x = rho * x + math.sqrt(1 - rho * rho) * self.rng.gauss(0, 1)
                v = self.base + height[l["slot"]] + self.warm * (1 - math.exp(-age / self.warm_tau)) + self.sd * (.8 * x + .5 * self.rng.gauss(0, 1)) + grow(l, age, t)
                e = dict(file=4.0, shmem=0.0, swap=0.0)
                e.update(extra(l, age, t))
                anon = v - e["swap"]
                q = lambda m: max(0, int(m * 256)) * 4096
                ms = lambda h: T0 + round((h + self.clock(h)) * 3600e3)
                row = [ms(t), "app:%d" % l["slot"], pid, ms(l["start"]) if "born" not in l else l["born"], q(anon) + q(e["file"]) + q(e["shmem"]), q(anon),
                       q(e["file"]) + q(e["shmem"]), q(e["swap"]), q(e["shmem"])]
                rows.append((t, row + ([self.version(l["release"])] if self.identity else []) +
                             (["host%d" % (l["slot"] % self.hosts)] if self.hosts else [])))
        rows.sort(key=lambda r: r[0])
        with open(os.path.join(d, "samples.csv"), "w") as f:
            f.write("unix_ms,process_key,pid,start_ms,rss_bytes,anon_bytes,shared_bytes,swap_bytes,shmem_bytes%s%s\n" % (",version" if self.identity else "", ",host" if self.hosts else ""))
            f.writelines(",".join(map(str, r)) + "\n" for _, r in rows)
        with open(os.path.join(d, "deploys.csv"), "w") as f:
            f.write("unix_ms,version,commit%s\n" % (",host" if self.hosts else ""))
            f.writelines("%d,%s,%s\n" % (T0 + round((x["mark"] + self.clock(x["mark"])) * 3600e3), x["version"], ",host%d" % x["host"] if "host" in x else "")
                         for x in self.deploys)
        if self.load:
            total = 0.0
            with open(os.path.join(d, "load.csv"), "w") as f:
                f.write("unix_ms,requests_total,net_rx_bytes,net_tx_bytes\n")
                for t, r in zip(self.tick, self.rate):
                    total = self.counter(t, total + r * load_factor(t) * self.dt * 3600)
                    if keep(t):
                        f.write("%d,%d,%d,%d\n" % (T0 + round((t + self.clock(t)) * 3600e3), total, total * 700, total * 9000))

    def counter(self, t, v):
        return v
