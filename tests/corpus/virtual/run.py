#!/usr/bin/python3
"""run.py --out DIR [--n 60] [--seed0 1]: scenarios lived by real processes on real allocators, under virtual time.

Each life of each process is a run of life.c: it gets its ticks on standard input and says what the kernel accounts to it.
A leak is sized by the noise of two healthy lives and held against its healthy twin (same seed): where less is seen than
promised, the scenario is drawn again. Needs cc and python3-numpy; other allocators where their libraries are installed.
"""
import argparse, json, math, os, subprocess, sys, tempfile
import numpy as np
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]
import story
import folder

PAGE = 4096
ANON, FILE, VIRTUAL, FAULTS, THREADS, FDS, CHANCES = range(7)
RESTLESS = ("none_cachelong", "none_growload", "none_surge", "none_threads", "none_daily", "none_noload", "none_drop", "none_recycle", "none_crash")


class Rejected(Exception):
    """This draw does not deserve its label."""


def ticks(s, x, rng):
    """The ticks of a planned life: index of the first, requests, concurrency, errors."""
    a, b = math.ceil(x["start"] / s.dt) + s.burn, min(s.n + s.burn, math.ceil(x["end"] / s.dt) + s.burn)
    t = (np.arange(a, b) - s.burn) * s.dt
    busy = s.load[a:b] * np.where(t > x["quiet"], .03, 1)
    req = rng.poisson(s.rate * busy * s.skew[x["slot"]])
    crowd = np.maximum(1, rng.poisson(s.crowd * (.4 + .6 * busy) * s.crowded[a:b]))
    return a, t, req, np.minimum(crowd, 500), rng.poisson(s.errors * req)


def weights(s, x, t):
    """How much the leak weighs at each tick of a life."""
    w = np.full(len(t), s.rates.get(x["code"], 0.0))
    if s.only is not None and x["slot"] != s.only:
        w[:] = 0
    if s.free_at is not None:
        w[t < s.free_at] = 0
    if s.kind == "leak_accel":
        w *= np.minimum(6, 2 * (t - x["start"]) / s.gap)
    return w


def arguments(s, x, leak, seed):
    p = dict(s.program, seed=seed)
    stepped = s.step_code is not None and x["code"] >= s.step_code or s.step_at is not None and x["start"] > s.step_at
    p["base"] += s.jump if stepped else 0
    p.update(step=s.jump, where=story.WHERE.index(s.where), bytes=leak)
    return ["%s=%.8g" % z for z in p.items()]


def command(s, x):
    """The program and its surroundings: which allocator, from which release on."""
    swapped = s.swap_code is not None and x["code"] >= s.swap_code
    return s.life, s.other[1] if swapped else s.env


def live(s, x, leak, salt=0, whole=False):
    """Runs one planned life; where workers are recycled it becomes several. Each is (life, first tick, requests, figures)."""
    seed = (s.seed * 4099 + x["number"] * 31 + salt * 7 + s.attempt * 1009) % 2**31
    rng = np.random.default_rng([0x72, seed])
    a, t, req, crowd, errors = ticks(s, x, rng)
    w, event, out = weights(s, x, t), s.events[a:a + len(t)].copy(), []
    if s.step_at is not None and x["start"] <= s.step_at < t[-1]:
        event[int(np.searchsorted(t, s.step_at))] = "s"
    i = 0
    while i < len(t):
        j, y = len(t), dict(x)
        if s.recycle:
            j = i + max(3, int(np.searchsorted(np.cumsum(req[i:]), s.recycle * rng.uniform(.85, 1.15))) + 1)
            j = len(t) if j > len(t) - 3 else j
            y.update(start=x["start"] if i == 0 else t[i] - rng.uniform(.05, .9) * s.dt, end=t[j - 1])
        lines = "".join("%d %d %d %s %.4g\n" % z for z in zip(req[i:j], crowd[i:j], errors[i:j], event[i:j], w[i:j]))
        cmd, env = command(s, x)
        p = subprocess.run([cmd] + arguments(s, y, leak, seed + i), input=lines.encode(), stdout=subprocess.PIPE, env=env, check=True)
        figures = np.array(p.stdout.split(), float).reshape(-1, 7)
        out.append((y, a + i, req[i:j], figures))
        i = j
        if whole:
            break
    return out


