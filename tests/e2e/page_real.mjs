// Reads the page of a daemon that has seen a leak. usage: page_real.mjs BROWSER DIRECTORY_FOR_SCREENSHOTS PORT
import { EVIL, check, dir, finish, open, quiet, rest, zoom } from './browser.mjs';

const base = `http://127.0.0.1:${rest[0]}`;
try {
	const { page, seen } = await open(base, '/');
	const row = page.locator('tbody tr', { hasText: 'logic_worker' });
	// The index has the stored answers; on a busy machine a new one takes its time.
	for (let i = 0; i < 120 && !/leak, active/.test(await row.innerText()); i++) {
		await page.waitForTimeout(1000);
		await page.reload({ waitUntil: 'networkidle' });
	}
	check(/leak, active/.test(await row.innerText()), `the index: ${await row.innerText()}`);
	check(await row.locator('svg .line').count() === 1, 'a small curve');
	check(await page.getByText(EVIL).count() === 1, 'the hostile name is shown as text');
	check(await page.locator('main img').count() === 0, 'no element came out of a name');
	await page.screenshot({ path: `${dir}/real-index.png`, fullPage: true });
	await row.getByRole('link').click();
	let answer = await page.locator('.answer').innerText();
	for (let i = 0; i < 60 && !/^v2\.3 started/.test(answer); i++) { // there is a new one with every tick
		await page.waitForTimeout(1000);
		await page.reload({ waitUntil: 'networkidle' });
		answer = await page.locator('.answer').innerText();
	}
	check(/^v2\.3 started it: private memory of logic_worker grows by/.test(answer), `the answer: ${answer}`);
	check(await page.locator('.odds .bad', { hasText: 'v2.3' }).count() === 1, 'what began it');
	check(await page.locator('.deploys .bad', { hasText: 'v2.3' }).count() === 1, 'the deploy in its table');
	if (await page.evaluate(() => !!window.uPlot)) {
		await page.locator('.uplot').nth(4).waitFor();
		const titles = await page.locator('#curves.live .chart figcaption').allInnerTexts();
		for (const t of ['Memory', 'Processes by pid', 'Number of processes', 'CPUs used', 'Host: processes'])
			check(titles.includes(t), `no chart "${t}" among ${titles.join(', ')}`);
		await page.screenshot({ path: `${dir}/real-program.png`, fullPage: true });
		// docs/page.png is a copy of this
		await page.screenshot({ path: `${dir}/real-top.png`, fullPage: true, clip: { x: 0, y: 0, width: 1100, height: 1000 } });
		await zoom(page, 0.4, 0.8);
	}
	quiet(seen, 'the daemon');
	await page.goto(base + '/?program=' + encodeURIComponent(EVIL), { waitUntil: 'networkidle' });
	check((await page.locator('h1').innerText()).includes(EVIL), 'the page of the hostile name');
	quiet(seen, 'the hostile name');
} finally {
	await finish();
}
