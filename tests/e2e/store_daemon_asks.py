#!/usr/bin/env python3
"""memculprit and its database in trouble: STORE_DAEMON.PY MEMCULPRIT [NAME...]"""
import csv
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
import daemon_world
from daemon_world import BIN, SHORT, Daemon, Proc, Wrong, check, until

LIVES = 12


def tree(t, lives=LIVES):
    proc = Proc(f"{t}/proc")
    for i in range(lives):
        proc.start(100 + i, "worker", anon=1000 + i)
    return proc


def inside(d):
    """A wrapper for what is to see the mounts of a daemon."""
    return ["nsenter", "-t", str(d.p.pid), "-U", "-m", "--preserve-credentials"]


def cli(db, *words, code=0, wrap=()):
    r = subprocess.run([*wrap, BIN, "--db", db, *words], capture_output=True, text=True, timeout=300, check=False)
    check(code is None or r.returncode == code, f"{words}: exit code {r.returncode}, not {code}: {r.stdout}{r.stderr}")
    return r


def exported(db, folder, program="worker", wrap=()):
    """Times of samples, by life."""
    shutil.rmtree(folder, ignore_errors=True)
    cli(db, "export", program, folder, wrap=wrap)
    lives = {}
    with open(f"{folder}/samples.csv", newline="", encoding="utf-8") as f:
        for row in csv.DictReader(f):
            lives.setdefault((row["pid"], row["start_ms"]), []).append(int(row["unix_ms"]))
    return lives


def sound(db, wrap=()):
    r = cli(db, "db", "check", wrap=wrap)
    check("sound" in r.stdout, f"db check: {r.stdout}{r.stderr}")


# ---- kill -9 ----
def killed(t):
    """What /metrics said was sampled is in the database after kill -9, whenever that comes."""
    proc = tree(t)
    os.makedirs(f"{t}/d")
    seen = 0
    for n in range(3 if SHORT else 10):
        d = Daemon(f"{t}/d", "sample: {interval: 50ms}\n", proc=proc).up()
        end = time.monotonic() + 0.3 + 0.13 * n
        last = 0.0
        while time.monotonic() < end:
            for i in range(LIVES):
                proc.memory(100 + i, 1000 + i + seen % 50)
            last = d.metric("memculprit_last_sample_timestamp_seconds") or last
            seen += 1
        d.kill()
        lives = exported(d.db, f"{t}/out")
        check(len(lives) == LIVES, f"{len(lives)} lives")
        for life, times in lives.items():
            check(max(times) >= last * 1000 - 1, f"kill {n}: the tick of {last} was told and is lost in {life}: {max(times)}")
            check(len(set(times)) == len(times), "no sample is doubled")
        sound(d.db)


