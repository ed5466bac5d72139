#!/usr/bin/env python3
"""Labelled memory scenarios of a second family: simulated mechanisms in place of formulas. See docs/corpus.md.

  mech.py --out DIR [--n 210] [--seed0 1] [--kinds a,b] [--short | --big] [--jobs 2]
  mech.py --list
Scenario i takes kind KINDS[i % len(KINDS)] and seed seed0+i; the folder is s<seed>, the kind is only in truth.json.
Needs Debian's python3-numpy and python3-scipy (run with /usr/bin/python3).
"""
import argparse, os, sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
try:
    import numpy as np
    import scipy.signal  # noqa: F401  (parts needs it; say so here and not in the middle)
except ImportError:
    sys.exit("mech.py: python3-numpy and python3-scipy are needed (run with /usr/bin/python3)")
import fleet, overlay, parts, plan, write
from parts import MIB, PAGE

KINDS = plan.KINDS


def grown(s, life, j, t, served, rng):
    """What has leaked in this life by each step, in bytes."""
    out = np.zeros(len(j))
    cum = np.cumsum(served)
    age = t - life["start"]
    for g in s.growths:
        rate = g["codes"].get(life["code"], 0.0) * s.slope_of_slot(life, g)
        if rate == 0.0:
            continue
        on = t >= g["from"]
        how = g["how"]
        if how == "timer":
            p = g["period"]
            begin = max(life["start"], g["from"])
            x = np.floor(np.maximum(t - begin, 0) / p) * p / g["epoch"]
        elif how == "events":
            x = parts.staircase(t, [e for e in g["at"] if e > life["start"]], 1.0 / g["count"])
        elif how == "burst":
            x = np.cumsum(served * s.errors[j]) / g["norm"]
        else:
            c = np.cumsum(served * on)
            x = c / g["requests"]
            if how == "keys":
                x = s.keyspace.distinct(c * s.key_scale) / s.keyspace.distinct(g["requests"] * s.key_scale)
            elif how == "accel":
                x = np.expm1(g["bend"] * np.minimum(x, 1.5)) / np.expm1(g["bend"]) + np.maximum(x - 1.5, 0) * g["bend"] * 2
        out += rate * g["amount"] * x
    del cum, age
    return out


def body(s, life, j, t, rng):
    """One life's private bytes, threads and descriptors over its steps."""
    slot, code = life["slot"], life["code"]
    served = s.req[slot][j].copy()
    if life["drain"]:
        served[t > life["end"] - life["drain"]] = 0.0
    if life.get("idle"):
        served[:] = 0.0
    busy = served / s.dt * s.latency
    r = s.release[code]
    m = s.base * (1 + r["level"] + rng.normal(0, s.life_spread)) + np.zeros(len(j))
    m += s.warm * r["warm"] * s.code_paths.distinct(np.cumsum(served) * s.warm_pace * r["pace"]) / s.code_paths.d[-1]
    g = grown(s, life, j, t, served, rng)
    if s.step and code >= s.step["code"]:
        m += s.step["bytes"]
    if s.character == "gc":
        live = .1 * s.saw + np.zeros(len(j)) + g / s.gc_factor
        m += parts.collected_heap(rng, live, served * s.alloc, s.saw, s.gc_factor, s.give_back)
    else:
        m += g
    m += parts.arena_heap(rng, busy, s.arenas, s.footprint * r["foot"], s.trim, s.pinned)
    if s.frag_pages:
        m += parts.fragmentation(rng, served, s.frag_pages * r["frag"], s.frag_tau)
    threads = np.full(len(j), float(s.arenas + 1))
    if s.pool_cap:
        n = parts.bounded_pool(busy * r["foot"] + .5, s.pool_cap, s.pool_idle)
        m += n * s.pool_bytes
        threads += n
    if s.cache:
        for a, b in parts.between(t, s.purges):
            m[a:b] += s.cache(np.maximum(served[a:b], 0))
    if s.sessions:
        m += parts.ttl_cache(served, s.session_keys, s.sessions["ttl"], s.sessions["bytes"])
    if s.batches is not None and (slot == 0 or s.batch_all):
        m += parts.held_batches(t, s.batches, s.batch_length, s.batch_bytes, s.batch_keep)
    m += parts.ou(rng, len(j), s.wander_tau / s.dt, s.wander)
    for _ in range(rng.poisson(len(j) * s.dt / s.spike_every)):
        a = int(rng.integers(0, len(j)))
        m[a:a + int(rng.geometric(.4))] += s.base * min(1.0, .02 * (1 + rng.pareto(1.5)))
    return np.maximum(m, .2 * s.base), threads, 8 + np.ceil(busy) + .5 * threads, served


