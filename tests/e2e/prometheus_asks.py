"""A real Prometheus scrapes the server on PORT; then every query of every dashboard is asked of it, and
the alerts named have to fire. usage: prometheus_asks.py PORT SOURCES FOLDER [ALERT...]"""
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

port, sources, folder, alerts = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4:]
SCRAPE = 0.5  # seconds
failures = 0


def check(ok, what):
    global failures
    if not ok:
        failures += 1
        print('FAILED:', what)


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


class Prometheus:
    def __init__(self):
        self.port = free_port()
        with open(f'{sources}/dashboards/prometheus/memculprit.rules.yml', encoding='utf-8') as f:
            rules = re.sub(r'for: \w+', 'for: 0s', f.read())  # a test cannot wait for ten minutes
        with open(f'{folder}/rules.yml', 'w', encoding='utf-8') as f:
            f.write(rules)
        with open(f'{folder}/prometheus.yml', 'w', encoding='utf-8') as f:
            json.dump({'global': {'scrape_interval': f'{int(SCRAPE * 1000)}ms', 'scrape_timeout': f'{int(SCRAPE * 1000)}ms',
                                  'evaluation_interval': '1s'},
                       'rule_files': ['rules.yml'],
                       'scrape_configs': [{'job_name': 'memculprit', 'static_configs': [{'targets': [f'127.0.0.1:{port}']}]}]}, f)
        self.process = subprocess.Popen(['prometheus', f'--config.file={folder}/prometheus.yml', f'--storage.tsdb.path={folder}/tsdb',
                                         f'--web.listen-address=127.0.0.1:{self.port}', '--log.level=error', '--query.lookback-delta=30s'])

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)

    def ask(self, path, **args):
        url = f'http://127.0.0.1:{self.port}/api/v1/{path}?' + urllib.parse.urlencode(args)
        try:
            with urllib.request.urlopen(url, timeout=60) as r:
                return json.load(r)['data']
        except urllib.error.HTTPError as e:
            if e.code == 503:  # it is starting
                return None
            check(False, f'{path} {args}: {json.load(e).get("error")}')
            return {'result': []}
        except OSError:
            return None

    def query(self, q):
        return (self.ask('query', query=q) or {'result': []})['result']

    def wait(self, q, what, seconds=120):
        end = time.time() + seconds
        while time.time() < end:
            if self.query(q):
                return True
            time.sleep(0.2)
        check(False, f'{what}: nothing in {seconds} s: {q}')
        return False


def panels(items):
    for p in items:
        if p['type'] != 'row':
            yield p
        yield from panels(p.get('panels', []))


def look(board):
    """What Grafana would stumble over, without Grafana."""
    name = board['uid']
    ids = [p['id'] for p in board['panels']]
    check(len(ids) == len(set(ids)), f'{name}: panel ids')
    for p in panels(board['panels']):
        check(p['title'] and p['description'], f'{name}: {p["title"]}: title and description')
        check(p['fieldConfig']['defaults'].get('unit') and p['targets'], f'{name}: {p["title"]}: unit and targets')
        check(p['gridPos']['x'] + p['gridPos']['w'] <= 24, f'{name}: {p["title"]}: wider than the board')
        for t in p['targets']:
            for metric in re.findall(r'(?:memculprit|process)_\w+(?:{[^}]*})?', t['expr']):
                check('job=~"$job",instance=~"$instance"' in metric, f'{name}: {p["title"]}: {metric}')
    grid = [p['gridPos'] for p in board['panels']]
    for i, a in enumerate(grid):
        for b in grid[:i]:
            check(a['x'] >= b['x'] + b['w'] or b['x'] >= a['x'] + a['w'] or a['y'] >= b['y'] + b['h'] or b['y'] >= a['y'] + a['h'],
                  f'{name}: panels over each other: {a} {b}')


def every_query(prom, board, start):
    name, now = board['uid'], time.time()
    values = {'__rate_interval': f'{int(4 * SCRAPE)}s', '__interval': '1s', '__range': f'{int(now - start)}s', 'job': '.+', 'instance': '.+',
              'program': '.+'}
    fill = lambda q: re.sub(r'\$(\w+)', lambda m: values[m[1]], q)
    for v in board['templating']['list']:
        if v['type'] == 'query':
            selector, label = re.fullmatch(r'label_values\((.*), (\w+)\)', v['definition']).groups()
            check(any(label in s for s in prom.ask('series', **{'match[]': fill(selector), 'start': start, 'end': now}) or []), f'{name}: ${v["name"]}')
    asked = [(p['title'], t['expr']) for p in panels(board['panels']) for t in p['targets']]
    asked += [('annotation ' + a['name'], a['expr']) for a in board['annotations']['list']]
    for title, q in asked:
        for _ in range(120):  # what has only just begun may lie behind the last whole second of the range
            got = prom.ask('query_range', query=fill(q), start=start, end=time.time(), step=1) or {'result': []}
            if got['result']:
                break
            time.sleep(SCRAPE)
        check(got['result'], f'{name}: {title}: empty: {fill(q)}')
    return len(asked)


def steady(prom):
    # No scrape fails; on a machine that is busy elsewhere one may take longer than its half second.
    for s in prom.query(f'max_over_time((up == 0 and scrape_duration_seconds < {0.9 * SCRAPE})[10m:{int(SCRAPE * 1000)}ms])'):
        check(False, f'a scrape failed: {s}')
    check(all(s['value'][1] == '1' for s in prom.query('max_over_time(up[10m])')), 'no scrape was answered in its time')
    for _ in range(120):  # a process may come or go between a scrape and our look
        with urllib.request.urlopen(f'http://127.0.0.1:{port}/metrics', timeout=60) as r:
            lines = [x for x in r.read().decode().split('\n') if x and x[0] != '#']
        got = prom.query('scrape_samples_scraped')
        if got and int(got[0]['value'][1]) == len(lines):
            break
        time.sleep(SCRAPE)
    check(got and int(got[0]['value'][1]) == len(lines), f'{got} samples of {len(lines)} lines')
    lost = prom.query('max_over_time((scrape_samples_scraped - scrape_samples_post_metric_relabeling)[10m:1s])')
    check(lost and lost[0]['value'][1] == '0', f'samples lost: {lost}')


def main():
    prom = Prometheus()
    try:
        start = time.time()
        if prom.wait('count_over_time(up[1m]) > 8', 'scrapes'):
            if not all(prom.wait(f'ALERTS{{alertname="{a}",alertstate="firing"}}', f'alert {a}') for a in alerts):
                return
            n = 0
            for b in ('overview', 'program', 'host'):
                with open(f'{sources}/dashboards/memculprit-{b}.json', encoding='utf-8') as f:
                    board = json.load(f)
                look(board)
                n += every_query(prom, board, start)
            steady(prom)
            print(f'{n} queries in {time.time() - start:.1f} s')
    finally:
        prom.stop()


main()
sys.exit(1 if failures else 0)
