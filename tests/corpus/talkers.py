"""Load in more protocols than clients.py speaks: MQTT, DNS, FastCGI, PostgreSQL, beanstalkd, HTTP/1.0 and closing servers.

Each talker has connect(port) and talk(rng, want) -> bytes received, bytes sent. want: rate, threads, keys, bad, mode, per_connection.
"""
import http.server, multiprocessing, random, socket, struct, threading, time
import clients


def open_tcp(port):
    # from another address: while the server restarts, a client could be connected to itself, and hold its port
    return socket.create_connection(("127.0.0.1", port), timeout=5, source_address=("127.0.0.2", 0))


def some_key(rng, want):
    return int(rng.paretovariate(.3)) % int(want[2])


class Http:
    def connect(self, port, number, want):
        self.port, self.s = port, open_tcp(port)
        self.f = self.s.makefile("rb")

    def talk(self, rng, want):
        if self.s is None:
            self.connect(self.port, 0, want)
        q = b"GET /%d HTTP/1.1\r\nHost: x\r\nUser-Agent: recorder/%d\r\n\r\n" % (some_key(rng, want), rng.randrange(10 ** 6))
        self.s.sendall(q)
        line = self.f.readline()
        if not line:
            raise OSError("closed")
        length, shut, chunked, size = None, line.startswith(b"HTTP/1.0"), False, len(line)
        for h in iter(self.f.readline, b"\r\n"):
            if not h:
                raise OSError("closed")
            size += len(h)
            name, _, value = h.lower().partition(b":")
            if name == b"content-length":
                length = int(value)
            shut |= name == b"connection" and b"close" in value
            chunked |= name == b"transfer-encoding"
        if chunked:
            while True:
                n = int(self.f.readline(), 16)
                size += len(self.f.read(n + 2))
                if not n:
                    break
        else:
            size += len(self.f.read(length))     # all of it where no length was given
        if shut:
            self.close()
        return size, len(q)

    def close(self):
        if self.s:
            self.f.close()
            self.s.close()
        self.s = None


class Mqtt:
    """PUBLISH with quality 1. mode 1: kept (retained) under one of `keys` topics; 2: for a session that is never there."""

    def packet(self, head, body):
        n, out = len(body), bytes([head])
        while True:
            n, d = divmod(n, 128)
            out += bytes([d | (128 if n else 0)])
            if not n:
                return out + body

    def session(self, name, clean):
        s = open_tcp(self.port)
        s.sendall(self.packet(0x10, b"\0\4MQTT\4" + bytes([2 if clean else 0]) + b"\0\0" + struct.pack(">H", len(name)) + name))
        if s.recv(4)[:1] != b"\x20":
            raise OSError("not taken")
        return s

    def connect(self, port, number, want):
        self.port, self.id = port, 0
        if number == 0 and want[4] == 2:
            s = self.session(b"absent", False)
            s.sendall(self.packet(0x82, b"\0\1\0\3q/#\1"))
            s.recv(5)
            s.close()
        self.s = self.session(b"c%d" % number, True)

    def talk(self, rng, want):
        self.id = self.id % 60000 + 1
        topic = (b"q/" if want[4] == 2 else b"t/") + b"%d" % rng.randrange(int(want[2]))
        body = b"m" * rng.randrange(60, 500)
        q = self.packet(0x33 if want[4] == 1 else 0x32, struct.pack(">H", len(topic)) + topic + struct.pack(">H", self.id) + body)
        self.s.sendall(q)
        got = self.s.recv(4)
        if len(got) != 4:
            raise OSError("closed")
        return 4, len(q)

    def close(self):
        self.s.close()


class Dns:
    def connect(self, port, number, want):
        self.s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.s.settimeout(3)
        self.s.connect(("127.0.0.1", port))

    def talk(self, rng, want):
        name = b"h%d" % rng.randrange(int(want[2]))
        q = struct.pack(">HHHHHH", rng.randrange(65536), 0x0100, 1, 0, 0, 0) + bytes([len(name)]) + name + b"\x07example\x03net\0" + b"\0\1\0\1"
        self.s.send(q)
        return len(self.s.recv(2048)), len(q)

    def close(self):
        self.s.close()


class FastCgi:
    def connect(self, port, number, want):
        self.port = port

    def talk(self, rng, want):
        rec = lambda kind, body: struct.pack(">BBHHBB", 1, kind, 1, len(body), 0, 0) + body
        uri = b"/%d" % some_key(rng, want)
        par = b"".join(bytes([len(k), len(v)]) + k + v for k, v in ((b"SCRIPT_FILENAME", SCRIPT), (b"REQUEST_METHOD", b"GET"), (b"REQUEST_URI", uri), (b"SCRIPT_NAME", b"/app.php")))
        q = rec(1, b"\0\1\0" + b"\0" * 5) + rec(4, par) + rec(4, b"") + rec(5, b"")
        s = open_tcp(self.port)
        s.sendall(q)
        n = 0
        while True:
            b = s.recv(65536)
            if not b:
                break
            n += len(b)
        s.close()
        if not n:
            raise OSError("closed")
        return n, len(q)

    def close(self):
        pass


