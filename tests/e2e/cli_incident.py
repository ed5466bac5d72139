#!/usr/bin/env python3
"""cli_incident.py DIR COMMIT...: the incident as a scenario folder, samples every five minutes for eleven days.

Four workers; release v2.3 (the fourth commit) leaks, v2.4 and v2.5 don't mend it, v2.6 does. Always the same."""
import math
import os
import random
import sys

HOUR = 3600000
T0 = 1769767200000  # 2026-01-30 10:00 UTC
AT = [0, 25, 71.5, 100, 144, 197.5, 242]  # hours of v2.0 ... v2.6
END = 266
STEP = 300000
WORKERS = 4
MIB = 1048576


def main():
    out, commits = sys.argv[1], sys.argv[2:]
    rng = random.Random(2010)
    os.makedirs(out)
    marks = [T0 + int(h * HOUR) for h in AT]
    with open(os.path.join(out, "deploys.csv"), "w") as f:
        f.write("unix_ms,version,commit\n")
        for i, (t, c) in enumerate(zip(marks, commits)):
            f.write("%d,v2.%d,%s\n" % (t, i, c))
    rows, load = [], []
    noise = [0.0] * WORKERS
    requests = rx = tx = 0
    for k in range(END * HOUR // STEP):
        t = T0 + 60000 + k * STEP
        r = max(i for i, m in enumerate(marks) if m <= t)
        hour = (t // 60000 % 1440) / 60
        rate = 900 + 500 * math.sin((hour - 9) / 24 * 2 * math.pi) + rng.gauss(0, 30)
        requests += int(rate * STEP / 1000)
        rx += int(rate * STEP / 1000 * 410)
        tx += int(rate * STEP / 1000 * 1200)
        load.append("%d,%d,%d,%d\n" % (t, requests, rx, tx))
        for w in range(WORKERS):
            start = marks[r] + 4000 + 3000 * w
            age = (t - start) / HOUR
            if age < 0:
                continue
            noise[w] = 0.9 * noise[w] + rng.gauss(0, 0.05)
            anon = 4.2 + 0.6 * (1 - math.exp(-age * 4)) + 0.15 * rate / 1400 + noise[w]
            if 3 <= r <= 5:
                anon += 2.4 * age  # of this release: a restart frees it
            anon = int(anon * 256) * 4096
            shared = 34 * MIB
            rows.append("%d,logic_worker:%d,%d,%d,%d,%d,%d,0,v2.%d,%s\n" %
                        (t, w, 1000 + 10 * r + w, start, anon + shared, anon, shared, r, commits[r]))
    with open(os.path.join(out, "samples.csv"), "w") as f:
        f.write("unix_ms,process_key,pid,start_ms,rss_bytes,anon_bytes,shared_bytes,swap_bytes,version,commit\n")
        f.writelines(rows)
    with open(os.path.join(out, "load.csv"), "w") as f:
        f.write("unix_ms,requests_total,net_rx_bytes,net_tx_bytes\n")
        f.writelines(load)


main()
