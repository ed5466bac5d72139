#!/usr/bin/env python3
"""Records real servers over several releases, one of which may leak, as labelled scenario folders. See docs/corpus.md.

  record.py --out DIR [--plans a,b] [--seed 1] [--release 45] [--interval 0.5] [--port 21870]
  record.py --list
A recording takes (releases x seconds). The plans of more_servers.py differ from seed to seed; each of those needs its
server. The others need Debian's redis-server memcached nginx-light lighttpd apache2 libjemalloc2 default-jre-headless, node and gcc
for the plans that run them; a plan whose program is missing is skipped, and said. Everything listens on 127.0.0.1, and
only processes that were started here are ended, by their id.
"""
import argparse, csv, json, os, random, shutil, signal, subprocess, sys, tempfile, time
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import clients, more_servers, servers, talkers

FIELDS = "unix_ms process_key pid start_ms rss_bytes anon_bytes shared_bytes swap_bytes shmem_bytes threads fds minflt majflt utime_ticks stime_ticks".split()
TICKS = os.sysconf("SC_CLK_TCK")


def boot_ms():
    for line in open("/proc/stat"):
        if line.startswith("btime"):
            return int(line.split()[1]) * 1000
    raise SystemExit("record.py: no btime in /proc/stat")


def descendants(pid):
    out, todo = [], [pid]
    while todo:
        p = todo.pop()
        out.append(p)
        try:
            for t in os.listdir("/proc/%d/task" % p):
                todo += [int(c) for c in open("/proc/%d/task/%s/children" % (p, t)).read().split()]
        except OSError:
            pass                               # gone meanwhile
    return out


def read_process(pid):
    """A row without its key, or None where the process is gone or a zombie."""
    try:
        status = dict(l.split(":", 1) for l in open("/proc/%d/status" % pid) if ":" in l)
        stat = open("/proc/%d/stat" % pid).read().rsplit(")", 1)[1].split()
        fds = len(os.listdir("/proc/%d/fd" % pid))
    except OSError:
        return None
    if "RssAnon" not in status:
        return None
    kib = lambda k: int(status.get(k, "0 kB").split()[0]) * 1024
    anon, file, shm = kib("RssAnon"), kib("RssFile"), kib("RssShmem")
    return dict(pid=pid, comm=status["Name"].strip(), ticks=int(stat[19]), rss_bytes=anon + file + shm, anon_bytes=anon, shared_bytes=file + shm,
                swap_bytes=kib("VmSwap"), shmem_bytes=shm, threads=int(status["Threads"]), fds=fds, minflt=int(stat[7]), majflt=int(stat[9]),
                utime_ticks=int(stat[11]), stime_ticks=int(stat[12]))


class Slots:
    """process_key of a pid: its name and the lowest free number, as a slot that outlives restarts."""

    def __init__(self):
        self.of = {}

    def key(self, pid, comm, alive):
        for p in [p for p in self.of if p not in alive]:
            del self.of[p]
        if pid not in self.of:
            used = {n for c, n in self.of.values() if c == comm}
            self.of[pid] = (comm, next(i for i in range(10000) if i not in used))
        return "%s:%d" % self.of[pid]


def ended(pid):
    """Gone, or a zombie: memory goes before the files do, and with them the port."""
    try:
        return open("/proc/%d/stat" % pid).read().rsplit(")", 1)[1].split()[0] in "ZX"
    except OSError:
        return True


def end(proc):
    """Ends a server and what it forked."""
    kids = descendants(proc.pid)
    proc.send_signal(signal.SIGTERM)
    try:
        proc.wait(5)
    except subprocess.TimeoutExpired:
        pass
    for p in kids:
        try:
            os.kill(p, signal.SIGKILL)
        except OSError:
            pass                               # it went by itself
    proc.wait()
    for _ in range(100):                       # their port is free when they are gone
        if all(ended(p) for p in kids):
            break
        time.sleep(.05)


