"""Cells of a process's memory that live side by side in one loop over time: row r of every array is one process.

Each cell has reset(r, q) for a process that starts with the traits q of its release, and step(t, work) -> bytes of
every row. `work` holds requests, busy (requests in flight), opened (new connections) of the step, one entry a row.
Nothing here knows deploys or labels.
"""
import numpy as np

PAGE, KIB, MIB = 4096.0, 1024.0, 1048576.0


class Heap:
    """Size classes on slabs of 16 KiB: a slab goes back only when its last object dies, and then only when purged."""

    def __init__(self, rng, rows, live, calm, purge):
        self.rng, self.size = rng, 2.0 ** rng.integers(5, 14, 6)
        self.per = np.maximum(1.0, 16384 / self.size)
        self.stay = np.exp(rng.uniform(np.log(.5), np.log(400), 6))         # steps an object lives
        share = rng.dirichlet(np.full(6, .7))
        self.birth = share * live / self.size / self.stay / max(calm, 1e-9)  # objects a request
        self.n, self.slabs = np.zeros((rows, 6)), np.zeros((rows, 6))
        self.purge, self.scale = np.full(rows, purge), np.ones(rows)

    def reset(self, r, q):
        self.n[r] = self.slabs[r] = 0.0
        self.scale[r] = q["foot"]
        if q.get("purge") is not None:
            self.purge[r] = q["purge"]

    def step(self, t, w):
        born = self.rng.poisson(np.minimum(w.requests[:, None] * self.birth * self.scale[:, None], 1e9))
        gone = self.rng.poisson((self.n + .5 * born) * -np.expm1(-1 / self.stay))
        self.n = np.maximum(self.n + born - gone, 0)
        need = self.n / self.per
        fill = np.minimum(1.0, need / np.maximum(self.slabs, 1e-9))
        empty = self.slabs * (1 - fill) ** self.per                          # slabs without any object
        self.slabs = np.maximum(np.ceil(need), self.slabs - empty * self.purge[:, None])
        return self.slabs.sum(1) * 16384


class Lru:
    """A cache of at most `most` entries out of `keys`: a hit costs nothing, a miss one entry; held in slabs of `chunk`."""

    def __init__(self, rng, rows, keys, bend, most, item, chunk, ttl=0.0, drop_at=()):
        self.rng, self.keys, self.bend, self.most, self.item, self.chunk, self.ttl = rng, keys, bend, most, item, chunk, ttl
        self.n, self.peak = np.zeros(rows), np.zeros(rows)
        self.drop_at, self.pace = list(drop_at), np.ones(rows)

    def reset(self, r, q):
        self.n[r] = self.peak[r] = 0.0
        self.pace[r] = q.get("pace", 1.0)

    def step(self, t, w):
        if self.drop_at and t >= self.drop_at[0]:
            self.drop_at.pop(0)
            self.n *= .1
            self.peak *= .3
        miss = np.maximum(0, 1 - self.n / self.keys) ** self.bend
        self.n = np.minimum(self.most, self.n + self.rng.poisson(w.requests * miss * self.pace))
        if self.ttl:
            self.n -= self.rng.poisson(self.n / self.ttl)
            self.n = np.maximum(self.n, 0)
            self.peak = np.maximum(self.n, self.peak * (1 - .3 / self.ttl))
        else:
            self.peak = np.maximum(self.n, self.peak)
        return np.ceil(self.peak * self.item / self.chunk) * self.chunk


class Generations:
    """A nursery, an old space collected when it has doubled, and a committed heap that comes back slowly or never."""

    def __init__(self, rng, rows, nursery, garbage, promoted, live, grow, back, cap):
        self.rng, self.nursery, self.garbage, self.promoted = rng, nursery, garbage, promoted
        self.grow, self.back, self.cap, self.base_live = grow, back, cap, live
        self.young, self.old, self.held, self.live = (np.zeros(rows) for _ in range(4))
        self.limit = np.full(rows, live * grow)

    def reset(self, r, q):
        self.young[r], self.old[r], self.held[r], self.live[r] = 0, 0, 0, self.base_live * .3
        self.limit[r] = self.base_live * self.grow

    def step(self, t, w):
        self.live += (self.base_live - self.live) * -np.expm1(-w.requests * w.pace)
        self.young += w.requests * self.garbage
        full = self.young > self.nursery
        self.old += np.where(full, np.minimum(self.young, self.nursery) * self.promoted, 0)
        self.young[full] = 0
        stay = self.live + w.kept
        major = stay + self.old > np.minimum(self.limit, self.cap + w.kept)
        self.old[major] *= self.rng.uniform(0, .1)
        self.limit = np.where(major, np.maximum(stay * self.grow, self.base_live * self.grow), self.limit)
        used = stay + self.old + self.young
        self.held = np.maximum(used, self.held - self.back * np.maximum(0, self.held - used))
        return self.held