def run_life(s, life, rng, todo):
    """Simulates a life; where it ends before its time (recycled, out of memory) the rest goes back to todo."""
    a = max(0, int(np.floor((life["start"] + s.early) / s.dt)) + 1)
    b = min(s.n_all, int(np.ceil((life["end"] + s.early) / s.dt)))
    if b <= a:
        return None
    j = np.arange(a, b)
    t = j * s.dt - s.early
    m, threads, fds, served = body(s, life, j, t, rng)
    cut, why, pause = len(j), None, 0.0
    if s.recycle:
        c = np.flatnonzero(np.cumsum(served) > s.recycle * rng.uniform(.85, 1.15))
        if len(c) and 2 < c[0] < cut:
            cut, why, pause = int(c[0]), "recycle", rng.uniform(.05, 1.5)
    over = np.flatnonzero(m > s.memory_limit)
    if len(over) and 2 < over[0] < cut:
        cut, why, pause = int(over[0]), "oom", rng.uniform(1, 3 * s.dt + 5)
    if why:
        when = float(t[cut - 1] + s.dt * rng.uniform(.05, .95))
        rest = dict(life, start=when + pause)
        if rest["start"] < life["end"]:
            todo.append(rest)
        life["end"] = when
    s.restarts[why or life["why"]] = s.restarts.get(why or life["why"], 0) + 1
    return dict(life=life, j=j[:cut], t=t[:cut], anon=parts.quantise(m[:cut], s.quantum), threads=threads[:cut], fds=fds[:cut], served=served[:cut])


def simulate(s):
    """All lives, with the pages that a host under pressure swaps out and the shared segments laid over them."""
    rng = np.random.default_rng([0x51, s.seed])
    done, todo = [], s.lives[::-1]
    while todo:
        x = run_life(s, todo.pop(), rng, todo)
        if x is not None:
            done.append(x)
    if s.children:
        done += overlay.children(s, [x for x in done if x["life"]["slot"] == 0], rng)
    total = np.zeros(s.n_all)
    for x in done:
        np.add.at(total, x["j"], x["anon"])
    away = overlay.pressure(s, total)
    for x in done:
        x["swap"] = np.floor(x["anon"] * away[x["j"]] * np.minimum(1, (x["t"] - x["life"]["start"]) / s.cold_after) / PAGE) * PAGE
        x["shmem"] = overlay.segments(s, x, rng)
        x["file"] = np.full(len(x["j"]), s.file_bytes) if not s.file_grows else overlay.mapped_file(s, x)
    return done


def one(job):
    kind, seed, short, out = job
    s = plan.make(kind, seed, short)
    lives = simulate(s)
    rows = write.folder(s, lives, os.path.join(out, "s%06d" % seed))
    return seed, kind, rows


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--out")
    ap.add_argument("--n", type=int, default=210)
    ap.add_argument("--seed0", type=int, default=1)
    ap.add_argument("--kinds")
    ap.add_argument("--short", action="store_true", help="few rows a scenario, for tests")
    ap.add_argument("--big", action="store_true", help="1.4 million rows a scenario, for measuring speed")
    ap.add_argument("--jobs", type=int, default=1)
    ap.add_argument("--list", action="store_true")
    a = ap.parse_args()
    if a.list or not a.out:
        print("\n".join(KINDS))
        return 0 if a.list else 2
    kinds = a.kinds.split(",") if a.kinds else KINDS
    unknown = sorted(set(kinds) - set(KINDS))
    if unknown:
        sys.exit("mech.py: no such kind: %s (--list shows them)" % ", ".join(unknown))
    jobs = [(kinds[i % len(kinds)], a.seed0 + i, "big" if a.big else a.short, a.out) for i in range(a.n)]
    if a.jobs > 1:
        import multiprocessing
        with multiprocessing.Pool(a.jobs) as pool:
            done = list(pool.imap(one, jobs))
    else:
        done = list(map(one, jobs))
    print("scenarios %d rows %d largest %d" % (len(done), sum(x[2] for x in done), max(x[2] for x in done)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
