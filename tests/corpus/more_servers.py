"""More servers to record, how each is started, and their plans, which differ from seed to seed (servers.py has those that don't)."""
import glob, os, random, shutil, subprocess
import talkers
from servers import HERE, JEMALLOC, L, which, write

PROTOCOL = {"mosquitto": "mqtt", "unbound": "dns", "fpm": "fcgi", "postgres": "pg", "beanstalkd": "beanstalk"}
NEEDS = {"erlang": "escript", "gunicorn": "python3", "uwsgi": "uwsgi", "varnish": "varnishd"}
SHIMMED = ("h2o", "unbound", "squid")
PGBIN = (sorted(glob.glob("/usr/lib/postgresql/*/bin")) or ["/nowhere"])[-1] + "/"
FPM = os.path.basename((sorted(glob.glob("/usr/sbin/php-fpm[0-9]*")) or ["php-fpm"])[-1])
talkers.SCRIPT = (HERE + "/app.php").encode()


def there(server):
    """Whether its program is installed."""
    if server == "gunicorn":
        return os.path.isdir("/usr/lib/python3/dist-packages/gunicorn")
    if server == "postgres":
        return os.path.exists(PGBIN + "initdb")
    return bool(which({"fpm": FPM}.get(server) or NEEDS.get(server, server)))


def prepare(server, work):
    """Compiles what the server needs, and makes its files; False where its program is missing."""
    if not there(server) or (server in SHIMMED and not which("gcc")):
        return False
    os.makedirs(work + "/root", exist_ok=True)
    if server in SHIMMED:
        subprocess.run(["gcc", "-O2", "-shared", "-fPIC", "-fno-builtin", "-o", work + "/forget.so", HERE + "/forget.c"], check=True)
    if server == "go":
        subprocess.run(["go", "build", "-o", work + "/app", HERE + "/app.go"], check=True)
    if server == "squid":
        os.chmod(work, 0o777)
        os.chmod(write(work + "/log", ""), 0o666)
    if server == "h2o":
        for i in range(300):
            write(work + "/root/%d" % i, "x" * (200 + i * 37 % 9000))
    if server == "postgres":
        shutil.chown(work, "postgres")
        run = lambda *a, **k: subprocess.run(["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", *a], check=True, stdout=subprocess.DEVNULL, **k)
        run(PGBIN + "initdb", "-D", work + "/data", "-A", "trust", "-N", "--no-locale")
        with open(work + "/data/pg_hba.conf", "a") as f:
            f.write("host all all 127.0.0.0/8 trust\n")
        sql = "".join("CREATE TABLE t%d (a int, b text, c int);\nINSERT INTO t%d SELECT x, 'v' || x, x FROM generate_series(1, 50) x;\n" % (i, i) for i in range(300))
        run(PGBIN + "postgres", "--single", "-D", work + "/data", "postgres", input=sql.encode())
    return True


def fpm(o, port, work):
    return [FPM, "-F", "-R", "-d", "ffi.enable=1", "-d", "memory_limit=64M", "-y", write(work + "/fpm.conf", """[global]
pid = %s/fpm.pid
error_log = %s/log
[w]
user = nobody
group = nogroup
listen = 127.0.0.1:%d
pm = static
pm.max_children = %d
pm.max_requests = %d
env[MISTAKE] = "%s"
env[PART] = "%d"
clear_env = yes
""" % (work, work, port, o["workers"], o.get("recycle", 0), o.get("mistake", "none"), o.get("part", 600)))]


def haproxy(o, port, work):
    return ["haproxy", "-db", "-f", write(work + "/ha.cfg", """global
 nbthread %d
 maxconn 200
 tune.lua.maxmem 0
 lua-load %s/app.lua
defaults
 mode http
 timeout client 60s
 timeout server 60s
 timeout connect 5s
frontend f
 bind 127.0.0.1:%d
 http-request track-sc0 path table st
 http-request use-service lua.app
backend st
 stick-table type string len 60 size %d expire 30m store http_req_cnt,http_req_rate(60s),bytes_out_cnt
""" % (o.get("threads", 1), HERE, port, o.get("table", 100)))]


