/* Runs of integers: deltas, less a base, divided by what they share, then the smallest of constant,
 * varints with zero runs, Rice codes in blocks of 64, and the same of what is not zero behind a bit for
 * each value that says which that is (a process that works now and then). */
#include "codec.h"

#include <assert.h>
#include <string.h>

enum { CONSTANT, ZERO_RUNS, RICE, SPARSE };
enum { ZIGZAG, ABOVE_BASE, AROUND_BASE, SAME }; /* SAME: all are the first, nothing follows it */
enum { BY_ONE, BY_PAGE, BY_KIB, BY_OTHER };
enum { BLOCK = 64, RICE_MAX_K = 32, RICE_ESCAPE = 24 };

void st_put_varint(struct mc_buf *b, uint64_t v)
{
	unsigned char bytes[10];
	size_t n = 0;
	for (; v >= 128; v >>= 7)
		bytes[n++] = (unsigned char)(v | 128);
	bytes[n++] = (unsigned char)v;
	mc_buf_add(b, bytes, n);
}

uint64_t st_get_varint(struct st_in *in)
{
	uint64_t v = 0;
	for (unsigned shift = 0; shift < 70; shift += 7) {
		if (in->p == in->end)
			break;
		unsigned char c = *in->p++;
		if (shift == 63 && c > 1)
			break;
		v |= (uint64_t)(c & 127) << shift;
		if (c < 128)
			return v;
	}
	in->bad = true;
	in->p = in->end;
	return 0;
}

unsigned st_get_byte(struct st_in *in)
{
	if (in->p < in->end)
		return *in->p++;
	in->bad = true;
	return 0;
}

const unsigned char *st_get_bytes(struct st_in *in, uint64_t len)
{
	if (len > (uint64_t)(in->end - in->p)) {
		in->bad = true;
		in->p = in->end;
		return NULL;
	}
	const unsigned char *p = in->p;
	in->p += len;
	return p;
}

static size_t varint_size(uint64_t v)
{
	return v < 128 ? 1 : (size_t)(70 - __builtin_clzll(v)) / 7;
}

/* ---- how small would it be? ---- */

static size_t zero_runs_size(const uint64_t *u, size_t n)
{
	size_t size = 0;
	for (size_t i = 0; i < n; i++) {
		size_t run = i;
		while (run < n && u[run] == 0)
			run++;
		if (run > i) {
			size += 1 + varint_size(run - i - 1);
			i = run - 1;
		} else
			size += varint_size(u[i]);
	}
	return size;
}

static size_t rice_bits(const uint64_t *u, size_t n, unsigned k)
{
	size_t bits = 0;
	for (size_t i = 0; i < n; i++) {
		uint64_t q = u[i] >> k;
		bits += q < RICE_ESCAPE ? q + 1 + k : RICE_ESCAPE + 64;
	}
	return bits;
}

/* The sum's logarithm is close; its neighbours are tried too. */
static unsigned best_k(const uint64_t *u, size_t n, size_t *ret_bits)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += u[i] < UINT64_MAX / BLOCK ? u[i] : UINT64_MAX / BLOCK;
	uint64_t mean = sum / n;
	unsigned guess = mean == 0 ? 0 : 63 - (unsigned)__builtin_clzll(mean);
	unsigned best = 0;
	size_t best_bits = SIZE_MAX;
	for (unsigned k = guess > 2 ? guess - 2 : 0; k <= guess + 1 && k <= RICE_MAX_K; k++) {
		size_t bits = rice_bits(u, n, k);
		if (bits < best_bits) {
			best_bits = bits;
			best = k;
		}
	}
	if (best_bits == SIZE_MAX) {
		best = RICE_MAX_K;
		best_bits = rice_bits(u, n, best);
	}
	*ret_bits = best_bits;
	return best;
}

static size_t rice_size(const uint64_t *u, size_t n)
{
	size_t bits = 0;
	for (size_t i = 0; i < n; i += BLOCK) {
		size_t some;
		best_k(u + i, n - i < BLOCK ? n - i : BLOCK, &some);
		bits += 6 + some;
	}
	return (bits + 7) / 8;
}

/* Those that are not zero, less one. */
static size_t nonzeros(const uint64_t *u, size_t n, uint64_t *ret)
{
	size_t m = 0;
	for (size_t i = 0; i < n; i++)
		if (u[i])
			ret[m++] = u[i] - 1;
	return m;
}

