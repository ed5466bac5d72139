"""What happens in a scenario, drawn from its seed: span, releases, what grows because of which, and the honest label."""
import types
import numpy as np
import fleet, parts
from parts import MIB, PAGE

KINDS = [
    # growth that a release began
    "leak_request", "none_flat", "leak_timer", "leak_session", "none_cache", "leak_burst", "leak_accel", "flag_onset",
    "leak_reload", "none_gc", "leak_nightly", "leak_oneworker", "step_up", "leak_halffix", "none_warmup", "leak_two",
    "leak_children", "none_pool", "leak_shmem", "leak_swap", "none_surge", "leak_oom", "leak_gc", "flag_always",
    "none_diurnal", "leak_recycle", "leak_canary", "none_batch", "leak_bluegreen", "leak_rolling", "none_recycle",
    "leak_overlap", "leak_latemark", "none_frag", "leak_config", "leak_rollback", "none_swap", "leak_fixed", "leak_close",
    "none_scale", "leak_slow", "flag_single", "none_bluegreen", "none_pagecache", "none_growthload",
    "none_down", "leak_quiet", "none_moreload", "none_single",
    "none_purge", "leak_purge", "leak_gaps", "none_allocator", "leak_multiply", "step_workers",
]
ALONE = ("flag_single", "none_single")         # no release at all
DAYS = {"leak_nightly", "none_batch", "none_diurnal", "none_scale", "none_growthload"}
AT_LEAST = {"leak_oneworker": 4, "leak_canary": 3, "leak_rolling": 3, "none_scale": 6, "leak_shmem": 2, "step_workers": 2}
DEPLOYS = {"leak_rollback": 3, "leak_fixed": 2, "leak_halffix": 2, "leak_two": 3}
HOW = {"leak_request": "requests", "leak_quiet": "requests", "leak_timer": "timer", "leak_session": "keys", "leak_burst": "burst", "leak_accel": "accel",
       "leak_reload": "events", "leak_nightly": "events"}


def geometry(s, rng):
    """Span, interval, processes and number of deploys, within the limit of rows."""
    U = rng.uniform
    pace = "long" if s.kind in DAYS else rng.choice(["fast", "mid", "long"], p=[.25, .45, .3])
    limit = 6000 if s.short is True else float(np.clip(np.exp(rng.normal(np.log(45000), .7)), 4000, 380000))
    s.fast = pace == "fast"
    if pace == "fast":
        span, steps, gap = U(10, 75) * 60, [1, 2], U(70, 420)
    elif pace == "mid":
        span, steps, gap = float(np.exp(U(np.log(3), np.log(36)))) * 3600, [5, 10, 15], U(.5, 8) * 3600
    else:
        span, steps, gap = U(2 if s.kind not in DAYS else 4, 10) * 86400, [15, 30, 60], U(4, 60) * 3600
    dt = float(rng.choice(steps))
    procs = int(round(np.exp(U(0, np.log(13))))) if rng.random() < .9 else int(rng.integers(12, 41))
    procs = max(procs, AT_LEAST.get(s.kind, 1))
    if s.kind in ALONE:
        procs = 1 if rng.random() < .7 else 2
    while procs * span / dt > limit and procs > AT_LEAST.get(s.kind, 1):
        procs -= 1
    while procs * span / dt > limit and dt < steps[-1]:
        dt = float(steps[steps.index(dt) + 1])
    least = {"fast": 300, "mid": 7200, "long": 3.5 * 86400 if s.kind in DAYS else 2 * 86400}[pace]
    span = max(least, min(span, limit * dt / procs))
    count = int(np.clip(round(span / gap), 1, 40))
    if s.kind == "leak_nightly":
        count = max(1, min(count, int(span / 86400 / 3)))
    if s.short == "big":                       # a month of eight processes, for measuring speed
        s.fast, gap, span, dt, procs, count = False, 2 * 86400, 30 * 86400.0, 15.0, 8, 15
    s.dt, s.span, s.slots = dt, span, procs
    s.least_gap = min(.35 * gap, span / 8) if not s.fast else max(25 * dt, min(.5 * gap, span / 8))
    return max(count, DEPLOYS.get(s.kind, 1)) if s.kind not in ALONE else 0


