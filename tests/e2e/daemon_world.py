"""A hand-made /proc, and a daemon over it: for the tests that talk to memculprit serve. The program is the first argument."""
import base64
import contextlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

BIN = os.path.abspath(sys.argv[1])
SHORT = bool(os.environ.get("MC_SHORT"))
PAGE = resource.getpagesize()
HZ = os.sysconf("SC_CLK_TCK")
SLOW = float(os.environ.get("MC_SLOW", "1"))


def slow_build():
    """A sanitizer's runtime is slower, and its allocator no measure of ours."""
    global SLOW
    with open(BIN, "rb") as f:
        data = f.read()
    if b"__tsan_init" in data or b"__asan_init" in data:
        SLOW = max(SLOW, 5)


class Wrong(Exception):
    pass


def check(ok, what):
    if not ok:
        raise Wrong(what)


def until(what, ask, seconds=60.0):
    """Waits for ask() to be true; its value. A machine that is busy elsewhere is no failure, so the time is long."""
    end = time.monotonic() + seconds * SLOW
    last = None
    while time.monotonic() < end:
        try:
            last = ask()
            if last:
                return last
        except (OSError, urllib.error.URLError, ValueError) as e:
            last = e
        time.sleep(0.03)
    raise Wrong(f"{what}: never came; last was {last!r}")


# ---- a /proc tree ----
class Proc:
    def __init__(self, root):
        self.root = root
        self.boot = int(time.time()) - 1000
        os.makedirs(root)
        self.put("stat", "cpu  1 1 1 100 5 0 0 0 0 0\nintr 5\nctxt 1000\nbtime %d\nprocesses 7\nprocs_running 1\nprocs_blocked 0\n" % self.boot)
        self.put("meminfo", "MemTotal: 1000000 kB\nMemFree: 500000 kB\nMemAvailable: 700000 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n")
        self.put("vmstat", "pswpin 0\npswpout 0\noom_kill 0\n")
        os.makedirs(f"{root}/net")
        os.makedirs(f"{root}/sys/kernel/random")
        self.put("sys/kernel/random/boot_id", "00000000-0000-0000-0000-000000000001\n")

    def put(self, path, text):
        full = f"{self.root}/{path}"
        data = text if isinstance(text, bytes) else text.encode()
        with open(full + ".new", "wb") as f:
            f.write(data)
        os.rename(full + ".new", full)

    def memory(self, pid, anon):
        self.put(f"{pid}/statm", f"{anon + 500} {anon + 20} 20 1 0 {anon} 0\n")
        kb = PAGE // 1024
        self.put(f"{pid}/status", f"Name:\tx\nUid:\t1000\t1000\t1000\t1000\nVmHWM:\t{(anon + 20) * kb} kB\nRssAnon:\t{anon * kb} kB\n"
                                  f"RssFile:\t{20 * kb} kB\nRssShmem:\t0 kB\nVmSwap:\t0 kB\nThreads:\t1\n")

    def start(self, pid, comm, exe=None, anon=100, ppid=1, env=b""):
        tmp = f"{self.root}/new"
        shutil.rmtree(tmp, ignore_errors=True)
        os.makedirs(tmp)
        os.makedirs(f"{tmp}/fd")
        ticks = int((time.time() - self.boot) * HZ)
        name = comm if isinstance(comm, bytes) else comm.encode()
        self.put("new/stat", b"%d (%s) S %d 1 1 0 -1 4194304 7 0 2 0 50 60 0 0 20 0 1 0 %d 409600 9 1 1\n" % (pid, name[:15], ppid, ticks))
        self.memory("new", anon)
        self.put("new/cgroup", "0::/\n")
        self.put("new/cmdline", name + b"\0--serve\0")
        self.put("new/environ", env)
        if exe:
            os.symlink(exe, f"{tmp}/exe")
        os.symlink("/", f"{tmp}/root")
        os.symlink("/", f"{tmp}/cwd")
        os.rename(tmp, f"{self.root}/{pid}")

    def stop(self, pid):
        shutil.rmtree(f"{self.root}/{pid}")


