// First paint of one program with 30 days of points, five times. usage: paint.mjs BROWSER DIRECTORY PORT
import { finish, open, rest } from './browser.mjs';

const times = [];
let bytes = 0;
for (let i = 0; i < 5; i++) {
	const { page, seen, close } = await open(`http://127.0.0.1:${rest[0]}`, '/?program=logic_worker');
	times.push(await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0].startTime));
	bytes = seen.bytes;
	await close();
}
times.sort((a, b) => a - b);
console.log(`page, 172,800 points: first paint ${times[2].toFixed(0)} ms (${times.map(t => t.toFixed(0)).join(' ')}), ${(bytes / 1024).toFixed(0)} KiB over the wire`);
await finish();
