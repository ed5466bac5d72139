#!/usr/bin/env python3
"""Writes the three Grafana dashboards beside it. usage: make.py [FOLDER]

The JSON is what is installed; this is what is edited. tests/e2e/dashboards.sh holds the two together
and runs every query on a real Prometheus."""
import json
import os
import sys

SEL = 'job=~"$job",instance=~"$instance"'
PROG = SEL + ',program=~"$program"'
RATE = '[$__rate_interval]'
DATASOURCE = {'type': 'prometheus', 'uid': '${datasource}'}
RED, ORANGE, YELLOW, GREEN, BLUE, GREY = 'red', 'orange', 'yellow', 'green', 'blue', 'text'
# What the daemon's verdicts are on a state timeline: the worse, the higher.
VERDICTS = {'leak': (5, RED, 'leak'), 'step': (4, ORANGE, 'step'), 'plateau': (3, YELLOW, 'plateau'), 'load': (2, BLUE, 'follows load'),
            'none': (1, GREEN, 'no growth'), 'insufficient_data': (0, GREY, 'not enough data')}


def p(name, extra=''):
    """A metric of the chosen programs."""
    return f'memculprit_{name}{{{PROG}{"," + extra if extra else ""}}}'


def h(name, extra=''):
    """A metric of the chosen daemons."""
    return f'memculprit_{name}{{{SEL}{"," + extra if extra else ""}}}'


def rate(series):
    return f'rate({series}{RATE})'


def by_program(expr):
    return f'sum by (program) ({expr})'


def or_nothing(expr):
    """NaN where there is no answer: the panel then says so in words."""
    return f'{expr} or on() vector(NaN)'


ACTIVE = p('program_state', 'state="active"') + ' == 1'
ANON = p('program_memory_bytes', 'kind=~"anon|swap"')
PRIVATE = by_program(ANON)
VERDICT = ' + '.join(by_program(f'{code} * ' + p('program_verdict', f'verdict="{name}"')) for name, (code, _, _) in VERDICTS.items())
LEFT = p('program_exhaustion_timestamp_seconds') + ' - time()'


