"""Holds the daemon's answers against those of analyze: agree_asks.py BINARY [FOLDER...]."""
import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.parse
import http.client
import socket

BIN = sys.argv[1]
SRC = os.environ.get("MC_SRC", ".")
BUILD = os.environ.get("MC_BUILD", "")
work = tempfile.mkdtemp()
# In memory where there is room: each tick waits for the disk, which others may keep busy for seconds.
has_room = os.path.isdir("/dev/shm") and shutil.disk_usage("/dev/shm").free > 1 << 30
memory = tempfile.mkdtemp(dir="/dev/shm" if has_room else None)
os.chdir(work)
failed = False


def wrong(*what):
    global failed
    failed = True
    print("agree:", *what)


def run(*args, ok=(0, 4)):
    r = subprocess.run([BIN, *args], capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL)
    if r.returncode not in ok:
        raise SystemExit("agree: %s: exit code %d: %s" % (args, r.returncode, r.stderr))
    return r.stdout


def ask(*args):
    return json.loads(run(*args))


def probabilities(answer):
    p = {(c["version"], c["commit"], c["deployed_ms"]): c["probability"] for c in answer["candidates"]}
    p["nobody"] = answer["not_a_deploy_probability"] or 0
    p["nothing"] = answer["no_change_probability"] or 0
    return p


def same(what, a, b, tolerance):
    """The largest difference of a probability."""
    pa, pb = probabilities(a), probabilities(b)
    worst = max((abs(pa.get(k, 0) - pb.get(k, 0)) for k in set(pa) | set(pb)), default=0)
    culprit = [(x["culprit"] or {}).get("deployed_ms") for x in (a, b)]
    if a["verdict"] != b["verdict"] or a["state"] != b["state"] or culprit[0] != culprit[1] or worst > tolerance:
        wrong("%s: %s %s and %s %s, %.4f apart" % (what, a["verdict"], culprit[0], b["verdict"], culprit[1], worst))
    return worst


# ---- a daemon ----

class Daemon:
    def __init__(self, db, interval):
        with open("memculprit.yml", "w") as f:
            f.write("sample: {interval: %s}\nstore: {path: %s, keep: 3650d}\nweb: {socket: %s/sock}\nprograms:\n"
                    "  - {name: leaky, match: {exe: '*/leaky-*'}}\n" % (interval, db, work))
        self.log = open("serve.err", "a")
        self.p = subprocess.Popen([BIN, "--config", "memculprit.yml", "serve", "--web.listen-address", "127.0.0.1:0"],
                                  stdout=subprocess.DEVNULL, stderr=self.log)
        self.until("the daemon does not start", lambda: os.path.exists("sock") and self.alive())

    def until(self, what, ask):
        """A machine that is busy elsewhere is no failure, so the time is long."""
        end = time.monotonic() + 60
        while not ask():
            if time.monotonic() > end:
                raise SystemExit("agree: %s: %s" % (what, open("serve.err").read()[-2000:]))
            time.sleep(.05)

    def samples(self, program, n):
        """Waits for so many more of it."""
        def seen():
            status, text = self.get("/metrics")
            count = re.search(r"^memculprit_samples_total (\S+)", text, re.M)
            return 'program="%s"' % program in text and float(count[1])
        self.until("no samples of " + program, seen)
        begun = seen()
        self.until("no more samples", lambda: seen() and seen() >= begun + n)

    def alive(self):
        try:
            return self.get("/-/healthy")[0] == 200
        except OSError:
            return False

    def get(self, path):
        c = http.client.HTTPConnection("localhost", timeout=60)
        c.sock = socket.socket(socket.AF_UNIX)
        c.sock.connect("sock")
        c.request("GET", path)
        r = c.getresponse()
        return r.status, r.read().decode()

    def blame(self, program):
        status, text = self.get("/api/v1/programs/%s/blame" % urllib.parse.quote(program))
        if status != 200:
            raise SystemExit("agree: blame by HTTP: %d %s" % (status, text))
        return json.loads(text)

    def stop(self, how=signal.SIGTERM):
        self.p.send_signal(how)
        self.p.wait(60)


# ---- folders ----

def upto(folder, to, t):
    """The folder as it was known at t."""
    os.makedirs(to, exist_ok=True)
    for name in ("samples.csv", "load.csv", "deploys.csv"):
        src = os.path.join(folder, name)
        if not os.path.exists(src):
            continue
        with open(src, newline="") as f, open(os.path.join(to, name), "w", newline="") as out:
            rows = csv.reader(f)
            w = csv.writer(out)
            head = next(rows)
            w.writerow(head)
            at = head.index("unix_ms")
            w.writerows(r for r in rows if int(r[at]) <= t)
    return to


def span(folder):
    with open(os.path.join(folder, "samples.csv"), newline="") as f:
        times = [int(r["unix_ms"]) for r in csv.DictReader(f)]
    return min(times), max(times)


