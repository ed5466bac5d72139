"""A WSGI application for recordings. MISTAKE: list, cycle (garbage that no collector looks at), unbounded, one; CACHE, BUFFER."""
import functools, gc, os, threading
MISTAKE, CACHE, PART = os.environ.get("MISTAKE", "none"), int(os.environ.get("CACHE", "1")), int(os.environ.get("PART", "400"))
BUFFER = bytearray(int(os.environ.get("BUFFER", "0")) or 1)
for i in range(0, len(BUFFER), 4096):
    BUFFER[i] = 1
kept, lock = [], threading.Lock()
if MISTAKE == "cycle":
    gc.disable()

@functools.lru_cache(maxsize=None if MISTAKE == "unbounded" else CACHE)
def page(key):
    return (b"%d " % key) * (30 + key * 7919 % 150)

class Node:
    def __init__(self, n):
        self.me, self.data = self, b"x" * n

def application(environ, start_response):
    key = int(environ["PATH_INFO"].strip("/") or 0)
    body = page(key)
    if MISTAKE == "list":
        kept.append(os.urandom(PART // 2).hex())
    if MISTAKE == "cycle":
        Node(PART)
    start_response("200 OK", [("Content-Length", str(len(body))), ("Content-Type", "text/plain")])
    return [body]

app = application