def culprits(s):
    """The planned lives in which the leak begins, longest first."""
    r = s.rel[s.k] if s.k is not None and s.free_at is None else None
    got = [x for x in s.lives if x["code"] in s.rates and (s.only is None or x["slot"] == s.only)]
    if r:
        got = [x for x in got if x["code"] == r["code"] and x["start"] >= r["t"] - 1]
    elif s.free_at is not None:                  # it has to show before anything restarts
        got = [x for x in got if x["start"] < s.free_at]
    since = lambda x: min(x["end"], x["quiet"]) - max(x["start"], s.free_at if s.free_at is not None else 0)
    return sorted((x for x in got if since(x) > 0), key=since, reverse=True)


def noise_of(a, b):
    """Of one process: what two healthy lives of the same plan differ by, once warm; less than 0.3 % nobody would call a growth."""
    m = min(len(a), len(b))
    d = (a[m // 10:m, ANON] - b[m // 10:m, ANON]) * PAGE
    return max(float(np.std(d)) / math.sqrt(2), 48 * 1024.0, .003 * PAGE * float(np.median(a[:, ANON])))


def size_leak(s):
    """Bytes a chance, so that the growth of the culprit's longest life is `ratio` times the noise and is really seen."""
    bad = culprits(s)
    if not bad:
        raise Rejected("nobody leaks")
    healthy, other = (live(s, bad[0], 0, salt, True)[0][3] for salt in (0, 1))
    s.noise = noise_of(healthy, other)
    level = float(np.median(healthy[:, ANON])) * PAGE
    wanted = min(max(s.ratio * s.noise, s.share * level), 300e6)
    chances = healthy[-1, CHANCES]
    if chances < (3 if s.where in ("reload", "batch") else 12):
        raise Rejected("the occasion of the leak is too rare")
    leak, tail = wanted / chances, max(3, len(healthy) // 20)
    for _ in range(4):
        seen = live(s, bad[0], leak, 0, True)[0][3]
        s.grown = float(np.mean(seen[-tail:, ANON]) - np.mean(healthy[-tail:, ANON])) * PAGE
        if s.grown >= .75 * wanted:
            break
        leak *= min(3.0, max(1.2, wanted / max(s.grown, wanted / 4)))
    if s.grown < max(3 * s.noise, .5 * wanted):
        raise Rejected("the leak does not show")
    return leak


def settle(s):
    """A control has to stop growing by the middle of its longest life, or nearly so."""
    x = max(s.lives, key=lambda x: x["end"] - x["start"])
    a, b = (live(s, x, 0, salt, True)[0][3] for salt in (0, 1))
    s.noise, m, y = noise_of(a, b), len(a), a[:, ANON] * PAGE
    early, middle, end = (float(np.median(y[int(m * f):int(m * f) + max(3, m // 20)])) for f in (.05, .5, .93))
    s.grown = end - middle
    if s.kind not in RESTLESS and s.grown > max(3 * s.noise, .5 * max(0, middle - early), .03 * middle):
        raise Rejected("it never settles")


def rise(y, m):
    """Of one life, from young to the age of m ticks."""
    return (np.median(y[int(.85 * m):m]) - np.median(y[m // 5:max(m // 5 + 3, 3 * m // 10)])) * PAGE


def stand_out(s, done):
    """The culprit's lives must rise more than healthy lives of the same age do, by twice what healthy ones differ by."""
    s.apart = None
    if s.k is None or s.free_at is not None or not s.rates:
        return
    bad = {x["number"] for x in culprits(s)}
    mine = [z[3][:, ANON] for z in done if z[0]["number"] in bad]
    m = max(len(y) for y in mine)
    born = [x for x in s.lives if x["start"] >= 0 and x["end"] - x["start"] > .5 * m * s.dt]
    good = [live(s, x, 0, 2, True)[0][3][:, ANON] for x in born[::max(1, len(born) // 8)]]
    m = int(min(m, np.percentile([len(y) for y in good], 30)))
    rises, usual = ([rise(y, m) for y in lives if len(y) >= .9 * m] for lives in (mine, good))
    s.apart = float((np.median(rises) - np.median(usual)) / max(np.std(usual), s.noise / 2))
    if s.apart < (.8 if s.recycle or s.kind.endswith("_crash") else 2):
        raise Rejected("healthy releases differ as much")


def step_shows(s, done):
    """A step must be seen at equal age, by three times what lives of the same side differ by; another allocator may bring none."""
    s.stepped = False
    code = s.step_code or s.swap_code
    if s.step_at is not None and s.jump < 5 * s.noise:
        raise Rejected("the step is within the noise")
    if not code:
        s.stepped = s.step_at is not None
        return
    m = int(.4 * s.gap / s.dt)
    level = lambda after: [np.median(z[3][int(.7 * m):m, ANON]) * PAGE for z in done if len(z[3]) >= m and (z[0]["code"] >= code) == after]
    before, after = level(False), level(True)
    rise = np.median(after) - np.median(before) if before and after else 0
    s.stepped = bool(rise > max(5 * s.noise, *(3 * np.std(x) for x in (before, after))))
    if s.step_code and not s.stepped:
        raise Rejected("the step does not show")


def onset(s, done):
    """Seconds at which growth begins, and whether that is an event inside lives; rows that can't be told from the culprit join it."""
    s.how = "steady"
    if not s.rates:
        return None
    if s.free_at is not None or s.kind == "flag_always":
        return s.free_at or 0.0
    bad = [x["number"] for x in culprits(s)]
    mine = [z for z in done if z[0]["number"] in bad]
    born = min(z[0]["start"] for z in mine)
    first = min((z[1] + int(np.argmax(z[3][:, CHANCES] > 0)) - s.burn) * s.dt for z in mine if z[3][-1, CHANCES] > 0)
    room = s.rel[s.k]["room"]
    if first - born <= max(3 * s.dt, .03 * room):
        return born
    s.how = "events"
    if first - born > .5 * room:
        raise Rejected("it leaks only when the release is nearly over")
    letter = {"reload": "r", "batch": "b"}.get(s.where)
    if letter:
        at = (np.flatnonzero(s.events == letter) - s.burn) * s.dt
        good = max(at[at < born], default=-1e18)
        s.accept = sorted(set(s.accept) | {i for i, r in enumerate(s.rel) if good < r["t"] <= first and s.accept})
    return first


def scenario(kind, seed, life, rows):
    for attempt in range(25):
        s = story.make(kind, seed, attempt, rows)
        s.life = life
        for number, x in enumerate(s.lives):
            x["number"] = number
        try:
            leak = size_leak(s) if s.rates else settle(s) or 0
            done = [y for x in s.lives for y in live(s, x, leak)]
            s.onset, s.leak = onset(s, done), leak
            stand_out(s, done)
            step_shows(s, done)
            return s, done
        except Rejected as why:
            s.why = str(why)
    raise SystemExit("run.py: %s %d: nothing fits: %s" % (kind, seed, s.why))


def one(job):
    kind, seed, life, rows, out = job
    s, done = scenario(kind, seed, life, rows)
    return folder.folder(s, done, os.path.join(out, "v%06d" % seed))


def build(where):
    """Compiles life.c outside of the source tree, which may be read-only."""
    life = os.path.join(where, "life")
    source = os.path.join(HERE, "life.c")
    subprocess.run(os.environ.get("CC", "cc").split() + ["-std=gnu17", "-O1", "-o", life, source, "-lm", "-lpthread"], check=True)
    return life


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--out")
    ap.add_argument("--n", type=int, default=60)
    ap.add_argument("--seed0", type=int, default=1)
    ap.add_argument("--kinds")
    ap.add_argument("--rows", type=int, default=45000, help="most samples a scenario")
    ap.add_argument("--jobs", type=int, default=1)
    ap.add_argument("--list", action="store_true")
    a = ap.parse_args()
    if a.list or not a.out:
        print("\n".join(dict.fromkeys(story.KINDS)))
        return 0 if a.list else 2
    kinds = a.kinds.split(",") if a.kinds else story.KINDS
    unknown = sorted(set(kinds) - set(story.KINDS))
    if unknown:
        sys.exit("run.py: no such kind: %s (--list shows them)" % ", ".join(unknown))
    with tempfile.TemporaryDirectory() as t:
        life = build(t)
        jobs = [(kinds[i % len(kinds)], a.seed0 + i, life, a.rows, a.out) for i in range(a.n)]
        if a.jobs > 1:
            import multiprocessing
            with multiprocessing.Pool(a.jobs) as pool:
                done = list(pool.imap(one, jobs, 1))
        else:
            done = list(map(one, jobs))
    print("scenarios %d rows %d largest %d" % (len(done), sum(done), max(done)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