class Postgres:
    """mode 0: a row of one of `keys` tables; 1: a sort; 2: prepares a statement of its own and leaves it with probability bad."""

    def connect(self, port, number, want):
        self.s, self.n = open_tcp(port), 0
        self.f = self.s.makefile("rb")
        body = struct.pack(">I", 196608) + b"user\0postgres\0database\0postgres\0\0"
        self.s.sendall(struct.pack(">I", len(body) + 4) + body)
        self.until_ready()

    def until_ready(self):
        size = 0
        while True:
            h = self.f.read(5)
            if len(h) < 5:
                raise OSError("closed")
            n = struct.unpack(">I", h[1:])[0]
            size += n + 1
            self.f.read(n - 4)
            if h[:1] == b"Z":
                return size

    def talk(self, rng, want):
        self.n += 1
        mode = int(want[4])
        sql = "SELECT count(*) FROM t%d WHERE a < %d" % (rng.randrange(int(want[2])), rng.randrange(99))
        if mode == 1 and rng.random() < .2:
            sql = "SELECT max(x) FROM (SELECT x FROM generate_series(1, %d) x ORDER BY x * 7919 %% 10007 OFFSET 5) y" % rng.randrange(200, 20000)
        elif mode == 2 and rng.random() < want[3]:
            sql = "PREPARE p%d AS SELECT a, b FROM t%d WHERE a = $1 AND b = '%s'" % (self.n, rng.randrange(int(want[2])), "x" * rng.randrange(40))
        q = sql.encode() + b"\0"
        self.s.sendall(b"Q" + struct.pack(">I", len(q) + 4) + q)
        return self.until_ready(), len(q) + 5

    def close(self):
        self.f.close()
        self.s.close()


class Beanstalk:
    """A job put and deleted; left there with probability bad."""

    def connect(self, port, number, want):
        self.s = open_tcp(port)
        self.f = self.s.makefile("rb")
        self.left = []

    def line(self, q):
        self.s.sendall(q)
        line = self.f.readline()
        if not line:
            raise OSError("closed")
        return line

    def talk(self, rng, want):
        body = b"j" * rng.randrange(50, 1500)
        got = self.line(b"put 0 0 60 %d\r\n%s\r\n" % (len(body), body))
        if rng.random() >= want[3]:
            self.left.append(got.split()[1])
        if len(self.left) > want[2] / 48:        # a backlog as long as `keys` says
            self.line(b"delete %s\r\n" % self.left.pop(0))
        return 20, len(body) + 20

    def close(self):
        self.f.close()
        self.s.close()


SPEAK = {"http": Http, "mqtt": Mqtt, "dns": Dns, "fcgi": FastCgi, "pg": Postgres, "beanstalk": Beanstalk}
SCRIPT = b""


class Load(clients.Load):
    def __init__(self, protocol, port, seed):
        self.count = multiprocessing.Array("q", 3)
        self.want = multiprocessing.Array("d", [0.0, 1.0, 0.0, 0.0, 0.0, 0.0])
        self.process = multiprocessing.Process(target=_main, args=(protocol, port, seed, self.want, self.count), daemon=True)
        self.process.start()

    def set(self, rate, threads, keys=1000, bad=0.0, mode=0, per_connection=0):
        self.want[:] = [rate, threads, keys, bad, mode, per_connection]


def _client(number, protocol, port, seed, want, count, lock):
    rng, c, done = random.Random(seed * 1000 + number), None, 0
    time.sleep(number * .02)
    while True:
        rate, threads = want[0], want[1]
        if number >= threads or rate <= 0:
            if c:
                c.close()
                c = None
            time.sleep(.2)
            continue
        time.sleep(min(1.0, rng.expovariate(rate / threads)))
        try:
            if c is None:
                x = SPEAK[protocol]()
                x.connect(port, number, want)
                c, done = x, 0
            got, sent = c.talk(rng, want)
            done += 1
            with lock:
                count[0] += 1
                count[1] += got
                count[2] += sent
            if want[5] and done >= want[5]:
                c.close()
                c = None
        except (OSError, ValueError, IndexError, struct.error):
            if c:
                try:
                    c.close()
                except OSError:
                    pass
            c = None
            time.sleep(.3)


def dns_origin(port):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("127.0.0.1", port))
    while True:
        q, a = s.recvfrom(2048)
        end = q.index(b"\0", 12) + 5
        s.sendto(q[:2] + b"\x84\x00\0\1\0\1\0\0\0\0" + q[12:end] + b"\xc0\x0c\0\1\0\1\0\0\x0e\x10\0\4\x7f\0\0\1", a)


class Origin(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        key = int("".join(c for c in self.path if c.isdigit()) or 0)
        body = b"o" * (300 + key * 7919 % 6000)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "public, max-age=3600")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *a):
        pass


def _main(protocol, port, seed, want, count):
    lock = threading.Lock()
    if protocol == "dns":
        threading.Thread(target=dns_origin, args=(port + 5000,), daemon=True).start()
    if protocol == "http":
        http.server.ThreadingHTTPServer.daemon_threads = True
        threading.Thread(target=http.server.ThreadingHTTPServer(("127.0.0.1", port + 5000), Origin).serve_forever, daemon=True).start()
    for i in range(48):
        threading.Thread(target=_client, args=(i, protocol, port, seed, want, count, lock), daemon=True).start()
    while True:
        time.sleep(3600)
