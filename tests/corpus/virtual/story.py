"""What happens in a scenario of real allocators under virtual time, drawn from its seed: pace, rollouts, marks, load, what leaks."""
import types
import numpy as np
from cellplan import DAY, NEVER, SLOWER, between, canary

MB = 1e6
WHERE = ["", "request", "session", "error", "timer", "reload", "newkey", "connection", "eviction", "batch"]      # as in life.c
LEAKS = ["leak_request", "leak_session", "leak_error", "leak_timer", "leak_reload", "leak_newkey", "leak_connection", "leak_eviction", "leak_batch",
         "leak_worker", "leak_accel", "leak_partial", "leak_fixed", "leak_again", "leak_canary", "leak_rolling", "leak_graceful", "leak_bluegreen",
         "leak_latemark", "leak_missing", "leak_config", "leak_slow", "leak_weeks", "leak_many", "leak_single", "leak_recycle", "leak_crash",
         "leak_overcache", "leak_oversurge", "leak_noload", "leak_close", "leak_fast"]
CONTROLS = ["none_quiet", "none_cache", "none_cachelong", "none_ttl", "none_daily", "none_warmup", "none_surge", "none_threads", "none_gc",
            "none_recycle", "none_frag", "none_log", "none_trim", "none_batch", "none_crash", "none_configs", "none_allocator", "none_drop",
            "none_growload", "none_many", "none_noload", "none_canary", "none_fast", "none_stepfree", "step_up", "step_config", "step_up", "none_pool"]
FLAGS = ["flag_onset", "flag_always", "flag_newkey", "flag_unmarked"]
BLOCKS = 7                                      # of five leaks, four controls, one growth that no deploy began
KINDS = [z[i % len(z)] for b in range(BLOCKS) for z, many in ((LEAKS, 5), (CONTROLS, 4), (FLAGS, 1)) for i in range(many * b, many * b + many)]
PACE = {"leak_fast": "minutes", "none_fast": "minutes", "leak_weeks": "weeks", "none_growload": "days", "none_daily": "days", "none_batch": "days",
        "leak_batch": "days", "none_noload": "days", "flag_unmarked": "hours"}
LEAST = {"leak_again": 4, "leak_partial": 3, "leak_fixed": 3, "leak_missing": 4, "leak_close": 3}
MAIN = {"none_cache": "cache", "none_cachelong": "cache", "leak_overcache": "cache", "leak_newkey": "cache", "leak_eviction": "cache", "none_drop": "cache",
        "flag_newkey": "cache", "none_ttl": "sessions", "leak_session": "sessions", "none_daily": "sessions", "none_noload": "sessions",
        "none_growload": "sessions", "leak_connection": "connections", "none_surge": "connections", "leak_oversurge": "connections", "none_warmup": "names",
        "none_gc": "heap", "none_log": "log", "none_trim": "log", "none_frag": "frag", "none_allocator": "frag", "none_batch": "job", "leak_batch": "job",
        "none_pool": "pool", "none_threads": "threads"}
CHANCE = {"cache": .3, "sessions": .3, "connections": .4, "names": .4, "heap": .25, "log": .3, "frag": .3, "job": .1, "pool": .2, "threads": .25}
ALLOCATORS = [("", .56), ("libjemalloc.so.2", .17), ("libtcmalloc_minimal.so.4", .13), ("libmimalloc.so.2", .14)]


