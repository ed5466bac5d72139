"""Bounded load on one server of a recording: HTTP, redis or memcached, at a given rate and concurrency.

Runs in its own process, so that sampling is not held up. Everybody talks to 127.0.0.1 only.
"""
import multiprocessing, random, socket, threading, time


class Load:
    """load.set(rate, threads, ...) changes what is asked for; load.totals() is requests, bytes received, bytes sent."""

    def __init__(self, protocol, port, seed):
        self.count = multiprocessing.Array("q", 3)
        self.want = multiprocessing.Array("d", [0.0, 1.0, 0.0, 0.0, 0.0, 0.0])
        self.process = multiprocessing.Process(target=_main, args=(protocol, port, seed, self.want, self.count), daemon=True)
        self.process.start()

    def set(self, rate, threads, keys=1000, bad=0.0, expire=0, per_connection=0):
        self.want[:] = [rate, threads, keys, bad, expire, per_connection]

    def totals(self):
        return self.count[:]

    def stop(self):
        self.process.terminate()
        self.process.join()


def http_request(rng, want):
    key = int(rng.paretovariate(.3)) % int(want[2])
    return b"GET /%d%s HTTP/1.1\r\nHost: x\r\nUser-Agent: recorder/%d\r\n\r\n" % (key, b"?bad" if rng.random() < want[3] else b"", rng.randrange(10 ** 6))


def http_reply(f):
    line = f.readline()
    if not line:
        raise OSError("closed")
    n, size = 0, len(line)
    while True:
        h = f.readline()
        size += len(h)
        if h in (b"\r\n", b""):
            break
        if h.lower().startswith(b"content-length:"):
            n = int(h.split(b":")[1])
    return size + len(f.read(n))


def redis_request(rng, want):
    """SET with or without an expiry: the caller's version decides."""
    value = b"v" * rng.randrange(40, 400)
    key = b"session:%d" % rng.randrange(int(want[2]))
    words = [b"SET", key, value] + ([b"EX", b"%d" % int(want[4])] if want[4] else [])
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)


def memcached_request(rng, want):
    n = rng.randrange(100, 2000)
    return b"set k%d 0 %d %d\r\n%s\r\n" % (rng.randrange(int(want[2])), int(want[4]), n, b"m" * n)


def line_reply(f):
    line = f.readline()
    if not line:
        raise OSError("closed")
    return len(line)


SPEAK = {"http": (http_request, http_reply), "redis": (redis_request, line_reply), "memcached": (memcached_request, line_reply)}


def _client(number, protocol, port, seed, want, count, lock):
    rng = random.Random(seed * 1000 + number)
    ask, reply = SPEAK[protocol]
    s = f = None
    done = 0
    while True:
        rate, threads = want[0], want[1]
        if number >= threads or rate <= 0:
            if s:
                s.close()
                s = None
            time.sleep(.05)
            continue
        time.sleep(min(1.0, rng.expovariate(rate / threads)))
        try:
            if s is None:
                # from another address: while the server restarts, a client could be connected to itself, and hold its port
                s = socket.create_connection(("127.0.0.1", port), timeout=5, source_address=("127.0.0.2", 0))
                f = s.makefile("rb")
                done = 0
            q = ask(rng, want)
            s.sendall(q)
            got = reply(f)
            done += 1
            with lock:
                count[0] += 1
                count[1] += got
                count[2] += len(q)
            if want[5] and done >= want[5]:
                s.close()
                s = None
        except (OSError, ValueError):
            if s:
                s.close()
            s = None
            time.sleep(.05)


def _main(protocol, port, seed, want, count):
    lock = threading.Lock()
    for i in range(48):
        threading.Thread(target=_client, args=(i, protocol, port, seed, want, count, lock), daemon=True).start()
    while True:
        time.sleep(3600)