def unbound(o, port, work):
    return ["unbound", "-d", "-c", write(work + "/unbound.conf", """server:
 interface: 127.0.0.1
 port: %d
 num-threads: 1
 do-daemonize: no
 chroot: ""
 username: ""
 directory: "%s"
 pidfile: ""
 use-syslog: no
 do-not-query-localhost: no
 do-ip6: no
 module-config: "iterator"
 msg-cache-size: %s
 rrset-cache-size: %s
 msg-cache-slabs: 1
 rrset-cache-slabs: 1
forward-zone:
 name: "."
 forward-addr: 127.0.0.1@%d
remote-control:
 control-enable: no
""" % (port, work, o.get("msg", "200k"), o.get("rrset", "300k"), port + 5000))]


def squid(o, port, work):
    return ["squid", "-N", "-n", "sq%d" % random.randrange(10 ** 9), "-f", write(work + "/squid.conf", """http_port 127.0.0.1:%d accel defaultsite=x no-vhost
cache_peer 127.0.0.1 parent %d 0 no-query originserver
http_access allow all
cache_mem %s
maximum_object_size_in_memory 64 KB
access_log none
cache_log %s/log
cache_store_log none
pid_filename none
visible_hostname x
cache_effective_user proxy
coredump_dir %s
memory_pools %s
memory_cache_shared off
pinger_enable off
shutdown_lifetime 0 seconds
""" % (port, port + 5000, o.get("mem", "2 MB"), work, work, o.get("pools", "on")))]


def mosquitto(o, port, work):
    return ["mosquitto", "-c", write(work + "/mq.conf", "listener %d 127.0.0.1\nallow_anonymous true\npersistence false\nmax_queued_messages %d\nmax_queued_bytes 0\nlog_dest none\nuser root\n" % (port, o.get("queued", 500)))]


def h2o(o, port, work):
    return ["h2o", "-c", write(work + "/h2o.conf", "user: root\nnum-threads: 1\n"
                                "listen:\n  host: 127.0.0.1\n  port: %d\nhosts:\n  default:\n    paths:\n      /:\n        file.dir: %s/root\n%spid-file: %s/h2o.pid\n" % (
        port, work, "compress: ON\n" if o.get("gzip") else "", work))]


def postgres(o, port, work):
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", PGBIN + "postgres", "-D", work + "/data", "-p", str(port),
            "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=" + work, "-c", "fsync=off",
            "-c", "shared_buffers=" + o.get("buffers", "8MB"), "-c", "work_mem=" + o.get("work_mem", "1MB"),
            "-c", "max_connections=60", "-c", "jit=off"]


def command(server, port, o, work):
    env = {k: str(o[v]) for k, v in (("DROP_FREE", "drop"), ("DROP_MIN", "drop_min"), ("DROP_MAX", "drop_max"), ("KEEP_REPLY", "keep_reply")) if v in o}
    if env:
        env["LD_PRELOAD"] = work + "/forget.so"
    if o.get("jemalloc"):
        env["LD_PRELOAD"] = JEMALLOC
    env.update(MISTAKE=o.get("mistake", "none"), PART=str(o.get("part", 400)), CACHE=str(o.get("cache", 1)),
               BUFFER=str(o.get("buffer", 0)), PYTHONPATH=HERE, PYTHONDONTWRITEBYTECODE="1", GOMAXPROCS="1", HOME=work, PATH=os.environ["PATH"] + ":/usr/sbin")
    p, m, part = str(port), o.get("mistake", "none"), str(o.get("part", 400))
    if server == "uwsgi":
        argv = ["uwsgi", "--plugin", "python3", "--http-socket", "127.0.0.1:" + p, "--wsgi-file", HERE + "/wsgi.py", "--master", "--processes", str(o["workers"]),
                "--need-app", "--die-on-term", "--disable-logging", "--threads", str(o.get("threads", 1)), "--listen", "64"] + (["--max-requests", str(o["recycle"])] if o.get("recycle") else [])
    elif server == "gunicorn":
        argv = ["/usr/bin/python3", "-m", "gunicorn", "-k", "gthread", "--threads", str(o.get("threads", 4)), "-w", str(o["workers"]), "-b", "127.0.0.1:" + p, "--worker-tmp-dir", work,
                "--keep-alive", "60", "--max-requests", str(o.get("recycle", 0)), "--pythonpath", HERE, "wsgi:app"]
    elif server == "ruby":
        argv = ["ruby", HERE + "/app.rb", p, m, part, str(o.get("buffer", 0))]
    elif server == "erlang":
        argv = ["escript", HERE + "/app.erl", p, m, part]
    elif server == "go":
        argv = [work + "/app", p, m, part, str(o.get("buffer", 0))]
    elif server == "beanstalkd":
        argv = ["beanstalkd", "-l", "127.0.0.1", "-p", p]
    elif server == "varnish":
        argv = ["varnishd", "-F", "-j", "none", "-a", "127.0.0.1:" + p, "-b", "127.0.0.1:%d" % (port + 5000), "-s", "malloc," + o.get("mem", "4M"), "-n", work + "/vn", "-p", "thread_pools=1",
                "-p", "thread_pool_min=" + str(o.get("threads", 10)), "-p", "vsl_space=1M"]
    else:
        argv = {"fpm": fpm, "haproxy": haproxy, "unbound": unbound, "squid": squid, "mosquitto": mosquitto, "h2o": h2o, "postgres": postgres}[server](o, port, work)
    return argv, env