# ---- mounts of our own ----
def may_mount():
    return subprocess.run(["unshare", "-rm", "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, check=False).returncode == 0


def mounted(*steps):
    """A wrapper that mounts before it becomes the program."""
    return ["unshare", "-rm", "sh", "-ec", "; ".join(steps) + '; exec "$@"', "sh"]


def full_disk(t):
    """A file system of its own fills up: it says so, serves on, and is well again when there is room."""
    if not may_mount():
        print("# full_disk: skipped, nothing can be mounted here")
        return
    proc = tree(t)
    os.makedirs(f"{t}/d/data")
    d = Daemon(f"{t}/d", "sample: {interval: 50ms}\n", proc=proc, db=f"{t}/d/data/m.db",
               wrap=mounted(f"mount -t tmpfs -o size=16m none {t}/d/data"))
    try:
        d.up()
        d.ticks(5)
        folder = f"/proc/{d.p.pid}/root{t}/d/data"
        last = d.metric("memculprit_last_sample_timestamp_seconds")
        def fill():
            try:
                with open(f"{folder}/ballast", "ab", buffering=0) as f:
                    while True:
                        f.write(b"x" * 4096)
            except OSError:
                return True
        fill()
        until("it says so", lambda: fill() and d.get("/-/ready")[0] == 503 and "nothing is stored" in d.get("/-/ready")[1], 60)
        check(d.get("/-/healthy")[0] == 200, "it is alive")
        d.ticks(3)
        check(d.metric("memculprit_errors_total", component="store") > 0, "and counts")
        os.unlink(f"{folder}/ballast")
        until("it is well again", lambda: d.get("/-/ready")[0] == 200, 60)
        d.ticks(3)
        sound(d.db, wrap=inside(d))
        for life, times in exported(d.db, f"{t}/out", wrap=inside(d)).items():
            check(min(times) < last * 1000 + 1 and max(times) > last * 1000, f"{life} has both sides of it")
        d.end()
    finally:
        d.kill()


def outgrown_disk(t):
    """A file system that is too small for good: the oldest samples make room, the newest are stored."""
    if not may_mount():
        print("# outgrown_disk: skipped, nothing can be mounted here")
        return
    if SHORT:
        return
    proc = tree(t, 60)
    scenario(f"{t}/in", 8000, 6, 65521)
    os.makedirs(f"{t}/d/data")
    d = Daemon(f"{t}/d", "sample: {interval: 50ms}\n", proc=proc, db=f"{t}/d/data/m.db",
               wrap=mounted(f"mount -t tmpfs -o size=3m none {t}/d/data"))
    try:
        d.up()
        imports = [cli(d.db, "import", f"batch{n}", f"{t}/in", code=None, wrap=inside(d)) for n in range(12)]
        check(imports[0].returncode == 0, f"there is room for one: {imports[0].stderr}")
        for r in imports:
            check(r.returncode in (0, 1) and "Traceback" not in r.stderr, f"an import: {r.returncode} {r.stderr}")
        until("the oldest are dropped", lambda: d.metric("memculprit_store_dropped_samples_total", reason="room"), 90)
        until("it goes on all the same", lambda: d.get("/-/ready")[0] == 200, 60)
        d.ticks(2)
        sound(d.db, wrap=inside(d))
        last = d.metric("memculprit_last_sample_timestamp_seconds")
        times = max(max(v) for v in exported(d.db, f"{t}/out", wrap=inside(d)).values())
        check(times > last * 1000 - 5000, f"the newest are stored: {times}, {last}")
        d.end()
    finally:
        d.kill()


def read_only(t):
    """A folder that can't be written: the daemon says so and serves; readers read, and hear of a left-over log."""
    if not may_mount():
        print("# read_only: skipped, nothing can be mounted here")
        return
    proc = tree(t)
    os.makedirs(f"{t}/d/data")
    db = f"{t}/d/data/m.db"
    d = Daemon(f"{t}/d", "sample: {interval: 50ms}\n", proc=proc, db=db).up()
    d.ticks(10)
    d.kill()
    check(os.path.getsize(db + "-wal") > 0, "a log is left over")
    ro = mounted(f"mount --bind {t}/d/data {t}/d/data", f"mount -o remount,bind,ro {t}/d/data")
    for words in (["status"], ["db", "check"], ["deploys"]):
        r = subprocess.run(ro + [BIN, "--db", db, *words], capture_output=True, text=True, timeout=300, check=False)
        check("Traceback" not in r.stderr and r.returncode in (0, 1), f"{words}: {r.returncode} {r.stderr}")
    # what readers say of the log depends on whether they may use its index; without it, it must be said
    for name in ("m.db-shm",):
        os.unlink(f"{t}/d/data/{name}")
    r = subprocess.run(ro + [BIN, "--db", db, "status"], capture_output=True, text=True, timeout=300, check=False)
    check("-wal is left over" in r.stdout + r.stderr, f"the left-over log is said: {r.stdout}{r.stderr}")
    d = Daemon(f"{t}/d", "sample: {interval: 50ms}\n", proc=proc, db=db, wrap=ro)
    try:
        until("a port", lambda: "(port " in d.text() or d.p.poll() is not None)
        if d.p.poll() is not None:
            check(d.p.returncode == 1 and "memculprit: " in d.text(), f"it refuses in one line: {d.p.returncode} {d.text()}")
        else:
            d.port = int(d.text().split("(port ")[1].split(")")[0])
            until("it says so", lambda: d.get("/-/ready")[0] == 503)
            d.ticks(3)
            d.end()
    finally:
        d.kill()
    sound(db)


# ---- care and imports while it runs ----
def scenario(folder, ticks, lives=3, spread=977):
    os.makedirs(folder)
    with open(f"{folder}/samples.csv", "w", encoding="utf-8") as f:
        f.write("unix_ms,process_key,pid,start_ms,rss_bytes,anon_bytes,shared_bytes,swap_bytes,vsize_bytes,pss_bytes,file_bytes\n")
        t0 = 1700000000000
        for k in range(ticks):
            for i in range(lives):
                anon = 4096 * (1000 + (k * 7919 + i * 31) % spread)
                f.write(f"{t0 + k * 15000},w{i},{10 + i},{t0 - 1000},{anon + 8192},{anon},8192,0,"
                        + (",,\n" if spread < 1000 else f"{anon * 3 // 2 + i},{anon ^ 5555000},{anon ^ 3333000}\n"))


def samples_of(folder):
    with open(f"{folder}/samples.csv", newline="", encoding="utf-8") as f:
        return sorted((int(r["unix_ms"]), r["process_key"], int(r["pid"]), float(r["anon_bytes"])) for r in csv.DictReader(f))


def care(t):
    """check, backup, compact, salvage, import, export, all while it writes: each is right, and no tick is missed."""
    proc = tree(t)
    os.makedirs(f"{t}/d")
    d = Daemon(f"{t}/d", "sample: {interval: 100ms}\nweb: {socket: %s/d/s}\n" % t, proc=proc).up()
    try:
        d.ticks(3)
        scenario(f"{t}/in", 300 if SHORT else 3000)
        d.cli("import", "batch", f"{t}/in")
        d.cli("import", "batch", f"{t}/in")
        d.cli("export", "batch", f"{t}/out")
        check(samples_of(f"{t}/in") == samples_of(f"{t}/out"), "what goes in comes out, once")
        for _ in range(2):
            check("sound" in d.cli("db", "check").stdout, "sound")
            d.cli("db", "compact")
        d.cli("db", "backup", f"{t}/copy.db")
        check(d.cli("db", "backup", f"{t}/copy.db", code=None).returncode == 1, "a copy is not written over")
        d.cli("db", "salvage", f"{t}/saved.db")
        for name in ("copy", "saved"):
            sound(f"{t}/{name}.db")
            check(samples_of(f"{t}/in") == samples_of_db(f"{t}/{name}.db", t), f"{name} has all of it")
        bad = subprocess.run([BIN, "--config", d.config, "--db", d.db, "import", "broken", f"{t}/nothing"], capture_output=True,
                             text=True, check=False)
        check(bad.returncode in (1, 3), f"a folder that is not there: {bad.returncode} {bad.stderr}")
        d.ticks(3)
        check((d.metric("memculprit_errors_total", component="store") or 0) == 0, f"no tick failed: {d.text()}")
        ticks = d.metric("memculprit_samples_total")
        for life, times in exported(d.db, f"{t}/o2").items():
            check(len(times) >= ticks, f"{life}: of {ticks} ticks {len(times)} are there")
        d.end()
    finally:
        d.kill()


def samples_of_db(db, t):
    shutil.rmtree(f"{t}/o1", ignore_errors=True)
    cli(db, "export", "batch", f"{t}/o1")
    return samples_of(f"{t}/o1")


def quota(t):
    """A database that is larger than its quota: the oldest samples go, deploys and the newest stay."""
    proc = tree(t)
    os.makedirs(f"{t}/d")
    scenario(f"{t}/in", 8000, 8, 65521)
    for n in range(3):
        cli(f"{t}/d/m.db", "import", "batch" if n == 2 else f"other{n}", f"{t}/in")
    cli(f"{t}/d/m.db", "mark", "batch", "v1", "--at", "1700000000")
    limit = 1024
    check(os.path.getsize(f"{t}/d/m.db") > 1500 * limit, f"{os.path.getsize(f'{t}/d/m.db')} bytes")
    d = Daemon(f"{t}/d", "sample: {interval: 50ms}\nstore: {quota: %dKiB}\n" % limit, proc=proc).up()
    try:
        d.ticks(5)
        with sqlite3.connect(f"file:{d.db}?mode=ro", uri=True) as db:
            def used():
                return (db.execute("PRAGMA page_count").fetchone()[0] - db.execute("PRAGMA freelist_count").fetchone()[0]) * 4
            until("it is brought under its quota", lambda: used() <= limit, 90)
        check(d.metric("memculprit_store_dropped_samples_total", reason="room") > 0, "and what went is counted")
        d.ticks(3)
        check(d.get("/-/ready")[0] == 200, "and stores on")
        check(len(json.loads(d.cli("deploys", "batch", "--json").stdout)["deploys"]) >= 1, "deploys stay")
        kept = samples_of_db(d.db, t)
        check(0 < len(kept) < len(samples_of(f"{t}/in")), f"{len(kept)} samples are kept")
        check(max(kept) == max(samples_of(f"{t}/in")), "the newest of them")
        check("sound" in d.cli("db", "check").stdout, "sound")
        d.end()
    finally:
        d.kill()


ALL = [killed, full_disk, outgrown_disk, read_only, care, quota]


def main():
    failed = 0
    daemon_world.slow_build()
    for one in ALL:
        if sys.argv[2:] and one.__name__ not in sys.argv[2:]:
            continue
        with tempfile.TemporaryDirectory(prefix="mc-store-") as t:
            begun = time.monotonic()
            try:
                one(t)
                print(f"ok {one.__name__} ({time.monotonic() - begun:.1f} s)", flush=True)
            except Wrong as e:
                failed += 1
                print(f"FAILED {one.__name__}: {e}", flush=True)
                if os.path.exists(f"{t}/d/log"):
                    with open(f"{t}/d/log", encoding="utf-8", errors="replace") as f:
                        print(f.read()[-2000:], flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