# ---- panels ----
class Board:
    def __init__(self, uid, title, description, first):
        self.panels, self.x, self.y, self.row_height = [], 0, 0, 0
        self.board = {
            'uid': uid, 'title': title, 'description': description, 'tags': ['memculprit'], 'schemaVersion': 39, 'version': 1, 'id': None,
            'editable': False, 'graphTooltip': 1, 'timezone': 'browser', 'refresh': '30s', 'time': {'from': first, 'to': 'now'},
            'fiscalYearStartMonth': 0, 'liveNow': False, 'weekStart': '', 'style': 'dark', 'panels': self.panels,
            'links': links(), 'templating': {'list': variables()}, 'annotations': {'list': annotations()},
        }

    def place(self, w, h):
        if self.x + w > 24:
            self.x, self.y, self.row_height = 0, self.y + self.row_height, 0
        at = {'x': self.x, 'y': self.y, 'w': w, 'h': h}
        self.x, self.row_height = self.x + w, max(self.row_height, h)
        return at

    def row(self, title):
        self.x, self.y, self.row_height = 24, self.y + self.row_height, 0
        self.panels.append({'id': len(self.panels) + 1, 'type': 'row', 'title': title, 'collapsed': False, 'panels': [],
                            'gridPos': {'x': 0, 'y': self.y, 'w': 24, 'h': 1}})
        self.y += 1
        self.x = 0

    def add(self, kind, title, description, targets, w, height, unit, defaults=None, options=None, overrides=None, **more):
        made = []
        for i, t in enumerate(targets):
            t = dict(zip(('expr', 'legendFormat'), t)) if isinstance(t, tuple) else t
            made.append({'refId': chr(65 + i), 'datasource': DATASOURCE, 'editorMode': 'code', 'range': True, **t})
        self.panels.append({'id': len(self.panels) + 1, 'type': kind, 'title': title, 'description': description, 'datasource': DATASOURCE,
                            'gridPos': self.place(w, height), 'targets': made, 'options': options or {},
                            'fieldConfig': {'defaults': {'unit': unit, **(defaults or {})}, 'overrides': overrides or []}, **more})

    def curve(self, title, description, targets, w=12, height=8, unit='short', stack=False, overrides=None, page=False, **defaults):
        custom = {'drawStyle': 'line', 'lineWidth': 1, 'fillOpacity': 30 if stack else 8, 'showPoints': 'never', 'spanNulls': False,
                  'stacking': {'mode': 'normal' if stack else 'none', 'group': 'A'}, 'axisSoftMin': 0}
        self.add('timeseries', title, description, targets, w, height, unit,
                 {'custom': custom, 'color': {'mode': 'palette-classic'}, **({'links': [page_link()]} if page else {}), **defaults},
                 {'legend': {'displayMode': 'table', 'placement': 'bottom', 'showLegend': True, 'calcs': ['lastNotNull', 'max']},
                  'tooltip': {'mode': 'multi', 'sort': 'desc'}}, overrides)

    def stat(self, title, description, expr, w, unit='short', steps=((GREEN, None),), height=4, legend='', text='value', mappings=(),
             decimals=None, absent='not known'):
        said = [{'type': 'special', 'options': {'match': 'nan', 'result': {'text': absent, 'color': GREEN if absent != 'not known' else GREY}}}]
        self.add('stat', title, description, [(expr, legend)], w, height, unit,
                 {'mappings': said + list(mappings), 'color': {'mode': 'thresholds'}, 'noValue': absent,
                  'thresholds': {'mode': 'absolute', 'steps': [{'color': c, 'value': v} for c, v in steps]},
                  **({} if decimals is None else {'decimals': decimals})},
                 {'reduceOptions': {'calcs': ['lastNotNull' if text != 'value' else 'last'], 'fields': '', 'values': False}, 'textMode': text,
                  'colorMode': 'value', 'graphMode': 'none', 'justifyMode': 'auto', 'orientation': 'auto'})

    def timeline(self, title, description, expr, legend, w, height):
        steps = sorted(VERDICTS.values())
        self.add('state-timeline', title, description, [(expr, legend)], w, height, 'short',
                 {'color': {'mode': 'thresholds'}, 'custom': {'fillOpacity': 70, 'lineWidth': 0},
                  'mappings': [{'type': 'value', 'options': {str(code): {'text': text, 'color': c} for code, c, text in steps}}],
                  'thresholds': {'mode': 'absolute', 'steps': [{'color': c, 'value': None if i == 0 else code} for i, (code, c, _) in enumerate(steps)]}},
                 {'mergeValues': True, 'showValue': 'auto', 'alignValue': 'left', 'rowHeight': 0.9,
                  'legend': {'displayMode': 'list', 'placement': 'bottom', 'showLegend': False}, 'tooltip': {'mode': 'single', 'sort': 'none'}})


def page_link():
    return {'title': "memculprit's page of ${__field.labels.program}", 'targetBlank': True,
            'url': 'http://${__field.labels.instance}/?program=${__field.labels.program:percentencode}'}


def board_link(uid):
    return {'title': 'Dashboard of this program', 'targetBlank': False,
            'url': f'/d/{uid}?${{datasource:queryparam}}&${{job:queryparam}}&${{instance:queryparam}}&${{__url_time_range}}&var-program=${{__data.fields.program}}'}


def links():
    dashboards = {'type': 'dashboards', 'title': 'memculprit', 'tags': ['memculprit'], 'asDropdown': False, 'includeVars': True,
                  'keepTime': True, 'targetBlank': False, 'icon': 'external link', 'tooltip': '', 'url': ''}
    page = {'type': 'link', 'title': 'Page', 'url': 'http://${instance}/', 'tooltip': "The daemon's own page: the answer with its evidence and diff",
            'tags': [], 'asDropdown': False, 'includeVars': False, 'keepTime': False, 'targetBlank': True, 'icon': 'external link'}
    return [dashboards, page]


def variables():
    def query(name, label, q, all_value, regex=''):
        return {'type': 'query', 'name': name, 'label': label, 'datasource': DATASOURCE, 'query': {'query': q, 'refId': name}, 'definition': q,
                'multi': True, 'includeAll': True, 'allValue': all_value, 'refresh': 2, 'sort': 1, 'regex': regex, 'skipUrlSync': False, 'hide': 0,
                'current': {'selected': True, 'text': ['All'], 'value': ['$__all']}, 'options': []}
    return [
        {'type': 'datasource', 'name': 'datasource', 'label': 'Data source', 'query': 'prometheus', 'regex': '', 'refresh': 1, 'hide': 0,
         'multi': False, 'includeAll': False, 'current': {}, 'options': [], 'skipUrlSync': False},
        query('job', 'Job', 'label_values(memculprit_build_info, job)', '.+'),
        query('instance', 'Instance', 'label_values(memculprit_build_info{job=~"$job"}, instance)', '.+'),
        # A name that was no UTF-8 holds U+FFFD, which PromQL refuses in a text: such a program is in All and cannot be chosen.
        query('program', 'Program', 'label_values(memculprit_program_processes{job=~"$job",instance=~"$instance"}, program)', '.+',
              '/^([^\\uFFFD]+)$/'),
    ]