def plan(name, kind, server, load, releases, options=None, wrong=None, wrong_load=None, change=None, change_load=None, **more):
    return dict(name=name, kind=kind, server=server, protocol=PROTOCOL.get(server, "http"), load=load, pattern=releases, options=options or {},
                over={"L": (wrong or {}, wrong_load or {}), "c": (change or {}, change_load or {}), "g": ({}, {})}, needs=None, **more)


SHAPES = {"L": ["ggLL", "gLLg", "gggL", "gLL", "ggLg", "gggLL"], "c": ["ggcc", "gccc", "gggc"], "g": ["ggg", "gggg"]}


def drawn(p, seed):
    """The plan of a seed: which releases are bad, and how strong the mistake is, differ from seed to seed (1: as written)."""
    r, q = random.Random("%s/plan/%d" % (p["name"], seed)), dict(p)
    s = p["pattern"]
    if seed > 1:
        s = s if p["kind"] == "leak_again" else r.choice(SHAPES["L" if "L" in s else "c" if "c" in s else "g"])
    f = 1.0 if seed == 1 else r.uniform(.5, 1.4)
    over = dict(p["over"])
    w = dict(over["L"][0])
    for k in ("part", "keep_reply"):
        if k in w:
            w[k] = max(1, int(w[k] * (1 / f if w.get("mistake") == "goroutine" else f)))
    over["L"] = (w, over["L"][1])
    q["releases"] = [dict(leaks=x == "L", changed=x == "c", options=over[x][0], load=over[x][1]) for x in s]
    q["load"] = dict(p["load"], shape=p["load"].get("shape") or r.choice(["steady", "steady", "steps", "rising"]))
    if seed > 1 and r.random() < .25 and "late_ms" not in q:
        q["late_ms"] = r.choice([-8000, 7000, 15000])
    if r.random() < .15:
        q["no_load"] = True
    return q


