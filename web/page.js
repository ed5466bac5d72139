// Makes the page live: curves with zoom and hover on one time axis, answers that refresh. Without this
// script the page is complete; without uPlot the still curves stay.
'use strict';
(() => {
	const REFRESH_MS = 10000;
	const box = document.getElementById('curves');
	const byId = id => document.getElementById(id);
	const color = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

	// ---- figures as text ----
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

	// ---- marks ----
	let marks = {};
	const drawMarks = u => {
		const { ctx } = u;
		const { left, top, width, height } = u.bbox;
		const x = ms => Math.round(u.valToPos(ms / 1000, 'x', true));
		ctx.save();
		ctx.beginPath();
		ctx.rect(left, top - 18 * devicePixelRatio, width, height + 18 * devicePixelRatio);
		ctx.clip();
		if (marks.onset_lo_ms != null && marks.onset_hi_ms != null) {
			const a = x(marks.onset_lo_ms);
			ctx.fillStyle = color('--band');
			ctx.fillRect(a, top, Math.max(2, x(marks.onset_hi_ms) - a), height);
		}
		ctx.font = `${12 * devicePixelRatio}px system-ui, sans-serif`;
		ctx.textAlign = 'left';
		ctx.textBaseline = 'alphabetic';
		let free = -Infinity;
		for (const d of marks.deploys || []) {
			const at = x(d.ms);
			ctx.strokeStyle = ctx.fillStyle = color(d.culprit ? '--bad' : d.fix ? '--good' : '--dim');
			ctx.setLineDash([4 * devicePixelRatio, 3 * devicePixelRatio]);
			ctx.beginPath();
			ctx.moveTo(at, top - 4 * devicePixelRatio);
			ctx.lineTo(at, top + height);
			ctx.stroke();
			const name = String(d.name || '').slice(0, 12);
			if (at > free || d.culprit) {
				ctx.fillText(name, at + 3, top - 5 * devicePixelRatio);
				free = at + ctx.measureText(name).width + 10;
			}
		}
		ctx.restore();
	};

	// ---- charts ----
	const charts = [];
	let span = null; // [start, end] in seconds while zoomed in
	let data = null;

	const groups = series => {
		const all = new Map();
		for (const [name, s] of Object.entries(series)) {
			const memory = s.unit === 'bytes' && !s.host;
			const key = memory ? 'Memory' : s.label || name;
			if (!all.has(key))
				all.set(key, []);
			all.get(key).push({ ...s, name });
		}
		return all;
	};
	const palette = ['--accent', '--violet', '--teal', '--amber', '--dim', '--good'];

	const lines = members => members.flatMap((s, i) => {
		const stroke = color(palette[i % palette.length]);
		const edge = { class: 'edge', stroke: 'transparent', width: 0, points: { show: false }, spanGaps: true };
		return [
			{ label: s.label || s.name, stroke, width: 1.5, spanGaps: true, points: { show: false }, value: (u, v) => text(s.unit, v) },
			{ ...edge, label: 'least' },
			{ ...edge, label: 'largest' },
		];
	});

	const options = (title, members, first) => {
		const unit = members[0].unit;
		const ink = color('--dim'), grid = { stroke: color('--line'), width: 1 };
		const scaled = unit === 'bytes' || unit === 'bytes_per_second';
		return {
			title,
			width: Math.max(280, box.clientWidth),
			height: first ? 300 : 170,
			padding: [18, 8, 0, 0],
			cursor: { sync: { key: 'memculprit' }, drag: { x: true, y: false, setScale: false } },
			scales: { x: { range: () => shown() }, y: { range: (u, lo, hi) => [Math.min(0, lo ?? 0), hi > 0 ? hi * 1.05 : 1] } },
			series: [{ value: (u, v) => v == null ? '–' : new Date(v * 1000).toLocaleString() }, ...lines(members)],
			bands: members.map((_, i) => ({ series: [3 * i + 3, 3 * i + 2], fill: color('--shade') })),
			axes: [{ stroke: ink, grid, ticks: grid },
				{ stroke: ink, grid, ticks: grid, size: 80, incrs: powers(scaled ? 2 : 10), values: (u, list) => list.map(v => text(unit, v)) }],
			hooks: { draw: [drawMarks], setSelect: [u => select(u)] },
		};
	};

	const shown = () => span || [data.start_ms / 1000, data.end_ms / 1000];
	const columns = members => [data.t_ms.map(t => t / 1000), ...members.flatMap(s => [s.last, s.min, s.max])];

	function draw() {
		const all = groups(data.series);
		const same = charts.length === all.size && charts.every(c => all.has(c.title) && all.get(c.title).length === c.n);
		if (same) {
			for (const c of charts)
				c.plot.setData(columns(all.get(c.title)), true);
			return;
		}
		clear();
		let first = true;
		for (const [title, members] of all) {
			const holder = document.createElement('div');
			holder.className = 'chart';
			box.append(holder);
			const plot = new uPlot(options(title, members, first), columns(members), holder);
			charts.push({ title, n: members.length, plot, holder });
			first = false;
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
		zoom([u.posToVal(u.select.left, 'x'), u.posToVal(u.select.left + u.select.width, 'x')]);
		u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
	}

	// The span is in the address, so that it can be sent to somebody.
	function zoom(to) {
		span = to && to[1] - to[0] >= 1 ? to : null;
		const url = new URL(location);
		for (const [key, i] of [['since', 0], ['until', 1]])
			if (span)
				url.searchParams.set(key, span[i].toFixed(0));
			else
				url.searchParams.delete(key);
		history.replaceState(null, '', url);
		load();
	}

	async function load() {
		const url = new URL('/api/v1/programs/' + encodeURIComponent(box.dataset.program) + '/series', location);
		if (span) {
			url.searchParams.set('start', span[0].toFixed(0));
			url.searchParams.set('end', span[1].toFixed(0));
		}
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
		const to = { '+': [a + w / 4, b - w / 4], '-': [a - w / 2, b + w / 2], ArrowLeft: [a - w / 4, b - w / 4],
			ArrowRight: [a + w / 4, b + w / 4], 0: null }[event.key];
		if (to === undefined)
			return;
		event.preventDefault();
		zoom(to);
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
		const query = new URLSearchParams(location.search);
		const since = Number(query.get('since')), until = Number(query.get('until'));
		if (since > 0 && until > since)
			span = [since, until];
		box.tabIndex = 0;
		box.setAttribute('aria-description', 'Drag to zoom, double click or 0 to see all, plus and minus to zoom, arrow keys to move');
		box.addEventListener('keydown', keys);
		box.addEventListener('dblclick', () => zoom(null));
		let timer;
		new ResizeObserver(() => {
			clearTimeout(timer);
			timer = setTimeout(() => charts.forEach(c => c.plot.setSize({ width: Math.max(280, box.clientWidth), height: c.plot.height })), 100);
		}).observe(box);
		matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
			clear();
			if (data)
				draw();
		});
		load();
	}

	// ---- refresh: the server renders, the script only swaps ----
	async function refresh() {
		if (document.hidden)
			return;
		const reply = await fetch(location.href, { headers: { Accept: 'text/html' } });
		if (!reply.ok)
			return;
		const fresh = new DOMParser().parseFromString(await reply.text(), 'text/html');
		for (const id of box ? ['host', 'answer', 'reasons'] : ['host', 'main']) {
			const old = byId(id), now = fresh.getElementById(id);
			if (!old || !now || old.innerHTML === now.innerHTML)
				continue;
			const open = old.querySelector('details[open]') !== null;
			old.replaceChildren(...now.childNodes);
			const details = old.querySelector('details');
			if (details)
				details.open = open;
		}
		const curves = fresh.getElementById('curves');
		if (box && curves && curves.dataset.marks) {
			box.dataset.marks = curves.dataset.marks;
			readMarks();
			if (window.uPlot && !span)
				await load();
		}
	}

	if (box && window.uPlot)
		start();
	setInterval(() => refresh().catch(() => {}), REFRESH_MS);
})();