def annotations():
    version = p('program_version_info')
    onset = p('program_growth_onset_timestamp_seconds') + ' * 1000'
    common = {'datasource': DATASOURCE, 'enable': True, 'hide': False}
    return [
        {**common, 'name': 'Deploys', 'iconColor': BLUE, 'expr': f'{version} unless {version} offset $__interval', 'step': '',
         'titleFormat': '{{program}} {{version}}', 'textFormat': '{{commit}}', 'tagKeys': 'program,version'},
        {**common, 'name': 'Growth began', 'iconColor': RED, 'expr': onset, 'useValueForTime': True, 'step': '',
         'titleFormat': 'growth of {{program}} began', 'textFormat': '{{instance}}', 'tagKeys': 'program'},
    ]


# ---- the boards ----
def growth_steps():
    return ((GREEN, None), (RED, 1))


def soon():
    return ((RED, None), (ORANGE, 86400), (YELLOW, 604800), (GREEN, 2592000))


def table_overrides():
    def over(name, unit, title, more=()):
        return {'matcher': {'id': 'byName', 'options': name},
                'properties': [{'id': 'unit', 'value': unit}, {'id': 'displayName', 'value': title}, *more]}
    words = [{'type': 'value', 'options': {str(c): {'text': t, 'color': col} for c, col, t in VERDICTS.values()}}]
    colored = [{'id': 'custom.cellOptions', 'value': {'type': 'color-text'}}]
    return [
        over('Value #A', 'short', 'Verdict', [{'id': 'mappings', 'value': words}, *colored]),
        over('Value #B', 'bytes', 'Private memory'),
        over('Value #C', 'binBps', 'Growth'),
        over('Value #D', 'percentunit', 'Probability', [{'id': 'decimals', 'value': 1}]),
        over('Value #E', 's', 'Memory runs out in'),
        over('Value #F', 'short', 'Processes'),
        {'matcher': {'id': 'byName', 'options': 'program'},
         'properties': [{'id': 'displayName', 'value': 'Program'}, {'id': 'links', 'value': [board_link('memculprit-program')]}]},
        {'matcher': {'id': 'byName', 'options': 'version'}, 'properties': [{'id': 'displayName', 'value': 'Began with'}]},
    ]


