"""What is laid over the lives once they are simulated: children, pages swapped out, shared segments, mapped files."""
import numpy as np
import parts
from parts import PAGE


def children(s, masters, rng):
    """Children that nobody reaps: each one small and flat, their number grows with the age of the bad master."""
    c, out, number = s.children, [], 0
    for m in masters:
        life = m["life"]
        rate = c["codes"].get(life["code"], 0.0)
        births = [] if not rate else np.arange(life["start"], life["end"], c["every"] / rate)[1:]
        for b in births:
            b = float(b + rng.uniform(-.4, .4) * c["every"])
            keep = (m["t"] > b)
            if not keep.any():
                continue
            number += 1
            size = c["bytes"] * rng.uniform(.8, 1.25)
            anon = parts.quantise(size + np.zeros(int(keep.sum())), PAGE)
            one = dict(slot=100 + number, key="app:child" if c["one_key"] else "app:child%d" % number, start=b, end=life["end"], code=life["code"], why="child", drain=0.0)
            out.append(dict(life=one, j=m["j"][keep], t=m["t"][keep], anon=anon, threads=np.ones(len(anon)), fds=np.full(len(anon), 4.0), served=np.zeros(len(anon))))
    return out


def pressure(s, total):
    """Share of the private memory that the host has put out to swap at each step."""
    t = np.arange(s.n_all) * s.dt - s.early
    away = np.zeros(s.n_all)
    if s.kind == "leak_swap":
        seen = total[t >= 0]
        lim = max(float(np.quantile(seen, .15)) * s.swap_room, 1.0)
        away = np.clip(1 - lim / np.maximum(total, lim), 0, .85)
    for a, length, share in s.swap_windows or []:
        x = np.clip((t - a) / (.1 * length + s.dt), 0, 1) * np.exp(-np.maximum(0, t - a - length) / (2 * length))
        away = np.maximum(away, share * x)
    k = max(1, int(60 / s.dt))
    return np.convolve(away, np.ones(k) / k, "same")[:s.n_all] if k > 1 and s.n_all >= k else away


def segments(s, x, rng):
    """Shared-memory pages in this process's table."""
    age = x["t"] - x["life"]["start"]
    if not s.shm:
        return np.full(len(x["j"]), s.shm_bytes)
    touched = np.minimum(1.0, .2 + age / s.shm["touch"])
    return np.floor((s.shm_bytes + s.shm["total"][x["j"]] * touched) / PAGE) * PAGE


def mapped_file(s, x):
    return np.floor((s.file_bytes + np.minimum(np.cumsum(x["served"]) * s.file_grows, 6 * s.base)) / PAGE) * PAGE
