// Makes the page live: curves with zoom and hover on one time axis, answers that refresh, times of the reader's
// own zone. Without this script the page is complete; without uPlot the still curves stay.
'use strict';
(() => {
	const REFRESH_MS = 10000;
	const PROCESSES = 8; // lines in the chart of single processes
	const box = document.getElementById('curves');
	const byId = id => document.getElementById(id);
	const color = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

	// ---- figures and times as text ----
	const prefix = (v, base, names) => {
		let k = 0;
		while (Math.abs(v) >= base && k < names.length - 1) {
			v /= base;
			k++;
		}
		return [Number(v.toPrecision(3)), names[k]];
	};
	const bytes = v => prefix(v, 1024, ['B', 'KiB', 'MiB', 'GiB', 'TiB']).join(' ');
	const count = v => prefix(v, 1000, ['', 'k', 'M', 'G']).join(' ').trim();
	const formats = {
		bytes,
		bytes_per_second: v => bytes(v) + '/s',
		per_second: v => count(v) + '/s',
		ratio: v => Number((v * 100).toPrecision(3)) + ' %',
		count,
	};
	const text = (unit, v) => v == null ? '–' : (formats[unit] || count)(v);
	const powers = base => Array.from({ length: 60 }, (_, i) => base === 2 ? 2 ** i : [1, 2, 5][i % 3] * 10 ** (Math.floor(i / 3) - 4));
	const two = n => String(n).padStart(2, '0');
	const time = ms => {
		const d = new Date(ms);
		return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())} ${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
	};
	// The server writes its own zone; whoever is on call sits in another.
	function localTimes(root) {
		for (const t of root.querySelectorAll('time')) {
			const ms = Date.parse(t.dateTime);
			if (!Number.isNaN(ms))
				t.textContent = time(ms);
		}
		const zone = root.querySelector('#zone');
		if (zone)
			zone.textContent = Intl.DateTimeFormat().resolvedOptions().timeZone || 'local time';
	}

	// ---- marks ----
	let marks = {};
	const runs = ms => {
		let name = null;
		for (const d of marks.deploys || [])
			if (d.ms <= ms)
				name = d.name;
		return name;
	};
	const drawMarks = labels => u => {
		const { ctx } = u;
		const { left, top, width, height } = u.bbox, dot = devicePixelRatio;
		const x = ms => Math.round(u.valToPos(ms / 1000, 'x', true));
		ctx.save();
		ctx.beginPath();
		ctx.rect(left, top - 20 * dot, width, height + 20 * dot);
		ctx.clip();
		if (marks.onset_lo_ms != null && marks.onset_hi_ms != null) {
			const a = x(marks.onset_lo_ms);
			ctx.fillStyle = color('--band');
			ctx.fillRect(a, top, Math.max(2 * dot, x(marks.onset_hi_ms) - a), height);
		}
		ctx.font = `${12 * dot}px system-ui, sans-serif`;
		ctx.textAlign = 'left';
		ctx.textBaseline = 'alphabetic';
		ctx.lineWidth = dot;
		let free = -Infinity;
		const inside = d => x(d.ms) >= left && x(d.ms) <= left + width;
		const many = (marks.deploys || []).filter(inside).length > 40; // a line each would hide the curve
		for (const d of marks.deploys || []) {
			const at = x(d.ms);
			if (!inside(d))
				continue;
			ctx.globalAlpha = many && !d.culprit && !d.fix ? 0.3 : 1;
			ctx.strokeStyle = ctx.fillStyle = color(d.culprit ? '--bad' : d.fix ? '--good' : '--dim');
			ctx.setLineDash([4 * dot, 3 * dot]);
			ctx.beginPath();
			ctx.moveTo(at, top - (labels ? 6 * dot : 0));
			ctx.lineTo(at, top + height);
			ctx.stroke();
			const name = String(d.name || '').slice(0, 12);
			ctx.globalAlpha = 1;
			if (labels && (at > free || d.culprit)) {
				ctx.fillText(name, at + 4 * dot, top - 6 * dot);
				free = at + ctx.measureText(name).width + 12 * dot;
			}
		}
		ctx.restore();
	};

	// ---- charts ----
	const charts = [];
	let asked = { since: null, until: null }; // as in the address: "-24h" or Unix seconds
	let data = null;

	const groups = series => {
		const all = new Map();
		for (const [name, s] of Object.entries(series)) {
			const key = s.group || s.label || name;
			if (!all.has(key))
				all.set(key, []);
			all.get(key).push({ ...s, name });
		}
		return all;
	};
	const palette = ['--accent', '--violet', '--teal', '--amber'];

	// Three columns each: last, least, largest; of one line among many only the last.
	const lines = members => members.flatMap((s, i) => {
		const main = { label: s.label || s.name, stroke: color(palette[i % palette.length]), width: 1.5, spanGaps: true, points: { show: false },
			value: (u, v) => text(s.unit, v) };
		const edge = { class: 'edge', stroke: 'transparent', width: 0, points: { show: false }, spanGaps: true };
		return s.min ? [main, { ...edge, label: 'least' }, { ...edge, label: 'largest' }] : [main];
	});
	const columns = members => [data.t_ms.map(t => t / 1000), ...members.flatMap(s => s.min ? [s.last, s.min, s.max] : [s.last])];
	const bands = members => {
		const all = [];
		let at = 1;
		for (const s of members) {
			if (s.min)
				all.push({ series: [at + 2, at + 1], fill: color('--shade') });
			at += s.min ? 3 : 1;
		}
		return all;
	};
	const HOUR = 3600, DAY = 86400;
	const axisTimes = [
		[365 * DAY, '{YYYY}', null, null, null, null, null, null, 1],
		[28 * DAY, '{MMM}', '\n{YYYY}', null, null, null, null, null, 1],
		[DAY, '{D} {MMM}', '\n{YYYY}', null, null, null, null, null, 1],
		[HOUR, '{HH}:{mm}', '\n{D} {MMM} {YYYY}', null, '\n{D} {MMM}', null, null, null, 1],
		[60, '{HH}:{mm}', '\n{D} {MMM} {YYYY}', null, '\n{D} {MMM}', null, null, null, 1],
		[1, '{HH}:{mm}:{ss}', '\n{D} {MMM} {YYYY}', null, '\n{D} {MMM}', null, null, null, 1],
	];
	const axisBrief = axisTimes.map(row => row.map(x => typeof x === 'string' && x.startsWith('\n') ? null : x));
	const when = (u, v) => {
		if (v == null)
			return '–';
		const name = runs(v * 1000);
		return time(v * 1000) + (name ? `, runs ${name}` : '');
	};

	const options = (members, first, width) => {
		const unit = members[0].unit;
		const grid = { stroke: color('--line'), width: 1 };
		const axis = { stroke: color('--dim'), grid, ticks: grid, font: '12px system-ui, sans-serif' };
		const scaled = unit === 'bytes' || unit === 'bytes_per_second';
		return {
			width,
			height: first ? 320 : 128,
			padding: [first ? 22 : 8, 10, 0, 0],
			cursor: { sync: { key: 'memculprit' }, drag: { x: true, y: false, setScale: false }, y: false },
			scales: { x: { range: () => shown() }, y: { range: (u, lo, hi) => [Math.min(0, lo ?? 0), hi > 0 ? hi * 1.05 : 1] } },
			series: [{ label: 'At', value: when }, ...lines(members)],
			bands: bands(members),
			axes: [{ ...axis, values: first ? axisTimes : axisBrief, space: 70, size: first ? 44 : 26 },
				{ ...axis, size: 74, space: first ? 40 : 28, incrs: powers(scaled ? 2 : 10), values: (u, list) => list.map(v => text(unit, v)) }],
			hooks: { drawAxes: [drawMarks(first)], setSelect: [select] },
		};
	};

	const shown = () => [data.start_ms / 1000, data.end_ms / 1000];
	const width = () => {
		const style = getComputedStyle(box);
		return Math.max(240, Math.floor(box.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight)));
	};

	function draw() {
		const all = groups(data.series);
		const same = charts.length === all.size && charts.every(c => all.has(c.title) && all.get(c.title).length === c.n);
		if (same) {
			for (const c of charts)
				c.plot.setData(columns(all.get(c.title)), true);
			return;
		}
		clear();
		for (const [title, members] of all) {
			const holder = document.createElement('figure'), caption = document.createElement('figcaption');
			holder.className = 'chart' + (charts.length ? '' : ' first') + (members.length === 1 ? ' single' : '');
			caption.textContent = title;
			holder.append(caption);
			box.append(holder);
			const plot = new uPlot(options(members, !charts.length, width()), columns(members), holder);
			charts.push({ title, n: members.length, plot, holder });
		}
		box.classList.add('live');
	}

	function clear() {
		for (const c of charts) {
			c.plot.destroy();
			c.holder.remove();
		}
		charts.length = 0;
	}

	function select(u) {
		if (u.select.width < 5)
			return;
		const at = x => u.posToVal(x, 'x');
		zoom([at(u.select.left), at(u.select.left + u.select.width)], true);
		u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
	}

	// The span is in the address, so that it can be sent to somebody; null shows all.
	function zoom(to, remember) {
		const seconds = to && to[1] - to[0] >= 1 ? to.map(v => v.toFixed(0)) : [null, null];
		show({ since: seconds[0], until: seconds[1] }, remember);
	}

	function show(what, remember) {
		asked = what;
		const url = new URL(location);
		for (const key of ['since', 'until'])
			if (what[key])
				url.searchParams.set(key, what[key]);
			else
				url.searchParams.delete(key);
		history[remember ? 'pushState' : 'replaceState'](null, '', url);
		load();
	}

	function readAddress() {
		const query = new URLSearchParams(location.search);
		asked = { since: query.get('since'), until: query.get('until') };
	}

	function showLinks() {
		for (const a of box.querySelectorAll('.spans a')) {
			const since = new URL(a.href).searchParams.get('since');
			if (!asked.until && since === asked.since)
				a.setAttribute('aria-current', 'true');
			else
				a.removeAttribute('aria-current');
		}
	}

	async function load() {
		const url = new URL('/api/v1/programs/' + encodeURIComponent(box.dataset.program) + '/series', location);
		url.searchParams.set('processes', PROCESSES);
		if (asked.since)
			url.searchParams.set('start', asked.since);
		if (asked.until)
			url.searchParams.set('end', asked.until);
		showLinks();
		const reply = await fetch(url);
		if (!reply.ok)
			return;
		data = await reply.json();
		if (data.t_ms.length)
			draw();
	}

	function keys(event) {
		if (!data || event.ctrlKey || event.metaKey || event.altKey)
			return;
		const [a, b] = shown(), w = b - a;
		const to = { '+': [a + w / 4, b - w / 4], '=': [a + w / 4, b - w / 4], '-': [a - w / 2, b + w / 2], ArrowLeft: [a - w / 4, b - w / 4],
			ArrowRight: [a + w / 4, b + w / 4], 0: null }[event.key];
		if (to === undefined)
			return;
		event.preventDefault();
		zoom(to, false);
	}

	function readMarks() {
		try {
			marks = JSON.parse(box.dataset.marks);
		} catch {
			marks = {};
		}
	}

	function start() {
		readMarks();
		readAddress();
		box.tabIndex = 0;
		box.setAttribute('aria-description', 'Drag to zoom, double click or 0 to see all, plus and minus to zoom, arrow keys to move');
		const help = document.createElement('p');
		help.className = 'help';
		help.textContent = 'Drag to zoom, double click or 0 for all; + − ← → move about.';
		box.querySelector('.bar').append(help);
		box.addEventListener('keydown', keys);
		box.addEventListener('dblclick', () => zoom(null, true));
		box.querySelector('.spans').addEventListener('click', event => {
			const a = event.target.closest('a');
			if (!a || event.ctrlKey || event.metaKey || event.shiftKey)
				return;
			event.preventDefault();
			show({ since: new URL(a.href).searchParams.get('since'), until: null }, true);
		});
		addEventListener('popstate', () => {
			readAddress();
			load();
		});
		let timer;
		new ResizeObserver(() => {
			clearTimeout(timer);
			timer = setTimeout(() => charts.forEach(c => c.plot.setSize({ width: width(), height: c.plot.height })), 100);
		}).observe(box);
		matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
			clear();
			if (data)
				draw();
		});
		load();
	}

	// ---- the index: a field that narrows it down ----
	function filter() {
		const rows = [...document.querySelectorAll('.programs tbody tr')], old = byId('filter');
		const words = (old ? old.value : '').toLowerCase();
		for (const row of rows)
			row.hidden = words !== '' && !row.querySelector('a').textContent.toLowerCase().includes(words);
	}

	function addFilter() {
		const heading = byId('heading');
		if (!heading || byId('filter') || document.querySelectorAll('.programs tbody tr').length < 6)
			return;
		const field = document.createElement('input');
		field.type = 'search';
		field.id = 'filter';
		field.placeholder = 'Find a program ( / )';
		field.setAttribute('aria-label', 'Find a program');
		field.addEventListener('input', filter);
		heading.append(field);
		addEventListener('keydown', event => {
			if (event.key === '/' && document.activeElement !== field) {
				event.preventDefault();
				field.focus();
			}
		});
	}

	// ---- refresh: the server renders, the script only swaps ----
	// What is shown may be old: since when, is said in colour until the server answers again.
	let answered = Date.now();
	const shownOf = document.querySelector('#asof time');
	const age = ms => ms < 120000 ? `${Math.round(ms / 1000)} s` : ms < 7200000 ? `${Math.round(ms / 60000)} min` :
		ms < 172800000 ? `${Math.round(ms / 3600000)} h` : `${Math.round(ms / 86400000)} days`;
	function lost(yes) {
		let sign = byId('lost');
		if (!yes) {
			if (sign)
				sign.remove();
			return;
		}
		// a page kept in a file was never answered here: it says itself when it was made
		const of = location.protocol === 'file:' && shownOf ? Date.parse(shownOf.dateTime) : answered;
		if (!sign) {
			sign = document.createElement('p');
			sign.id = 'lost';
			sign.className = 'notice stale';
			sign.setAttribute('role', 'status');
			document.body.insertBefore(sign, byId('main'));
		}
		sign.textContent = `The server does not answer. These figures are ${age(Date.now() - of)} old, of ${time(of)}.`;
	}

	async function refresh() {
		if (document.hidden)
			return;
		const reply = await fetch(location.href, { headers: { Accept: 'text/html' }, signal: AbortSignal.timeout(REFRESH_MS) });
		if (reply.status === 502 || reply.status === 504) // a proxy answers in its stead
			throw new Error('no server');
		answered = Date.now();
		lost(false);
		if (!reply.ok)
			return;
		const fresh = new DOMParser().parseFromString(await reply.text(), 'text/html');
		localTimes(fresh);
		for (const id of box ? ['host', 'notices', 'answer', 'reasons', 'asof'] : ['host', 'notices', 'programs', 'asof']) {
			const old = byId(id), now = fresh.getElementById(id);
			if (!old || !now || old.innerHTML === now.innerHTML)
				continue;
			const open = old.querySelector('details') && old.querySelector('details').open;
			old.replaceChildren(...now.childNodes);
			if (open != null && old.querySelector('details'))
				old.querySelector('details').open = open;
		}
		filter();
		const curves = fresh.getElementById('curves');
		if (box && curves && curves.dataset.marks) {
			box.dataset.marks = curves.dataset.marks;
			readMarks();
			if (window.uPlot && !asked.until)
				await load();
		}
	}

	localTimes(document);
	if (box && window.uPlot)
		start();
	addFilter();
	const again = () => refresh().catch(() => lost(true));
	setInterval(again, REFRESH_MS);
	document.addEventListener('visibilitychange', again);
	if (location.protocol === 'file:')
		lost(true);
})();