def overview():
    b = Board('memculprit-overview', 'memculprit / Overview',
              'All programs: whose memory grows, since which deploy, and when it runs out.', 'now-24h')
    b.stat('Programs with growth that stands', 'Leaks and steps that no later deploy has ended.', f'count({ACTIVE}) or on() vector(0)', 5,
           steps=growth_steps())
    b.stat('First memory to run out', 'Time until the first of the programs has used up its memory, if its growth goes on.',
           or_nothing(f'min({LEFT})'), 5, 's', soon(), absent='not in sight')
    b.stat('Fastest growth', 'The largest growth of a program, in the release that it is laid to.',
           or_nothing(f'max({p("program_growth_bytes_per_second")})'), 4, 'binBps', ((GREEN, None),), absent='none', decimals=1)
    b.stat('Last deploy', 'When one of the programs began to run another version.',
           or_nothing(f'max({p("program_last_deploy_timestamp_seconds")}) * 1000'), 5, 'dateTimeFromNow', ((BLUE, None),))
    b.stat('Programs watched', 'Programs that are running now.', f'count({p("program_processes")})', 2, steps=((BLUE, None),))
    b.stat('Last sample', 'How long ago the slowest daemon took its last sample. Growing means it stands still.',
           f'max(time() - {h("last_sample_timestamp_seconds")})', 3, 's', ((GREEN, None), (ORANGE, 120), (RED, 600)), decimals=0)
    instant = {'format': 'table', 'instant': True, 'range': False}
    culprit = f'sum by (program, version) ({p("program_culprit_info")} * on (job, instance, program) group_left() {p("program_culprit_probability_ratio")})'
    b.add('table', 'Programs', 'One line a program: what its memory does, the deploy that began it, and what is left.', [
        {'expr': VERDICT, **instant}, {'expr': PRIVATE, **instant}, {'expr': by_program(p('program_growth_bytes_per_second')), **instant},
        {'expr': culprit, **instant}, {'expr': f'min by (program) ({LEFT}) or {by_program(p("program_processes"))} * NaN', **instant},
        {'expr': by_program(p('program_processes')), **instant}], 24, 9, 'short',
        {'custom': {'align': 'auto', 'filterable': True}}, {'showHeader': True, 'cellHeight': 'sm', 'sortBy': [{'displayName': 'Growth', 'desc': True}]},
        table_overrides(), transformations=[{'id': 'merge', 'options': {}}, {'id': 'organize', 'options': {
            'excludeByName': {'Time': True}, 'indexByName': {'program': 0, 'Value #A': 1, 'version': 2, 'Value #D': 3, 'Value #C': 4,
                                                             'Value #B': 5, 'Value #E': 6, 'Value #F': 7}}}])
    b.timeline('Verdicts', 'What the daemon said of each program, over time.', VERDICT, '{{program}}', 24, 7)
    b.curve('Private memory', 'Anonymous memory and swap of each program: where a leak shows. Marks are deploys and onsets.',
            [(f'sum by (instance, program) ({ANON})', '{{program}}')], unit='bytes', page=True)
    b.curve('Growth', 'Growth of each program in the release that it is laid to.',
            [(f'max by (instance, program) ({p("program_growth_bytes_per_second")}) or on() vector(NaN)', '{{program}}')], unit='binBps', page=True)
    b.curve('Time until memory runs out', 'If the growth goes on as it does. A falling line is a deadline.',
            [(f'min by (instance, program) ({LEFT}) or on() vector(NaN)', '{{program}}')], unit='s', page=True)
    b.curve('Deploys and restarts', 'Deploys and new processes, a minute.',
            [(f'{by_program(rate(p("program_deploys_total")))} * 60', '{{program}} deploys'),
             (f'{by_program(rate(p("program_restarts_total")))} * 60', '{{program}} restarts')], unit='opm')
    return b.board


def compared():
    """The incident's own comparison: each curve over its mean of the whole span, so that the one that parts from the others is seen."""
    curves = [
        ('private memory', f'sum({ANON})'),
        ('requests', f'sum({rate(p("program_requests_total"))})'),
        ('packets', f'sum({rate(p("program_network_receive_packets_total"))}) or on() sum({rate(h("host_network_receive_packets_total"))})'),
        ('I/O', f'sum({rate(p("program_io_read_bytes_total"))} + {rate(p("program_io_write_bytes_total"))})'),
        ('CPU time', f'sum({rate(p("program_cpu_seconds_total"))})'),
    ]
    return [(or_nothing(f'({e}) / avg_over_time(({e})[$__range:] @ end())'), name) for name, e in curves]


