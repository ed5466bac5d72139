"""A Python server for recordings: app.py PORT WORKERS MISTAKE CACHE MAX_REQUESTS.

MISTAKE: none; list (keeps every request); one (only the first worker keeps them). CACHE: entries of an lru_cache.
MAX_REQUESTS: a worker leaves after so many, and the master starts another (0: never).
"""
import ctypes, functools, os, signal, socket, sys, threading

PORT, WORKERS, MISTAKE, CACHE, MAX = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
kept, served = [], [0]


@functools.lru_cache(maxsize=CACHE or 1)
def page(key):
    return (b"%d " % key) * (40 + key * 7919 % 200)


def talk(c, leaks):
    f = c.makefile("rb")
    while True:
        line = f.readline(2048)
        if not line:
            return
        while f.readline(2048).strip():
            pass
        key = int(line.split()[1].strip(b"/").split(b"?")[0] or 0)
        body = page(key)
        if leaks:
            kept.append({"line": line.decode(), "body": body[:200] + line})
        c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        served[0] += 1
        if MAX and served[0] >= MAX:
            os._exit(0)


def guarded(c, leaks):
    try:
        talk(c, leaks)
    except OSError:
        pass                                   # the client went away
    finally:
        c.close()


def work(listener, number):
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # dies with the master
    leaks = MISTAKE == "list" or (MISTAKE == "one" and number == 0)
    while True:
        c, _ = listener.accept()
        threading.Thread(target=guarded, args=(c, leaks), daemon=True).start()


def main():
    listener = socket.create_server(("127.0.0.1", PORT), backlog=128)
    number = {}
    for i in range(WORKERS):
        pid = os.fork()
        if pid == 0:
            work(listener, i)
        number[pid] = i
    while True:
        pid, _ = os.wait()
        i = number.pop(pid)
        pid = os.fork()
        if pid == 0:
            work(listener, i)
        number[pid] = i


main()