def releases(s, rng, count):
    """The rollouts, oldest first; s.rel[i] is one row of deploys.csv."""
    U = rng.uniform
    at = fleet.deploy_times(rng, s.span, count, s.least_gap) if count else []
    if s.kind == "leak_nightly":               # at least three nights for the last release, or it is a step to anybody
        at = [float(t) for t in np.linspace(.2, .5, count + 1)[:-1] * s.span + U(0, .1, count) * s.span / count]
    mode = {"leak_rolling": "rolling", "leak_overlap": "overlap", "leak_bluegreen": "bluegreen", "none_bluegreen": "bluegreen"}.get(s.kind)
    mode = mode or str(rng.choice(["restart", "rolling", "overlap", "bluegreen"], p=[.62, .16, .14, .08]))
    ends = at[1:] + [s.span]
    s.rel = []
    for i, (t, end) in enumerate(zip(at, ends)):
        gap = end - t
        r = dict(t=t, code=i + 1, mode=mode, drain=0.0, spread=min(float(np.exp(U(0, np.log(90)))), .08 * gap))
        if mode == "rolling":
            r["spread"] = min(U(.15, .45) * gap, 4 * 3600)
        elif mode in ("overlap", "bluegreen"):
            r["drain"] = min(U(5, 600) if mode == "overlap" else U(60, 1800), .2 * gap)
        s.rel.append(r)
    s.rollout, s.bluegreen = mode, mode == "bluegreen"


def culprit(s, rng):
    """Which release grows, until which; sets s.k, s.fix and the rate of growth by build."""
    n = len(s.rel)
    k = int(rng.integers(0, n)) if rng.random() < .15 else int(rng.integers(min(1, n - 1), n))
    k = min(k, n - DEPLOYS.get(s.kind, 1))
    fix = None
    if s.kind in ("leak_fixed", "leak_halffix") or (rng.random() < .3 and s.kind in ("leak_request", "leak_timer", "leak_session", "leak_rolling",
            "leak_overlap", "leak_bluegreen", "leak_latemark", "leak_shmem", "leak_children", "leak_gc")):
        if k + 1 < n:
            fix = int(rng.integers(k + 1, min(n, k + 3)))
    s.k, s.fix = k, fix
    code = [r["code"] for r in s.rel]
    rate = {c: 1.0 for c in code[k:fix]}
    if s.kind == "leak_halffix":
        rest = float(rng.uniform(.3, .6))
        rate.update({c: rest for c in code[fix:]})
        s.note, s.fix = "half fixed by row %d: %.2f of the rate stays" % (fix, rest), None
    return rate


def rollback(s, rng):
    """The release after the culprit is the old build again; half of the time the culprit's successor brings it back."""
    k = s.k
    s.rel[k + 1]["code"] = s.rel[k - 1]["code"] if k else 0
    bad = {s.rel[k]["code"]: 1.0}
    s.fix = k + 1
    again = rng.random() < .5
    for r in s.rel[k + 2:]:
        if again:
            bad[r["code"]] = 1.0
    if again and s.rel[k + 2:]:
        s.fix, s.note = None, "rolled back by row %d, back with row %d" % (k + 1, k + 2)
    return bad