def executable(path, build_id, note=None):
    """An ELF file with this build-id, and a package note where one is given."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    source = path + ".c"
    with open(source, "w", encoding="ascii") as f:
        f.write("int main(void) { return 0; }\n")
    flags = [f"-Wl,--build-id=0x{build_id}"]
    if note:
        flags += ["-Xlinker", "--package-metadata=" + json.dumps(note)]
    subprocess.run(["gcc", "-o", path + ".tmp", source] + flags, check=True)
    os.unlink(source)
    os.rename(path + ".tmp", path)


# ---- a daemon ----
class Daemon:
    def __init__(self, folder, config="", flags=(), env=None, proc=None, db=None, pass_fds=(), listen=True, wrap=()):
        self.folder = folder
        self.db = db or f"{folder}/m.db"
        self.config = f"{folder}/m.yml"
        self.log = f"{folder}/log"
        with open(self.config, "w", encoding="utf-8") as f:
            f.write(config or "sample: {interval: 100ms}\n")
        command = list(wrap) + [BIN, "--config", self.config, "--db", self.db, "serve"]
        if listen:
            command += ["--web.listen-address", "127.0.0.1:0"]
        if proc:
            command += ["--path.procfs", proc.root]
        self.file = open(self.log, "wb")
        self.p = subprocess.Popen(command + list(flags), stdout=self.file, stderr=self.file, env=env, pass_fds=pass_fds)
        self.port = None
        self.user = None

    def text(self):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return f.read()

    def up(self):
        def port():
            check(self.p.poll() is None, f"the daemon ended with {self.p.returncode}: {self.text()}")
            for word in self.text().split("(port ")[1:]:
                self.port = int(word.split(")")[0])
            return self.port
        until("a port", port)
        until("ready", lambda: self.get("/-/ready")[0] == 200)
        return self

    def get(self, path, user=None, method="GET", body=None, scheme="http"):
        request = urllib.request.Request(f"{scheme}://127.0.0.1:{self.port}{path}", method=method, data=body)
        if body is not None:
            request.add_header("Content-Type", "application/json")
        user = self.user if user is None else user
        if user:
            request.add_header("Authorization", "Basic " + base64.b64encode(user.encode()).decode())
        try:
            with urllib.request.urlopen(request, timeout=60) as r:
                return r.status, r.read().decode()
        except urllib.error.HTTPError as e:
            return e.code, e.read().decode()

    def metric(self, name, **labels):
        """The value of the one series, None where there is none."""
        want = [f'{k}="{v}"' for k, v in labels.items()]
        for line in self.get("/metrics")[1].splitlines():
            head, _, value = line.rpartition(" ")
            if (head == name or head.startswith(name + "{")) and all(w in head for w in want):
                return float(value)
        return None

    def ticks(self, n):
        start = self.metric("memculprit_samples_total")
        until(f"{n} ticks", lambda: self.metric("memculprit_samples_total") >= start + n)

    def cli(self, *words, code=0):
        r = subprocess.run([BIN, "--config", self.config, "--db", self.db] + list(words), capture_output=True, text=True, timeout=300, check=False)
        check(code is None or r.returncode == code, f"{words}: exit code {r.returncode}, not {code}: {r.stdout}{r.stderr}")
        return r

    def deploys(self, program="worker"):
        return json.loads(self.cli("deploys", program, "--json").stdout)["deploys"]

    def end(self, code=0):
        begun = time.monotonic()
        self.p.send_signal(signal.SIGTERM)
        try:
            got = self.p.wait(timeout=60 * SLOW)
        except subprocess.TimeoutExpired:
            self.p.kill()
            raise Wrong("SIGTERM did not end it") from None
        self.file.close()
        check(got == code, f"it ended with {got}: {self.text()}")
        return time.monotonic() - begun

    def kill(self):
        if self.p.poll() is None:
            self.p.kill()
            self.p.wait()
        self.file.close()


@contextlib.contextmanager
def running(*args, user=None, **kw):
    d = Daemon(*args, **kw)
    d.user = user
    try:
        yield d.up()
        if d.p.poll() is None:
            d.end()
    except BaseException:
        sys.stderr.write(d.text()[-3000:])
        d.kill()
        raise
