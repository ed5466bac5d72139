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
	size_t nplaces;       /* a power of two, over twice the samples */
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
	/* One block a family is a rule of the format: a name that comes again goes on where it was. */
	for (size_t i = 0; i < m->n; i++)
		if (strcmp(m->families[i].name, name) == 0) {
			assert(m->families[i].type == type);
			m->open = i;
			return;
		}
	if (mc_grow((void **)&m->families, &m->cap, m->n + 1, sizeof(*m->families), NULL)) {
		m->failed = true;
		return;
	}
	m->families[m->n] = (struct family){ .name = name, .unit = unit, .help = help, .type = type };
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

static uint32_t hash_of(const struct mc_metrics *m, size_t family, const char *labels, size_t len)
{
	uint64_t h = mixed(m->seed ^ len, family), v = 0;
	size_t i = 0;
	for (; i + sizeof(v) <= len; i += sizeof(v)) {
		memcpy(&v, labels + i, sizeof(v));
		h = mixed(h, v);
	}
	v = 0;
	if (i < len)
		memcpy(&v, labels + i, len - i);
	return (uint32_t)(mixed(h, v) >> 16) | 1;
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
static bool is_there(struct mc_metrics *m, const char *labels, size_t len)
{
	if (m->samples * 2 >= m->nplaces && !more_places(m)) {
		m->failed = true;
		return false;
	}
	uint32_t hash = hash_of(m, m->open, labels, len);
	size_t k = hash & (m->nplaces - 1);
	for (; m->places[k].hash; k = (k + 1) & (m->nplaces - 1)) {
		const struct place *p = &m->places[k];
		if (p->hash != hash || p->family != m->open)
			continue;
		const struct sample *s = &m->families[p->family].samples[p->sample];
		if (s->labels_len == len && (len == 0 || memcmp(m->text.data + s->labels, labels, len) == 0))
			return true;
	}
	m->places[k] = (struct place){ hash, (uint32_t)m->open, (uint32_t)m->families[m->open].n };
	return false;
}

void mc_metrics_sample(struct mc_metrics *m, double value, size_t npairs, const char *const *pairs)
{
	if (m->failed || m->n == 0)
		return;
	if (m->samples >= MAX_SAMPLES) {
		m->dropped++;
		return;
	}
	struct family *f = &m->families[m->open];
	size_t at = m->text.len;
	for (size_t i = 0; i < npairs; i++) {
		if (i)
			mc_buf_str(&m->text, ",");
		mc_buf_str(&m->text, pairs[2 * i]);
		mc_buf_str(&m->text, "=\"");
		add_label_value(&m->text, pairs[2 * i + 1] ? pairs[2 * i + 1] : "");
		mc_buf_str(&m->text, "\"");
	}
	if (m->text.failed) {
		m->failed = true;
		return;
	}
	size_t len = m->text.len - at;
	if (mc_grow((void **)&f->samples, &f->cap, f->n + 1, sizeof(*f->samples), NULL)) {
		m->failed = true;
		return;
	}
	if (is_there(m, len ? m->text.data + at : "", len)) {
		m->text.len = at;
		m->dropped++;
		return;
	}
	if (m->failed)
		return;
	f->samples[f->n++] = (struct sample){ value, m->created, at, len };
	m->samples++;
}

/* Nearly all figures are whole, and printf() takes ten times as long. */
static void add_whole(struct mc_buf *b, int64_t v)
{
	char text[24], *p = text + sizeof(text);
	uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
	do
		*--p = (char)('0' + u % 10);
	while (u /= 10);
	if (v < 0)
		*--p = '-';
	mc_buf_add(b, p, (size_t)(text + sizeof(text) - p));
}

static void add_milli(struct mc_buf *b, int64_t v)
{
	char text[8];
	int64_t whole = v / 1000, rest = v < 0 ? -(v % 1000) : v % 1000;
	if (v < 0 && whole == 0)
		mc_buf_str(b, "-");
	add_whole(b, whole);
	size_t n = (size_t)snprintf(text, sizeof(text), ".%03d", (int)rest);
	while (text[n - 1] == '0')
		n--;
	mc_buf_add(b, text, n);
}

/* The shortest text that reads back as v. */
static void add_number(struct mc_buf *b, double v)
{
	char text[40];
	if (isnan(v)) {
		mc_buf_str(b, "NaN");
		return;
	}
	if (isinf(v)) {
		mc_buf_str(b, v > 0 ? "+Inf" : "-Inf");
		return;
	}
	if (v == floor(v) && fabs(v) < 1e15) {
		add_whole(b, (int64_t)v); /* never -0 */
		return;
	}
	double milli = round(v * 1e3);
	if (fabs(milli) < 1e15 && milli / 1e3 == v) { /* times: the quotient is rounded as the text would be read */
		add_milli(b, (int64_t)milli);
		return;
	}
	/* with 15 digits whatever was written with so many reads the same, and zeros at the end are left out */
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, v);
		/* A program that took over the user's locale may write a comma here. */
		for (char *p = text; *p; p++)
			if (*p == ',')
				*p = '.';
		double back;
		if (mc_parse_double(text, strlen(text), &back) && back == v)
			break;
	}
	mc_buf_str(b, text);
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
	size_t len = strlen(f->name);
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
	int len = (int)(om ? base_len(f) : strlen(f->name));
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

static void add_sample(struct mc_buf *out, const struct mc_metrics *m, const struct family *f, const struct sample *s)
{
	mc_buf_str(out, f->name);
	if (s->labels_len) {
		mc_buf_str(out, "{");
		mc_buf_add(out, m->text.data + s->labels, s->labels_len);
		mc_buf_str(out, "}");
	}
	mc_buf_str(out, " ");
	add_number(out, s->value);
	mc_buf_str(out, "\n");
}

static void add_created(struct mc_buf *out, const struct mc_metrics *m, const struct family *f, const struct sample *s,
	double created)
{
	mc_buf_add(out, f->name, base_len(f));
	mc_buf_str(out, "_created");
	if (s->labels_len) {
		mc_buf_str(out, "{");
		mc_buf_add(out, m->text.data + s->labels, s->labels_len);
		mc_buf_str(out, "}");
	}
	mc_buf_str(out, " ");
	add_number(out, created);
	mc_buf_str(out, "\n");
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
			add_sample(out, m, f, s);
			double created = isnan(s->created) ? started : s->created;
			if (format == MC_FORMAT_CREATED && f->type == MC_COUNTER && isfinite(created))
				add_created(out, m, f, s, created);
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
