/* The metrics page: families with their samples, as Prometheus text 0.0.4 and as OpenMetrics 1.0. */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "memculprit/serve.h"
#include "serve_priv.h"

struct sample {
	double value;
	double created;    /* Unix seconds, NaN: not known */
	size_t labels;     /* offset into mc_metrics.text: a="b",c="d" */
	size_t labels_len;
};

struct family {
	const char *name, *unit, *help;
	size_t name_len;
	enum mc_metric_type type;
	size_t n, cap;
	struct sample *samples;
};

/* Where a sample is, by its family and labels. */
struct place {
	uint32_t hash;   /* 0: free */
	uint32_t family, sample;
};

/* A limit on what one page may hold; dropped samples are counted. */
enum { MAX_SAMPLES = 200000, MAX_LABEL = 4096 };

struct mc_metrics {
	size_t n, cap, open; /* open: the family that samples go to */
	struct family *families;
	struct mc_buf text;  /* all labels */
	struct place *places; /* open addressing: a copy of each key would cost more than the page */
	size_t nplaces, taken; /* a power of two, over twice those taken */
	uint64_t seed;        /* names come from outside: without it somebody could choose some that all collide */
	double created;
	size_t samples, dropped;
	bool failed; /* without memory: told by mc_metrics_text */
};

struct mc_metrics *mc_metrics_new(void)
{
	struct mc_metrics *m = calloc(1, sizeof(*m));
	if (!m)
		return NULL;
	m->created = (double)NAN;
	m->seed = (uint64_t)mc_mono_ns() * 0x9e3779b97f4a7c15ULL ^ (uint64_t)(uintptr_t)m;
	return m;
}

void mc_metrics_clear(struct mc_metrics *m)
{
	for (size_t i = 0; i < m->n; i++)
		m->families[i].n = 0;
	m->text.len = 0;
	m->text.failed = m->failed = false;
	if (m->taken)
		memset(m->places, 0, m->nplaces * sizeof(*m->places));
	m->open = m->taken = m->samples = m->dropped = 0;
	m->created = (double)NAN;
}

void mc_metrics_free(struct mc_metrics *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->n; i++)
		free(m->families[i].samples);
	free(m->families);
	mc_buf_release(&m->text);
	free(m->places);
	free(m);
}

void mc_metrics_family(struct mc_metrics *m, const char *name, enum mc_metric_type type, const char *unit, const char *help)
{
	size_t len = strlen(name), next = m->open + 1;
	if (next < m->n && m->families[next].name == name) { /* as in the page before */
		m->open = next;
		return;
	}
	/* One block a family is a rule of the format: a name that comes again goes on where it was. */
	for (size_t i = 0; i < m->n; i++)
		if (m->families[i].name_len == len && memcmp(m->families[i].name, name, len) == 0) {
			assert(m->families[i].type == type);
			m->open = i;
			return;
		}
	if (mc_grow((void **)&m->families, &m->cap, m->n + 1, sizeof(*m->families), NULL)) {
		m->failed = true;
		return;
	}
	m->families[m->n] = (struct family){ .name = name, .name_len = len, .unit = unit, .help = help, .type = type };
	m->open = m->n++;
}

void mc_metrics_created(struct mc_metrics *m, double unix_seconds)
{
	m->created = unix_seconds;
}

size_t mc_metrics_dropped(const struct mc_metrics *m)
{
	return m->dropped;
}

static bool special(char c)
{
	return c == '\\' || c == '"' || (unsigned char)c < 0x20 || c == 0x7f;
}

static bool is_plain(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (special(s[i]) || (unsigned char)s[i] >= 0x80)
			return false;
	return true;
}

/* Label values may come from anywhere: one invalid byte would lose the whole scrape. The format has an
 * escape for newline only; readers differ on the other control characters, so they are replaced. */
