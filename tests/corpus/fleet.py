"""A fleet of processes: which release runs where and when, what load it gets, and when somebody marked it.

All times are seconds from the first sample. A life is a dict: slot, key, start, end, code (its build).
"""
import hashlib
import numpy as np
from parts import ou

DAY = 86400.0


def commit_of(seed, code):
    return hashlib.sha1(b"build/%d/%d" % (seed, code)).hexdigest()


def day_profile(rng, t, first, strength):
    """Traffic of a day as 24 knots with a weak weekend; strength 0 is flat."""
    knots = np.exp(strength * np.convolve(np.tile(rng.normal(0, 1, 24), 3), [.25, .5, .25], "same")[24:48] * 1.6)
    hour = (t + first) / 3600.0
    x = np.interp(hour % 24, np.arange(25), np.append(knots, knots[0]))
    weekend = ((hour // 24) % 7) >= 5
    return x / knots.mean() * np.where(weekend, 1 - .3 * strength, 1.0)


def load_level(rng, t, dt, first, strength, fast):
    """Relative traffic: days and weeks, wander, bursts, hours of an outage; in minutes-long runs a stepped load generator."""
    n = len(t)
    x = np.exp(ou(rng, n, rng.uniform(300, 2400) / dt, rng.uniform(.03, .15)))
    if fast:
        hold = max(1, int(rng.uniform(20, 200) / dt))
        x *= np.repeat(rng.choice([.5, .8, 1, 1, 1, 1.4, 2], n // hold + 1), hold)[:n] if rng.random() < .4 else 1.0
        return x
    x *= day_profile(rng, t, first, strength)
    for _ in range(rng.poisson(n * dt / DAY * rng.uniform(0, 4))):
        a = int(rng.uniform(0, n))
        x[a:a + int(rng.exponential(600) / dt) + 1] *= rng.uniform(1.3, 3)
    if rng.random() < .15:
        a = int(rng.uniform(0, n))
        x[a:a + int(rng.uniform(120, 1800) / dt) + 1] *= .05
    return x


def deploy_times(rng, span, count, least, lead=.08, tail=.1):
    """`count` times, no two nearer than `least`; fewer where they do not fit."""
    room = span * (1 - lead - tail)
    while count > 1 and (count - 1) * least > .8 * room:
        count -= 1
    w = rng.gamma(1.6, 1.0, count + 1)
    w = np.cumsum(w)[:-1] / w.sum() * (room - (count - 1) * least)
    return [float(span * lead + x + i * least) for i, x in enumerate(w)]


def mark_shift(rng, style, before, after):
    """Seconds between the first restart and its mark: below 0 early. Never as near to a neighbour as to its own."""
    m = 0.0
    if style == "early":
        m = -rng.uniform(60, 1200)
    elif style == "late":
        m = rng.uniform(60, 1200)
    elif style == "sloppy":
        m = rng.uniform(-1200, 1200)
    elif style == "exact":
        m = -rng.uniform(0, 20)
    return float(np.clip(m, -.3 * before, .3 * after))


def build_lives(rng, f):
    """Every life of every slot, from the releases' waves of restarts.

    f: slots, span, early (seconds before the first sample), rel (list of dict t, code, mode, spread, drain, share),
    crash (mean seconds between crashes of a slot or 0), keys (slot | pid).
    """
    lives = []
    order = rng.permutation(f["slots"])
    for slot in range(f["slots"]):
        place = float(np.nonzero(order == slot)[0][0]) / max(1, f["slots"])
        ev = []
        for r in f["rel"]:
            if r["mode"] == "config":
                continue
            if r.get("first") is not None and not r["first"] <= place < r["upto"]:
                continue
            ev.append((r["t"] + place * r["spread"] + rng.uniform(0, min(2.0, .02 * r["spread"] + .2)), r["code"], r["drain"], r["mode"]))
        if f["crash"]:
            x = rng.exponential(f["crash"])
            while x < f["span"]:
                ev.append((x, None, 0.0, "crash"))
                x += rng.exponential(f["crash"])
        ev.sort(key=lambda e: e[0])
        start, code, colour = -rng.uniform(.02, 1) * f["early"], 0, 0
        for when, c, drain, mode in ev + [(np.inf, None, 0.0, "end")]:
            key = "app:%d" % slot if mode != "bluegreen" and not f["bluegreen"] else "%s:%d" % (("blue", "green")[colour], slot)
            end = min(when + drain, f["span"])
            # what runs two releases side by side starts the new one first; else the old one goes first
            lives.append(dict(slot=slot, key=key, start=start, end=end, code=code, why=mode, drain=drain))
            if when == np.inf:
                break
            start = when if drain else when + rng.uniform(.05, f["down"])
            code = code if c is None else c
            colour ^= f["bluegreen"] and c is not None
    return [x for x in lives if x["end"] - x["start"] > 0 and x["end"] > 0]
