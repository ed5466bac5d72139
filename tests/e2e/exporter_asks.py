"""Talks to serve_canned as Prometheus, a browser and an attacker would. usage: exporter_asks.py SERVE_CANNED"""
import warnings
import base64, gzip, http.client, json, os, shutil, signal, socket, ssl, subprocess, sys, tempfile, time
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

warnings.simplefilter('ignore')
CANNED = sys.argv[1]
OPENMETRICS = {'Accept': 'application/openmetrics-text;version=1.0.0'}
TIMEOUT = 60  # a machine that is busy elsewhere is no failure
HASH = '$2y$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW'  # of "secret"
PROMISED = {'memculprit_' + name for name in '''
program_memory_bytes program_resident_memory_bytes program_proportional_memory_bytes program_processes program_restarts
program_deploys program_requests program_network_receive_bytes program_network_transmit_bytes program_network_receive_packets
program_network_transmit_packets program_io_read_bytes program_io_write_bytes program_cpu_seconds program_page_faults
process_memory_bytes program_version program_last_deploy_timestamp_seconds program_growth_bytes_per_second
program_growth_onset_timestamp_seconds program_exhaustion_timestamp_seconds program_verdict program_state program_culprit
program_culprit_probability_ratio host_blocked_processes host_iowait_ratio host_swap_in_bytes host_swap_out_bytes
host_pressure_seconds host_memory_available_bytes host_swap_used_bytes host_network_receive_bytes host_network_transmit_packets
build sample_duration_seconds last_sample_timestamp_seconds sample_interval_seconds samples errors store_bytes'''.split()}
failures = 0


def check(ok, what):
    global failures
    if not ok:
        failures += 1
        print('FAILED:', what)