/* ---- writing ---- */

static void put_zero_runs(struct mc_buf *b, const uint64_t *u, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		st_put_varint(b, u[i]);
		if (u[i] != 0)
			continue;
		size_t run = i + 1;
		while (run < n && u[run] == 0)
			run++;
		st_put_varint(b, run - i - 1);
		i = run - 1;
	}
}

struct bits_out {
	struct mc_buf *b;
	uint64_t acc;
	unsigned used; /* below 8 between calls */
};

/* count at most 56 */
static void put_bits(struct bits_out *o, uint64_t v, unsigned count)
{
	o->acc |= v << o->used;
	o->used += count;
	unsigned char bytes[8];
	size_t n = 0;
	for (; o->used >= 8; o->used -= 8, o->acc >>= 8)
		bytes[n++] = (unsigned char)o->acc;
	mc_buf_add(o->b, bytes, n);
}

static void put_rice(struct mc_buf *b, const uint64_t *u, size_t n)
{
	struct bits_out o = { .b = b };
	for (size_t i = 0; i < n; i += BLOCK) {
		size_t bits, count = n - i < BLOCK ? n - i : BLOCK;
		unsigned k = best_k(u + i, count, &bits);
		put_bits(&o, k, 6);
		for (size_t j = i; j < i + count; j++) {
			uint64_t q = u[j] >> k;
			if (q < RICE_ESCAPE) {
				put_bits(&o, (1U << q) - 1, (unsigned)q + 1);
				put_bits(&o, u[j] & ((1ULL << k) - 1), k);
			} else {
				put_bits(&o, (1U << RICE_ESCAPE) - 1, RICE_ESCAPE);
				put_bits(&o, u[j] & 0xffffffffU, 32);
				put_bits(&o, u[j] >> 32, 32);
			}
		}
	}
	if (o.used)
		put_bits(&o, 0, 8 - o.used);
}

static void put_bitmap(struct mc_buf *b, const uint64_t *u, size_t n)
{
	for (size_t i = 0; i < n; i += 8) {
		unsigned char byte = 0;
		for (size_t j = i; j < n && j < i + 8; j++)
			byte = (unsigned char)(byte | (u[j] != 0) << (j - i));
		mc_buf_add(b, &byte, 1);
	}
}

static uint64_t gcd64(uint64_t a, uint64_t b)
{
	while (b) {
		uint64_t r = a % b;
		a = b;
		b = r;
	}
	return a;
}

/* What the deltas are measured from, and how they become unsigned. Counters and times never fall, so
 * they need no sign; a clock's jitter lies around its most usual step. */
static int choose_base(const int64_t *d, size_t n, int64_t *base)
{
	int64_t least = d[0];
	for (size_t i = 1; i < n; i++)
		if (d[i] < least)
			least = d[i];
	*base = 0;
	if (least < 0)
		return ZIGZAG;
	size_t usual = 0;
	for (size_t i = 0; i < n; i++)
		usual += d[i] == d[n / 2];
	*base = usual > n / 2 + n / 4 ? d[n / 2] : least;
	return *base == least ? ABOVE_BASE : AROUND_BASE;
}

static bool all_zero(const int64_t *d, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (d[i])
			return false;
	return true;
}

static int choose_divisor(uint64_t g, int64_t first, size_t n)
{
	bool page = first % 4096 == 0, kib = first % 1024 == 0;
	bool loose = n < 32; /* a bit a value more is less than spelling the divisor out */
	if (page && (g == 4096 || g == 0 || (loose && g % 4096 == 0)))
		return BY_PAGE;
	if (kib && (g == 1024 || (loose && g % 1024 == 0)))
		return BY_KIB;
	return g <= 1 ? BY_ONE : BY_OTHER;
}

struct packed {
	int codec;
	size_t size; /* bytes */
	const uint64_t *u;
	size_t n;
	uint64_t *some; /* those that are not zero, less one */
	size_t nsome;
};

static void choose_codec(struct packed *p)
{
	size_t runs = zero_runs_size(p->u, p->n), rice = rice_size(p->u, p->n);
	p->nsome = nonzeros(p->u, p->n, p->some);
	size_t sparse = (p->n + 7) / 8 + rice_size(p->some, p->nsome);
	p->codec = runs <= rice ? ZERO_RUNS : RICE;
	p->size = runs <= rice ? runs : rice;
	if (sparse < p->size) {
		p->codec = SPARSE;
		p->size = sparse;
	}
}

