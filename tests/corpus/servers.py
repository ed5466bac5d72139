"""The servers that are recorded, how each is started, and the plans: which release makes which mistake."""
import os, shutil, subprocess

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "real")
NEEDS = {"small": "gcc", "redis": "redis-server", "memcached": "memcached", "nginx": "nginx", "lighttpd": "lighttpd", "apache": "apache2",
         "node": "node", "python": "python3", "java": "java"}
JEMALLOC = "/usr/lib/%s-linux-gnu/libjemalloc.so.2" % os.uname().machine
SHIMMED = ("nginx", "lighttpd", "apache")


def which(name):
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin")


def prepare(server, work):
    """Compiles what the server needs; False where its program is missing."""
    if not which(NEEDS[server]) or (server in SHIMMED and not which("gcc")):
        return False
    if server == "small":
        for level in ("-O2", "-O0"):           # two builds of the same source: what a release may be
            os.makedirs(work + "/build" + level, exist_ok=True)
            subprocess.run(["gcc", level, "-pthread", "-o", work + "/build" + level + "/small_server", HERE + "/small_server.c"], check=True)
    if server in SHIMMED:
        subprocess.run(["gcc", "-O2", "-shared", "-fPIC", "-fno-builtin", "-o", work + "/forget.so", HERE + "/forget.c"], check=True)
    if server in ("nginx", "lighttpd", "apache"):
        os.makedirs(work + "/root", exist_ok=True)
        os.chmod(work + "/root", 0o755)
        for i in range(300):
            with open(work + "/root/%d" % i, "wb") as f:
                f.write(b"x" * (200 + i * 37 % 9000))
    return True


def write(path, text):
    with open(path, "w") as f:
        f.write(text)
    return path


def nginx_conf(o, port, work):
    return write(work + "/nginx.conf", """daemon off; master_process on; worker_processes %d; error_log stderr error; pid %s/nginx.pid;
user root; env DROP_FREE; env DROP_MIN; env DROP_MAX; env KEEP_REPLY; env LD_PRELOAD;
events { worker_connections 256; }
http { access_log off; keepalive_requests %d; client_body_temp_path %s/t1; proxy_temp_path %s/t2; fastcgi_temp_path %s/t3; uwsgi_temp_path %s/t4; scgi_temp_path %s/t5;
  server { listen 127.0.0.1:%d; root %s/root; gzip %s; gzip_types *; gzip_min_length 1; } }
""" % (o["workers"], work, o.get("keepalive", 100), work, work, work, work, work, port, work, o.get("gzip", "off")))


def lighttpd_conf(o, port, work):
    return write(work + "/lighttpd.conf", """server.document-root = "%s/root"
server.bind = "127.0.0.1"
server.port = %d
server.max-worker = %d
server.max-keep-alive-requests = %d
""" % (work, port, o.get("workers", 0), o.get("keepalive", 100)))


def apache_conf(o, port, work):
    mods = "/usr/lib/apache2/modules"
    return write(work + "/apache.conf", """ServerRoot %s
ServerName localhost
Listen 127.0.0.1:%d
PidFile %s/apache.pid
DocumentRoot %s/root
ErrorLog %s/log
User daemon
Group daemon
LoadModule mpm_%s_module %s/mod_mpm_%s.so
LoadModule authz_core_module %s/mod_authz_core.so
MaxConnectionsPerChild %d
MaxKeepAliveRequests %d
StartServers %d
%s
<Directory %s/root>
Require all granted
</Directory>
""" % (work, port, work, work, work, o["mpm"], mods, o["mpm"], mods, o.get("recycle", 0), o.get("keepalive", 100), o["workers"],
       "MinSpareServers %d\nMaxSpareServers %d\nMaxRequestWorkers 48" % (o["workers"], o["workers"] + 2) if o["mpm"] == "prefork" else
       "ServerLimit %d\nThreadsPerChild 16\nMinSpareThreads 8\nMaxSpareThreads %d\nMaxRequestWorkers %d" % (o["workers"], 16 * o["workers"], 16 * o["workers"]), work))