static void add_label_value(struct mc_buf *b, const char *s)
{
	size_t len = strnlen(s, MAX_LABEL);
	const char *end = s + len;
	if (is_plain(s, len)) {
		mc_buf_add(b, s, len);
		return;
	}
	while (s < end) {
		const char *run = s;
		while (s < end && !special(*s))
			s++;
		mc_utf8_add(b, run, (size_t)(s - run));
		if (s == end)
			break;
		if (*s == '\\' || *s == '"')
			mc_buf_add(b, (char[]){ '\\', *s }, 2);
		else
			mc_buf_str(b, *s == '\n' ? "\\n" : *s == '\t' ? "\t" : "\xef\xbf\xbd");
		s++;
	}
}

static uint64_t mixed(uint64_t h, uint64_t v)
{
	h = (h ^ v) * 0xd6e8feb86659fd93ULL;
	return h ^ h >> 32;
}

static uint64_t hash_of(const struct mc_metrics *m, const char *labels, size_t len)
{
	uint64_t h = m->seed ^ len, v = 0;
	size_t i = 0;
	for (; i + sizeof(v) <= len; i += sizeof(v)) {
		memcpy(&v, labels + i, sizeof(v));
		h = mixed(h, v);
	}
	v = 0;
	if (i < len)
		memcpy(&v, labels + i, len - i);
	return mixed(h, v);
}

static bool more_places(struct mc_metrics *m)
{
	size_t n = m->nplaces ? m->nplaces * 2 : 1024;
	struct place *p = calloc(n, sizeof(*p));
	if (!p)
		return false;
	for (size_t i = 0; i < m->nplaces; i++) {
		size_t k = m->places[i].hash & (n - 1);
		while (m->places[i].hash && p[k].hash)
			k = (k + 1) & (n - 1);
		if (m->places[i].hash)
			p[k] = m->places[i];
	}
	free(m->places);
	m->places = p;
	m->nplaces = n;
	return true;
}

/* True where the open family has a sample with these labels; else the place is taken for the one to come. */
static bool is_there(struct mc_metrics *m, const struct mc_labels *l)
{
	if (m->taken * 2 >= m->nplaces && !more_places(m)) {
		m->failed = true;
		return false;
	}
	uint32_t hash = (uint32_t)(mixed(l->hash, m->open) >> 16) | 1;
	size_t k = hash & (m->nplaces - 1);
	for (; m->places[k].hash; k = (k + 1) & (m->nplaces - 1)) {
		const struct place *p = &m->places[k];
		if (p->hash != hash || p->family != m->open)
			continue;
		const struct sample *s = &m->families[p->family].samples[p->sample];
		if (s->labels_len == l->len && (l->len == 0 || memcmp(m->text.data + s->labels, m->text.data + l->at, l->len) == 0))
			return true;
	}
	m->places[k] = (struct place){ hash, (uint32_t)m->open, (uint32_t)m->families[m->open].n };
	m->taken++;
	return false;
}

struct mc_labels mc_metrics_labels(struct mc_metrics *m, size_t npairs, const char *const *pairs)
{
	struct mc_labels l = { .at = m->text.len };
	for (size_t i = 0; i < npairs; i++) {
		size_t n = strlen(pairs[2 * i]);
		char *p = mc_buf_room(&m->text, n + 3);
		if (!p)
			break;
		if (i)
			*p++ = ',';
		memcpy(p, pairs[2 * i], n);
		memcpy(p + n, "=\"", 3); /* with the NUL */
		m->text.len += n + 2 + (i > 0);
		add_label_value(&m->text, pairs[2 * i + 1] ? pairs[2 * i + 1] : "");
		mc_buf_add(&m->text, "\"", 1);
	}
	if (m->text.failed) {
		m->failed = true;
		return l;
	}
	l.len = m->text.len - l.at;
	l.hash = hash_of(m, l.len ? m->text.data + l.at : "", l.len);
	return l;
}

