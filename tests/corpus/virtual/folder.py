"""Writes a lived scenario as a folder: what a sampler would have seen, load, rows as somebody noted them, and the truth."""
import hashlib, json, os
import numpy as np

PAGE = 4096


class Seen:
    """What the sampler saw: its jitter, the times it was away, which columns it keeps."""
    def __init__(self, s):
        self.s = s
        self.rng = rng = np.random.default_rng([0x73, s.seed, s.attempt])
        self.jitter, self.gone = rng.integers(-15, 60, s.n), np.zeros(s.n, bool)
        for _ in range(rng.poisson(.6)):
            a = int(rng.uniform(.02, .98) * s.n)
            self.gone[a:a + 1 + int(min(rng.exponential(.015) * s.n, .05 * s.n))] = True
        self.miss = float(rng.choice([0, 0, .003, .03]))
        self.more, self.named = rng.random() < .5, rng.random() < .18
        self.loaded = s.kind not in ("leak_noload", "none_noload") and (rng.random() > .14 or s.kind in ("none_growload", "none_surge", "none_threads"))
        self.blank = str(rng.choice(["", "version", "commit"], p=[.86, .07, .07]))

    def ms(self, t):
        return int(round((self.s.first + t) * 1000))

    def version(self, code):
        return "" if self.blank == "version" else "%d.%d.%d" % (1 + self.s.seed % 3, code // 4, code % 4)

    def commit(self, code):
        return "" if self.blank == "commit" else hashlib.sha1(b"%d/%d" % (self.s.seed, code)).hexdigest()

    def samples(self, done, d):
        s, rows, pid = self.s, [], int(self.rng.integers(300, 20000))
        for x, first, _, figures in sorted(done, key=lambda z: z[0]["start"]):
            pid += int(self.rng.integers(1, 60))
            born = self.ms(x["start"]) // 10 * 10
            for i, f in enumerate(figures.astype(np.int64).tolist(), first - s.burn):
                if i < 0 or self.gone[i] or self.miss and self.rng.random() < self.miss:
                    continue
                r = [self.ms(i * s.dt) + int(self.jitter[i]), x["key"], pid, born, (f[0] + f[1]) * PAGE, f[0] * PAGE, f[1] * PAGE, 0]
                r += [f[2] * PAGE, f[3], f[4], f[5]] if self.more else []
                rows.append(r + ([self.version(x["code"])] if self.named and self.blank != "version" else []))
        rows.sort(key=lambda r: r[0])
        head = "unix_ms,process_key,pid,start_ms,rss_bytes,anon_bytes,shared_bytes,swap_bytes"
        head += ",vsize_bytes,minflt,threads,fds" if self.more else ""
        head += ",version" if self.named and self.blank != "version" else ""
        with open(os.path.join(d, "samples.csv"), "w") as f:
            f.write(head + "\n" + "\n".join(",".join(map(str, r)) for r in rows) + "\n")
        return len(rows)

    def load(self, done, d):
        s, req = self.s, np.zeros(self.s.n + self.s.burn)
        for _, first, requests, _ in done:
            req[first:first + len(requests)] += requests
        total, each = np.cumsum(req[s.burn:]) + int(self.rng.integers(0, 10**6)), self.rng.uniform(300, 40000)
        if not self.loaded:
            return
        with open(os.path.join(d, "load.csv"), "w") as f:
            f.write("unix_ms,requests_total,net_rx_bytes,net_tx_bytes\n")
            for i in np.flatnonzero(~self.gone):
                f.write("%d,%d,%d,%d\n" % (self.ms(i * s.dt) + self.jitter[i], total[i], total[i] * 480, total[i] * each))

    def deploys(self, d):
        """Rows in the order of their marks; returns which row of the file each rollout became."""
        where, shown = {}, []
        for i, r in sorted(enumerate(self.s.rel), key=lambda z: z[1]["mark"]):
            if r["row"]:
                code = r["code"] if not r["config"] else 9000 + i
                where[i] = dict(index=len(shown), unix_ms=self.ms(r["mark"]), version=self.version(code) if code < 9000 else "config-%d" % i, commit=self.commit(code))
                shown.append(where[i])
        with open(os.path.join(d, "deploys.csv"), "w") as f:
            f.write("unix_ms,version,commit\n" + "".join("%(unix_ms)d,%(version)s,%(commit)s\n" % x for x in shown))
        return where


def folder(s, done, d):
    os.makedirs(d, exist_ok=True)
    seen = Seen(s)
    rows = seen.samples(done, d)
    seen.load(done, d)
    where = seen.deploys(d)
    leak, steps = s.kind.startswith("leak_"), s.stepped and s.kind != "none_stepfree"
    truth = dict(kind=s.kind, seed=s.seed, attempt=s.attempt, family="virtual", growth=bool(s.rates), deploy=where[s.k] if leak else None,
                 onset_ms=None if s.onset is None else seen.ms(s.onset), deploy_fixed=where.get(s.fix) if leak else None,
                 step_deploy=where[s.k] if steps else None, step_bytes=s.jump, acceptable_index=sorted(where[i]["index"] for i in s.accept if i in where),
                 how=[s.how], where=s.where if s.rates else None, bytes_a_chance=s.leak, growth_over_noise=s.grown / s.noise, grown_bytes=s.grown,
                 noise_bytes=s.noise, apart=s.apart, parts=sorted(s.parts), allocator=s.allocator or "glibc", rollout=s.mode, marks=s.mark_style, load=seen.loaded,
                 named=bool(seen.named), processes=s.slots, hours=s.span / 3600, interval_ms=int(s.dt * 1000), deploys=len(where), rows=rows,
                 old=s.old, recycle=bool(s.recycle), note=s.note)
    with open(os.path.join(d, "truth.json"), "w") as f:
        json.dump(truth, f, indent=1, default=float)
    return rows
