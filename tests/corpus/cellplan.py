"""What happens in a scenario of the family of cells, drawn from its seed: releases, load, what leaks, what a process is made of."""
import types
import numpy as np
import cells
from cells import KIB, MIB

DAY, NEVER = 86400.0, 1e18
LEAKS = ["leak_request", "leak_error", "leak_timer", "leak_conn", "leak_reload", "leak_table", "leak_threads", "leak_gcold", "leak_session",
         "leak_partial", "leak_fixed", "leak_again", "leak_canary", "leak_rolling", "leak_graceful", "leak_bluegreen", "leak_late", "leak_missing",
         "leak_config", "leak_swap", "leak_few", "leak_many", "leak_fast", "leak_overcache", "leak_oversurge", "leak_slow", "leak_weeks", "leak_noload"]
OTHERS = ["none_quiet", "none_lru", "none_lrulong", "none_surgeload", "none_surgeconn", "none_surgethreads", "none_fraglog", "none_records",
          "none_warmchange", "none_daily", "none_weekly", "none_allocator", "none_gcgen", "none_gclazy", "none_logbuf", "none_ttl", "none_batch",
          "none_crash", "none_swap", "none_growload", "none_noload", "none_canary", "none_configs", "none_drop", "none_fast", "none_many",
          "step_config", "step_release", "step_threads", "flag_always", "flag_free", "flag_unmarked"]
KINDS = [k for pair in zip(LEAKS + LEAKS[:4], OTHERS) for k in pair]
PACE = {"leak_fast": "minutes", "none_fast": "minutes", "leak_weeks": "weeks", "none_weekly": "weeks", "none_growload": "weeks", "none_daily": "days",
        "none_noload": "days", "none_batch": "days", "none_gclazy": "hours"}
LEAST = {"leak_again": 4, "leak_partial": 3, "leak_fixed": 3, "leak_missing": 4, "none_canary": 3}
SLOWER = {1: 2, 2: 5, 5: 10, 10: 15, 15: 30, 30: 60}
DAILY = ("none_daily", "none_weekly", "none_noload")


def between(rng, lo, hi):
    """Log-uniform: sizes and times have no favourite scale."""
    return float(np.exp(rng.uniform(np.log(lo), np.log(hi))))


def geometry(s, rng, short):
    """Span, interval, processes and the usual time between releases, within a limit of rows."""
    pace = s.pace = PACE.get(s.kind) or str(rng.choice(["minutes", "hours", "days", "weeks"], p=[.28, .34, .28, .10]))
    lo, hi, steps, least, most = {
        "minutes": (12 * 60, 3600, [1, 1, 2], 120, 900), "hours": (2 * 3600, 24 * 3600, [5, 10, 15], 1500, 4 * 3600),
        "days": (1.5 * DAY, 7 * DAY, [15, 30, 60], 5 * 3600, 30 * 3600), "weeks": (8 * DAY, 18 * DAY, [60], DAY, 4 * DAY)}[pace]
    s.span, s.dt = between(rng, lo, hi), float(rng.choice(steps))
    s.gap = between(rng, least, min(most, s.span / 2.2))
    s.slots = 1 if s.kind == "leak_few" else int(rng.integers(16, 41)) if s.kind in ("leak_many", "none_many") else int(round(between(rng, 1, 12)))
    if s.kind in ("leak_canary", "none_canary"):
        s.slots = max(3, s.slots)
    rows, steps = (6000, 1500) if short else (170000, 16000)
    few = {"leak_canary": 3, "none_canary": 3, "leak_many": 16, "none_many": 16}.get(s.kind, 2)
    while s.slots * s.span / s.dt > rows or s.span / s.dt > steps:
        if s.dt < 60 and pace != "minutes":
            s.dt = float(SLOWER[int(s.dt)])
        elif s.slots > few and s.span / s.dt <= steps:
            s.slots -= 1
        else:
            s.span *= .85
    s.gap = min(s.gap, s.span / 2.5)
    s.n, s.burn = int(s.span / s.dt), int(np.ceil(.9 * s.gap / s.dt))
    s.first = 1.74e9 + float(rng.uniform(0, 3e7))