def program():
    b = Board('memculprit-program', 'memculprit / Program',
              'One program: what its memory does, which deploy began it, and the load beside it on the same axis.', 'now-24h')
    b.row('The answer')
    words = [{'type': 'value', 'options': {str(c): {'text': t, 'color': col} for c, col, t in VERDICTS.values()}}]
    b.stat('Verdict', 'What the memory of the program does; see the page for the evidence.', VERDICT, 4, mappings=words, legend='{{program}}')
    b.stat('Began with', 'The deploy that began the growth: more probable than everything else together.',
           or_nothing(p('program_culprit_info')), 5, steps=((RED, None),), legend='{{version}} {{commit}}', text='name', absent='no deploy')
    b.stat('Probability', 'That this deploy began the growth. Of the answers given with 90 %, nine in ten are right.',
           or_nothing(f'max({p("program_culprit_probability_ratio")})'), 3, 'percentunit', ((YELLOW, None), (ORANGE, .5), (RED, .9)), decimals=1, absent='no culprit')
    b.stat('Growth', 'In the release that it is laid to.', or_nothing(f'sum({p("program_growth_bytes_per_second")})'), 4, 'binBps',
           ((ORANGE, None),), decimals=1, absent='none')
    b.stat('Growth began', 'The most probable moment; the page has its interval.',
           or_nothing(f'min({p("program_growth_onset_timestamp_seconds")}) * 1000'), 4, 'dateTimeAsIso', ((ORANGE, None),), absent='none')
    b.stat('Memory runs out in', 'If the growth goes on.', or_nothing(f'min({LEFT})'), 4, 's', soon(), absent='not in sight')
    b.row('Memory')
    kind = lambda k: by_program(p('program_memory_bytes', f'kind=~"{k}"'))
    b.curve('Private, shared and swapped memory', 'Resident minus shared is the leak signal: a leak grows in private memory (anonymous and swap), '
            'shared memory stays as it was at start-up.',
            [(kind('anon|swap'), '{{program}} private, swap included'), (kind('file|shmem'), '{{program}} shared'), (kind('swap'), '{{program}} swapped out')],
            24, 10, 'bytes')
    each = ANON.replace('program_memory', 'process_memory')
    b.curve('Private memory of each process', 'Per process where the daemon gives that (bounded by max_processes), else the mean of all. '
            'A restart drops one line back; a leak raises them all.',
            [(f'sum by (program, process) ({each}) or on() '
              f'({PRIVATE} / {by_program(p("program_processes"))})', '{{program}} {{process}}')], unit='bytes')
    b.curve('Versions running', 'Processes cannot be told apart here, but a canary shows as two versions at a time.',
            [(f'sum by (program, version) ({p("program_version_info")})', '{{program}} {{version}}')], unit='short', stack=True)
    b.row('Load beside memory')
    b.curve('The curves compared', 'Each over its own mean of the shown span: 1 is usual. Where memory parts from requests, packets, I/O and CPU time, it is a leak '
            'and not load; hold that moment against the deploys.', compared(), 24, 9, 'percentunit')
    b.curve('Requests, else packets', "The program's requests where the configuration names a counter, else packets of its own network, else the host's.",
            [(f'{by_program(rate(p("program_requests_total")))} or on() {by_program(rate(p("program_network_receive_packets_total")))} '
              f'or on() sum by (instance) ({rate(h("host_network_receive_packets_total"))})', '{{program}}{{instance}}')], 8, unit='cps')
    b.curve('Network', "Of the program's own network namespace or cgroup, else the host's.",
            [(f'{by_program(rate(p("program_network_receive_bytes_total")))} or on() sum by (instance) ({rate(h("host_network_receive_bytes_total"))})', 'received {{program}}{{instance}}'),
             (f'{by_program(rate(p("program_network_transmit_bytes_total")))} or on() sum by (instance) ({rate(h("host_network_transmit_bytes_total"))})', 'sent {{program}}{{instance}}')],
            8, unit='binBps')
    b.curve('Storage', 'Bytes that the program had read and written.',
            [(or_nothing(by_program(rate(p('program_io_read_bytes_total')))), 'read {{program}}'),
             (or_nothing(by_program(rate(p('program_io_write_bytes_total')))), 'written {{program}}')], 8, unit='binBps')
    b.curve('CPU time', 'CPUs used by the program.', [(by_program(rate(p('program_cpu_seconds_total'))), '{{program}}')], 8)
    b.curve('Page faults', 'Memory touched for the first time, or brought back from swap.',
            [(by_program(rate(p('program_page_faults_total'))), '{{program}}')], 8, unit='cps')
    b.curve('Processes', 'Processes alive, and those that began, a minute.',
            [(by_program(p('program_processes')), '{{program}} alive'), (f'{by_program(rate(p("program_restarts_total")))} * 60', '{{program}} began')], 8)
    return b.board