bool mc_metrics_add(struct mc_metrics *m, double value, const struct mc_labels *l)
{
	if (m->failed || m->n == 0)
		return false;
	struct family *f = &m->families[m->open];
	if (m->samples >= MAX_SAMPLES) {
		m->dropped++;
		return false;
	}
	if (mc_grow((void **)&f->samples, &f->cap, f->n + 1, sizeof(*f->samples), NULL)) {
		m->failed = true;
		return false;
	}
	if (!l->distinct && is_there(m, l)) {
		m->dropped++;
		return false;
	}
	if (m->failed)
		return false;
	f->samples[f->n++] = (struct sample){ value, m->created, l->at, l->len };
	m->samples++;
	return true;
}

void mc_metrics_sample(struct mc_metrics *m, double value, size_t npairs, const char *const *pairs)
{
	if (m->failed || m->n == 0)
		return;
	if (m->samples >= MAX_SAMPLES) {
		m->dropped++;
		return;
	}
	struct mc_labels l = mc_metrics_labels(m, npairs, pairs);
	if (!mc_metrics_add(m, value, &l))
		m->text.len = l.at; /* nobody has them */
}

enum { NUMBER_ROOM = 40 };

/* Nearly all figures are whole, and printf() takes ten times as long. Each of these writes at p, of which NUMBER_ROOM bytes
 * are there, and returns the end. */
static char *put_whole(char *p, int64_t v)
{
	char text[24], *t = text + sizeof(text);
	uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
	do
		*--t = (char)('0' + u % 10);
	while (u /= 10);
	if (v < 0)
		*--t = '-';
	size_t n = (size_t)(text + sizeof(text) - t);
	memcpy(p, t, n);
	return p + n;
}

/* v parts, of which `one` are 1. */
static char *put_parts(char *p, int64_t v, int64_t one)
{
	int64_t whole = v / one, rest = v < 0 ? -(v % one) : v % one;
	if (v < 0 && whole == 0)
		*p++ = '-';
	p = put_whole(p, whole);
	*p++ = '.';
	for (int64_t digit = one / 10; digit && rest; digit /= 10) {
		*p++ = (char)('0' + rest / digit);
		rest %= digit;
	}
	return p;
}

/* The shortest text that reads back as v. */
static char *put_number(char *p, double v)
{
	if (isnan(v))
		return stpcpy(p, "NaN");
	if (isinf(v))
		return stpcpy(p, v > 0 ? "+Inf" : "-Inf");
	if (fabs(v) < 1e15 && v == (double)(int64_t)v)
		return put_whole(p, (int64_t)v); /* never -0 */
	/* times: the quotient is rounded as the text would be read */
	for (int64_t one = 1000; one <= 1000000000; one *= 1000) {
		double parts = round(v * (double)one);
		if (fabs(parts) < 1e15 && parts / (double)one == v)
			return put_parts(p, (int64_t)parts, one);
	}
	/* with 15 digits whatever was written with so many reads the same, and zeros at the end are left out */
	size_t n = 0;
	for (int digits = 15; digits <= 17; digits++) {
		n = (size_t)snprintf(p, NUMBER_ROOM, "%.*g", digits, v);
		/* A program that took over the user's locale may write a comma here. */
		for (char *c = p; *c; c++)
			if (*c == ',')
				*c = '.';
		double back;
		if (mc_parse_double(p, n, &back) && back == v)
			break;
	}
	return p + n;
}

static void add_help(struct mc_buf *out, const char *help, bool om)
{
	const char *escaped = om ? "\n\\\"" : "\n\\";
	for (const char *p = help; *p;) {
		size_t n = strcspn(p, escaped);
		mc_buf_add(out, p, n);
		p += n;
		if (*p)
			mc_buf_str(out, *p == '\n' ? "\\n" : *p == '"' ? "\\\"" : "\\\\"), p++;
	}
}