PLANS = [
    plan("go-goroutine", "leak_goroutine", "go", L(110, 6), "ggLL", wrong=dict(mistake="goroutine", part=3)),
    plan("haproxy-stick", "none_cache", "haproxy", L(120, 6, keys=10 ** 6), "gggg", dict(table=5000)),
    plan("uwsgi-list", "leak_list", "uwsgi", L(80, 6), "gLLg", dict(workers=2), wrong=dict(mistake="list", part=900)),
    plan("postgres-tables", "none_warmup", "postgres", L(60, 3, keys=300), "ggg"),
    plan("fpm-ffi", "leak_ext", "fpm", L(70, 4), "ggLL", dict(workers=3), wrong=dict(mistake="ffi", part=1500)),
    plan("mosquitto-topics", "none_cache", "mosquitto", L(100, 6, keys=3000, mode=1), "gggg"),
    plan("mosquitto-retain", "leak_retain", "mosquitto", L(100, 6, keys=10 ** 8, mode=0), "ggLg", wrong_load=dict(mode=1)),
    plan("fpm-big", "none_peaks", "fpm", L(50, 4), "gggg", dict(workers=3, mistake="big", part=400)),
    plan("postgres-prepare", "leak_prepare", "postgres", L(60, 3, keys=100, mode=2, bad=0), "ggL", wrong_load=dict(bad=.6)),
    plan("go-garbage", "none_gc", "go", L(90, 6), "gggg", dict(mistake="garbage", part=600)),
    plan("unbound-shim", "leak_shim", "unbound", L(90, 6, keys=10 ** 7), "ggLL", wrong=dict(drop=4)),
    plan("unbound-fill", "none_cache", "unbound", L(100, 6, keys=10 ** 7), "gggg", dict(msg="800k", rrset="1m")),
    plan("ruby-list", "leak_list", "ruby", L(80, 6), "gLg", wrong=dict(mistake="list", part=900)),
    plan("ruby-churn", "none_frag", "ruby", L(90, 6, per_connection=8), "gggg", dict(mistake="churn")),
    plan("erlang-ets", "leak_ets", "erlang", L(90, 6), "gggL", wrong=dict(mistake="ets", part=700)),
    plan("erlang-ring", "none_cache", "erlang", L(90, 6, keys=10 ** 6), "gggg", dict(mistake="ring", part=4000)),
    plan("haproxy-lua", "leak_lua", "haproxy", L(90, 6, keys=1000), "ggLL", wrong=dict(mistake="kept", part=700)),
    plan("haproxy-surge", "none_surge", "haproxy", L(60, 5, keys=1000, shape="surge"), "gggg", dict(threads=2)),
    plan("beanstalk-left", "leak_jobs", "beanstalkd", L(80, 6, keys=200, bad=0), "ggLg", wrong_load=dict(bad=.5)),
    plan("beanstalk-backlog", "none_queue", "beanstalkd", L(90, 6, keys=5000, bad=0), "gggg"),
    plan("h2o-shim", "leak_shim", "h2o", L(100, 6, keys=300, per_connection=20), "gLLg", wrong=dict(keep_reply=900)),
    plan("h2o-gzip", "none_flat", "h2o", L(80, 6, keys=300, per_connection=20), "ggcc", change=dict(gzip=True)),
    plan("gunicorn-unbounded", "leak_keys", "gunicorn", L(80, 6, keys=10 ** 7), "ggLL", dict(workers=2, cache=300), wrong=dict(mistake="unbounded")),
    plan("gunicorn-surge", "none_surge", "gunicorn", L(50, 4, shape="surge"), "gggg", dict(workers=2, threads=24)),
    plan("go-dict", "leak_dict", "go", L(90, 6), "gggLL", wrong=dict(mistake="dict", part=900)),
    plan("go-lru", "none_cache", "go", L(110, 6, keys=10 ** 6), "gggg", dict(mistake="lru", part=4000)),
    plan("uwsgi-cycle", "leak_cycle", "uwsgi", L(80, 6), "ggL", dict(workers=4), wrong=dict(mistake="cycle", part=1500)),
    plan("uwsgi-lru", "none_cache", "uwsgi", L(90, 6, keys=10 ** 6), "gggg", dict(workers=2, cache=2500)),
    plan("squid-shim", "leak_shim", "squid", L(60, 5, keys=3000), "ggLL", wrong=dict(drop=25)),
    plan("squid-fill", "none_cache", "squid", L(60, 5, keys=10 ** 6), "gggg", dict(mem="6 MB")),
    plan("mosquitto-absent", "leak_queue", "mosquitto", L(80, 6, keys=1000, mode=2), "ggLL", dict(queued=300), wrong=dict(queued=0)),
    plan("varnish-fill", "none_cache", "varnish", L(60, 5, keys=10 ** 6), "ggg", dict(mem="8M")),
    plan("fpm-recycle-ffi", "leak_recycle", "fpm", L(70, 4), "ggLL", dict(workers=2, recycle=400), wrong=dict(mistake="ffi", part=4000)),
    plan("fpm-recycle", "none_recycle", "fpm", L(70, 4), "gggg", dict(workers=2, recycle=400)),
    plan("ruby-again", "leak_again", "ruby", L(80, 6), "gLgL", wrong=dict(mistake="list", part=900)),
    plan("postgres-sort", "none_peaks", "postgres", L(40, 3, keys=50, mode=1), "gggg", dict(work_mem="4MB")),
    plan("gunicorn-buffer", "step_buffer", "gunicorn", L(60, 5), "ggcc", dict(workers=2), change=dict(buffer=8000000)),
    plan("postgres-more", "none_surge", "postgres", L(40, 2, keys=50), "ggcc", change_load=dict(threads=8, rate=80)),
    plan("ruby-jemalloc", "none_allocator", "ruby", L(90, 6, per_connection=8), "ggcc", dict(mistake="churn"), change=dict(jemalloc=True)),
    plan("go-buffer", "step_buffer", "go", L(70, 5), "ggcc", change=dict(buffer=9000000)),
    plan("unbound-leak-fill", "leak_over_cache", "unbound", L(100, 6, keys=10 ** 7), "ggLL", dict(msg="1m", rrset="2m"), wrong=dict(drop=3)),
    plan("uwsgi-surge-leak", "leak_over_surge", "uwsgi", L(70, 6, shape="surge"), "gLLg", dict(workers=2, threads=8), wrong=dict(mistake="list", part=700)),
]
