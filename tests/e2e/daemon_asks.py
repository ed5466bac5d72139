#!/usr/bin/env python3
"""memculprit serve over a hand-made /proc: DAEMON_ASKS.PY MEMCULPRIT [NAME...]"""
import functools
import json
import os
import resource
import shutil
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import tempfile
import time

import daemon_world as world
from daemon_world import BIN, PAGE, SHORT, Daemon, Proc, Wrong, check, executable, running, until

SECRET = "$2b$05$zZ0firORxWKRrQxjUDCYcuCNkciANSAFf98SZKo4Qc5puj0yHMapy"


# ---- the scenarios ----
def restarts_are_none(d, proc, v1):
    """A restart with the same build is no deploy, however often."""
    for pid in range(20, 30):
        proc.stop(pid - 1 if pid > 20 else 11)
        proc.start(pid, "worker", v1, 1000)
        d.ticks(1)
    until("restarts", lambda: d.metric("memculprit_program_restarts_total", program="worker") >= 5)
    check(len(d.deploys()) == 1, "restarts are no deploys")


def another_build(d, proc, v2):
    # another build is, at its first tick or the next; nothing names it
    proc.stop(10)
    proc.start(40, "worker", v2, 1000)
    rows = until("the second build", lambda: len(d.deploys()) == 2 and d.deploys())
    check(rows[1]["source"] == "build-id" and rows[1]["build_id"] == "bb" * 20, f"recognised by its build-id: {rows[1]}")
    proc.stop(29)

    # a mark within the time names it, and is no second deploy
    d.cli("mark", "worker", "v2", "--note", "by hand")
    rows = d.deploys()
    check(len(rows) == 2 and rows[1]["version"] == "v2" and rows[1]["source"] == "mark", f"the mark joins it: {rows}")
    check(rows[1]["first_seen_ms"] and rows[1]["build_id"] == "bb" * 20, "and what was seen is kept")
    check("already" in d.cli("mark", "worker", "v2").stdout, "marking again says so")
    check(len(d.deploys()) == 2, "and changes nothing")
    until("its lives have the name", lambda: d.metric("memculprit_program_version_info", program="worker", version="v2") == 1)


def a_package_note(d, proc, v3, commit):
    # a package note tells version and commit; a canary beside the old one
    proc.start(50, "worker", v3, 1000)
    rows = until("the third", lambda: len(d.deploys()) == 3 and d.deploys())
    check((rows[2]["version"], rows[2]["commit"]) == ("v3", commit), f"the note's version and commit: {rows[2]}")
    until("canary: v3", lambda: d.metric("memculprit_program_version_info", program="worker", version="v3", commit=commit) == 1)
    until("canary: v2 too", lambda: d.metric("memculprit_program_version_info", program="worker", version="v2") == 1)
    # marked afterwards: one deploy, with the mark's time
    before = rows[2]["first_seen_ms"]
    d.cli("mark", "worker", "v3", "--at", "-1m")
    rows = d.deploys()
    check(len(rows) == 3, f"a mark of what was recognised is the same deploy: {rows}")
    row = next(r for r in rows if r["version"] == "v3")
    check(row["first_seen_ms"] == before and row["deployed_ms"] < before, f"with the first life's time kept: {row}")


def over_its_own_restart(t, proc, v1, v3):
    """The same build is nothing new, another is."""
    proc.start(70, "worker", v1, 1000)
    with running(t, proc=proc) as d:
        d.ticks(4)
        check(len(d.deploys()) == 4, "a restart of the daemon is no deploy")
    proc.stop(70)
    proc.start(71, "worker", v3, 1000)
    with running(t, proc=proc) as d:
        until("what was deployed while it was away", lambda: len(d.deploys()) == 5)
        number = d.deploys()[-1]["id"]
        d.cli("mark", "--delete", str(number))
        check(len(d.deploys()) == 4, "deleted")
        d.cli("mark", "--delete", str(number), code=3)
        d.cli("mark", "nobody", "v1", code=3)