def geometry(s, rng, rows):
    """Span, interval, processes, releases, within a limit of rows."""
    s.pace = PACE.get(s.kind) or str(rng.choice(["minutes", "hours", "days", "weeks"], p=[.25, .37, .28, .10]))
    lo, hi, steps = {"minutes": (720, 5400, [1, 1, 2, 5]), "hours": (2 * 3600, 30 * 3600, [5, 10, 15, 30]),
                     "days": (1.5 * DAY, 7 * DAY, [15, 30, 60]), "weeks": (8 * DAY, 24 * DAY, [60])}[s.pace]
    s.span, s.dt = between(rng, lo, hi), float(rng.choice(steps))
    s.slots = 1 if s.kind == "leak_single" else int(rng.integers(16, 41)) if s.kind.endswith("_many") else max(1, int(between(rng, 1, 12)))
    if s.kind.endswith("_canary") or s.kind == "leak_worker":
        s.slots = max(3, s.slots)
    least = {"leak_single": 1}.get(s.kind, 16 if s.kind.endswith("_many") else 3 if s.kind in ("leak_worker", "leak_canary", "none_canary") else 2)
    while s.slots * s.span / s.dt > rows:
        if s.slots > least:
            s.slots -= 1
        elif s.dt < 60 and s.pace != "minutes":
            s.dt = float(SLOWER[int(s.dt)])
        else:
            s.span *= .9
    s.n = int(s.span / s.dt)
    most = max(3, min(12, int(s.n / 150)))       # a release is seen at least 100 times or so
    s.count = int(rng.integers(max(3, LEAST.get(s.kind, 3)), max(most, LEAST.get(s.kind, 3)) + 1))
    s.gap = s.span / (s.count + 1)
    s.first = 1.75e9 + float(rng.uniform(0, 2e7))


def releases(s, rng):
    """Rollouts in order: when, which build, how."""
    forced = {"leak_rolling": "rolling", "leak_graceful": "graceful", "leak_bluegreen": "bluegreen"}.get(s.kind)
    s.mode = forced or str(rng.choice(["atonce", "stagger", "rolling", "graceful", "bluegreen"], p=[.25, .35, .14, .16, .1]))
    g = rng.gamma(4.0, 1.0, s.count + 1) + 1.5
    at, U = np.cumsum(g)[:-1] / g.sum() * s.span, rng.uniform
    s.rel = []
    for i, t in enumerate(at):
        room = float((at[i + 1] if i + 1 < s.count else s.span) - t)
        r = dict(t=float(t), code=i + 1, room=room, spread=min(1.0, s.dt), drain=0.0, config=False, first=0.0, upto=2.0, row=True)
        if s.mode == "stagger":
            r["spread"] = min(U(2, 180), .1 * room)
        elif s.mode == "rolling":
            r["spread"] = min(between(rng, 120, 5 * 3600), U(.15, .35) * room)
        elif s.mode in ("graceful", "bluegreen"):
            r["spread"], r["drain"] = min(U(1, 60), .05 * room), min(between(rng, 5, 3600), .25 * room)
        s.rel.append(r)


def guilty(s, rng):
    """Which release leaks, which ends it; s.rates: how much each build leaks."""
    n, codes, kind = len(s.rel), [r["code"] for r in s.rel], s.kind
    last = n - {"leak_again": 3, "leak_partial": 2, "leak_fixed": 2, "leak_close": 2}.get(kind, 1)
    s.k = k = int(rng.integers(min(1, last), last + 1))
    ends = kind in ("leak_fixed", "leak_partial") or rng.random() < .2 and kind not in ("leak_again", "leak_config", "leak_canary", "leak_close", "leak_slow")
    fix = k + 1 if kind == "leak_again" else int(rng.integers(k + 1, min(n, k + 3))) if ends and k + 1 < n else None
    s.fix, s.accept, s.rates = fix, [k], {c: 1.0 for c in codes[k:fix]}
    if kind == "leak_partial":
        rest, s.fix = float(rng.uniform(.25, .6)), None
        s.rates.update({c: rest for c in codes[fix:]})
        s.note = "row %d leaves %.2f of the leak" % (fix, rest)
    elif kind == "leak_again":
        s.rates.update({c: 1.0 for c in codes[k + 2:]})
        s.fix, s.note = None, "away with row %d, back with row %d" % (k + 1, k + 2)
        if rng.random() < .5:                    # rolled back to the very same build
            s.rel[k + 1]["code"] = codes[k - 1] if k else 0
    elif kind == "leak_config":
        s.rel[k]["config"], s.free_at, s.fix = True, s.rel[k]["t"] + float(rng.uniform(0, 2)), None
        s.rates = {c: 1.0 for c in [0] + codes}
    elif kind == "leak_close":
        s.rel[k + 1]["t"] = s.rel[k]["t"] + float(rng.uniform(.02, .06)) * s.rel[k]["room"]
        s.rel[k]["room"], s.accept = s.rel[k + 1]["t"] - s.rel[k]["t"], [k, k + 1]
        for r in s.rel[k:k + 2]:
            r["spread"], r["drain"] = min(r["spread"], .1 * s.rel[k]["room"]), 0.0
        if rng.random() < .5:
            del s.rates[codes[k]]
            s.k = k + 1


