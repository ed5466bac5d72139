// What the tests in a browser share. usage: node TEST.mjs BROWSER DIRECTORY_FOR_SCREENSHOTS ...
import { chromium } from 'playwright-core';

export const [browserPath, dir, ...rest] = process.argv.slice(2);
export const EVIL = '<img src=x onerror=alert(1)>';
let failures = 0;
export const check = (ok, what) => {
	if (!ok) {
		failures++;
		console.log('FAILED:', what);
	}
};
const browser = await chromium.launch({ executablePath: browserPath, args: ['--no-sandbox'] });

// Opens a path in a context of its own, and notes what a reader should never meet.
export async function open(base, path, settings = {}) {
	const context = await browser.newContext({ viewport: { width: 1100, height: 900 }, ...settings });
	context.setDefaultTimeout(120000); // a machine that is busy elsewhere is no failure
	const page = await context.newPage();
	const seen = { errors: [], foreign: [], bytes: 0, dialogs: 0 };
	page.on('console', m => m.type() === 'error' && seen.errors.push(m.text()));
	page.on('pageerror', e => seen.errors.push(String(e)));
	page.on('dialog', d => {
		seen.dialogs++;
		d.dismiss();
	});
	page.on('request', r => r.url().startsWith(base) || seen.foreign.push(r.url()));
	page.on('requestfinished', async r => {
		const s = await r.sizes().catch(() => null);
		if (s)
			seen.bytes += s.responseBodySize + s.responseHeadersSize;
	});
	await page.goto(base + path, { waitUntil: 'networkidle' });
	return { page, seen, close: () => context.close() };
}

export function quiet(seen, what) {
	check(seen.errors.length === 0, `${what}: console: ${seen.errors.join('; ')}`);
	check(seen.foreign.length === 0, `${what}: requests to ${seen.foreign.join(' ')}`);
	check(seen.dialogs === 0, `${what}: a name ran as script`);
}

// Drags over a part of the first chart.
export async function zoom(page, from, to) {
	const over = await page.locator('.u-over').first().boundingBox();
	await page.mouse.move(over.x + over.width * from, over.y + 50);
	await page.mouse.down();
	await page.mouse.move(over.x + over.width * to, over.y + 60, { steps: 5 });
	await page.mouse.up();
	await page.waitForURL(/since=\d+.*until=\d+/);
}

export async function finish() {
	await browser.close();
	process.exitCode = failures ? 1 : 0;
}
