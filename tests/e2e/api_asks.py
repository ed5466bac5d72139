"""Holds the daemon's answers against docs/openapi.json. usage: api_asks.py PORT SOURCES PROGRAM"""
import http.client
import json
import os
import sys
import time
import urllib.parse

import jsonschema

port, sources, program = int(sys.argv[1]), sys.argv[2], sys.argv[3]
with open(f'{sources}/docs/openapi.json', encoding='utf-8') as f:
    api = json.load(f)
store = {}
for file in os.listdir(f'{sources}/docs/schema'):
    with open(f'{sources}/docs/schema/{file}', encoding='utf-8') as f:
        store[f'http://localhost/schema/{file}'] = json.load(f)
        store[f'http://localhost/schema/{file}'].pop('$id', None)
failures, used = 0, set()


def check(ok, what):
    global failures
    if not ok:
        failures += 1
        print('FAILED:', what)


def resolve(node):
    while '$ref' in node and node['$ref'].startswith('#/components/responses/'):
        node = api['components']['responses'][node['$ref'].rsplit('/', 1)[1]]
    return node


def valid(schema, answer):
    v = jsonschema.Draft202012Validator(schema, resolver=jsonschema.RefResolver('http://localhost/openapi.json', api, store=store))
    return [f'{"/".join(map(str, e.absolute_path))}: {e.message[:200]}' for e in v.iter_errors(answer)][:3]


def ask(path, status, template, method='GET', headers={}, body=None, **query):
    """The answer, after it was held against what the description says of this path, method and status."""
    c = http.client.HTTPConnection('127.0.0.1', port, timeout=60)
    c.request(method, path + ('?' + urllib.parse.urlencode(query) if query else ''), headers=headers, body=body)
    r = c.getresponse()
    text = r.read()
    c.close()
    what = f'{method} {path} {query}: {r.status}'
    check(r.status == status, f'{what} {text[:200]}')
    said = api['paths'][template][method.lower()]['responses'].get(str(r.status))
    check(said, f'{what} is not in the description')
    if not said:
        return None
    used.add((template, method, r.status))
    content = resolve(said)['content']
    kind = r.headers['Content-Type'].split(';')[0]
    check(kind in content, f'{what}: {kind}')
    if kind != 'application/json':
        return text
    answer = json.loads(text)
    for e in valid(content[kind]['schema'], answer):
        check(False, f'{what}: {e}')
    if isinstance(answer, dict):
        for key in answer:  # a field too many has to be noticed
            check(valid(content[kind]['schema'], answer | {key + 'x': 1}), f'{what}: anything may be added')
            break
    return answer


P, ONE = '/api/v1/programs', '/api/v1/programs/{name}'
name = urllib.parse.quote(program, safe='')
programs = ask(P, 200, P)
check(program in [p['program'] for p in programs['programs']], f'{program} among the programs')
for p in programs['programs']:
    one = urllib.parse.quote(p['program'], safe='')
    check(ask(f'{P}/{one}', 200, ONE)['program'] == p['program'], p['program'])
    ask(f'{P}/{one}/blame', 200, ONE + '/blame')
    ask(f'{P}/{one}/series', 200, ONE + '/series', processes=2)
for _ in range(60):  # there is a new one with every tick, and one may not be sure
    blame = ask(f'{P}/{name}/blame', 200, ONE + '/blame')
    if blame['culprit']:
        break
    time.sleep(1)
early = ask(f'{P}/{name}/blame', 200, ONE + '/blame', as_of=blame['culprit']['deployed_ms'] / 1000 - 1)
# what a real program did before the leak is its own affair; what came later must not be known
known = [c['version'] for c in early['candidates']] + [e['culprit'] and e['culprit']['version'] for e in early['episodes']]
check(early['as_of_ms'] <= blame['culprit']['deployed_ms'] and blame['culprit']['version'] not in known, f'as_of: {early}')
first = ask(f'{P}/{name}/blame', 200, ONE + '/blame', as_of='1970-01-01T00:00:00Z')
check(first['verdict'] == 'insufficient_data', f'as_of 1970: {first}')
ask(f'{P}/{name}/blame', 400, ONE + '/blame', as_of='yesterdayish')
for end in ('', '/blame', '/series'):
    ask(f'{P}/no-such{end}', 404, ONE + end)

series = ask(f'{P}/{name}/series', 200, ONE + '/series', step='1')
n = len(series['t_ms'])
check(n == -(-(series['end_ms'] - series['start_ms']) // 1000) and series['step_ms'] == 1000, 'buckets of a second')
for curve, s in series['series'].items():
    check(len(s['last']) == len(s['min']) == len(s['max']) == n, curve)
    check(all(a <= b <= c for a, b, c in zip(s['min'], s['last'], s['max']) if b is not None), f'{curve}: least, last, largest')
check({'private', 'shmem', 'rss', 'processes', 'cpu', 'host_blocked'} <= set(series['series']), f'curves: {list(series["series"])}')
last = [v for v in series['series']['private']['last'] if v is not None]
check(last[-1] > last[0], 'the curve rises')
coarse = ask(f'{P}/{name}/series', 200, ONE + '/series', step='5', start=series['start_ms'] / 1000, end=series['start_ms'] / 1000 + 5)
check(len(coarse['t_ms']) == 1, 'one bucket')
fine, one = [v for v in series['series']['private']['max'][:5] if v is not None], coarse['series']['private']['max'][0]
# what begins just before the end of what is asked for may be seen by the longer question only
check(max(fine[:-1]) <= one <= max(fine), f'a coarse bucket holds the largest of the fine ones: {fine} {one}')
for bad in ({'step': '0'}, {'step': '1ms'}, {'start': 'x'}, {'start': 'now', 'end': '-1h'}, {'processes': '99'}, {'processes': '-1'}):
    ask(f'{P}/{name}/series', 400, ONE + '/series', **bad)

deploys = ask('/api/v1/deploys', 200, '/api/v1/deploys', program=program)
check([d['version'] for d in deploys['deploys']][-1] == 'v2.3', f'deploys: {deploys}')
ask('/api/v1/deploys', 404, '/api/v1/deploys', program='no-such')
ask('/api/v1/deploys', 403, '/api/v1/deploys', 'POST', {'Content-Type': 'application/json'}, '{}')
for path in ('/metrics', '/-/healthy', '/-/ready'):
    ask(path, 200, path)
page = ask('/', 200, '/', program=program).decode()
check('v2.3' in page and '<svg' in page, 'the page')
check('<img' not in ask('/', 200, '/').decode(), 'a name became an element')
ask('/', 404, '/', program='no-such')
sys.exit(1 if failures else 0)