class Recording:
    def __init__(self, plan, seed, a, how=servers, talk=clients):
        self.how, self.talk = how, talk
        self.plan, self.rng, self.a = plan, random.Random("%s/%d" % (plan["name"], seed)), a
        self.seed, self.rows, self.loads, self.slots, self.boot = seed, [], [], Slots(), boot_ms()
        self.proc, self.rows_of_deploys, self.first_bad, self.subtract = None, [], None, [0, 0, 0]

    def tick(self, load):
        now = int(time.time() * 1000)
        pids = descendants(self.proc.pid)
        for pid in pids:
            r = read_process(pid)
            if r is None:
                continue
            r["unix_ms"], r["start_ms"] = now, self.boot + r.pop("ticks") * 1000 // TICKS
            r["process_key"] = self.slots.key(pid, r.pop("comm"), set(pids))
            self.rows.append(r)
        self.loads.append([now] + [x - y for x, y in zip(load.totals(), self.subtract)])

    def run(self, work):
        p, rng = self.plan, self.rng
        load = self.talk.Load(p["protocol"], self.a.port, self.seed)
        scale = rng.uniform(.75, 1.3)
        try:
            for i, release in enumerate(p["releases"]):
                self.deploy(i, release, work, load)
                until, phase = time.time() + self.a.release * rng.uniform(.85, 1.25), 0
                begun = time.time()
                while time.time() < until:
                    self.phase(load, release, scale, (time.time() - begun) / self.a.release)
                    t = time.time()
                    self.tick(load)
                    time.sleep(max(.01, self.a.interval - (time.time() - t)))
                    phase += 1
                if self.proc.poll() is not None:
                    raise RuntimeError("%s: the server ended by itself" % p["name"])
        finally:
            load.stop()
            if self.proc:
                end(self.proc)
        if load.totals()[0] < 20 * len(p["releases"]):
            raise RuntimeError("%s: hardly any request was answered" % p["name"])

    def phase(self, load, release, scale, x):
        """What the load is at share x of the release: steady, stepped, or with a surge of connections."""
        c = dict(self.plan["load"], **release.get("load", {}))
        shape = c.pop("shape", "steady")
        rate, threads = c.pop("rate") * scale, c.pop("threads")
        if shape == "steps":
            rate *= [1, 1.7, .6, 1.3][int(x * 4) % 4]
        elif shape == "surge" and .4 < x < .6:
            rate, threads = rate * 2, threads * 5
        elif shape == "rising":
            rate *= .4 + 1.2 * x
        load.set(rate, min(48, threads), **c)

    def deploy(self, i, release, work, load):
        now = int(time.time() * 1000)
        if i:
            late = self.plan.get("late_ms", 0)
            self.rows_of_deploys.append([now + late, "r%d" % i, ""])
            end(self.proc)
            if self.plan.get("counter_restarts"):
                self.subtract = load.totals()
        log = open(os.path.join(work, "log"), "ab")
        argv, env = self.how.command(self.plan["server"], self.a.port, dict(self.plan.get("options", {}), **release.get("options", {})), work)
        self.proc = subprocess.Popen(argv, env=dict(os.environ, **env), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=work,
                                     start_new_session=True)      # apache ends its whole process group
        time.sleep(.15)                        # until exec has given it its own name
        if release.get("leaks") and self.first_bad is None:
            self.first_bad = (i - 1, int(time.time() * 1000))

    def truth(self):
        p = self.plan
        ref = lambda i: dict(index=i, unix_ms=self.rows_of_deploys[i][0], version=self.rows_of_deploys[i][1], commit="")
        leak, bad = self.first_bad is not None, [bool(r.get("leaks")) for r in p["releases"]]
        k = self.first_bad[0] if leak else None
        step = next((ref(i - 1) for i, r in enumerate(p["releases"]) if r["changed"]), None) if p["kind"].startswith("step_") or p["kind"] == "none_allocator" else None
        last = max(i for i, b in enumerate(bad) if b) if leak else 0     # what was taken back and came again is one growth
        fix = last if leak and last + 1 < len(bad) else None
        return dict(kind=p["kind"], seed=self.seed, family="recording", name=p["name"], growth=leak, deploy=ref(k) if leak else None,
                    onset_ms=self.first_bad[1] if leak else None, deploy_fixed=None if fix is None else ref(fix), step_deploy=step,
                    acceptable_index=[k] if leak else [], interval_ms=int(self.a.interval * 1000), server=p["server"], signal="anon",
                    deploys=len(self.rows_of_deploys), rows=len(self.rows), note=p.get("note", ""))

    def write(self, d):
        os.makedirs(d, exist_ok=True)
        with open(os.path.join(d, "samples.csv"), "w", newline="") as f:
            w = csv.DictWriter(f, FIELDS, lineterminator="\n")
            w.writeheader()
            w.writerows(self.rows)
        for name, head, rows in (("load.csv", ["unix_ms", "requests_total", "net_tx_bytes", "net_rx_bytes"], self.loads),
                                 ("deploys.csv", ["unix_ms", "version", "commit"], self.rows_of_deploys)):
            if name == "load.csv" and self.plan.get("no_load"):
                continue
            with open(os.path.join(d, name), "w", newline="") as f:
                w = csv.writer(f, lineterminator="\n")
                w.writerow(head)
                w.writerows(rows)
        with open(os.path.join(d, "truth.json"), "w") as f:
            json.dump(self.truth(), f, indent=1)


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))   # so that the server is ended too
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--out")
    ap.add_argument("--plans")
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--release", type=float, default=45.0)
    ap.add_argument("--interval", type=float, default=0.5)
    ap.add_argument("--port", type=int, default=21870)
    ap.add_argument("--list", action="store_true")
    a = ap.parse_args()
    known = {p["name"]: p for p in servers.PLANS + [more_servers.drawn(p, a.seed) for p in more_servers.PLANS]}
    if a.list or not a.out:
        print("\n".join("%-22s %s, %d releases" % (p["name"], p["kind"], len(p["releases"])) for p in known.values()))
        return 0 if a.list else 2
    names = a.plans.split(",") if a.plans else list(known)
    failed = 0
    for n in names:
        d = os.path.join(a.out, "%s-%d" % (n, a.seed))
        if os.path.exists(os.path.join(d, "truth.json")):
            continue
        work = tempfile.mkdtemp(prefix="recording-")
        os.chmod(work, 0o755)                  # servers that drop their rights read their files here
        try:
            p, own = known[n], any(q["name"] == n for q in servers.PLANS)
            how, talk = (servers, clients) if own else (more_servers, talkers)
            if p["needs"] and not os.path.exists(p["needs"]):
                print("%s: skipped, %s is not there" % (n, p["needs"]), flush=True)
                continue
            if not how.prepare(p["server"], work):
                print("%s: skipped, its program is not installed" % n, flush=True)
                continue
            r = Recording(p, a.seed, a, how, talk)
            r.run(work)
            r.write(d)
            print("%s: %d rows, %d requests" % (n, len(r.rows), r.loads[-1][1]), flush=True)
        except RuntimeError as e:
            failed += 1
            print("%s; its log ends with: %s" % (e, open(os.path.join(work, "log"), errors="replace").read()[-300:]), flush=True)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