def canary(s, rng):
    """Splits the culprit's rollout: a share of the slots first, the rest later under the same version."""
    r = s.rel[s.k]
    end = s.rel[s.k + 1]["t"] if s.k + 1 < len(s.rel) else s.span
    share = max(1, s.slots // int(rng.integers(2, 5))) / s.slots
    full = dict(r, t=r["t"] + rng.uniform(.35, .6) * (end - r["t"]), first=share, upto=1.01)
    r.update(first=-1, upto=share)
    for x in (r, full):
        x["spread"], x["drain"] = min(x["spread"], .1 * (end - full["t"])), min(x["drain"], .1 * (end - full["t"]))
    s.rel.insert(s.k + 1, full)
    if s.fix is not None:
        s.fix += 1
    s.accept = [s.k, s.k + 1]
    s.note = "canary on %.0f %% of the processes, then everywhere under the same version" % (100 * share)


def close_pair(s, rng):
    """A second release minutes from the culprit; nothing in memory tells the two apart."""
    r = s.rel[s.k]
    end = s.rel[s.k + 1]["t"] if s.k + 1 < len(s.rel) else s.span
    gap = rng.uniform(2, 8) * s.dt if s.fast else min(rng.uniform(90, 900), .1 * (end - r["t"]))
    other = dict(r, t=r["t"] + gap, code=1000)
    r["spread"] = other["spread"] = min(r["spread"], .3 * gap)
    r["drain"] = other["drain"] = 0.0
    r["mode"] = other["mode"] = "restart"
    s.rel.insert(s.k + 1, other)
    s.bluegreen = False
    first = rng.random() < .5
    if not first:
        r["code"], other["code"] = 1000, r["code"]
    bad = {r["code"]: 1.0, other["code"]: 1.0} if first else {other["code"]: 1.0}
    bad.update({x["code"]: 1.0 for x in s.rel[s.k + 2:]})
    s.accept = [s.k, s.k + 1]
    s.k, s.fix = s.k + (not first), None
    s.note = "two releases %.0f s apart" % gap
    return bad


def program(s, rng):
    """The program's nature: sizes, heap, pools, how much its releases and lives differ anyway."""
    U = rng.uniform
    s.base = float(np.exp(U(np.log(4), np.log(600)))) * MIB
    s.noise = s.base * float(np.exp(U(np.log(.003), np.log(.03))))
    s.rate = float(np.exp(U(np.log(.3), np.log(250))))
    s.latency = float(np.exp(U(np.log(.005), np.log(1.5))))
    busy = max(s.rate * s.latency, .05)
    s.arenas = int(rng.integers(1, 9))
    s.footprint = s.noise / np.sqrt(busy) if busy > 1 else s.noise
    s.footprint = max(s.footprint / np.sqrt(s.arenas), 512.)
    s.trim, s.pinned = float(np.exp(U(np.log(2), np.log(300)))), U(0, .9)
    s.wander, s.wander_tau = s.noise * U(.05, .6), float(np.exp(U(np.log(60), np.log(6 * 3600)))) if not s.fast else U(5, 90)
    s.quantum = float(rng.choice([4096., 16384., 65536., 131072., 2 * MIB], p=[.55, .1, .15, .12, .08]))
    s.quantum = 4096. if s.quantum > s.noise else s.quantum
    life = s.typical_life
    s.warm = s.base * U(.02, .3)
    s.code_paths = parts.Zipf(int(np.exp(U(np.log(40), np.log(3000)))), U(.4, 1.1))
    s.warm_pace = warm_pace(s, life * float(np.exp(U(np.log(.01), np.log(.15)))))
    s.frag_pages, s.frag_tau, s.frag_size = 0.0, 1.0, 0.0
    if rng.random() < .4:
        fragment(s, life * U(.03, .12), s.base * U(.005, .04))
    s.character = "plain"
    s.saw = s.gc_factor = s.alloc = s.give_back = 0.0
    if s.kind in ("leak_gc", "none_gc") or rng.random() < .12:
        s.character, s.saw, s.gc_factor = "gc", s.base * (U(.15, .7) if s.kind in ("leak_gc", "none_gc") else U(.04, .12)), U(1.3, 2.5)
        s.alloc = s.saw / (s.rate * life * float(np.exp(U(np.log(.01), np.log(.12)))))
        s.give_back = 1.0 if rng.random() < .4 else U(.002, .1)
    s.pool_cap, s.pool_idle, s.pool_bytes = 0, 0, 0.0
    if s.kind in ("none_pool", "none_surge") or rng.random() < .25:
        s.pool_cap = int(max(4, busy * U(1.5, 5) + U(2, 12)))
        s.pool_idle = 0 if rng.random() < .5 else U(60, 1800) / s.dt
        s.pool_bytes = s.base * (U(.2, .8) if s.kind in ("none_pool", "none_surge") else U(.02, .1)) / s.pool_cap
    s.unequal = U(0, .5)
    s.spike_every = float(np.exp(U(np.log(3), np.log(60)))) * s.typical_life
    s.miss = U(0, .05) if rng.random() < .6 else 0.0
    s.cold_after = 600.0 if not s.fast else 30.0
    s.file_bytes = float(np.round(s.base * U(.05, .6) / PAGE) * PAGE)


def warm_pace(s, seconds):
    """Requests are stretched so that 95 % of the code paths are touched after so many seconds."""
    need = np.exp(np.interp(.95 * s.code_paths.d[-1], s.code_paths.d, s.code_paths.x))
    return need / (s.rate * max(seconds, s.dt))


def fragment(s, tau, size):
    s.frag_tau = max(2.0, tau / s.dt)
    s.frag_pages, s.frag_size = size / PAGE / (s.rate * max(tau, 2 * s.dt)), size


def differences(s, rng):
    """How much releases and lives differ anyway. Levels stay within about the noise: a higher one would be a step."""
    ln = lambda sd: float(np.exp(rng.normal(0, sd)))
    own = rng.uniform(.1, 1.2) * s.noise
    within = lambda size, sd: ln(min(sd, own / size)) if size else 1.0
    s.life_spread = rng.uniform(0, .8) * own / s.base
    s.release = {c: dict(level=float(rng.normal(0, own / s.base)), warm=within(s.warm, .3), pace=ln(.25), foot=ln(.1), frag=within(s.frag_size, .25))
                 for c in [0] + [r["code"] for r in s.rel]}
    if s.kind == "none_allocator":
        factor = rng.uniform(2.5, 7)
        for c in [c for c in s.release if c is not None and c >= s.rel[s.k]["code"]]:
            s.release[c]["frag"] *= factor


def clutter(s):
    """What a growth has to stand out from: noise, sessions, batches, collections."""
    extra = .3 * s.session_size + .15 * s.saw
    if s.purges is not None:
        extra += .3 * s.cache_size
    if s.batches is not None:
        extra += .3 * s.batch_bytes
    return s.noise + extra


def special(s, rng):
    """What the kinds without growth (and the step) are about."""
    U, kind = rng.uniform, s.kind
    s.session_size = 0.0
    s.purges = None
    s.cache = s.sessions = s.batches = s.recycle = s.step = s.file_grows = None
    s.swap_windows = s.shm = s.children = s.autoscale = None
    life = s.typical_life
    if kind == "none_cache" or rng.random() < .08:
        z = parts.Zipf(int(np.exp(U(np.log(1e4), np.log(1e6)))), U(.5, 1.1))
        stretch = float(np.exp(U(np.log(1e4), np.log(1e6)))) / (s.rate * life)
        full = z.distinct(np.array([s.rate * s.longest_life * (U(.15, .5) if kind == "none_cache" else .1) * stretch]))[0]
        size = s.base * (U(.4, 2.5) if kind == "none_cache" else U(.05, .25))
        s.cache = lambda served: parts.lru_cache(served * stretch, z, full, size / full)
    if kind in ("none_purge", "leak_purge"):   # emptied now and then by the program itself: a drop that is no restart
        z = parts.Zipf(int(np.exp(U(np.log(1e4), np.log(1e6)))), U(.5, 1.0))
        every = max(12 * s.dt, life / float(np.exp(U(np.log(1.5), np.log(25)))))
        stretch = float(np.exp(U(np.log(1e4), np.log(1e6)))) / (s.rate * every)
        full = z.distinct(np.array([s.rate * every * U(.4, 3) * stretch]))[0]
        s.cache_size = s.base * U(.2, .9)
        s.cache = lambda served: parts.lru_cache(served * stretch, z, full, s.cache_size / full)
        s.purges = np.cumsum(rng.gamma(4, every / 4, int(3 * (s.span + s.early) / every) + 3)) - s.early
    if kind in ("none_diurnal", "none_growthload", "none_moreload") or rng.random() < .15:
        s.session_keys = parts.Zipf(1000000, U(.3, .8))
        ttl = U(300, 5400) / s.dt if not s.fast else U(10, 60) / s.dt
        most = s.session_keys.distinct(np.array([s.rate * s.dt * ttl]))[0]
        s.session_size = s.base * (U(.2, .7) if kind in ("none_diurnal", "none_growthload", "none_moreload") else U(.01, .08))
        s.sessions = dict(ttl=ttl, bytes=s.session_size / most)
    if kind == "none_batch" or (s.span > 3 * 86400 and rng.random() < .15):
        s.batches = nights(s, rng)
        s.batch_length, s.batch_keep, s.batch_all = U(600, 7200), U(.1, .9), rng.random() < .6
        s.batch_bytes = s.base * (U(.3, 1.5) if kind == "none_batch" else U(.03, .15))
    if kind in ("none_recycle", "leak_recycle"):
        s.recycle = s.rate * max(30 * s.dt, life / U(3, 20))
    if kind == "none_warmup":
        s.warm, s.code_paths = s.base * U(.3, 1.0), parts.Zipf(int(U(100, 2000)), U(.3, .9))
        s.warm_pace = warm_pace(s, life * U(.15, .5))
    if kind == "none_frag":
        fragment(s, s.longest_life * U(.08, .22), s.base * U(.1, .6))
    if kind == "none_allocator":               # holds more in pieces, until it has as many as it ever will
        fragment(s, s.longest_life * U(.04, .15), s.base * U(.02, .1))
        s.step = dict(index=s.k, bytes=0.0, code=s.rel[s.k]["code"])
    if kind == "none_pagecache":
        s.file_grows = U(.3, 3) * s.base / (s.rate * life)
    if kind == "none_swap":
        s.swap_windows = [(U(.1, .8) * s.span, U(.05, .3) * s.span, U(.1, .6)) for _ in range(int(rng.integers(1, 4)))]
    if kind == "none_down":
        s.step = dict(index=None, bytes=-s.base * U(.05, .3), code=s.rel[s.k]["code"])
    if kind == "step_up":
        s.step = dict(index=s.k, bytes=max(clutter(s) * float(np.exp(U(np.log(5), np.log(40)))), .03 * s.base))
        s.step["code"] = s.rel[s.k]["code"]


def nights(s, rng):
    h = rng.uniform(0, 24) * 3600
    day0 = np.floor((s.first - s.early) / 86400) * 86400
    x = day0 + h + np.arange(int((s.span + s.early) / 86400) + 3) * 86400.0 - s.first
    return x[x > -s.early] + rng.uniform(0, 120, len(x[x > -s.early]))


def growth(s, rng, codes, begin=-np.inf, epoch=None, how=None, slot=None, size=1.0):
    """One growth: how it comes and how much of it there is after one epoch."""
    U = rng.uniform
    how = how or HOW.get(s.kind) or str(rng.choice(["requests", "timer", "keys"], p=[.55, .3, .15]))
    if s.kind == "leak_recycle":
        epoch = s.recycle / s.rate
    g = dict(codes=codes, how=how, epoch=epoch, slot=slot, requests=s.rate * epoch, bend=U(1.5, 3))
    if s.kind == "leak_quiet":
        g["requests"] *= .5
    g["from"] = begin
    ratio = float(np.exp(U(np.log(.8), np.log(5)) if s.kind == "leak_slow" else U(np.log(6), np.log(70))))
    g["amount"] = size * clutter(s) * ratio
    if s.character == "gc":
        g["amount"] = max(g["amount"], s.saw * U(.4, 3))
    if s.kind in ("leak_oom", "leak_swap"):
        g["amount"] = s.base * U(1.2, 5)
    if how == "timer":
        g["period"] = min(float(rng.choice([1, 10, 60, 300])), epoch / 12)
    if how == "keys":
        s.keyspace, s.key_scale = parts.Zipf(20000000, U(.5, .95)), float(np.exp(U(np.log(1e4), np.log(3e5)))) / g["requests"]
    if how == "events":
        g["at"] = nights(s, rng) if s.kind == "leak_nightly" else np.arange(-s.early, s.span, epoch / U(4.2, 14)) + U(0, epoch / 15)
        g["count"] = max(1.0, epoch / float(np.median(np.diff(g["at"]))))
    s.ratio = g["amount"] / clutter(s)
    return g


def error_windows(s, rng, epoch):
    """Outages of something the program calls, in which a share of the requests takes the error path."""
    s.windows, x = [], -s.early + rng.uniform(0, .2) * epoch
    while x < s.span:
        length = epoch * rng.uniform(.01, .06)
        s.windows.append((x, x + length, rng.uniform(.1, .9)))
        x += length + epoch * rng.uniform(.08, .3)
    t = np.arange(s.n_all) * s.dt - s.early
    s.errors = np.zeros(s.n_all)
    for a, b, share in s.windows:
        s.errors[(t >= a) & (t < b)] = share
    return t


def epoch_of(s, k):
    later = [r["t"] for r in s.rel[k + 1:] if r["mode"] != "config"]
    return (later[0] if later else s.span) - s.rel[k]["t"]


def config_rows(s, rng):
    """Rows that restart nobody, far from any wave."""
    edges = [0.0] + [r["t"] for r in s.rel] + [s.span]
    wide = [(a, b) for a, b in zip(edges, edges[1:]) if b - a > max(40 * s.dt, .06 * s.span)]
    want = 1 if s.kind == "leak_config" else (int(rng.integers(1, 4)) if s.kind not in ALONE and rng.random() < .3 else 0)
    inner = [w for w in wide if w[1] < .93 * s.span or s.kind != "leak_config"] or [(0.0, s.span)]
    pick = rng.permutation(len(inner))[:want]
    rows = [dict(t=inner[i][0] + rng.uniform(.38, .55) * (inner[i][1] - inner[i][0]), code=None, mode="config", spread=0.0, drain=0.0) for i in pick]
    return rows


def marks(s, rng):
    """When each row says the release was; the order of the rows is that of the releases."""
    style = "late" if s.kind == "leak_latemark" else str(rng.choice(["exact", "early", "late", "sloppy"], p=[.5, .14, .2, .16]))
    if s.kind in ("leak_close", "leak_config"):
        style = "exact"
    s.mark_style = style
    n = len(s.rel)
    for i, r in enumerate(s.rel):
        before = r["t"] - (s.rel[i - 1]["t"] if i else 0.0)
        after = (s.rel[i + 1]["t"] if i + 1 < n else s.span) - r["t"]
        r["mark"] = r["t"] + (0.0 if r["mode"] == "config" else fleet.mark_shift(rng, style, before, after))


def names(s):
    said = 0
    for r in s.rel:
        c = r["code"]
        if r["mode"] == "config":
            said += 1
            r["version"], r["commit"] = "config-%d" % said, fleet.commit_of(s.seed, 5000 + said)
        else:
            r["version"], r["commit"] = version_of(s, c), fleet.commit_of(s.seed, c)


def version_of(s, code):
    return "%d.%d.%d" % (1 + s.seed % 3, code // 10, code % 10)


def label(s, rng):
    """Onset as memory shows it, and every row that nothing can tell from the right one."""
    s.onset = None
    if not s.growths and not s.children and not s.shm:
        return
    if s.k is None:
        s.onset = max(0.0, s.growths[0]["from"] if s.growths else 0.0)
        return
    r = s.rel[s.k]
    if r["mode"] == "config":
        s.onset = s.growths[0]["from"]
    else:
        slot = s.growths[0]["slot"] if s.growths else None
        bad = [x for x in s.lives if x["code"] == r["code"] and x["start"] >= r["t"] - 1 and (slot is None or x["slot"] == slot)]
        s.onset = min(x["start"] for x in bad)
    s.accept = s.accept or [s.k]
    g = s.growths[0] if s.growths else None
    if g and g["how"] in ("events", "burst"):
        at = list(g["at"]) if g["how"] == "events" else [w[0] for w in s.windows]
        ends = at if g["how"] == "events" else [w[1] for w in s.windows]
        last_good = max([x for x in ends if x < s.onset], default=-np.inf)
        during = g["how"] == "burst" and any(a <= s.onset < b for a, b, _ in s.windows)
        first_bad = s.onset if during else min([x for x in at if x >= s.onset], default=s.onset)
        s.accept = sorted(set(s.accept) | {i for i, x in enumerate(s.rel) if last_good < x["t"] <= first_bad})
        s.onset = first_bad


def autoscaled(s, rng):
    """Processes come and go with the traffic."""
    t = np.arange(s.n_all) * s.dt - s.early
    calm = np.convolve(s.load, np.ones(9) / 9, "same")
    want = np.clip(np.ceil(calm / np.quantile(calm, .97) * s.slots), 2, s.slots)
    lives = []
    for slot in range(s.slots):
        on, start = False, 0.0
        for i in range(0, s.n_all, max(1, int(300 / s.dt))):
            up = want[i] > slot + (.0 if not on else -1)
            if up and not on:
                on, start = True, t[i] + rng.uniform(0, s.dt)
            elif on and not up:
                on = False
                lives.append((slot, start, t[i]))
        if on:
            lives.append((slot, start, s.span))
    out = []
    for slot, a, b in lives:
        cuts = [a] + [r["t"] + rng.uniform(0, 60) for r in s.rel if r["mode"] != "config" and a < r["t"] < b - 120] + [b]
        for x, y in zip(cuts, cuts[1:]):
            code = ([0] + [r["code"] for r in s.rel if r["mode"] != "config" and r["t"] <= x])[-1]
            out.append(dict(slot=slot, key="app:%d" % slot, start=x + .1, end=y, code=code, why="scale", drain=0.0))
    return [x for x in out if x["end"] > max(0, x["start"])]


def grow(s, rng):
    """Draws what grows and why; sets growths, children or shm, and k, fix, accept."""
    kind = s.kind
    s.growths, s.accept, s.k, s.fix, s.ratio = [], [], None, None, 0.0
    if kind in ("flag_onset", "flag_always", "flag_single"):
        every = {r["code"]: 1.0 for r in s.rel if r["code"] is not None}
        every[0] = 1.0
        return every
    if kind in ("step_up", "none_down", "none_moreload", "none_allocator", "step_workers"):
        s.k = int(rng.integers(0, len(s.rel)))
    if not kind.startswith("leak_"):
        return {}
    if kind == "leak_config":
        return {c: 1.0 for c in [0] + [r["code"] for r in s.rel if r["code"] is not None]}
    bad = culprit(s, rng)
    if kind == "leak_rollback":
        return rollback(s, rng)
    if kind == "leak_close":
        return close_pair(s, rng)
    if kind == "leak_canary":
        canary(s, rng)
    return bad


def place_growth(s, rng, bad):
    """After the program's sizes are known: the growths themselves."""
    U, kind = rng.uniform, s.kind
    if kind == "flag_onset":
        edges = [0.0] + [r["t"] for r in s.rel] + [s.span]
        wide = [(a, b) for a, b in zip(edges, edges[1:]) if b <= .9 * s.span or a > .3 * s.span]
        wide = sorted(wide or list(zip(edges, edges[1:])), key=lambda w: w[0] - w[1])[:3]
        a, b = wide[int(rng.integers(0, len(wide)))]
        at = a + U(.38, .6) * (b - a)
        s.growths = [growth(s, rng, bad, at, b - at)]
    elif kind == "flag_always":
        s.growths = [growth(s, rng, bad, epoch=s.typical_life)]
    elif kind == "flag_single":
        at = -np.inf if rng.random() < .5 else U(.1, .55) * s.span
        s.growths = [growth(s, rng, bad, at, s.span - max(0.0, at))]
    elif kind == "leak_config":
        at = s.rel[s.k]["t"]
        s.growths = [growth(s, rng, bad, at + U(0, 2), epoch_of(s, s.k))]
    elif kind == "leak_children":
        e = epoch_of(s, s.k)
        n = min(U(15, 60), max(8.0, 60000 / (e / s.dt)))
        s.children = dict(codes=bad, every=e / n, bytes=U(.3, 4) * MIB, one_key=rng.random() < .5)
    elif kind == "leak_multiply":              # whole workers, each flat, and one more every now and then
        e = epoch_of(s, s.k)
        s.children = dict(codes=bad, every=e / min(U(6, 25), max(6.0, 60000 / (e / s.dt))), bytes=s.base * U(.4, 1), one_key=False)
    elif kind == "leak_shmem":
        e = epoch_of(s, s.k)
        t = np.arange(s.n_all) * s.dt - s.early
        rate = np.zeros(s.n_all)
        for r in s.rel:
            if r["mode"] != "config":
                rate[t >= r["t"] + (r["spread"] if r["code"] not in bad else 0.0)] = bad.get(r["code"], 0.0)
        block = float(rng.choice([65536, MIB, 4 * MIB]))
        total = np.cumsum(rate * s.load) * s.base * U(.3, 3) / (e / s.dt)
        s.shm = dict(total=np.floor(total / block) * block, touch=U(5, 120) if not s.fast else U(2, 10))
    elif kind.startswith("leak_"):
        e = epoch_of(s, s.k)
        slot = int(rng.integers(0, s.slots)) if kind == "leak_oneworker" else None
        s.growths = [growth(s, rng, bad, epoch=e, slot=slot)]
        if kind == "leak_burst":
            error_windows(s, rng, e)
            s.growths[0]["norm"] = s.rate * s.dt * max(1e-9, s.errors.sum() * e / (s.span + s.early))
        if kind == "leak_two":
            two(s, rng, bad)


def two(s, rng, bad):
    """A second growth of a later release; sometimes the first is over by then."""
    rows = [i for i, r in enumerate(s.rel) if r["mode"] != "config"]
    k, later = s.k, [i for i in rows if i > s.k]
    second = later[int(rng.integers(0, len(later)))]
    between = [i for i in later if i < second]
    first_ends = between and rng.random() < .5
    if first_ends:
        over = between[int(rng.integers(0, len(between)))]
        s.growths[0]["codes"] = {s.rel[i]["code"]: 1.0 for i in rows if k <= i < over}
    g = growth(s, rng, {s.rel[i]["code"]: 1.0 for i in rows if i >= second}, epoch=epoch_of(s, second))
    s.growths.append(g)
    s.note = "a second growth begins with row %d" % second
    if first_ends:
        s.growths.reverse()
        s.k, s.note = second, "growth of row %d ended by row %d, another begun by row %d" % (k, over, second)


def make(kind, seed, short=False):
    rng = np.random.default_rng([0x3EC4, seed])
    s = types.SimpleNamespace(kind=kind, seed=seed, short=short, note="", restarts={})
    count = geometry(s, rng)
    releases(s, rng, count)
    s.first = float(rng.uniform(0, 3e7) + 1.7e9)
    gaps = np.diff([0.0] + [r["t"] for r in s.rel] + [s.span])
    s.typical_life, s.longest_life = float(np.median(gaps[1:] if len(gaps) > 1 else gaps)), float(gaps.max())
    s.early = np.ceil(min(.3 * s.span, 6 * 3600) / s.dt) * s.dt
    s.n_all = int((s.span + s.early) / s.dt)
    bad = grow(s, rng)
    extra = config_rows(s, rng)
    mine = s.rel[s.k] if s.k is not None else (extra[0] if kind == "leak_config" else None)
    accepted, fix = [s.rel[i] for i in s.accept], s.rel[s.fix] if s.fix is not None else None
    s.rel = sorted(s.rel + extra, key=lambda r: r["t"])
    where = lambda r: next(i for i, x in enumerate(s.rel) if x is r)
    s.k = where(mine) if mine is not None else None
    s.accept, s.fix = [where(r) for r in accepted], where(fix) if fix is not None else None
    program(s, rng)
    s.load = fleet.load_level(rng, np.arange(s.n_all) * s.dt - s.early, s.dt, s.first, rng.uniform(.4, 1) if kind in DAYS else rng.uniform(0, .7), s.fast)
    loads(s, rng)
    special(s, rng)
    differences(s, rng)
    place_growth(s, rng, bad)
    s.memory_limit = s.base * (rng.uniform(1.7, 3.2) if kind == "leak_oom" else rng.uniform(7, 12))
    s.swap_room, s.shm_bytes = rng.uniform(1.1, 1.6), float(np.round(s.base * rng.uniform(0, .2) / PAGE) * PAGE) if kind == "leak_shmem" or rng.random() < .2 else 0.0
    s.down = min(20.0, 2 * s.dt + 1)
    crash = s.span * rng.uniform(1.5, 10) if rng.random() < .25 else 0.0
    s.lives = fleet.build_lives(rng, dict(slots=s.slots, span=s.span, early=s.early, rel=s.rel, crash=crash, bluegreen=s.bluegreen, down=s.down))
    if kind == "none_scale":
        s.lives = autoscaled(s, rng)
    if kind == "step_workers":                 # one release starts more workers than those before
        begin, few = s.rel[s.k]["t"], max(1, int(s.slots * rng.uniform(.3, .75)))
        s.lives = [x for x in s.lives if x["slot"] < few or x["start"] >= begin - 1]
        s.step = dict(index=s.k, bytes=0.0, code=s.rel[s.k]["code"])
    multiplier = np.exp(rng.normal(0, s.unequal, s.slots))
    s.slope_of_slot = lambda life, g: multiplier[life["slot"]] if g["slot"] is None else float(life["slot"] == g["slot"]) * 1.5
    marks(s, rng)
    names(s)
    label(s, rng)
    return s


def loads(s, rng):
    """Requests of each slot and step; surges and slow rises of the traffic where the kind is about them."""
    t = np.arange(s.n_all) * s.dt - s.early
    s.load /= s.load[t >= 0].mean()
    if s.kind == "none_growthload":
        s.load *= np.interp(t, [-s.early, s.span], [.5, rng.uniform(1.3, 2.2)])
    if s.kind in ("none_moreload", "leak_quiet"):
        s.load *= np.where(t >= s.rel[s.k]["t"], rng.uniform(1.4, 2.6) if s.kind == "none_moreload" else rng.uniform(.3, .6), 1.0)
    if s.kind == "none_surge":
        a = rng.uniform(.2, .8) * s.span
        if s.rel and rng.random() < .4:
            a = s.rel[int(rng.integers(0, len(s.rel)))]["t"] + rng.uniform(0, .2) * s.typical_life
        s.load *= 1 + rng.uniform(1.5, 5) * ((t > a) & (t < a + rng.uniform(.02, .2) * s.span))
    share = np.exp(rng.normal(0, rng.uniform(0, .5), s.slots))
    share /= share.mean()
    s.req = [rng.poisson(s.rate * s.dt * w * s.load).astype(float) for w in share]
