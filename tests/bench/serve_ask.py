"""Scrapes in turn and says what it took. usage: serve_ask.py PORT PID PEER_PORT PEER_PID CANNED_PORT CANNED_PID"""
import http.client
import os
import statistics
import sys
import time

HZ = os.sysconf('SC_CLK_TCK')
P2 = {'Accept': 'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
      'Accept-Encoding': 'gzip'}


def cpu(pid):
    with open(f'/proc/{pid}/stat', encoding='ascii', errors='replace') as f:
        fields = f.read().rsplit(')', 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / HZ


def scrapes(port, pid, n, headers=P2):
    """Median time and CPU time of one scrape, and bytes of its body; a kept connection, as Prometheus has."""
    c = http.client.HTTPConnection('127.0.0.1', port, timeout=30)
    times, size, before = [], 0, cpu(pid)
    for _ in range(n):
        t = time.perf_counter()
        c.request('GET', '/metrics', headers=headers)
        size = len(c.getresponse().read())
        times.append(time.perf_counter() - t)
    return statistics.median(times) * 1e3, (cpu(pid) - before) / n * 1e3, size


mine, pid, peer, peer_pid, canned, canned_pid = sys.argv[1:7]
with open(f'/proc/{pid}/status', encoding='ascii', errors='replace') as f:
    rss = [line for line in f if line.startswith('VmRSS')][0].split()[1]
print(f'processes here: {sum(x.isdigit() for x in os.listdir("/proc"))}; memculprit holds {int(rss) / 1024:.1f} MiB')
p50, server, size = scrapes(int(mine), pid, 2000)
print(f'memculprit        scrape p50 {p50:8.3f} ms   server CPU {server:8.3f} ms   {size} bytes')
if peer:
    q50, other, size = scrapes(int(peer), peer_pid, 20)
    print(f'process-exporter  scrape p50 {q50:8.3f} ms   server CPU {other:8.3f} ms   {size} bytes')
    print(f'ratio             {q50 / p50:.0f} times faster, {other / max(server, 1e-6):.0f} times less CPU')
# the canned server makes a page every 100 ms; what that takes without a scrape is taken off
idle = cpu(int(canned_pid))
t = time.perf_counter()
time.sleep(2)
idle = (cpu(int(canned_pid)) - idle) / (time.perf_counter() - t)
t = time.perf_counter()
p50, server, size = scrapes(int(canned), canned_pid, 3000)
took = time.perf_counter() - t
plain = scrapes(int(canned), canned_pid, 5, {})[2]
print(f'large page        {plain / 1024:.0f} KiB, gzipped {size / 1024:.0f} KiB: p50 {p50:.3f} ms, server CPU {max(0, server - idle * took / 3000 * 1e3):.3f} ms a scrape')