class Connections:
    """Each has a buffer that grows to the largest message it saw; idle ones are closed after a while, or never."""

    def __init__(self, rng, rows, least, most, idle, cap):
        self.rng, self.least, self.most, self.idle, self.cap = rng, least, most, idle, cap
        self.n, self.bytes = np.zeros(rows), np.zeros(rows)

    def reset(self, r, q):
        self.n[r] = self.bytes[r] = 0.0

    def step(self, t, w):
        want = np.minimum(self.cap, np.ceil(w.busy))
        opened = np.maximum(0, want - self.n)
        if self.idle:
            shut = self.rng.binomial(np.maximum(self.n - want, 0).astype(int), min(1.0, 1 / self.idle))
            self.bytes *= 1 - shut / np.maximum(self.n, 1)
            self.n -= shut
        self.n += opened
        w.opened += opened
        w.fds += self.n
        room = np.maximum(0, self.n * self.most - self.bytes - opened * self.least)
        self.bytes += opened * self.least + room * -np.expm1(-.02 * w.requests / np.maximum(self.n, 1))
        return self.bytes


class Threads:
    """A pool that grows to the largest number of requests in flight; a stack and an arena a thread, touched by and by."""

    def __init__(self, rows, cap, stack, calm):
        self.n, self.cap, self.stack, self.calm, self.touched = np.ones(rows), cap, stack, calm, np.zeros(rows)

    def reset(self, r, q):
        self.n[r], self.touched[r] = max(1, q.get("threads", 1)), 0.0

    def step(self, t, w):
        self.n = np.maximum(self.n, np.minimum(self.cap, np.ceil(w.busy)))
        self.touched += (self.n * self.stack - self.touched) * -np.expm1(-w.requests / np.maximum(self.n, 1) / self.calm)
        w.threads += self.n
        return self.touched


class LogBuffer:
    """Lines gather until the buffer is full and is written out."""

    def __init__(self, rng, rows, line, cap):
        self.line, self.cap, self.x = line, cap, rng.uniform(0, cap, rows)

    def reset(self, r, q):
        self.x[r] = 0.0

    def step(self, t, w):
        self.x += w.requests * self.line
        self.x = np.where(self.x > self.cap, np.mod(self.x, self.cap), self.x)
        return self.x


class Records:
    """A scratch buffer as large as the largest request so far (heavy-tailed, with a ceiling): grows as records do."""

    def __init__(self, rng, rows, unit, tail, ceiling):
        self.rng, self.unit, self.tail, self.ceiling, self.x = rng, unit, tail, ceiling, np.zeros(rows)

    def reset(self, r, q):
        self.x[r] = 0.0

    def step(self, t, w):
        n = np.maximum(w.requests, 0)
        u = self.rng.random(len(n)) ** (1 / np.maximum(n, 1))                # the largest of n
        big = np.minimum(self.unit * np.maximum(1 - u, 1e-12) ** (-1 / self.tail), self.ceiling) * (n > 0)
        self.x = np.maximum(self.x, big)
        return self.x


class Aging:
    """What an allocator holds in pieces: rises with the logarithm of age."""

    def __init__(self, rows, amount, tau):
        self.amount, self.tau, self.start, self.scale = amount, tau, np.zeros(rows), np.ones(rows)

    def reset(self, r, q):
        self.start[r], self.scale[r] = q["start"], q.get("frag", 1.0)

    def step(self, t, w):
        return self.amount * self.scale * np.log1p(np.maximum(0, t - self.start) / self.tau)


class WarmUp:
    """Code paths touched, tables built, templates compiled: by requests, a share of what is left."""

    def __init__(self, rows, amount, pace):
        self.amount, self.pace0, self.x, self.pace = amount, pace, np.zeros(rows), np.full(rows, pace)

    def reset(self, r, q):
        self.x[r], self.pace[r] = 0.0, self.pace0 * q.get("warm", 1.0)

    def step(self, t, w):
        self.x += (1 - self.x) * -np.expm1(-w.requests * self.pace)
        return self.amount * self.x


class Batches:
    """A job at given times in some processes: its working set for a while, of which a share stays committed."""

    def __init__(self, rng, rows, at, length, size, keep):
        self.at, self.length, self.size, self.keep, self.held, self.i = list(at), length, size, keep, np.zeros(rows), 0
        self.who = rng.random(rows) < .6

    def reset(self, r, q):
        self.held[r] = 0.0

    def step(self, t, w):
        while self.i < len(self.at) and t >= self.at[self.i] + self.length:
            self.i += 1
        if self.i < len(self.at) and t >= self.at[self.i]:
            self.held = np.where(self.who, np.maximum(self.held, self.size), self.held)
        else:
            self.held = np.minimum(self.held, self.keep * self.size)
        return self.held


class Wander:
    """What nobody can explain: a slow wander around nought."""

    def __init__(self, rng, rows, sd, tau):
        self.rng, self.sd, self.phi, self.x = rng, sd, np.exp(-1 / tau), np.zeros(rows)

    def reset(self, r, q):
        self.x[r] = 0.0

    def step(self, t, w):
        self.x = self.phi * self.x + self.rng.normal(0, self.sd * np.sqrt(1 - self.phi ** 2), len(self.x))
        return self.x