def command(server, port, o, work):
    """argv and environment of one release."""
    env = {k: str(o[v]) for k, v in (("DROP_FREE", "drop"), ("DROP_MIN", "drop_min"), ("DROP_MAX", "drop_max"), ("KEEP_REPLY", "keep_reply")) if v in o}
    if server in SHIMMED:
        env["LD_PRELOAD"] = work + "/forget.so"
    if o.get("jemalloc"):
        env["LD_PRELOAD"] = " ".join(filter(None, [env.get("LD_PRELOAD"), JEMALLOC]))
    p = str(port)
    if server == "small":
        return [work + "/build" + o.get("build", "-O2") + "/small_server", p, str(o["workers"]), str(o.get("cache", 0)), o.get("mistake", "none"), str(o.get("part", 1))], env
    if server == "redis":
        return ["redis-server", "--port", p, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--hz", "20"] + o.get("extra", []), env
    if server == "memcached":
        return ["memcached", "-l", "127.0.0.1", "-p", p, "-U", "0", "-u", "nobody", "-m", str(o.get("megabytes", 64)), "-t", str(o.get("threads", 2)), "-c", "128"], env
    if server == "nginx":
        return [which("nginx"), "-c", nginx_conf(o, port, work), "-p", work], env
    if server == "lighttpd":
        return [which("lighttpd"), "-D", "-f", lighttpd_conf(o, port, work)], env
    if server == "apache":
        return [which("apache2"), "-DFOREGROUND", "-f", apache_conf(o, port, work)], env
    if server == "node":
        return ["node", HERE + "/app.js", p, o.get("mistake", "none"), str(o.get("cache", 0))], env
    if server == "java":
        return ["java", "-Xmx%dm" % o.get("heap", 96), "-XX:+Use%sGC" % o.get("collector", "Serial"), HERE + "/App.java", p, o.get("mistake", "none")], env
    return ["python3", HERE + "/app.py", p, str(o["workers"]), o.get("mistake", "none"), str(o.get("cache", 0)), str(o.get("recycle", 0))], env


def plan(name, kind, server, load, releases, **more):
    """releases: a string of letters: g as before, L the mistake (`wrong` laid over the options, `wrong_load` over the
    load), c another build or configuration that makes none (`change`, `change_load`)."""
    over = {"L": (more.pop("wrong", {}), more.pop("wrong_load", {})), "c": (more.pop("change", {}), more.pop("change_load", {})), "g": ({}, {})}
    rel = [dict(leaks=r == "L", changed=r == "c", options=over[r][0], load=over[r][1]) for r in releases]
    protocol = {"redis": "redis", "memcached": "memcached"}.get(server, "http")
    return dict(name=name, kind=kind, server=server, protocol=protocol, load=load, releases=rel, needs=JEMALLOC if more.pop("jemalloc", False) else None, **more)


def L(rate, threads, **more):
    return dict(rate=rate, threads=threads, **more)


PLANS = [
    plan("small-reply", "leak_reply", "small", L(250, 8), "ggLL", options=dict(workers=2), wrong=dict(mistake="reply", part=2)),
    plan("redis-ceiling", "none_cache", "redis", L(500, 6, keys=400000), "gggg", options=dict(extra=["--maxmemory", "3500kb", "--maxmemory-policy", "allkeys-lru"])),
    plan("redis-no-expiry", "leak_keys", "redis", L(300, 6, keys=10 ** 9, expire=8), "ggL", wrong_load=dict(expire=0)),
    plan("nginx-shim", "leak_shim", "nginx", L(250, 8, keys=300, per_connection=20), "gLLg", options=dict(workers=2), wrong=dict(drop=60)),
    plan("node-garbage", "none_gc", "node", L(120, 8), "gggg", options=dict(mistake="garbage")),
    plan("node-array", "leak_array", "node", L(250, 8), "ggLL", wrong=dict(mistake="array")),
    plan("small-surge", "none_surge", "small", L(150, 6, shape="surge"), "gggg", options=dict(workers=2)),
    plan("python-list", "leak_list", "python", L(200, 6), "ggL", options=dict(workers=3), wrong=dict(mistake="list")),
    plan("python-one", "leak_oneworker", "python", L(200, 8, per_connection=10), "gLL", options=dict(workers=4), wrong=dict(mistake="one")),
    plan("python-cache", "none_cache", "python", L(250, 6, keys=60000), "gggg", options=dict(workers=1, cache=500)),
    plan("lighttpd-shim", "leak_shim", "lighttpd", L(250, 8, keys=300, per_connection=5), "ggL", wrong=dict(keep_reply=700)),
    plan("apache-recycle", "none_recycle", "apache", L(150, 6, keys=300, per_connection=5), "ggg", options=dict(mpm="prefork", workers=4, recycle=80)),
    plan("apache-shim", "leak_shim", "apache", L(250, 8, keys=300, per_connection=4), "gLL", options=dict(mpm="event", workers=2), wrong=dict(keep_reply=500)),
    plan("small-error", "leak_error", "small", L(250, 6, bad=.08, shape="steps"), "gLg", options=dict(workers=1), wrong=dict(mistake="error")),
    plan("memcached-fill", "none_cache", "memcached", L(500, 6, keys=4000), "ggg", options=dict(megabytes=16)),
    plan("memcached-no-expiry", "leak_keys", "memcached", L(300, 8, keys=10 ** 9, expire=5), "ggL", options=dict(megabytes=900), wrong_load=dict(expire=0)),
    plan("small-cache-leak", "leak_over_cache", "small", L(300, 8, keys=200000), "ggLL", options=dict(workers=2, cache=600), wrong=dict(mistake="reply", part=3)),
    plan("small-churn", "none_frag", "small", L(350, 6), "gggg", options=dict(workers=1, mistake="churn", part=4000)),
    plan("node-listener", "leak_listener", "node", L(200, 8, shape="steps"), "gLg", options=dict(cache=400), wrong=dict(mistake="listener")),
    plan("python-recycle-leak", "leak_recycle", "python", L(220, 6, per_connection=10), "gLL", options=dict(workers=2, recycle=900), wrong=dict(mistake="list")),
    plan("nginx-steps", "none_flat", "nginx", L(200, 8, keys=300, shape="steps", per_connection=10), "gggg", options=dict(workers=3, gzip="on")),
    plan("lighttpd-rising", "none_flat", "lighttpd", L(250, 10, keys=300, shape="rising"), "ggg"),
    plan("small-late", "leak_latemark", "small", L(200, 6), "gggL", options=dict(workers=4), wrong=dict(mistake="reply", part=2), late_ms=9000, counter_restarts=True),
    # another allocator, another build, another configuration: a release, and no leak
    plan("small-allocator", "none_allocator", "small", L(300, 8), "ggcc", options=dict(workers=2, mistake="churn", part=3000), change=dict(jemalloc=True), jemalloc=True),
    plan("small-build", "none_flat", "small", L(250, 8), "gcgc", options=dict(workers=3), change=dict(build="-O0")),
    plan("small-jemalloc", "leak_reply", "small", L(250, 8), "ggLL", options=dict(workers=2, jemalloc=True), wrong=dict(mistake="reply", part=3), jemalloc=True),
    plan("small-jemalloc-churn", "none_frag", "small", L(350, 8), "gggg", options=dict(workers=1, mistake="churn", part=8000, jemalloc=True), jemalloc=True),
    plan("redis-larger", "step_cache", "redis", L(500, 6, keys=400000), "ggcc", options=dict(extra=["--maxmemory", "3500kb", "--maxmemory-policy", "allkeys-lru"]),
         change=dict(extra=["--maxmemory", "9mb", "--maxmemory-policy", "allkeys-lru"])),
    plan("redis-expiry", "none_cache", "redis", L(400, 6, keys=10 ** 9, expire=15), "gggg"),
    plan("memcached-shift", "none_cache", "memcached", L(400, 6, keys=10 ** 9, expire=12, shape="steps"), "gggg", options=dict(megabytes=256)),
    # more clients from one release on, or in the midst of a leak
    plan("small-more-clients", "none_surge", "small", L(150, 4), "ggcc", options=dict(workers=2), change_load=dict(threads=28, rate=420)),
    plan("small-leak-surge", "leak_reply", "small", L(200, 6, shape="surge"), "gLLg", options=dict(workers=2), wrong=dict(mistake="reply", part=4)),
    plan("small-leak-rising", "leak_reply", "small", L(250, 8, shape="rising"), "ggLg", options=dict(workers=4), wrong=dict(mistake="reply", part=5)),
    plan("small-slow", "leak_slow", "small", L(220, 6), "gggLL", options=dict(workers=2, mistake="none"), wrong=dict(mistake="reply", part=40)),
    # taken back and brought again
    plan("small-again", "leak_rollback", "small", L(250, 8), "gLgL", options=dict(workers=2), wrong=dict(mistake="reply", part=3)),
    plan("nginx-four", "leak_shim", "nginx", L(280, 8, keys=300, per_connection=20), "ggLg", options=dict(workers=4), wrong=dict(drop=25)),
    plan("node-cache", "none_cache", "node", L(300, 8, keys=200000), "gggg", options=dict(cache=6000)),
    plan("python-cache-leak", "leak_over_cache", "python", L(250, 6, keys=60000), "ggLL", options=dict(workers=2, cache=3000), wrong=dict(mistake="list")),
    plan("java-heap", "none_gc", "java", L(120, 6), "ggg", options=dict(mistake="garbage", heap=160)),
    plan("java-list", "leak_list", "java", L(220, 6), "ggL", options=dict(heap=400), wrong=dict(mistake="list")),
    plan("java-g1", "none_gc", "java", L(150, 6, shape="steps"), "gcg", options=dict(mistake="garbage", heap=160), change=dict(collector="G1")),
]