def releases(s, rng):
    """Rollouts: time, build, how. s.rel[i] is a row of deploys.csv unless its mark is missing."""
    U = rng.uniform
    count = max(LEAST.get(s.kind, 1), int(np.clip(round(s.span / s.gap), 1, 14)))
    g = rng.gamma(3.0, 1.0, count + 1) + .5
    at = np.cumsum(g)[:-1] / g.sum() * s.span
    forced = {"leak_rolling": "rolling", "leak_graceful": "graceful", "leak_bluegreen": "bluegreen"}.get(s.kind)
    s.mode = forced or str(rng.choice(["atonce", "stagger", "rolling", "graceful", "bluegreen"], p=[.2, .4, .14, .16, .1]))
    s.rel = []
    for i, t in enumerate(at):
        room = (at[i + 1] if i + 1 < count else s.span) - t
        r = dict(t=float(t), code=i + 1, room=float(room), drain=0.0, spread=.5, config=False, first=0.0, upto=2.0)
        if s.mode == "stagger":
            r["spread"] = min(U(2, 120), .1 * room)
        elif s.mode == "rolling":
            r["spread"] = min(between(rng, 120, 5 * 3600), U(.15, .4) * room)
        elif s.mode == "graceful":
            r["spread"], r["drain"] = min(U(1, 40), .05 * room), min(between(rng, 5, 3600), .25 * room)
        elif s.mode == "bluegreen":
            r["spread"], r["drain"] = min(U(1, 60), .05 * room), min(U(30, 2400), .25 * room)
        s.rel.append(r)


def guilty(s, rng):
    """Which release leaks, which ends it; s.rates: how much each build leaks."""
    n, kind, codes = len(s.rel), s.kind, [r["code"] for r in s.rel]
    k = n - {"leak_again": 3, "leak_partial": 2, "leak_fixed": 2}.get(kind, 1)
    k = s.k = int(rng.integers(min(1, k), k + 1))
    fix, s.accept = None, [k]
    if kind in ("leak_fixed", "leak_partial") or (rng.random() < .25 and kind in ("leak_request", "leak_timer", "leak_rolling", "leak_graceful", "leak_many", "leak_conn")):
        fix = int(rng.integers(k + 1, min(n, k + 3))) if k + 1 < n else None
    if kind == "leak_again":
        fix = k + 1
    s.fix, s.rates = fix, {c: 1.0 for c in codes[k:fix]}
    if kind == "leak_partial":
        rest = float(rng.uniform(.25, .6))
        s.rates.update({c: rest for c in codes[fix:]})
        s.fix, s.note = None, "row %d leaves %.2f of the leak" % (fix, rest)
    elif kind == "leak_again":
        s.rates.update({c: 1.0 for c in codes[k + 2:]})
        if rng.random() < .5:                    # rolled back to the very same build
            s.rel[k + 1]["code"] = codes[k - 1] if k else 0
        s.fix, s.note = None, "away with row %d, back with row %d" % (k + 1, k + 2)
    elif kind == "leak_config":
        s.rel[k]["config"] = True
        s.rates = {c: 1.0 for c in [0] + codes}
        s.free_at = s.rel[k]["t"] + float(rng.uniform(0, 2))


def choose(s, rng):
    codes = [r["code"] for r in s.rel]
    s.k = s.fix = s.free_at = None
    s.accept, s.rates, s.note = [], {}, ""
    if s.kind.startswith("leak_"):
        guilty(s, rng)
    elif s.kind in ("flag_always", "flag_free"):
        s.rates = {c: 1.0 for c in [0] + codes}
    elif s.kind.startswith("step_") or s.kind in ("none_allocator", "none_warmchange", "flag_unmarked"):
        s.k = int(rng.integers(0, len(s.rel)))
        s.rates = {c: 1.0 for c in codes[s.k:]} if s.kind == "flag_unmarked" else {}
    if s.kind in ("leak_canary", "none_canary"):
        canary(s, rng)
    for r in s.rel if s.kind == "none_configs" else s.rel[s.k:s.k + 1] if s.kind == "step_config" else []:
        r["config"] = s.kind == "step_config" or bool(rng.random() < .5)