def folders_agree(folders, grow):
    """Imported (whole, or in thirds with the daemon's answers and kill -9 between), asked of the daemon and of analyze."""
    worst = 0
    db = os.path.join(memory, "folders.db")
    names = {f: "p%d" % i for i, f in enumerate(folders)}
    steps = 3 if grow else 1
    spans = {f: span(f) for f in folders} if grow else {}
    for k in range(1, steps + 1):
        d = Daemon(db, "5min")
        for f, name in names.items():
            part = f
            if k < steps:
                t0, t1 = spans[f]
                part = upto(f, "part-%s-%d" % (name, k), t0 + (t1 - t0) * k // steps)
            run("--config", "memculprit.yml", "import", name, part)
            worst = max(worst, same("%s, part %d" % (f, k), d.blame(name), ask("analyze", "--json", part), .02))
        if k == steps:
            for f, name in names.items():
                a = ask("--config", "memculprit.yml", "blame", name, "--json")
                worst = max(worst, same("blame " + f, a, ask("analyze", "--json", f), .02))
                shown = ask("--config", "memculprit.yml", "status", name, "--json")["programs"][0]
                if shown["verdict"] != a["verdict"] or (shown["culprit"] or {}).get("version") != (a["culprit"] or {}).get("version"):
                    wrong("status of", f, shown, a["verdict"], a["culprit"])
        d.stop(signal.SIGKILL if k < steps else signal.SIGTERM)
    for f, name in list(names.items())[:3]:
        run("--config", "memculprit.yml", "export", name, "out-" + name)
        worst = max(worst, same("exported " + f, ask("analyze", "--json", "out-" + name), ask("analyze", "--json", f), .02))
    return worst


# ---- growth that goes on ----

def living():
    """A program that grows under the daemon, which is killed and started again: all that is shown is one answer, and analyze gives it too."""
    db = os.path.join(memory, "living.db")
    os.mkdir("bin")
    for i, release in enumerate(("v1", "v2")):
        subprocess.run([os.environ.get("CC", "cc").split()[0], "-O1", "-DRELEASE=\"%s\"" % release, "-o", "bin/leaky-" + release,
                        os.path.join(SRC, "tests/e2e/leaky.c")], check=True)
    workers = subprocess.Popen(["bin/leaky-v1", "2", "0"])
    try:
        d = Daemon(db, "50ms")
        d.samples("leaky", 50)
        workers.kill()
        workers.wait()
        workers = subprocess.Popen(["bin/leaky-v2", "2", "16384"])
        d.samples("leaky", 40)
        d.stop(signal.SIGKILL)
        d = Daemon(db, "50ms")
        d.samples("leaky", 50)
        for _ in range(60):
            a = ask("--config", "memculprit.yml", "blame", "leaky", "--json")
            stored = ask("--config", "memculprit.yml", "status", "leaky", "--json")["programs"][0]
            seen = json.loads(d.get("/api/v1/programs/leaky")[1])
            marks = [x for x in ask("--config", "memculprit.yml", "deploys", "leaky", "--json")["deploys"] if x.get("culprit")]
            after = ask("--config", "memculprit.yml", "blame", "leaky", "--json")
            if not stored["answer_ms"] == seen["answer_ms"] == a["as_of_ms"] == after["as_of_ms"]:
                continue # a newer one came in between
            break
        else:
            wrong("blame of %s, status of %s, API of %s" % (a["as_of_ms"], stored["answer_ms"], seen["answer_ms"]))
        if stored["verdict"] != a["verdict"] or stored["state"] != a["state"] or bool(a["culprit"]) != bool(marks):
            wrong("blame says %s, status %s, deploys %s" % (a, stored, marks))
        d.stop()
        final = ask("--config", "memculprit.yml", "blame", "leaky", "--json")
        run("--config", "memculprit.yml", "export", "leaky", "leaky-out")
        same("a living program", final, ask("analyze", "--json", "leaky-out"), .02)
        if final["verdict"] != "leak":
            wrong("growth of 800 KiB a second is", final["verdict"])
    finally:
        workers.kill()
        workers.wait()


def main():
    folders = sys.argv[2:]
    if folders:
        print("%d folders, the largest difference of a probability: %g" % (len(folders), folders_agree(folders, True)))
        return
    short = bool(os.environ.get("MC_SHORT"))
    subprocess.run([sys.executable, os.path.join(SRC, "tests/corpus/mech.py"), "--short", "--n", "2" if short else "4", "--seed0", "4100", "--out", "corpus"],
                   check=True, stdout=subprocess.DEVNULL)
    folders_agree(sorted(os.path.join("corpus", f) for f in os.listdir("corpus") if os.path.isdir(os.path.join("corpus", f))), True)
    living()


try:
    main()
finally:
    shutil.rmtree(work, ignore_errors=True)
    shutil.rmtree(memory, ignore_errors=True)
sys.exit(failed)