static void put_packed(struct mc_buf *b, const struct packed *p)
{
	if (p->codec == CONSTANT) {
		st_put_varint(b, p->u[0]);
		return;
	}
	st_put_varint(b, p->size);
	if (p->codec == ZERO_RUNS)
		put_zero_runs(b, p->u, p->n);
	else if (p->codec == RICE)
		put_rice(b, p->u, p->n);
	else {
		put_bitmap(b, p->u, p->n);
		put_rice(b, p->some, p->nsome);
	}
}

void st_put_run(struct mc_buf *b, unsigned mark, const int64_t *x, size_t n)
{
	int64_t d[ST_RUN_MAX];
	uint64_t u[ST_RUN_MAX];
	int64_t base = 0;
	int transform = ZIGZAG;
	uint64_t g = 0;
	assert(n >= 1 && n <= ST_RUN_MAX);
	for (size_t i = 1; i < n; i++)
		d[i - 1] = x[i] - x[i - 1];
	if (all_zero(d, n - 1))
		transform = SAME;
	else
		transform = choose_base(d, n - 1, &base);
	for (size_t i = 0; i + 1 < n && g != 1; i++)
		g = gcd64(g, d[i] < base ? (uint64_t)(base - d[i]) : (uint64_t)(d[i] - base));
	static const uint64_t known[] = { [BY_ONE] = 1, [BY_PAGE] = 4096, [BY_KIB] = 1024 };
	int divisor = choose_divisor(g, x[0], n);
	uint64_t by = divisor == BY_OTHER ? g : known[divisor];
	bool constant = true;
	for (size_t i = 0; i + 1 < n; i++) {
		int64_t v = (d[i] - base) / (int64_t)by;
		u[i] = transform == ABOVE_BASE ? (uint64_t)v : st_zigzag(v);
		constant = constant && u[i] == u[0];
	}
	if (constant && transform != SAME && d[0] % (int64_t)by == 0) { /* the step alone says it all */
		transform = ZIGZAG;
		u[0] = st_zigzag(d[0] / (int64_t)by);
	}
	struct packed p = { .u = u, .n = n - 1, .codec = CONSTANT };
	uint64_t some[ST_RUN_MAX];
	p.some = some;
	if (!constant)
		choose_codec(&p);
	unsigned char head = (unsigned char)(p.codec | transform << 2 | divisor << 4 | (int)(mark << 6));
	mc_buf_add(b, &head, 1);
	st_put_signed(b, divisor == BY_OTHER ? x[0] : x[0] / (int64_t)by);
	if (divisor == BY_OTHER)
		st_put_varint(b, by);
	if (transform == SAME)
		return;
	if (transform != ZIGZAG)
		st_put_varint(b, (uint64_t)base);
	put_packed(b, &p);
}

/* ---- reading ---- */

static void get_zero_runs(struct st_in *in, uint64_t size, uint64_t *u, size_t n)
{
	const unsigned char *p = st_get_bytes(in, size);
	if (!p)
		return;
	struct st_in part = { .p = p, .end = p + size };
	for (size_t i = 0; i < n;) {
		uint64_t v = st_get_varint(&part);
		u[i++] = v;
		if (v != 0)
			continue;
		uint64_t run = st_get_varint(&part);
		if (run > n - i) {
			part.bad = true;
			run = n - i;
		}
		memset(u + i, 0, run * sizeof *u);
		i += run;
	}
	if (part.bad || part.p != part.end)
		in->bad = true;
}

/* 57 bits or more from bit `at`; zeros behind the end. */
static inline uint64_t peek(const unsigned char *p, size_t len, size_t at)
{
	size_t byte = at >> 3;
	uint64_t w = 0;
	if (byte + 8 <= len)
		memcpy(&w, p + byte, 8);
	else if (byte < len)
		memcpy(&w, p + byte, len - byte);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	w = __builtin_bswap64(w);
#endif
	return w >> (at & 7);
}