def host():
    b = Board('memculprit-host', 'memculprit / Host',
              'The host beside its programs: does it wait for swap, for storage, or for nothing?', 'now-24h')
    b.stat('Memory available', 'Memory that can be had without swapping.',
           f'min({h("host_memory_available_bytes")} / {h("host_memory_total_bytes")})', 4, 'percentunit', ((RED, None), (ORANGE, .05), (GREEN, .15)), decimals=0)
    b.stat('Swap used', 'Bytes in swap.', f'sum({h("host_swap_used_bytes")})', 4, 'bytes', ((GREEN, None), (ORANGE, 1 << 20)))
    b.stat('Blocked processes', 'Processes that wait for storage or swap: 19 to 40 in the incident.', f'max({h("host_blocked_processes")})', 4,
           steps=((GREEN, None), (ORANGE, 5), (RED, 15)))
    b.stat('Waiting for storage', 'Share of CPU time: 30 to 63 % in the incident.', f'max({h("host_iowait_ratio")})', 4, 'percentunit',
           ((GREEN, None), (ORANGE, .1), (RED, .3)), decimals=0)
    b.stat('Killed for want of memory', 'Processes that the kernel killed since it started.', or_nothing(f'sum(max_over_time(memculprit_host_oom_kills_total{{{SEL}}}[$__rate_interval]))'),
           4, steps=((GREEN, None), (RED, 1)))
    b.stat('Last sample', 'How long ago the slowest daemon took its last sample.', f'max(time() - {h("last_sample_timestamp_seconds")})', 4, 's',
           ((GREEN, None), (ORANGE, 120), (RED, 600)), decimals=0)
    b.row('Does the host wait?')
    b.curve('Processes that wait or run', 'Many blocked and few running, with an idle CPU: they wait for pages, it is no surge of requests.',
            [(h('host_blocked_processes'), 'blocked {{instance}}'), (h('host_running_processes'), 'running {{instance}}')])
    b.curve('Swap traffic', 'Swap-in that is high while swap-out is low: memory is gone, and what was swapped out is needed.',
            [(rate(h('host_swap_in_bytes_total')), 'in {{instance}}'), (rate(h('host_swap_out_bytes_total')), 'out {{instance}}')], unit='binBps')
    b.curve('Waiting for storage', 'Share of CPU time spent waiting.', [(h('host_iowait_ratio'), '{{instance}}')], unit='percentunit')
    b.curve('Pressure', 'Share of the time in which tasks waited for a resource (PSI); the share that waits for storage where the kernel does not tell.',
            [(f'{rate(h("host_pressure_seconds_total"))} or on() {h("host_iowait_ratio")}', '{{resource}} {{kind}} {{instance}}')], unit='percentunit')
    b.row('Where the memory is')
    b.curve('Private memory of the programs', 'Stacked: which of them took what the host lost.', [(PRIVATE, '{{program}}')], unit='bytes', stack=True)
    b.curve('Memory and swap of the host', 'Available memory falls while a leak goes on; then swap fills.',
            [(h('host_memory_available_bytes'), 'available {{instance}}'), (h('host_swap_used_bytes'), 'swap used {{instance}}'),
             (h('host_memory_total_bytes'), 'total {{instance}}')], unit='bytes')
    b.row('Load')
    b.curve('Network packets', 'Without loopback.', [(rate(h('host_network_receive_packets_total')), 'received {{instance}}'),
                                                     (rate(h('host_network_transmit_packets_total')), 'sent {{instance}}')], 8, unit='pps')
    b.curve('Network bytes', 'Without loopback.', [(rate(h('host_network_receive_bytes_total')), 'received {{instance}}'),
                                                   (rate(h('host_network_transmit_bytes_total')), 'sent {{instance}}')], 8, unit='binBps')
    b.curve('Context switches', '15,000 to 27,000 a second in the incident.', [(rate(h('host_context_switches_total')), '{{instance}}')], 8, unit='cps')
    b.row('The daemon itself')
    b.curve('Time that a sample takes', 'Of all programs and the host.', [(h('sample_duration_seconds'), '{{instance}}')], 6, unit='s')
    b.curve('Errors', 'By the part that had them, a minute.', [(f'{rate(h("errors_total"))} * 60', '{{component}} {{instance}}')], 6, unit='opm')
    b.curve('Database', 'Size of its file.', [(h('store_bytes'), '{{instance}}')], 6, unit='bytes')
    cpu = f'process_cpu_seconds_total{{{SEL}}}'
    b.curve('Its own memory and CPU time', 'memculprit watches itself too.',
            [(f'process_resident_memory_bytes{{{SEL}}} and on (job, instance) {h("build_info")}', 'resident {{instance}}'),
             (f'{rate(cpu)} and on (job, instance) {h("build_info")}', 'CPUs {{instance}}')], 6, unit='bytes',
            overrides=[{'matcher': {'id': 'byFrameRefID', 'options': 'B'}, 'properties': [{'id': 'unit', 'value': 'short'}, {'id': 'custom.axisPlacement', 'value': 'right'}]}])
    return b.board


folder = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__))
for board in (overview(), program(), host()):
    with open(os.path.join(folder, board['uid'] + '.json'), 'w', encoding='utf-8') as f:
        json.dump(board, f, indent=2, ensure_ascii=False)
        f.write('\n')
