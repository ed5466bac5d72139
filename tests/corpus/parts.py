"""Mechanisms of memory, simulated: each takes what a process is asked to do in every step and gives its bytes.

Nothing here knows deploys, labels or files. Arrays run over the steps of one life; 'served' is requests a step,
'busy' is requests in flight.
"""
import numpy as np

PAGE = 4096.0
MIB = 1048576.0


def ou(rng, n, tau, sd):
    """A stationary Ornstein-Uhlenbeck wander with a memory of tau steps."""
    from scipy.signal import lfilter
    phi = np.exp(-1.0 / max(tau, 1e-3))
    e = rng.standard_normal(n) * sd * np.sqrt(1 - phi * phi)
    e[:1] = rng.standard_normal() * sd
    return lfilter([1.0], [1.0, -phi], e)


class Zipf:
    """How many different keys R requests touch, when key i is asked for with weight i^-skew."""

    def __init__(self, keys, skew):
        edge = np.unique(np.geomspace(1, keys + 1, 300).astype(np.int64))
        mid, width = (edge[:-1] + edge[1:] - 1) / 2.0, np.diff(edge)
        p = mid ** -skew
        p /= (p * width).sum()
        self.x = np.linspace(0, np.log(1e13), 500)
        r = np.exp(self.x)
        self.d = np.array([(width * -np.expm1(-q * p)).sum() for q in r])

    def distinct(self, requests):
        return np.interp(np.log(np.maximum(requests, 1.0)), self.x, self.d) * (requests > 0)


def lru_cache(served, zipf, capacity, item):
    """A cache that holds the last `capacity` keys."""
    return np.minimum(zipf.distinct(np.cumsum(served)), capacity) * item


def between(t, at):
    """The parts [a, b) of t that no time in `at` (None: none) cuts."""
    cuts = np.unique(np.concatenate([[0, len(t)], [] if at is None else np.searchsorted(t, at)]).astype(int))
    return list(zip(cuts[:-1], cuts[1:]))


def ttl_cache(served, zipf, ttl, item):
    """A cache whose entries go ttl steps after they came: as large as the traffic of the last ttl steps."""
    c = np.concatenate([[0.0], np.cumsum(served)])
    i = np.arange(1, len(c))
    return zipf.distinct(c[i] - c[np.maximum(0, i - int(ttl))]) * item


def high_water(rng, use, trim_every, pinned):
    """The committed top of one arena: rises with use; a trim gives back all but the pinned share."""
    n = len(use)
    at = np.flatnonzero(rng.random(n) < 1.0 / max(trim_every, 1.0))
    out, top, a = np.empty(n), 0.0, 0
    for b in list(at) + [n]:
        if b > a:
            out[a:b] = np.maximum(top, np.maximum.accumulate(use[a:b]))
            top = out[b - 1]
        if b < n:
            top = use[b] + pinned * max(0.0, top - use[b])
        a = b
    return out


def arena_heap(rng, busy, arenas, footprint, trim_every, pinned):
    """Requests in flight spread over arenas, each with its own high-water mark."""
    out = np.zeros(len(busy))
    for _ in range(arenas):
        use = rng.poisson(np.maximum(busy, 0) / arenas) * footprint
        out += high_water(rng, use, trim_every, pinned)
    return out


def fragmentation(rng, served, pages_per_request, tau, page=PAGE):
    """Pages held by one forgotten small object each: born with traffic, freed after tau steps. Bounded."""
    from scipy.signal import lfilter
    born = rng.poisson(np.maximum(served * pages_per_request, 0))
    return lfilter([1.0], [1.0, -np.exp(-1.0 / tau)], born.astype(float)) * page


def collected_heap(rng, live, alloc, floor, factor, give_back):
    """A collected heap: garbage gathers until live x factor (at least floor); what is committed shrinks slowly."""
    out, garbage, committed = np.empty(len(live)), float(rng.uniform(0, .5)) * floor, 0.0
    limit = max(floor, factor * live[0])
    noise = rng.uniform(.0, .12, len(live)).tolist()
    for i, (l, a) in enumerate(zip(live.tolist(), alloc.tolist())):
        garbage += a
        if l + garbage > limit:
            garbage = min(garbage, limit) * noise[i]
            limit = max(floor, factor * l)
        used = l + garbage
        committed = used if used > committed else committed + give_back * (used - committed)
        out[i] = committed
    return out


def bounded_pool(busy, cap, idle):
    """Connections or threads: opened when needed, at most cap, closed after idle steps (0: never)."""
    need = np.minimum(np.ceil(busy), cap)
    if idle <= 0:
        return np.maximum.accumulate(need)
    from scipy.ndimage import maximum_filter1d
    k = int(idle)
    return maximum_filter1d(need, size=k, origin=(k - 1) // 2, mode="constant", cval=0.0)


def held_batches(t, at, length, size, keep):
    """A batch at each time in `at`: its working set for `length`, of which `keep` stays committed and is used again."""
    out = np.zeros(len(t))
    for a in at:
        now = (t >= a) & (t < a + length)
        out[now] = size * np.minimum(1.0, (t[now] - a) / (.3 * length) + .05)
        out[t >= a + length] = np.maximum(out[t >= a + length], keep * size)
    return out


def staircase(t, at, size):
    """Each event in `at` adds size (or size[i]) for good."""
    at = np.asarray(at, float)
    size = np.broadcast_to(size, at.shape)
    return np.concatenate([[0.0], np.cumsum(size)])[np.searchsorted(at, t, side="right")]


def quantise(x, quantum):
    return np.ceil(np.maximum(x, PAGE) / quantum) * quantum