static bool has_suffix(const char *s, size_t len, const char *suffix)
{
	size_t n = strlen(suffix);
	return len > n && memcmp(s + len - n, suffix, n) == 0;
}

/* The family's name as OpenMetrics has it: without _total or _info. */
static size_t base_len(const struct family *f)
{
	size_t len = f->name_len;
	if (f->type == MC_COUNTER && has_suffix(f->name, len, "_total"))
		return len - strlen("_total");
	if (f->type == MC_INFO && has_suffix(f->name, len, "_info"))
		return len - strlen("_info");
	return len;
}

static void add_head(struct mc_buf *out, const struct family *f, bool om)
{
	static const char *const om_type[] = { [MC_GAUGE] = "gauge", [MC_COUNTER] = "counter", [MC_INFO] = "info" };
	static const char *const type[] = { [MC_GAUGE] = "gauge", [MC_COUNTER] = "counter", [MC_INFO] = "gauge" };
	int len = (int)(om ? base_len(f) : f->name_len);
	mc_buf_str(out, "# HELP ");
	mc_buf_add(out, f->name, (size_t)len);
	mc_buf_str(out, " ");
	add_help(out, f->help, om);
	mc_buf_str(out, "\n# TYPE ");
	mc_buf_add(out, f->name, (size_t)len);
	mc_buf_str(out, " ");
	mc_buf_str(out, om ? om_type[f->type] : type[f->type]);
	mc_buf_str(out, "\n");
	/* The format wants the unit to be the end of the name. */
	if (om && f->unit && f->type != MC_INFO && has_suffix(f->name, (size_t)len, f->unit) &&
	    f->name[(size_t)len - strlen(f->unit) - 1] == '_')
		mc_buf_printf(out, "# UNIT %.*s %s\n", len, f->name, f->unit);
}

/* A line: name and suffix, labels, value. */
static void add_line(struct mc_buf *out, const struct mc_metrics *m, const char *name, size_t name_len, const char *suffix, const struct sample *s,
	double value)
{
	size_t suffix_len = strlen(suffix);
	char *p = mc_buf_room(out, name_len + suffix_len + s->labels_len + NUMBER_ROOM + 4), *from = p;
	if (!p)
		return;
	memcpy(p, name, name_len);
	p += name_len;
	memcpy(p, suffix, suffix_len);
	p += suffix_len;
	if (s->labels_len) {
		*p++ = '{';
		memcpy(p, m->text.data + s->labels, s->labels_len);
		p += s->labels_len;
		*p++ = '}';
	}
	*p++ = ' ';
	p = put_number(p, value);
	*p++ = '\n';
	*p = '\0';
	out->len += (size_t)(p - from);
}

int mc_metrics_write(const struct mc_metrics *m, enum mc_format format, double started, struct mc_buf *out, struct mc_error *err)
{
	bool openmetrics = format != MC_FORMAT_TEXT;
	if (m->failed)
		return mc_nomem(err, "the metrics page");
	for (size_t i = 0; i < m->n; i++) {
		const struct family *f = &m->families[i];
		if (f->n == 0)
			continue;
		add_head(out, f, openmetrics);
		for (size_t k = 0; k < f->n; k++) {
			const struct sample *s = &f->samples[k];
			add_line(out, m, f->name, f->name_len, "", s, s->value);
			double created = isnan(s->created) ? started : s->created;
			if (format == MC_FORMAT_CREATED && f->type == MC_COUNTER && isfinite(created))
				add_line(out, m, f->name, base_len(f), "_created", s, created);
		}
	}
	if (openmetrics)
		mc_buf_str(out, "# EOF\n");
	return mc_buf_check(out, err);
}

int mc_metrics_text(const struct mc_metrics *m, bool openmetrics, struct mc_buf *out, struct mc_error *err)
{
	return mc_metrics_write(m, openmetrics ? MC_FORMAT_CREATED : MC_FORMAT_TEXT, (double)NAN, out, err);
}