def deploys(t):
    proc = Proc(f"{t}/proc")
    v1, v2, v3 = f"{t}/v1/worker", f"{t}/v2/worker", f"{t}/v3/worker"
    commit = "ab" * 20
    executable(v1, "aa" * 20)
    executable(v2, "bb" * 20)
    executable(v3, "cc" * 20, {"type": "deb", "name": "worker", "version": "v3", "commit": commit})
    executable(f"{t}/bin/helper", "dd" * 20)
    proc.start(10, "worker", v1, 1000)
    proc.start(11, "worker", v1, 1000)
    proc.start(12, b"\xff\x1b[31m\"\n<b>", f"{t}/bin/helper", 5)
    with running(t, proc=proc) as d:
        until("two processes", lambda: d.metric("memculprit_program_processes", program="worker") == 2)
        check(d.metric("memculprit_program_memory_bytes", program="worker", kind="anon") == 2000 * PAGE, "private memory")
        rows = until("the baseline", d.deploys)
        check(len(rows) == 1 and rows[0]["source"] == "first seen", f"what ran before is the baseline: {rows}")
        check(d.metric("memculprit_program_deploys_total", program="worker") == 0, "and no deploy")

        restarts_are_none(d, proc, v1)
        another_build(d, proc, v2)
        a_package_note(d, proc, v3, commit)

        # back to a build that ran before
        proc.stop(40)
        proc.stop(50)
        d.ticks(2)
        proc.start(60, "worker", v1, 1000)
        until("the rollback", lambda: len(d.deploys()) == 4)

        # everything of it dies: its series go along
        proc.stop(60)
        until("no series", lambda: d.metric("memculprit_program_processes", program="worker") is None)
        check(d.metric("memculprit_errors_total", component="sample") == 0, "no errors")
        check(d.metric("memculprit_errors_total", component="store") == 0, "no errors of the store")

    over_its_own_restart(t, proc, v1, v3)


def two_under_one_name(t):
    """A shell beside a server, and an executable that is another build every moment, make no storm."""
    proc = Proc(f"{t}/proc")
    executable(f"{t}/big/server", "aa" * 20)
    proc.start(10, "job", f"{t}/big/server", 10000)
    for i in range(4):
        executable(f"{t}/small/tool{i}", f"{i:02x}" * 20)
    with running(t, proc=proc) as d:
        d.ticks(3)
        for i in range(4):
            proc.start(20 + i, "job", f"{t}/small/tool{i}", 5, ppid=10)
            d.ticks(3)
            proc.stop(20 + i)
        rows = d.deploys("job")
        check(len(rows) == 1, f"small tools beside it are no deploys of it: {rows}")