def choose(s, rng):
    codes = [r["code"] for r in s.rel]
    s.k = s.fix = s.free_at = s.step_at = s.step_code = s.swap_code = None
    s.accept, s.rates, s.note, s.jump = [], {}, "", 0.0
    if s.kind.startswith("leak_"):
        guilty(s, rng)
    elif s.kind.startswith("flag_"):
        s.rates = {c: 1.0 for c in [0] + codes}
        if s.kind == "flag_unmarked":
            s.k = int(rng.integers(0, len(codes)))
            s.rates, s.rel[s.k]["row"] = {c: 1.0 for c in codes[s.k:]}, False
        elif s.kind != "flag_always":
            r = s.rel[int(rng.integers(0, max(1, len(codes) - 1)))]
            s.free_at = r["t"] + r["room"] * float(rng.uniform(.45, .65))
    elif s.kind in ("step_up", "step_config", "none_allocator"):
        s.k = int(rng.integers(0, len(codes)))
        s.rel[s.k]["config"] = s.kind == "step_config"
        s.step_code = codes[s.k] if s.kind == "step_up" else None
        s.swap_code = codes[s.k] if s.kind == "none_allocator" else None
        s.step_at = s.rel[s.k]["t"] + float(rng.uniform(0, 2)) if s.kind == "step_config" else None
    elif s.kind == "none_stepfree":
        r = s.rel[int(rng.integers(0, len(codes)))]
        s.step_at = r["t"] + r["room"] * float(rng.uniform(.4, .6))
    if s.kind.endswith("_canary"):
        canary(s, rng)
    if s.kind == "none_configs" or s.kind != "none_stepfree" and not s.kind.startswith("flag_") and rng.random() < .15:
        idle_rows(s, rng, 3 if s.kind == "none_configs" else 1)
    if s.kind == "leak_missing":
        others = [i for i, r in enumerate(s.rel) if i not in (s.k, s.fix)]
        for i in rng.permutation(others)[:max(1, len(others) // 3)]:
            s.rel[i]["row"] = False


def idle_rows(s, rng, most):
    """Rows of configuration in the midst of a release: nobody restarts, nothing changes."""
    for r in rng.choice(s.rel, int(rng.integers(1, most + 1)), replace=False):
        if r["config"] or not r["row"]:
            continue
        x = dict(r, t=r["t"] + r["room"] * float(rng.uniform(.3, .8)), config=True, code=-1)
        i = s.rel.index(r) + 1
        if i < len(s.rel) and s.rel[i]["code"] == r["code"]:
            continue                             # never between a canary and its rollout
        s.rel.insert(i, x)
        s.k, s.fix = [None if z is None else z + (z >= i) for z in (s.k, s.fix)]
        s.accept = [z + (z >= i) for z in s.accept]


def marks(s, rng):
    """When each rollout was noted: never nearer to a neighbour than to its own wave, 20 minutes off at most."""
    late = s.kind == "leak_latemark"
    s.mark_style = "late" if late else "exact" if s.kind.startswith("flag_") or s.kind == "none_stepfree" else str(rng.choice(["exact", "sloppy", "late", "early", "both"], p=[.4, .2, .18, .1, .12]))
    for i, r in enumerate(s.rel):
        after = (s.rel[i + 1]["t"] if i + 1 < len(s.rel) else s.span) - r["t"]
        before = r["t"] - (s.rel[i - 1]["t"] + s.rel[i - 1]["spread"] if i else 0)
        x = {"exact": rng.uniform(-2, 2), "sloppy": rng.normal(0, 40), "late": between(rng, 30, 1200), "early": -between(rng, 30, 1200),
             "both": rng.uniform(-1200, 1200)}[s.mark_style]
        x = between(rng, 240, 1200) if late else x
        r["mark"] = r["t"] + float(rng.uniform(0, 1) if r["config"] else np.clip(x, -.4 * max(0, before), .4 * max(0, after)))


def planned(s, rng):
    """The planned lives of every slot: key, start, end, build, from when it only drains."""
    out, order = [], rng.permutation(s.slots)
    crash = s.span / 9 if s.kind.endswith("_crash") else s.span if rng.random() < .12 else None
    s.old = s.kind in ("flag_always",) or bool(rng.random() < .65)
    for slot in range(s.slots):
        place = order[slot] / s.slots
        ev = [(r["t"] + place * r["spread"] + rng.uniform(0, .5), r["code"], r["drain"]) for r in s.rel if not r["config"] and r["first"] <= place < r["upto"]]
        x = rng.exponential(crash) if crash else NEVER
        while x < s.span:
            ev.append((x, None, 0.0))
            x += rng.exponential(crash)
        ev.sort(key=lambda e: e[0])
        start, code, colour = -float(rng.uniform(.3, 1.2) * s.gap) if s.old else float(rng.uniform(0, 2)), 0, 0
        for when, c, drain in ev + [(NEVER, None, 0.0)]:
            key = "%s-%d" % (("blue", "green")[colour], slot) if s.mode == "bluegreen" else "w%d" % slot
            out.append(dict(slot=slot, key=key, start=start, end=min(when + drain, s.span), code=code, quiet=when))
            if when == NEVER:
                break
            start = when if drain else when + rng.uniform(.1, min(8.0, 2 * s.dt))
            code = code if c is None else c
            colour ^= c is not None
    return [x for x in out if x["end"] > 0 and x["end"] - x["start"] > 1.5 * s.dt]


def traffic(s, rng):
    """Requests relative to their mean, and concurrency beyond what they explain, a tick, from the burn-in on."""
    U, n = rng.uniform, s.n + s.burn
    t = (np.arange(n) - s.burn) * s.dt
    k = max(3, int(n * U(.002, .05)))
    x = np.exp(np.convolve(rng.normal(0, 1, n + k), np.ones(k) / np.sqrt(k), "valid")[:n] * U(.02, .2))
    if s.pace in ("days", "weeks"):
        a, ph, h = U(.4, .8) if s.kind in ("none_daily", "none_noload") else U(0, .6), U(0, 24), (s.first + t) / 3600
        x *= np.maximum(.05, 1 + a * np.cos((h - ph) * np.pi / 12) + .25 * a * np.cos((h - ph) * np.pi / 6 + 1))
        x *= np.where((h // 24).astype(int) % 7 >= 5, U(.5, 1), 1.0)
    style = rng.random()
    if style < .25:                              # bursts
        for _ in range(int(rng.integers(2, 14))):
            a, b = int(U(0, n)), int(U(.003, .03) * n) + 2
            x[a:a + b] *= U(1.5, 4)
    elif style < .45 and s.pace in ("minutes", "hours"):
        k = max(1, n // int(rng.integers(4, 15)))
        x *= np.repeat(U(.5, 1.7, n // k + 1), k)[:n]
    if s.kind == "none_growload":
        x *= np.linspace(.4, U(1.3, 2.0), n)
    crowd = np.ones(n)
    if s.kind in ("none_surge", "none_threads", "leak_oversurge"):
        a = U(.2, .75) * s.n + s.burn
        if rng.random() < .5:
            r = s.rel[int(rng.integers(0, len(s.rel)))]
            a = s.burn + (r["t"] + U(.02, .3) * r["room"]) / s.dt
        on = (np.arange(n) >= a) & (np.arange(n) < (a + U(.03, .25) * n if rng.random() < .7 else n))
        x *= np.where(on, U(1.5, 4), 1)
        crowd = np.where(on, U(2, 5), 1.0)
    return x / x[s.burn:].mean(), crowd


def happenings(s, rng):
    """The letter of each tick: reload, batch, drop of the cache, step."""
    e = np.full(s.n + s.burn, ".")
    every = s.gap / rng.uniform(4, 15)
    if "job" in s.parts and s.span > 4 * DAY and s.gap > 3 * DAY:
        every = DAY
    for letter in ("b" if "job" in s.parts else "") + ("r" if s.kind == "leak_reload" else "") + ("d" if s.kind == "none_drop" else ""):
        at = np.arange(rng.uniform(.1, .9) * every, (s.n + s.burn) * s.dt, every * (3 if letter == "d" else 1))
        e[np.minimum((at / s.dt).astype(int), len(e) - 1)] = letter
    return e


def program(s, rng):
    """What a process is made of, as arguments of life.c, and the allocator it runs on."""
    U, kind = rng.uniform, s.kind
    main = MAIN.get(kind)
    s.parts = {p for p, chance in CHANCE.items() if rng.random() < chance and kind != "none_quiet"} | {main} - {None}
    s.rate = between(rng, 3, 60) if s.pace != "minutes" else between(rng, 8, 250)      # requests a tick of a process
    s.crowd, base = between(rng, 2, 50), between(rng, 4, 110) * MB
    per, ticks = s.rate * s.gap / s.dt, s.gap / s.dt
    size = lambda part, lo, hi, small=.02, large=.12: base * (U(lo, hi) if part == main else U(small, large))
    p = s.program = dict(base=base * U(.6, .95), baseobj=between(rng, 60, 3000), ramp=int(rng.integers(1, 4)), spread=U(.5, 1.5))
    p["msg"] = base * U(.002, .03) / (2.1 * s.crowd * np.exp(p["spread"] ** 2 / 2))
    most = 25e9 / (s.n * s.slots * s.rate)       # bytes a request may touch, or a scenario takes minutes
    p["msg"] = min(p["msg"], most / (2.1 * np.exp(p["spread"] ** 2 / 2)))
    p["bend"] = U(1.2, 3.5)
    if "sessions" in s.parts:
        p["ttl"], p["newsess"] = max(2, int(U(.01, .1) * ticks)), U(.05, .6)
        p["sess"] = size("sessions", .2, .8) / (p["ttl"] * s.rate * p["newsess"] * 1.4)
    if "cache" in s.parts:
        bound, fill = size("cache", .3, 1.5), U(.05, .35) if kind != "none_cachelong" else U(.5, 1.5)
        p["keys"] = max(100, per * fill * U(1, 3))
        p["item"] = max(64, bound / (per * fill * U(.3, .6)))
        p["item"] = min(p["item"], bound / 40)
        p["bound" if rng.random() < .6 else "entries"] = bound
        if "entries" in p:
            p["entries"] = max(20, bound / p["item"])
        if p["keys"] < 3 * bound / p["item"] and kind in ("leak_eviction", "leak_newkey", "flag_newkey"):
            p["keys"] = 3 * bound / p["item"]    # a cache that never misses has nothing to forget
    if "connections" in s.parts:
        p["conn"], p["churn"] = size("connections", .1, .4, .005, .04) / (s.crowd * 8), between(rng, .002, .1)
        p["stmt"] = p["conn"] * U(.1, 1) if rng.random() < .5 else 0
    if "names" in s.parts:
        p["names"] = max(50, per * U(.01, .08 if main == "names" else .05))
        p["name"] = size("names", .2, .6, .02, .08) / p["names"] / 1.6
    if "heap" in s.parts:
        p["nursery"] = min(10 * MB, size("heap", .15, .5, .03, .1))
        p["garbage"] = min(most, p["nursery"] / max(4, min(per, 60000) * between(rng, .01, .1)))
        p["survive"], p["dies"], p["factor"] = U(.02, .15), U(.2, .6), U(0, 1.2)
    if "log" in s.parts:
        p["logcap"] = size("log", .1, .6, .01, .06)
        p["logline"], p["logfree"] = p["logcap"] / (per * between(rng, .02, .3)) / 1.2, int(rng.random() < .5)
    if "frag" in s.parts:
        bytes_, p["frag"] = size("frag", .2, .7), between(rng, 100, 4000)
        p["frags"] = max(30, bytes_ / p["frag"] / 2)
        p["fragchurn"] = min(20, p["frags"] / (per * U(.04, .15)))
    if "job" in s.parts:
        p["batch"], p["pinned"], p["hold"] = size("job", .15, .8, .05, .2), float(rng.choice([0, U(.001, .03)])), max(1, int(U(.002, .02) * ticks))
    if "pool" in s.parts:
        p["block"] = size("pool", .2, .6, .01, .06) / (s.crowd * 1.3)
    if "threads" in s.parts:
        p["threads"] = int(rng.integers(2, 9)) if main != "threads" else 40
    if kind == "none_trim" or rng.random() < .1:
        p["trim"] = max(2, int(U(.02, .3) * ticks))
    s.allocator, s.env = allocator(rng, kind)
    s.other = allocator(rng, "")
    while s.other[0] == s.allocator:
        s.other = allocator(rng, "")
    s.jump = p["base"] * U(.12, .5) if kind.startswith("step_") or kind == "none_stepfree" else 0.0
    s.recycle = per * between(rng, .05, .3) if kind.endswith("_recycle") else None
    s.skew = np.exp(rng.normal(0, rng.choice([.02, .15]), s.slots))
    s.errors = between(rng, .002, .05)


def allocator(rng, kind):
    """Which library, and how it is told to behave: what is timed in real seconds there must not wait for them here."""
    names, weights = zip(*ALLOCATORS)
    name = "" if kind == "none_trim" else str(rng.choice(names, p=weights))
    tune = {"": {"GLIBC_TUNABLES": str(rng.choice(["", "", "glibc.malloc.arena_max=2", "glibc.malloc.trim_threshold=1048576",
                                                   "glibc.malloc.mmap_threshold=131072", "glibc.malloc.tcache_count=0"]))},
            "libjemalloc.so.2": {"MALLOC_CONF": str(rng.choice(["dirty_decay_ms:1,muzzy_decay_ms:0", "dirty_decay_ms:3", "dirty_decay_ms:20,muzzy_decay_ms:0"]))},
            "libtcmalloc_minimal.so.4": {"TCMALLOC_RELEASE_RATE": str(rng.choice(["1", "10"]))},
            "libmimalloc.so.2": {"MIMALLOC_RESET_DELAY": str(rng.choice(["0", "1", "10"])), "MIMALLOC_PAGE_RESET": str(rng.choice(["0", "1"]))}}[name]
    return name, dict(tune, LD_PRELOAD=name) if name else tune


def leak_at(s, rng):
    """Which occasion the leak waits for."""
    s.only = None
    name = s.kind.split("_")[1]
    if s.kind == "leak_worker":
        s.only = int(rng.integers(0, s.slots))
    fit = ["request", "request", "timer", "error"] + (["session"] if "sessions" in s.parts else []) + (["connection"] if "connections" in s.parts else [])
    s.where = name if name in WHERE else str(rng.choice(fit))
    plain = s.kind.startswith("flag_") or s.kind == "leak_config"
    s.ratio = between(rng, 3.2, 5) if s.kind == "leak_slow" else between(rng, 10 if plain else 4, 50)
    s.share = float(rng.uniform(.1, 1.2)) if plain or s.kind != "leak_slow" and rng.random() < .3 else 0.0


def make(kind, seed, attempt=0, rows=45000):
    rng = np.random.default_rng([0x71, seed, attempt])
    s = types.SimpleNamespace(kind=kind, seed=seed, attempt=attempt)
    for step in (lambda *a: geometry(*a, rows), releases, choose, marks, program, leak_at):
        step(s, rng)
    s.lives = planned(s, rng)
    s.burn = int(max(0, -min(x["start"] for x in s.lives)) / s.dt) + 1
    s.load, s.crowded = traffic(s, rng)
    s.events = happenings(s, rng)
    return s