class Server:
    def __init__(self, *args):
        self.process = subprocess.Popen([CANNED, *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert line, 'serve_canned did not start'
        self.port = int(line)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        check(self.process.wait(TIMEOUT) == 0, 'serve_canned ended badly')

    def reload(self):
        self.process.send_signal(signal.SIGHUP)
        return self.process.stdout.readline()


def ask(server, path='/metrics', headers={}, method='GET', context=None, body=None):
    make = http.client.HTTPSConnection if context else http.client.HTTPConnection
    c = make('127.0.0.1', server.port, timeout=TIMEOUT, **({'context': context} if context else {}))
    try:
        c.request(method, path, headers=headers, body=body)
        r = c.getresponse()
        return r.status, r.headers, r.read()
    finally:
        c.close()


def series(families):
    return {(s.name, tuple(sorted(s.labels.items()))) for f in families for s in f.samples if not s.name.endswith('_created')}


def formats():
    with Server('--programs', '20') as s:
        for _ in range(25):  # hostile names come and go meanwhile
            om = ask(s, headers=OPENMETRICS)[2].decode()
            families = list(parse_openmetrics(om))
            check(om.endswith('# EOF\n') and '# UNIT ' in om, 'end and units of OpenMetrics')
            check({f.name for f in families} >= PROMISED, f'missing: {PROMISED - {f.name for f in families}}')
            time.sleep(0.1)
        check('_created' in om, 'OpenMetrics alone is whole')
        as_prometheus = ask(s, headers={'Accept': OPENMETRICS['Accept'] + ',text/plain;version=0.0.4;q=0.5'})
        check(as_prometheus[1]['Content-Type'].startswith('application/openmetrics') and b'_created' not in as_prometheus[2],
              'Prometheus would store _created as series')
        text = ask(s)[2]
        check(len(series(parse_text(text.decode()))) > 500, 'series of the text')
        zipped = ask(s, headers={'Accept-Encoding': 'gzip'})
        check(zipped[1]['Content-Encoding'] == 'gzip' and gzip.decompress(zipped[2]).startswith(b'# HELP'), 'gzip')
        if shutil.which('promtool'):
            p = subprocess.run(['promtool', 'check', 'metrics'], input=text, capture_output=True)
            check(p.returncode == 0 and not p.stderr, f'promtool: {p.stderr.decode()}')
        page = ask(s, '/')
        check(b'<img' not in page[2] and b'logic_worker' in page[2], 'the index')
        check("script-src 'self'" in page[1]['Content-Security-Policy'], 'CSP')
        answer = json.loads(ask(s, '/api/v1/programs/logic_worker/series?step=5m')[2])
        n = len(answer['t_ms'])
        check(n > 60 and all(len(x[k]) == n for x in answer['series'].values() for k in ('min', 'max', 'last')), 'series')
        check(ask(s, '/api/v1/programs/logic_worker/series?step=bad')[0] == 400, 'a bad step')


def slow(n):
    with Server() as s:
        held = []
        for i in range(n):
            k = socket.create_connection(('127.0.0.1', s.port), TIMEOUT)
            k.sendall(b'GET /metrics HTTP/1.1\r\nHost: x\r\nX-a: ')
            held.append(k)
            if i % 100 == 0:
                check(ask(s)[0] == 200, f'a scrape beside {i} slow clients')
        check(ask(s)[0] == 200, f'a scrape beside {n} slow clients')
        for k in held:
            k.close()


def garbage():
    with Server() as s:
        for i in range(2000):
            k = socket.create_connection(('127.0.0.1', s.port), TIMEOUT)
            try:
                k.sendall(bytes((i * 7 + j * 31) % 255 + 1 for j in range(60)) + b'\r\n\r\n')
            except OSError:
                pass
            k.close()
        for head in (b'X-Big: ' + b'x' * 100000, b'Content-Length: 1000000000', b'Content-Length: -1', b'Transfer-Encoding: chunked'):
            k = socket.create_connection(('127.0.0.1', s.port), TIMEOUT)
            try:
                k.sendall(b'POST /api/v1/deploys HTTP/1.1\r\nHost: x\r\n' + head + b'\r\n\r\n')
                answer = k.recv(100)
                check(b' 4' in answer[:12] or b' 500' in answer[:14], f'{head[:30]}: {answer[:40]}')
            except ConnectionError:
                pass
            k.close()
        check(ask(s)[0] == 200, 'a scrape after garbage')


def basic(user, password):
    return {'Authorization': 'Basic ' + base64.b64encode(f'{user}:{password}'.encode()).decode()}


def passwords():
    with Server('--user', 'anna', HASH, '--mark') as s:
        for headers, status in (({}, 401), (basic('anna', 'wrong'), 401), (basic('bert', 'secret'), 401), (basic('anna', 'secret'), 200),
                                (basic('anna', 'secret'), 200), (basic('anna', 'wrong'), 401), ({'Authorization': 'Basic ???'}, 401),
                                ({'Authorization': 'Bearer x'}, 401)):
            for path in ('/metrics', '/', '/-/healthy', '/assets/page.css'):
                got = ask(s, path, headers)
                check(got[0] == status, f'{path} with {headers}: {got[0]}')
        check('Basic' in ask(s)[1]['WWW-Authenticate'], 'WWW-Authenticate')
        good = basic('anna', 'secret')
        check(ask(s, '/api/v1/deploys', good, 'POST', body='{}')[0] == 415, 'a form may not mark')
        status, _, body = ask(s, '/api/v1/deploys', good | {'Content-Type': 'application/json'}, 'POST', body='{}')
        check(status == 200 and json.loads(body)['trusted'], 'marking with a password')
        check(ask(s, '/api/v1/deploys', {'Content-Type': 'application/json'}, 'POST', body='{}')[0] == 401, 'marking without')
    refused = subprocess.run([CANNED, '--mark'], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    check(refused.returncode == 1 and 'basic_auth_users' in refused.stderr, 'marking over TCP without users')
    refused = subprocess.run([CANNED, '--user', 'anna', 'plain'], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    check(refused.returncode == 1 and 'bcrypt' in refused.stderr, 'a password that is not a hash')


def openssl(*args):
    subprocess.run(['openssl', *args], check=True, capture_output=True)


def certificate(folder, name, ca=None):
    key, cert = f'{folder}/{name}.key', f'{folder}/{name}.crt'
    args = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', f'/CN={name}',
            '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', cert]
    openssl(*args)
    if ca:
        openssl('req', '-new', '-key', key, '-subj', f'/CN={name}', '-out', f'{folder}/{name}.csr')
        openssl('x509', '-req', '-in', f'{folder}/{name}.csr', '-CA', ca[0], '-CAkey', ca[1], '-CAcreateserial', '-days', '2', '-out', cert)
    return cert, key


def refused(call):
    try:
        return call()[0] == 403
    except (ssl.SSLError, OSError, http.client.HTTPException):
        return True


def peer(server, context):
    with socket.create_connection(('127.0.0.1', server.port), TIMEOUT) as k, context.wrap_socket(k) as t:
        return t.getpeercert(True), t.version()


def tls(folder):
    any_server = ssl._create_unverified_context()
    cert, key = certificate(folder, 'one')
    trusting = ssl.create_default_context(cafile=cert)
    with Server('--tls', cert, key) as s:
        check(ask(s, context=trusting)[0] == 200, 'TLS with a certificate that is trusted')
        check(refused(lambda: ask(s)), 'plain HTTP on a TLS port')
        before = peer(s, any_server)[0]
        old = ssl._create_unverified_context()
        old.maximum_version = ssl.TLSVersion.TLSv1_1
        check(refused(lambda: ask(s, context=old)), 'TLS 1.1')
        check(peer(s, any_server)[1] == 'TLSv1.3', 'TLS 1.3')
        certificate(folder, 'one')
        check(s.reload() == 'reload done\n', 'reload')
        after = peer(s, any_server)[0]
        check(before != after, 'a new certificate after SIGHUP')
        with open(key, 'w') as f:
            f.write('rubbish')
        check('reload done' not in s.reload(), 'reload with a bad key says so')
        check(peer(s, any_server)[0] == after, 'a bad key changes nothing')
    cert, key = certificate(folder, 'two')
    ca = certificate(folder, 'ca')
    client = certificate(folder, 'client', ca)
    with Server('--tls', cert, key, '--ca', ca[0], 'RequireAndVerifyClientCert') as s:
        known = ssl._create_unverified_context()
        known.load_cert_chain(*client)
        stranger = ssl._create_unverified_context()
        stranger.load_cert_chain(cert, key)
        check(ask(s, context=known)[0] == 200, 'a client that the authority vouches for')
        check(refused(lambda: ask(s, context=any_server)), 'a client without certificate')
        check(refused(lambda: ask(s, context=stranger)), 'a client of another authority')
    bad = subprocess.run([CANNED, '--tls', cert, client[1]], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    check(bad.returncode == 1 and cert in bad.stderr, 'a key of another certificate')


formats()
slow(200)
slow(700)
garbage()
passwords()
if shutil.which('openssl'):
    with tempfile.TemporaryDirectory() as folder:
        tls(folder)
sys.exit(1 if failures else 0)