def garbage(t):
    proc = Proc(f"{t}/proc")
    noise = os.urandom(3000)
    for pid in range(10, 30):
        proc.start(pid, "good" if pid % 2 else "bad", None, 100)
    with running(t, proc=proc) as d:
        d.ticks(2)
        for pid in range(10, 30, 2):
            for name in ("stat", "statm", "status", "cgroup", "cmdline", "environ"):
                proc.put(f"{pid}/{name}", [noise, b"", noise[:7], b"9" * 400, b"0 0 0\n"][pid // 2 % 5])
            proc.put(f"{pid}/exe", noise)
        for name in ("stat", "meminfo", "vmstat"):
            proc.put(name, noise)
        os.makedirs(f"{proc.root}/99999999999999999999")
        d.ticks(12)
        check(d.metric("memculprit_program_processes", program="good") == 10, "what is sound is still seen")
        check(d.get("/api/v1/programs/good/blame")[0] == 200, "and answered")
        check(d.get("/api/v1/programs/nobody/blame")[0] == 404, "an unknown program is not found")


def not_served(t, words, config="", code=2, db=None, wrap=()):
    """Bad input: exit code, and what the error says."""
    d = Daemon(t, config=config, flags=words, db=db, listen="--web.listen-address" not in words, wrap=wrap)
    try:
        got = d.p.wait(timeout=60 * world.SLOW)
    except subprocess.TimeoutExpired:
        d.kill()
        raise Wrong(f"{words} {config} {db}: it started: {d.text()}") from None
    d.file.close()
    text = d.text()
    check(got == code, f"{words} {config} {db}: exit code {got}, not {code}: {text}")
    check("memculprit: " in text, f"an error begins with the program's name: {text}")
    return text


def refused(t):
    """A configuration, flags, a web configuration."""
    serve = functools.partial(not_served, t)
    check("m.yml:2:3: " in serve([], "sample:\n  intervall: 1s\n"), "line and column of an unknown key")
    check("did you mean 'interval'" in serve([], "sample:\n  intervall: 1s\n"), "and what was meant")
    check("m.yml:1:9: " in serve([], "sample: {interval: 1s\n"), "line of a syntax error")
    check("no user" in serve([], "programs: [{name: x, match: {user: nobody-of-this-name}}]\n"), "a user that is none")
    check("nowhere" in serve(["--path.procfs", f"{t}/nowhere"], code=1), "no such procfs")
    check("/w.yml" in serve(["--web.config.file", f"{t}/w.yml"], code=3), "no such web configuration")
    with open(f"{t}/w.yml", "w", encoding="ascii") as f:
        f.write("tls_server_config:\n  cert_fil: x\n")
    check("w.yml:2:3: " in serve(["--web.config.file", f"{t}/w.yml"]), "line and column in it")
    with open(f"{t}/w.yml", "w", encoding="ascii") as f:
        f.write("basic_auth_users:\n  anna: secret\n")
    check("bcrypt" in serve(["--web.config.file", f"{t}/w.yml"]), "a password in clear")


def refused_databases(t):
    """Databases that are not ours, and a place that is taken."""
    serve = functools.partial(not_served, t)
    other = f"{t}/other.db"
    db = sqlite3.connect(other)
    db.execute("PRAGMA application_id = 4711")
    db.execute("CREATE TABLE t(x)")
    db.commit()
    db.close()
    check("other.db" in serve([], code=1, db=other), "another program's database")
    with sqlite3.connect(other) as db:
        check(db.execute("SELECT name FROM sqlite_master").fetchall() == [("t",)], "and nothing was written into it")
    with open(f"{t}/garbage.db", "wb") as f:
        f.write(os.urandom(20000))
    check("garbage.db" in serve([], code=1, db=f"{t}/garbage.db"), "a file of garbage")
    os.makedirs(f"{t}/folder.db")
    check("folder.db" in serve([], code=1, db=f"{t}/folder.db"), "a folder")

    with running(t) as d:
        d.ticks(3)
        text = subprocess.run([BIN, "--db", d.db, "serve", "--web.listen-address", "127.0.0.1:0"], capture_output=True, text=True,
                              timeout=60 * world.SLOW, check=False)
        check(text.returncode == 1 and str(d.p.pid) in text.stderr, f"a second daemon hears who is there: {text.stderr}")
        text = subprocess.run([BIN, "--db", f"{t}/second.db", "serve", "--web.listen-address", f"127.0.0.1:{d.port}"], capture_output=True,
                              text=True, timeout=60 * world.SLOW, check=False)
        check(text.returncode == 1 and str(d.port) in text.stderr, f"the port is taken: {text.stderr}")
        check(d.p.poll() is None, "and the first goes on")
    newer = f"{t}/newer.db"
    shutil.copy(f"{t}/m.db", newer)
    with sqlite3.connect(newer) as db:
        db.execute("PRAGMA user_version = 9999")
    check("newer" in serve([], code=1, db=newer), "a newer schema")
    # no repository there: the mark says so, the daemon goes on
    config = f"sample: {{interval: 100ms}}\nprograms: [{{name: worker, match: {{comm: worker}}, repository: {t}/no-repository}}]\n"
    proc = Proc(f"{t}/proc")
    proc.start(10, "worker", None, 10)
    with running(t, config, proc=proc) as d:
        d.ticks(2)
        check("no-repository" in d.cli("mark", "worker", "v1", code=None).stderr, "the missing repository is named")
        check(d.get("/api/v1/programs/worker/blame")[0] == 200, "an answer comes without it")


def store_trouble(t):
    """Whatever the database has, it goes on sampling and serving, says why, and recovers."""
    with running(t) as d:
        d.ticks(3)
        check(d.get("/api/v1/programs")[0] == 200, "the API has the database open")
        for path in (d.db, d.db + "-wal", d.db + "-shm"):
            if os.path.exists(path):
                os.unlink(path)
        until("it is made anew", lambda: os.path.exists(d.db))
        d.ticks(3)
        check(subprocess.run([BIN, "--db", d.db, "status"], capture_output=True, check=False).returncode == 0, "and can be read")
        d.cli("mark", "memculprit", "after", code=0)
        check("after" in d.get("/api/v1/deploys")[1], "the API reads the new one")
        # the disk is full: a file may not grow any more
        size = max(os.path.getsize(d.db), os.path.getsize(d.db + "-wal"))
        soft = resource.prlimit(d.p.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(d.p.pid, resource.RLIMIT_FSIZE, (size // 2, soft[1]))
        until("it says so", lambda: d.get("/-/ready")[0] == 503 and "nothing is stored" in d.get("/-/ready")[1], 60)
        check(d.get("/-/healthy")[0] == 200, "it is alive all the same")
        d.ticks(2)
        check(d.metric("memculprit_errors_total", component="store") > 0, "and counts it")
        resource.prlimit(d.p.pid, resource.RLIMIT_FSIZE, soft)
        until("it is well again", lambda: d.get("/-/ready")[0] == 200, 60)
        r = d.cli("db", "check")
        check("sound" in r.stdout, f"the database is sound: {r.stdout}{r.stderr}")


def signals(t):
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(f"{t}/notify")
    listener.settimeout(60 * world.SLOW)
    env = dict(os.environ, NOTIFY_SOCKET=f"{t}/notify", WATCHDOG_USEC="400000")

    def hear(word):
        said = []
        for _ in range(200):
            said.append(listener.recv(4096).decode())
            if word in said[-1]:
                return said[-1]
        raise Wrong(f"{word} never came: {said[-5:]}")
    with running(t, "sample: {interval: 5min}\n", env=env) as d:
        hear("READY=1")
        hear("WATCHDOG=1")
        with open(d.config, "w", encoding="ascii") as f:
            f.write("sample: {interval: 100ms}\nweb: {per_process: true}\n")
        d.p.send_signal(signal.SIGHUP)
        check("MONOTONIC_USEC=" in hear("RELOADING=1"), "reloading with its time")
        hear("READY=1")
        d.ticks(3)
        check("memculprit_process_memory_bytes{" in d.get("/metrics")[1], "a series a process, since it is asked for")
        with open(d.config, "w", encoding="ascii") as f:
            f.write("sample: {interval: 1}\n")
        d.p.send_signal(signal.SIGHUP)
        until("the error is said", lambda: "m.yml:1:20: interval" in d.text())
        until("that the old one stays", lambda: "what was in force stays" in d.text())
        check(d.text().count("m.yml:1:20: interval") == 1, "the error is said once")
        d.ticks(3)  # with the one of before
        d.end()
        hear("STOPPING=1")


def marks(t):
    subprocess.run(["git", "init", "-q", "-b", "main", f"{t}/repo"], check=True)
    git = ["git", "-C", f"{t}/repo", "-c", "user.name=A", "-c", "user.email=a@b"]
    for v in ("v1", "v2"):
        subprocess.run(git + ["commit", "-q", "--allow-empty", "-m", v], check=True)
        subprocess.run(git + ["tag", v], check=True)
    commit = subprocess.run(git + ["rev-parse", "v2"], check=True, capture_output=True, text=True).stdout.strip()
    config = f"sample: {{interval: 100ms}}\nprograms:\n- {{name: app, match: {{comm: app}}, repository: repo}}\n- {{name: free, match: {{comm: free}}}}\n"
    with open(f"{t}/m.yml", "w", encoding="utf-8") as f:
        f.write(config)

    def direct(*words, code=0):
        r = subprocess.run([BIN, "--config", f"{t}/m.yml", "--db", f"{t}/m.db"] + list(words), capture_output=True, text=True, check=False)
        check(r.returncode == code, f"{words}: {r.returncode}: {r.stdout}{r.stderr}")
        return r
    # no daemon: by the lock
    row = json.loads(direct("mark", "app", "v1", "--at", "-1h", "--json").stdout)
    check(row["version"] == "v1" and len(row["commit"]) == 40, f"resolved: {row}")
    direct("mark", "app", "v9", code=3)
    direct("mark", "other", "v1", code=3)
    direct("mark", "free", "anything at all")
    with open(f"{t}/w.yml", "w", encoding="ascii") as f:
        f.write("basic_auth_users:\n  anna: %s\n" % SECRET)
    with running(t, config, flags=["--web.enable-mark", "--web.config.file", f"{t}/w.yml"], user="anna:secret") as d:
        mode = os.stat(d.db + ".sock").st_mode
        check(stat.S_ISSOCK(mode) and stat.S_IMODE(mode) & 0o007 == 0, "the socket is not for everybody")
        row = json.loads(d.cli("mark", "app", "v2", "--note", "x\x1b[31m", "--json").stdout)
        check(row["commit"] == commit, f"through the daemon: {row}")
        check("already" in d.cli("mark", "app", commit[:12]).stdout, "the commit is the same deploy")
        d.cli("mark", "app", "no-such-tag", code=3)
        d.cli("mark", "other", "v1", code=3)
        body = json.dumps({"program": "app", "revision": "v1"}).encode()
        check(d.get("/api/v1/deploys", user="", method="POST", body=body)[0] == 401, "no password, no mark")
        status, text = d.get("/api/v1/deploys", method="POST", body=body)
        check(status == 201 and json.loads(text)["version"] == "v1", f"with one: {status} {text}")
        for broken in (b"", b"[]", b"{", b'{"program": 5}', b'{"program": "app"}', b'{"program": "app", "revision": "v1", "time": "never"}',
                       b'{"program": "\\u0000", "revision": "v1"}'):
            status, text = d.get("/api/v1/deploys", method="POST", body=broken)
            check(status in (400, 404) and json.loads(text)["error"], f"{broken!r}: {status} {text}")
        r = d.cli("mark", "free", "by url", "--url", f"http://anna:secret@127.0.0.1:{d.port}")
        check(d.deploys("free")[-1]["version"] == "by url", f"by --url: {r.stdout}")
        check(d.get("/api/v1/deploys/1", method="DELETE")[0] in (403, 405), "nothing is deleted by TCP")
        d.cli("mark", "free", "x", "--url", "http://127.0.0.1:1", code=1)
        check(d.p.poll() is None, "it goes on")


def tags(t):
    """The configured repository, below --path.rootfs, names what only a commit is known of; its load is below it too."""
    root = f"{t}/root"
    os.makedirs(f"{root}/srv")
    subprocess.run(["git", "init", "-q", "-b", "main", f"{root}/srv/repo"], check=True)
    git = ["git", "-C", f"{root}/srv/repo", "-c", "user.name=A", "-c", "user.email=a@b"]
    commits = []
    for v in ("v1", "v2"):
        subprocess.run(git + ["commit", "-q", "--allow-empty", "-m", v], check=True)
        subprocess.run(git + ["tag", "-a", "-m", v, v], check=True)
        commits.append(subprocess.run(git + ["rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip())
    proc = Proc(f"{t}/proc")
    executable(f"{t}/v1/app", "aa" * 20)
    executable(f"{t}/v2/app", "bb" * 20, {"commit": commits[1]})
    with open(f"{root}/srv/requests", "w", encoding="ascii") as f:
        f.write('# TYPE served_total counter\nserved_total{path="a"} 40\nserved_total{path="b"} 2\n')
    config = ("sample: {interval: 100ms}\nprograms: [{name: app, match: {comm: app}, repository: /srv/repo, "
              "load: {file: /srv/requests, metric: served_total}}]\n")
    proc.start(10, "app", f"{t}/v1/app", 1000)
    with running(t, config, flags=["--path.rootfs", root], proc=proc) as d:
        until("the load", lambda: d.metric("memculprit_program_requests_total", program="app") == 42)
        d.ticks(3)
        proc.stop(10)
        proc.start(11, "app", f"{t}/v2/app", 1000)
        row = until("the tag", lambda: next((r for r in d.deploys("app") if r["version"] == "v2" and r["tag_ms"]), None))
        check(row["commit"] == commits[1] and row["commit_ms"], f"with its times: {row}")
        until("its lives too", lambda: d.metric("memculprit_program_version_info", program="app", version="v2", commit=commits[1]) == 1)


def load_that_flaps(t):
    """A load that comes and goes with each tick is said some times, and then that it does so."""
    proc = Proc(f"{t}/proc")
    proc.start(10, "app", None, 100)
    config = f"sample: {{interval: 50ms}}\nprograms: [{{name: app, match: {{comm: app}}, load: {{file: {t}/requests, metric: served_total}}}}]\n"
    with running(t, config, proc=proc) as d:
        until("it is missed", lambda: "requests of app are not known" in d.text())
        for _ in range(12):
            with open(f"{t}/new", "w", encoding="ascii") as f:
                f.write("# TYPE served_total counter\nserved_total 5\n")
            os.rename(f"{t}/new", f"{t}/requests")
            until("it came", lambda: d.metric("memculprit_program_requests_total", program="app") == 5)
            d.ticks(2)
            failed = d.metric("memculprit_errors_total", component="load")
            os.unlink(f"{t}/requests")
            until("it went", lambda before=failed: d.metric("memculprit_errors_total", component="load") > before)
        said = d.text().count("requests of app are")
        check(said == 6 and d.text().count("requests of app come and go") == 1, f"said {said} times: {d.text()}")
        check("requests of app are not known" in d.cli("status").stdout, "and as it is in status")


def imports(t):
    """What writes goes through the daemon while it runs: importing twice changes nothing."""
    os.makedirs(f"{t}/in")
    with open(f"{t}/in/samples.csv", "w", encoding="ascii") as f:
        f.write("unix_ms,process_key,pid,start_ms,rss_bytes,anon_bytes,shared_bytes,swap_bytes\n")
        for i in range(300):
            f.write(f"{1700000000000 + i * 10000},w,7,1700000000000,{20000000 + i * 4096},{10000000 + i * 4096},10000000,0\n")
    with open(f"{t}/in/deploys.csv", "w", encoding="ascii") as f:
        f.write("unix_ms,version,commit\n1700000000000,v1,\n")
    with running(t) as d:
        d.ticks(2)
        for _ in range(2):
            r = json.loads(d.cli("import", "far", f"{t}/in", "--json").stdout)
            check(r["samples"] == 300 and r["deploys"] == 1, f"counted: {r}")
        check(len(d.deploys("far")) == 1, "once")
        page = d.get("/?program=far")[1]
        check("Not running. What follows is its last state, <strong>" in page, "the page says that it is old")
        with open(f"{t}/in/samples.csv", "a", encoding="ascii") as f:
            f.write("x,y\n")
        r = d.cli("import", "farther", f"{t}/in", code=None)
        check(r.returncode == 1 and "samples.csv:302:" in r.stderr, f"line and column: {r.returncode} {r.stderr}")
        d.cli("deploys", "farther", code=3)
        d.cli("db", "compact")
        d.cli("db", "check")
        check(d.get("/api/v1/import", method="POST", body=b"{}")[0] in (403, 404, 405), "not by TCP")
        d.ticks(2)


def activation(t):
    """Sockets that systemd hands over."""
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    s.listen(5)
    port = s.getsockname()[1]
    s.set_inheritable(True)
    shell = f'exec 3<&{s.fileno()}; LISTEN_PID=$$ LISTEN_FDS=1; export LISTEN_PID LISTEN_FDS; exec "$@"'
    d = Daemon(t, pass_fds=[s.fileno()], listen=False, wrap=["bash", "-c", shell, "bash"])
    d.port = port
    try:
        until("an answer on the socket handed over", lambda: d.get("/-/ready")[0] == 200)
        d.end()
    finally:
        d.kill()
    s.close()


def flat(t):
    """Its own memory after hundreds of ticks, lives that come and go, and scrapes."""
    proc = Proc(f"{t}/proc")
    for pid in range(100, 160):
        proc.start(pid, f"p{pid % 12}", None, 100)
    with running(t, "sample: {interval: 50ms}\nstore: {keep: 1h}\n", proc=proc) as d:
        def own():
            with open(f"/proc/{d.p.pid}/status", encoding="ascii") as f:
                return next(int(line.split()[1]) for line in f if line.startswith("RssAnon"))
        half = int(os.environ.get("MC_TICKS", "25" if SHORT else "60")) // 2
        figures = []
        pid = 1000
        for _ in range(2):
            for _ in range(half):
                proc.start(pid, "short", None, 100)
                proc.memory(100 + pid % 60, 100 + pid % 50)
                d.ticks(1)
                proc.stop(pid)
                pid += 1
            figures.append(own())
        check(world.SLOW > 1 or figures[1] < figures[0] + 1024, f"private memory went from {figures[0]} to {figures[1]} KiB")


ALL = [deploys, two_under_one_name, garbage, refused, refused_databases, store_trouble, signals, marks, tags, load_that_flaps, imports, activation, flat]


def main():
    failed = 0
    world.slow_build()
    names = sys.argv[2:]
    # in memory where there is room: each tick waits for the disk, which others may keep busy for seconds
    has_room = os.path.isdir("/dev/shm") and shutil.disk_usage("/dev/shm").free > 1 << 30
    folder = "/dev/shm" if has_room else None
    for scenario in ALL:
        if names and scenario.__name__ not in names:
            continue
        with tempfile.TemporaryDirectory(prefix="mc-daemon-", dir=folder) as t:
            begun = time.monotonic()
            try:
                scenario(t)
                print(f"ok {scenario.__name__} ({time.monotonic() - begun:.1f} s)", flush=True)
            except Wrong as e:
                failed += 1
                print(f"FAILED {scenario.__name__}: {e}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
