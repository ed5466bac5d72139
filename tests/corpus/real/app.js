// A node server for recordings: app.js PORT MISTAKE CACHE. MISTAKE: none, array (keeps every request), listener
// (a closure a request), garbage (no mistake: allocates much and drops it). CACHE: entries of a bounded Map.
'use strict';
const http = require('http');
const [port, mistake, cacheSize] = [Number(process.argv[2]), process.argv[3], Number(process.argv[4])];
const kept = [], cache = new Map(), bus = new (require('events'))();
bus.setMaxListeners(0);

function page(key) {
  let body = cache.get(key);
  if (body === undefined) {
    body = Buffer.alloc(300 + (key * 7919) % 1500, 97 + key % 26).toString();
    if (cacheSize) {
      cache.set(key, body);
      if (cache.size > cacheSize) cache.delete(cache.keys().next().value);
    }
  }
  return body;
}

http.createServer((req, res) => {
  const key = parseInt(req.url.slice(1), 10) || 0;
  const body = page(key);
  if (mistake === 'array') kept.push({ key, when: Date.now(), head: Object.assign({}, req.headers), text: body.slice(0, 200) + key });
  if (mistake === 'listener') { const mine = new Array(60).fill(key + .5); bus.on('flush', () => mine.length); }
  if (mistake === 'garbage') { const a = []; for (let i = 0; i < 4000; i++) a.push({ i, s: 'x' + i }); res.setHeader('X-N', a.length); }
  res.end(body);
}).listen(port, '127.0.0.1');