def canary(s, rng):
    """One rollout becomes two rows of the same version: a few slots first."""
    k = s.k if s.k is not None else int(rng.integers(0, len(s.rel)))
    r = s.rel[k]
    share = int(rng.integers(1, max(2, s.slots // 3 + 1))) / s.slots
    full = dict(r, t=r["t"] + rng.uniform(.35, .6) * r["room"], first=share)
    r["upto"] = share
    for x in (r, full):
        x["spread"], x["drain"] = min(x["spread"], .08 * r["room"]), min(x["drain"], .08 * r["room"])
    s.rel.insert(k + 1, full)
    if s.k is not None:
        s.accept = [k, k + 1]
    s.fix = None if s.fix is None else s.fix + 1


def lives(s, rng):
    """Every planned life of every slot."""
    out, order = [], rng.permutation(s.slots)
    for slot in range(s.slots):
        place = order[slot] / s.slots
        ev = [(r["t"] + place * r["spread"] + rng.uniform(0, 1.0), r["code"], r["drain"]) for r in s.rel
              if not r["config"] and r["first"] <= place < r["upto"]]
        if s.kind == "none_crash" or rng.random() < .1:
            x = rng.exponential(s.span / (8 if s.kind == "none_crash" else 1))
            while x < s.span:
                ev.append((x, None, 0.0))
                x += rng.exponential(s.span / 8)
        ev.sort(key=lambda e: e[0])
        start, code, colour = -float(rng.uniform(.05, .9) * s.gap), 0, 0
        for when, c, drain in ev + [(NEVER, None, 0.0)]:
            key = "%s-%d" % (("blue", "green")[colour], slot) if s.mode == "bluegreen" else "w%d" % slot
            out.append(dict(slot=slot, key=key, start=start, end=min(when + drain, s.span), code=code, drain=drain))
            if when == NEVER:
                break
            start = when if drain else when + rng.uniform(.1, min(8.0, 2 * s.dt))
            code = code if c is None else c
            colour ^= c is not None
    return [x for x in out if x["end"] > 0 and x["end"] > x["start"]]


def load_curve(s, rng):
    """Requests a second relative to their mean, and how many more of them are in flight than their rate says."""
    U, n = rng.uniform, s.n
    bell = np.hanning(101) / np.sqrt((np.hanning(101) ** 2).sum())
    x = np.exp(np.convolve(rng.normal(0, 1, n + 200), bell, "same")[100:100 + n] * U(.02, .2))
    h = (s.first + np.arange(n) * s.dt) / 3600
    if s.pace in ("days", "weeks"):
        a, ph = U(.35, .8) if s.kind in DAILY else U(0, .6), U(0, 24)
        x *= np.maximum(.05, 1 + a * np.cos((h - ph) * np.pi / 12) + .3 * a * np.cos((h - ph) * np.pi / 6 + 1))
        x *= np.where((h // 24).astype(int) % 7 >= 5, U(.3, .6) if s.kind == "none_weekly" else U(.7, 1), 1.0)
    elif rng.random() < .4:                      # a stepped generator of load
        k = max(1, n // int(rng.integers(4, 15)))
        x *= np.repeat(rng.uniform(.4, 1.8, n // k + 1), k)[:n]
    if s.kind == "none_growload":
        x *= np.linspace(.4, U(1.2, 2.0), n)
    flight = np.ones(n)
    if "surge" in s.kind:
        a = U(.15, .75) * n
        if rng.random() < .5:
            r = s.rel[int(rng.integers(0, len(s.rel)))]
            a = (r["t"] + U(0, .15) * r["room"]) / s.dt
        b = a + U(.02, .25) * n if rng.random() < .7 else n
        on = (np.arange(n) >= a) & (np.arange(n) < b)
        if s.kind in ("none_surgeload", "leak_oversurge"):
            x *= np.where(on, U(2, 5), 1)
        else:
            flight = np.where(on, U(3, 9), 1.0)
    x = np.maximum(x, .02)
    return x / x.mean(), flight


MAIN = {"none_lru": "lru", "none_lrulong": "lru", "leak_overcache": "lru", "none_drop": "lru", "none_surgeconn": "conn", "none_surgethreads": "threads",
        "step_threads": "threads", "none_fraglog": "aging", "none_records": "records", "none_gcgen": "gen", "none_gclazy": "gen", "leak_gcold": "gen",
        "none_logbuf": "log", "none_ttl": "ttl", "none_daily": "ttl", "none_weekly": "ttl", "none_noload": "ttl", "none_growload": "ttl",
        "leak_conn": "conn", "none_allocator": "aging"}
CHANCE = (("lru", .18), ("gen", .22), ("conn", .4), ("threads", .35), ("log", .25), ("records", .2), ("aging", .35), ("ttl", .12))


def caches(s, rng, size):
    """Of the LRU cache and of the one with a time to live."""
    U, per_release = rng.uniform, s.per_release
    lo, hi = {"none_lru": (.3, 1.0), "none_lrulong": (1.0, 4.0), "leak_overcache": (.1, .6), "none_drop": (.1, .4)}.get(s.kind, (.02, .15))
    fill, bend, bytes_ = between(rng, lo, hi), U(1.05, 4), size("lru", .4, 2.5, .04, .2)
    keys = fill * per_release * U(1.0, 4)
    most = keys * (1 - (1 + (bend - 1) * fill * per_release / keys) ** (-1 / (bend - 1)))   # when that many requests have passed
    chunk = float(rng.choice([4 * KIB, 64 * KIB, MIB])) if bytes_ > 20 * MIB else 4 * KIB
    s.lru = dict(keys=keys, bend=bend, most=most, item=bytes_ / most, chunk=chunk)
    s.drops = sorted(U(0, s.span, int(rng.integers(2, 9)))) if s.kind == "none_drop" else []
    ttl = (between(rng, .01, .06) * s.gap if s.pace in ("minutes", "hours") else between(rng, 600, 7200)) / s.dt
    calm = s.rate * s.dt * ttl
    s.ttl = dict(keys=calm * U(1, 6), bend=1.5, most=NEVER, item=size("ttl", .3, 1.2, .03, .1) / calm * 1.3, chunk=4 * KIB, ttl=ttl)


def collector(s, rng, size):
    U = rng.uniform
    g = s.gen = dict(nursery=size("gen", .1, .5, .01, .05), live=size("gen", .1, .4, .03, .08), grow=U(1.4, 2.5), back=float(rng.choice([0, .002, .05])), cap=NEVER)
    g["garbage"], g["promoted"] = g["nursery"] / (s.per_release * between(rng, .002, .03)), U(.02, .3)
    if s.kind == "none_gclazy":                  # nothing collects the old space before the ceiling of the heap
        g.update(promoted=U(.3, .8), back=0, grow=40.0, cap=g["live"] * U(2.5, 5))
        g["garbage"] = g["cap"] / (s.per_release * U(.3, 1.3) * g["promoted"])


def pools(s, rng, size):
    """Connections, threads, the log buffer, the largest request so far, fragmentation."""
    U, busy = rng.uniform, max(.2, s.rate * s.latency)
    idle = float(rng.choice([0, between(rng, 30, 1800) / s.dt]))
    cap = np.ceil(busy * U(4, 14) + 8)
    s.conn = dict(least=4 * KIB, most=size("conn", .3, 1.2, .02, .08) / max(3, busy * (3 if MAIN.get(s.kind) == "conn" else 1)), idle=idle, cap=cap)
    s.thread = dict(cap=cap, stack=size("threads", .3, 1.0, .02, .08) / max(3, min(cap, busy * 4)), calm=between(rng, 2, 40))
    if s.kind == "step_threads":
        s.thread["stack"] = s.base * U(.1, .5) / s.more_threads
    full = size("log", .2, .8, .01, .04)
    s.log = dict(cap=full, line=full / (s.per_release * (between(rng, .02, .4) if s.kind == "none_logbuf" else between(rng, .005, .05))))
    tail, ceiling = U(.7, 1.5), size("records", .3, 1.5, .02, .08)
    s.record = dict(tail=tail, ceiling=ceiling, unit=ceiling * (s.per_release * U(.3, 8)) ** (-1 / tail))
    s.aging = dict(amount=size("aging", .05, .2, .002, .012), tau=s.gap * between(rng, .003, .1))


def program(s, rng):
    """Draws what a process is made of; build(s) makes the same cells each time."""
    U, kind = rng.uniform, s.kind
    s.rows = 2 * s.slots + 2
    s.base = between(rng, 3, 500) * MIB
    s.noise0 = s.base * between(rng, .002, .012)
    s.rate, s.latency = between(rng, .2, 300), between(rng, .004, .8)      # requests a second of a process, seconds of a request
    s.per_release = s.rate * s.gap
    s.purge, s.purge2 = float(rng.choice([1.0, .3, .05, .01])), float(rng.choice([.002, 1.0]))
    s.slower, s.jump, s.more_threads = U(2, 5), s.base * U(.08, .5), int(rng.integers(8, 40))
    s.init, s.init_time = s.base * U(.5, .9), U(.3, 8)
    s.live = s.base * U(.05, .3)
    s.warm, s.pace_warm = s.base * U(.03, .2), 1 / (s.per_release * between(rng, .01, .08))
    if kind == "none_warmchange":
        s.warm, s.pace_warm = s.base * U(.2, .7), 1 / (s.per_release * U(.05, .12))
    s.want = {name for name, chance in CHANCE if rng.random() < chance} | {MAIN.get(kind, "aging")}
    if MAIN.get(kind) == "lru":
        s.want.discard("gen")
    size = lambda name, a, b, c, d: s.base * (U(a, b) if name == MAIN.get(kind) else U(c, d))
    caches(s, rng, size)
    collector(s, rng, size)
    pools(s, rng, size)
    s.batches = None
    if kind == "none_batch" or (s.pace in ("days", "weeks") and rng.random() < .15):
        every = DAY if s.span > 3 * DAY else s.span / int(rng.integers(3, 9))
        s.batches = (np.arange(U(0, every), s.span, every) + U(0, 60), U(300, 5400), s.base * (U(.3, 1.5) if kind == "none_batch" else U(.02, .1)), U(.1, 1))
    s.wander = (s.noise0 * U(.2, 1), between(rng, 60, 3 * 3600) / s.dt if s.pace != "minutes" else between(rng, 3, 60) / s.dt)
    s.skew = np.exp(rng.normal(0, U(0, .4), s.slots))
    s.skew /= s.skew.mean()
    s.chunk = float(rng.choice([4 * KIB, 64 * KIB, 132 * KIB], p=[.7, .15, .15])) if s.noise0 > 100 * KIB else 4 * KIB
    s.miss = U(0, .06) if rng.random() < .5 else 0.0
    s.recycle = s.per_release * U(.1, .6) if rng.random() < .1 and kind != "flag_always" else 0.0
    s.luck = U(.85, 1.15, s.slots)


def build(s):
    g, R = np.random.default_rng([s.seed, 7]), s.rows
    out = [cells.Heap(g, R, s.live, s.rate * s.dt, s.purge), cells.WarmUp(R, s.warm, s.pace_warm), cells.Wander(g, R, *s.wander)]
    make = {"lru": lambda: cells.Lru(g, R, drop_at=s.drops, **s.lru), "ttl": lambda: cells.Lru(g, R, **s.ttl), "gen": lambda: cells.Generations(g, R, **s.gen),
            "conn": lambda: cells.Connections(g, R, **s.conn), "threads": lambda: cells.Threads(R, **s.thread), "log": lambda: cells.LogBuffer(g, R, **s.log),
            "records": lambda: cells.Records(g, R, **s.record), "aging": lambda: cells.Aging(R, **s.aging)}
    out += [make[name]() for name in sorted(s.want)]
    return out + ([cells.Batches(g, R, *s.batches)] if s.batches else [])


def traits(s, rng):
    """What a build is like; builds differ a little anyway."""
    own = rng.uniform(.05, .5)
    s.q = {c: dict(level=float(rng.normal(0, own * s.noise0)), foot=float(np.exp(rng.normal(0, .03))), warm=float(np.exp(rng.normal(0, .3))), frag=1.0, threads=1)
           for c in sorted({0} | {r["code"] for r in s.rel})}
    for c in [r["code"] for r in s.rel[s.k:]] if s.k is not None else []:
        q = s.q[c]
        if s.kind == "none_warmchange":
            q["warm"] /= s.slower
        elif s.kind == "none_allocator":
            q["purge"], q["frag"] = s.purge2, 1.6
        elif s.kind == "step_release":
            q["level"] += s.jump
        elif s.kind == "step_threads":
            q["threads"] = s.more_threads


def trigger(s, rng):
    """What makes it leak; windows of errors and times of reloads."""
    U = rng.uniform
    s.how = {"leak_error": "burst", "leak_timer": "timer", "leak_conn": "conn", "leak_reload": "events", "leak_table": "table", "leak_threads": "threads",
             "leak_session": "session", "leak_request": "request"}.get(s.kind) or str(rng.choice(["request", "timer", "conn", "session", "rare"], p=[.5, .18, .14, .1, .08]))
    if s.how == "rare" and s.per_release < 60:
        s.how = "request"                        # too few requests for rare errors
    s.period = min(float(rng.choice([1, 15, 60, 600])), s.gap / 15)
    s.error = np.full(s.n, min(.5, between(rng, 12, 300) / s.per_release) if s.how == "rare" else 0.0)
    s.events = []
    if s.how == "burst":
        x = U(0, .1) * s.gap
        while x < s.span:
            b = x + s.gap * U(.01, .08)
            s.error[int(x / s.dt):int(b / s.dt) + 1] = U(.05, .9)
            s.events.append((x, b))
            x = b + s.gap * U(.05, .25)
    if s.how == "events":
        s.events = [(x, x) for x in np.arange(U(0, .1) * s.gap, s.span, s.gap / U(4, 12))]
    s.slot_rate = np.exp(rng.normal(0, U(0, .6), s.slots))
    if rng.random() < .1 and s.slots > 2:        # in one worker only
        s.slot_rate *= 0
        s.slot_rate[int(rng.integers(0, s.slots))] = 1.5
    if s.kind == "flag_free":
        edges = [0.0] + [r["t"] for r in s.rel] + [s.span]
        a, b = max(zip(edges[:-1], edges[1:]), key=lambda e: (e[1] - e[0]) * rng.uniform(.6, 1))
        s.free_at = a + U(.35, .55) * (b - a)


def marks(s, rng):
    """When each row says the release was, and which rows nobody wrote."""
    style = {"leak_late": "late", "leak_missing": "missing"}.get(s.kind) or str(rng.choice(["exact", "early", "late", "mixed", "missing"], p=[.46, .14, .2, .12, .08]))
    s.mark_style = style
    for i, r in enumerate(s.rel):
        before, after = r["t"] - (s.rel[i - 1]["t"] if i else 0), (s.rel[i + 1]["t"] if i + 1 < len(s.rel) else s.span) - r["t"]
        shift = {"early": -rng.uniform(20, 1200), "late": rng.uniform(20, 1200), "mixed": rng.uniform(-1200, 1200)}.get(style, -rng.uniform(0, 15))
        r["mark"] = r["t"] + (0 if r["config"] else float(np.clip(shift, -.28 * before, .28 * after)))
        needed = i in s.accept or i == s.fix or (i == s.k and s.kind != "flag_unmarked")
        r["row"] = needed or (style != "missing" and not (s.kind == "flag_unmarked" and i == s.k)) or (style == "missing" and i != s.k and bool(rng.random() < .6))


def make(kind, seed, short=False):
    rng = np.random.default_rng([0xCE11, seed])
    s = types.SimpleNamespace(kind=kind, seed=seed)
    geometry(s, rng, short)
    releases(s, rng)
    choose(s, rng)
    program(s, rng)
    traits(s, rng)
    s.level, s.flight = load_curve(s, rng)
    trigger(s, rng)
    s.jump_at = s.rel[s.k]["t"] + .5 if kind == "step_config" else None
    s.lives = lives(s, rng)
    marks(s, rng)
    s.growth_ratio = between(rng, 2, 6) if kind == "leak_slow" else between(rng, 7, 70)
    s.swap_ratio, s.room_ratio = rng.uniform(1, 4), rng.uniform(4, 12)
    return s
