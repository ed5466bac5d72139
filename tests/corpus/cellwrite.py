"""Writes a scenario of cells as a folder: samples, load, deploys as somebody noted them, and the truth."""
import json, os
import numpy as np
import fleet
from cells import PAGE


def swapped(s, total, rng):
    """Share of the private memory that the host has put out to swap at each step."""
    i, away = np.arange(s.n), np.zeros(s.n)
    if s.kind == "leak_swap":
        lim = np.quantile(total, .2) * rng.uniform(1.1, 1.6)
        away = np.clip(1 - lim / np.maximum(total, lim), 0, .85)
    elif s.kind == "none_swap" or rng.random() < .06:
        for _ in range(int(rng.integers(1, 4))):
            a, length, depth = rng.uniform(0, .9) * s.n, rng.uniform(.03, .4) * s.n, rng.uniform(.1, .6)
            away = np.maximum(away, depth * np.clip((i - a) / (.1 * length + 1), 0, 1) * np.exp(-np.maximum(0, i - a - length) / (length + 1)))
    k = max(1, int(90 / s.dt))
    return np.convolve(away, np.ones(k) / k, "same")[:s.n] if 1 < k < s.n else away


def onset_of(s, done):
    """Seconds at which growth begins; where it comes in events, every row since the last harmless one is acceptable."""
    if not s.rates:
        return None
    if s.free_at is not None:
        return s.free_at
    if s.k is None:
        return 0.0
    r = s.rel[s.k]
    onset = min(y.life["start"] for y in done if y.life["code"] == r["code"] and y.life["start"] >= r["t"] - 1 and s.slot_rate[y.life["slot"]] > 0)
    if s.events and s.accept:
        good = max([e[1] for e in s.events if e[1] < onset], default=-1e18)
        bad = onset if any(a <= onset < b for a, b in s.events) else min([e[0] for e in s.events if e[0] >= onset], default=onset)
        s.accept = sorted(set(s.accept) | {i for i, x in enumerate(s.rel) if good < x["t"] <= bad})
        for i in s.accept:
            s.rel[i]["row"] = True
        onset = bad
    return onset


class Writer:
    def __init__(self, s, rng):
        self.s, self.rng = s, rng
        self.jitter, self.gone = rng.integers(-20, 60, s.n), np.zeros(s.n, bool)
        for _ in range(rng.poisson(.7)):         # the sampler was away
            a = int(rng.uniform(.02, .98) * s.n)
            self.gone[a:a + 1 + int(min(rng.exponential(.02) * s.n, .06 * s.n))] = True
        self.identified, self.more = bool(rng.random() < .2), rng.random() < .45
        self.loaded = not (s.kind in ("leak_noload", "none_noload") or (rng.random() < .12 and s.kind not in ("none_growload", "none_surgeload")))

    def ms(self, t):
        return int(round((self.s.first + t) * 1000))

    def version(self, code):
        return "v%d.%d" % (2 + self.s.seed % 4, code)

    def samples(self, f, d):
        s, rng, rows, pid = self.s, self.rng, [], int(self.rng.integers(200, 9000))
        away, shared = swapped(s, f.total, rng), int(np.round(s.base * rng.uniform(.05, .5) / PAGE) * PAGE)
        for y in sorted(f.done, key=lambda y: y.life["start"]):
            pid += int(rng.integers(1, 90))
            born = self.ms(y.life["start"]) // 10 * 10
            for i, m, threads, fds in zip(range(y.i0, s.n), y.bytes, y.threads, y.fds):
                if self.gone[i] or (s.miss and rng.random() < s.miss):
                    continue
                out = int(m * away[i] * min(1, max(0.0, i * s.dt - y.life["start"]) / (20 * s.dt))) // 4096 * 4096
                r = [self.ms(i * s.dt) + int(self.jitter[i]), y.life["key"], pid, born, int(m) - out + shared, int(m) - out, shared, out]
                r += [int(threads), int(fds)] if self.more else []
                rows.append(r + ([self.version(y.life["code"])] if self.identified else []))
        rows.sort(key=lambda r: r[0])
        head = "unix_ms,process_key,pid,start_ms,rss_bytes,anon_bytes,shared_bytes,swap_bytes" + (",threads,fds" if self.more else "") + (",version" if self.identified else "")
        with open(os.path.join(d, "samples.csv"), "w") as out:
            out.write(head + "\n" + "\n".join(",".join(map(str, r)) for r in rows) + "\n")
        return len(rows)

    def load(self, f, d):
        s, req = self.s, np.zeros(self.s.n)
        for y in f.done:
            req[y.i0:y.i0 + len(y.requests)] += y.requests
        cum, two = np.cumsum(req) + int(self.rng.integers(0, 1e6)), self.rng.random() < .7
        if not self.loaded:
            return
        with open(os.path.join(d, "load.csv"), "w") as out:
            out.write("unix_ms,requests_total" + (",net_rx_bytes,net_tx_bytes" if two else "") + "\n")
            for i in np.flatnonzero(~self.gone):
                out.write("%d,%d%s\n" % (self.ms(i * s.dt) + self.jitter[i], cum[i], ",%d,%d" % (cum[i] * 612, cum[i] * 8800) if two else ""))

    def deploys(self, d):
        """The rows as they were noted, in the order of their marks; returns which row of the file each release is."""
        where, shown = {}, []
        for i, r in sorted(enumerate(self.s.rel), key=lambda z: z[1]["mark"]):
            if r["row"]:
                where[i] = dict(index=len(shown), unix_ms=self.ms(r["mark"]), version="config-%d" % i if r["config"] else self.version(r["code"]),
                                commit=fleet.commit_of(self.s.seed, 5000 + i if r["config"] else r["code"]))
                shown.append(where[i])
        with open(os.path.join(d, "deploys.csv"), "w") as out:
            out.write("unix_ms,version,commit\n" + "".join("%(unix_ms)d,%(version)s,%(commit)s\n" % x for x in shown))
        return where


def folder(s, f, d):
    os.makedirs(d, exist_ok=True)
    w = Writer(s, np.random.default_rng([0x77, s.seed]))
    rows = w.samples(f, d)
    w.load(f, d)
    onset = onset_of(s, f.done)
    where = w.deploys(d)
    leak = s.kind.startswith("leak_")
    step = where.get(s.k) if s.kind.startswith("step_") or s.kind == "none_allocator" else None
    truth = dict(kind=s.kind, seed=s.seed, family="cells", growth=bool(leak or s.kind.startswith("flag_")), deploy=where[s.k] if leak else None,
                 onset_ms=None if onset is None else w.ms(onset), deploy_fixed=where.get(s.fix) if leak else None, step_deploy=step,
                 step_bytes=s.jump if step else 0, acceptable_index=sorted(where[i]["index"] for i in s.accept) if leak else [], signal="anon",
                 how=[s.how] if s.rates else [], growth_over_noise=s.ratio, noise_bytes=s.noise, base_bytes=s.base, cells=sorted(s.want), rollout=s.mode,
                 marks=s.mark_style, load=w.loaded, identified=w.identified, processes=s.slots, hours=s.span / 3600, interval_ms=int(s.dt * 1000),
                 deploys=len(where), rows=rows, recycle=bool(s.recycle), note=s.note)
    with open(os.path.join(d, "truth.json"), "w") as out:
        json.dump(truth, out, indent=1, default=float)
    return rows
