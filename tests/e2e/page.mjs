// Reads the page with canned data as a browser does. usage: page.mjs BROWSER DIRECTORY_FOR_SCREENSHOTS SERVE_CANNED
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { EVIL, check, dir, finish, open as openAt, quiet, rest, zoom } from './browser.mjs';

const server = spawn(rest[0], [], { stdio: ['pipe', 'pipe', 'inherit'] });
const port = await new Promise(done => createInterface(server.stdout).once('line', done));
const open = (path, settings) => openAt(`http://127.0.0.1:${port}`, path, settings);

async function index() {
	const { page, seen, close } = await open('/');
	check(await page.locator('tbody th a').count() === 8, 'eight programs');
	check(await page.getByText(EVIL).count() > 0, 'the hostile name is shown as text');
	check(await page.locator('main img').count() === 0, 'no element came out of a name');
	check((await page.locator('tbody tr').first().innerText()).startsWith('logic_worker'), 'what is urgent comes first');
	await page.screenshot({ path: `${dir}/index.png`, fullPage: true });
	await page.keyboard.press('/');
	await page.keyboard.type('img');
	check(await page.locator('tbody tr:visible').count() === 1, 'the field narrows the list down');
	await page.getByRole('link', { name: EVIL }).click();
	check((await page.locator('h1').innerText()).includes(EVIL), 'the page of the hostile name');
	quiet(seen, 'index');
	await close();
}

async function program(scheme) {
	const { page, seen, close } = await open('/?program=logic_worker', { colorScheme: scheme });
	check((await page.locator('.answer').innerText()).startsWith('v2.3 began the growth'), 'the answer in words');
	const charts = page.locator('.uplot');
	quiet(seen, `opening, ${scheme}`);
	check(seen.bytes < 150 * 1024, `${seen.bytes} bytes over the wire`);
	console.log(`${seen.bytes} bytes, ${scheme}`);
	const live = await page.evaluate(() => !!window.uPlot);
	if (live) {
		await charts.nth(6).waitFor();
		check(await charts.count() === 7, `seven charts, not ${await charts.count()}`);
		check(!(await page.locator('.still').first().isVisible()), 'the still curves make room');
		await zoom(page, 0.3, 0.6);
		await page.reload({ waitUntil: 'networkidle' });
		await charts.nth(6).waitFor();
		check(/since=\d+/.test(page.url()), 'a zoomed address can be shared');
		await page.locator('#curves').focus();
		await page.keyboard.press('0');
		await page.waitForURL(url => !url.searchParams.has('since'));
		await page.getByRole('link', { name: '1 h', exact: true }).click();
		await page.waitForURL(/since=-1h/);
		await page.goBack();
		await page.waitForURL(url => !url.searchParams.has('since'));
	}
	await page.getByRole('link', { name: 'src/encode.c:42' }).click();
	check(await page.locator('mark:target').innerText() === '+\tEncode(&ptr, &len, text, r->len);', 'a place leads to its line of the diff');
	await page.mouse.move(0, 0);
	await page.evaluate(() => document.activeElement.blur());
	await page.screenshot({ path: `${dir}/program-${scheme}.png`, fullPage: true });
	quiet(seen, `program, ${scheme}`);
	await close();
}

// Where the server no longer answers, the page says how old its figures are, until it does again.
async function lost() {
	const { page, close } = await open('/');
	const again = () => page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
	check(await page.locator('#lost').count() === 0, 'a page that was just answered is not lost');
	await page.route('**/*', route => route.abort());
	await again();
	await page.locator('#lost').waitFor();
	check(/^The server does not answer\. These figures are \d+ s old, of \d{4}-\d\d-\d\d /.test(await page.locator('#lost').innerText()), 'how old they are');
	await page.screenshot({ path: `${dir}/lost.png` });
	await page.unroute('**/*');
	await again();
	await page.locator('#lost').waitFor({ state: 'detached' });
	await close();
}

async function plain() {
	const { page, close } = await open('/?program=logic_worker', { javaScriptEnabled: false });
	check(await page.locator('figure.still svg .line').first().isVisible(), 'curves without script');
	await page.screenshot({ path: `${dir}/plain.png`, fullPage: true });
	await page.getByRole('link', { name: '6 h', exact: true }).click();
	check(await page.locator('.spans [aria-current]').innerText() === '6 h', 'spans without script');
	check(await page.locator('.deploy.culprit').count() > 0, 'the culprit is marked without script');
	await close();
}

async function narrow() {
	for (const [path, width] of [['/', 360], ['/?program=logic_worker', 360], ['/', 1100], ['/', 1280]]) {
		const { page, seen, close } = await open(path, { viewport: { width, height: 740 } });
		const wide = await page.evaluate(() => document.documentElement.scrollWidth);
		check(wide <= width, `${path} is ${wide} pixels wide on ${width}`);
		await page.screenshot({ path: `${dir}/narrow-${path.length}-${width}.png`, fullPage: true });
		quiet(seen, `narrow ${path}`);
		await close();
	}
}

try {
	await index();
	await program('light');
	await program('dark');
	await lost();
	await plain();
	await narrow();
} finally {
	await finish();
	server.stdin.end();
}