static void get_rice(struct st_in *in, uint64_t size, uint64_t *u, size_t n)
{
	const unsigned char *p = st_get_bytes(in, size);
	if (!p)
		return;
	size_t at = 0;
	for (size_t i = 0; i < n; i += BLOCK) {
		size_t count = n - i < BLOCK ? n - i : BLOCK;
		unsigned k = peek(p, size, at) & 63;
		at += 6;
		if (k > RICE_MAX_K) {
			in->bad = true;
			return;
		}
		uint64_t mask = (1ULL << k) - 1;
		for (size_t j = i; j < i + count; j++) {
			uint64_t w = peek(p, size, at);
			unsigned q = (unsigned)__builtin_ctzll(~w | 1ULL << RICE_ESCAPE);
			if (__builtin_expect(q < RICE_ESCAPE, 1)) {
				u[j] = (uint64_t)q << k | (w >> (q + 1) & mask);
				at += q + 1 + k;
			} else {
				at += RICE_ESCAPE;
				u[j] = (peek(p, size, at) & 0xffffffffU) | peek(p, size, at + 32) << 32;
				at += 64;
			}
		}
	}
	if (at > size * 8)
		in->bad = true;
}

static __attribute__((noinline)) void get_sparse(struct st_in *in, uint64_t size, uint64_t *u, size_t n)
{
	uint64_t some[ST_RUN_MAX];
	size_t bytes = (n + 7) / 8, m = 0;
	const unsigned char *map = size < bytes ? NULL : st_get_bytes(in, bytes);
	if (!map) {
		in->bad = true;
		return;
	}
	for (size_t i = 0; i < n; i++)
		m += map[i / 8] >> i % 8 & 1;
	memset(some, 0, m * sizeof *some);
	get_rice(in, size - bytes, some, m);
	if (in->bad)
		return;
	m = 0;
	for (size_t i = 0; i < n; i++)
		u[i] = map[i / 8] >> i % 8 & 1 ? some[m++] + 1 : 0;
}

static void undo(int64_t *x, const uint64_t *u, size_t m, unsigned transform, uint64_t by, uint64_t base)
{
	uint64_t at = (uint64_t)x[0];
	if (transform == ABOVE_BASE)
		for (size_t i = 0; i < m; i++)
			x[i + 1] = (int64_t)(at += u[i] * by + base);
	else
		for (size_t i = 0; i < m; i++)
			x[i + 1] = (int64_t)(at += (uint64_t)st_unzigzag(u[i]) * by + base);
}

void st_get_run(struct st_in *in, unsigned head, int64_t *x, size_t n)
{
	unsigned codec = head & 3, transform = head >> 2 & 3, divisor = head >> 4 & 3;
	uint64_t first = (uint64_t)st_get_signed(in);
	uint64_t by = divisor == BY_OTHER ? st_get_varint(in) : divisor == BY_PAGE ? 4096 : divisor == BY_KIB ? 1024 : 1;
	x[0] = (int64_t)(divisor == BY_OTHER ? first : first * by);
	size_t m = n - 1;
	if (transform == SAME) {
		for (size_t i = 1; i < n; i++)
			x[i] = x[0];
		return;
	}
	if (m == 0) {
		in->bad = true; /* one alone is the same as itself */
		return;
	}
	uint64_t base = transform == ZIGZAG ? 0 : st_get_varint(in);
	uint64_t *u = (uint64_t *)(x + 1); /* undone in place: large arrays on the stack cost more than the decoding */
	if (codec == CONSTANT) {
		uint64_t same = st_get_varint(in);
		for (size_t i = 0; i < m; i++)
			u[i] = same;
	} else {
		uint64_t size = st_get_varint(in);
		if (codec == RICE)
			get_rice(in, size, u, m);
		else if (codec == ZERO_RUNS)
			get_zero_runs(in, size, u, m);
		else
			get_sparse(in, size, u, m);
	}
	if (in->bad)
		memset(x, 0, n * sizeof *x);
	else
		undo(x, u, m, transform, by, base);
}

bool st_run_is_same(unsigned head)
{
	return (head >> 2 & 3) == SAME;
}

void st_skip_run(struct st_in *in, unsigned head, size_t n)
{
	st_get_varint(in);
	if ((head >> 4 & 3) == BY_OTHER)
		st_get_varint(in);
	if ((head >> 2 & 3) == SAME)
		return;
	if (n < 2)
		in->bad = true;
	if ((head >> 2 & 3) != ZIGZAG)
		st_get_varint(in);
	uint64_t size = st_get_varint(in);
	if ((head & 3) != CONSTANT)
		st_get_bytes(in, size);
}
