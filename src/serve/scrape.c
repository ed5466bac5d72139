/* The metrics page as it is handed out: made for the first who asks after a tick, in the format and encoding that he
 * wants, and kept for those who follow. However often it is scraped, a tick's figures are written once a format. */
#include <stdlib.h>

#include "server.h"

static const char *const content_type[MC_NFORMATS] = {
	[MC_FORMAT_TEXT] = "text/plain; version=0.0.4; charset=utf-8",
	[MC_FORMAT_OPENMETRICS] = "application/openmetrics-text; version=1.0.0; charset=utf-8",
	[MC_FORMAT_CREATED] = "application/openmetrics-text; version=1.0.0; charset=utf-8",
};

static void release(struct page_format *f)
{
	if (f->plain)
		MHD_destroy_response(f->plain);
	if (f->gz)
		MHD_destroy_response(f->gz);
	mc_buf_release(&f->text);
	*f = (struct page_format){ .len = f->len };
}

void mc_scrape_init(struct mc_scrape *p, mc_metrics_fn fn, void *user)
{
	p->fn = fn;
	p->user = user;
	p->started = (double)mc_now_ms() / 1000;
	pthread_mutex_init(&p->lock, NULL);
}

void mc_scrape_release(struct mc_scrape *p)
{
	for (int f = 0; f < MC_NFORMATS; f++)
		release(&p->page[f]);
	mc_metrics_free(p->metrics);
	pthread_mutex_destroy(&p->lock);
}

void mc_server_renew_metrics(struct mc_server *s)
{
	atomic_fetch_add(&s->scrape.newest, 1);
}

static int write_text(struct mc_server *s, enum mc_format format, struct page_format *f)
{
	struct mc_buf *out = &f->text;
	struct mc_server_stats stats;
	struct mc_metrics *m = s->scrape.metrics ? s->scrape.metrics : mc_metrics_new();
	struct mc_error err;
	s->scrape.metrics = m;
	if (m)
		mc_metrics_clear(m);
	mc_server_stats(s, &stats);
	int rc = m ? s->scrape.fn(s->scrape.user, &stats, m, &err) : MC_ENOMEM;
	if (rc == 0)
		mc_buf_room(out, f->len + f->len / 8); /* the page of before says how much it will be */
	if (rc == 0)
		rc = mc_metrics_write(m, format, s->scrape.started, out, &err);
	if (rc < 0) { /* it may lack something that a new one has */
		mc_metrics_free(m);
		s->scrape.metrics = NULL;
	}
	f->len = out->len;
	return rc;
}

static struct MHD_Response *compressed(const struct mc_web *web, enum mc_format format, const char *text, size_t len)
{
	struct mc_buf z = { 0 };
	struct MHD_Response *r = NULL;
	if (mc_gzip(text, len, 1, &z, NULL) == 0)
		r = mc_response(web, content_type[format], z.data, z.len, true);
	if (r)
		MHD_add_response_header(r, "Content-Encoding", "gzip");
	mc_buf_release(&z);
	return r;
}

/* The response of the newest page, borrowed; NULL without memory. Under the lock. */
static struct MHD_Response *response_of(struct mc_server *s, const struct mc_web *web, enum mc_format format, bool gzip)
{
	struct page_format *f = &s->scrape.page[format];
	uint64_t newest = atomic_load(&s->scrape.newest);
	if (f->made != newest) {
		release(f);
		if (write_text(s, format, f) < 0) {
			mc_buf_release(&f->text);
			return NULL;
		}
		f->made = newest;
	}
	if (gzip && !f->gz)
		f->gz = compressed(web, format, f->own ? f->own : mc_buf_text(&f->text), f->len);
	if (!f->plain && (!gzip || !f->gz)) {
		f->own = f->text.data;
		f->text = (struct mc_buf){ 0 };
		f->plain = mc_response(web, content_type[format], f->own, f->len, false);
		if (!f->plain) { /* without memory: the text went with it, and is made anew */
			f->own = NULL;
			f->made = 0;
		}
	}
	return gzip && f->gz ? f->gz : f->plain;
}

int mc_scrape_answer(struct mc_server *s, const struct mc_web *web, struct MHD_Connection *mc, enum mc_format format, bool gzip,
	enum MHD_Result *ret)
{
	if (!s->scrape.fn || atomic_load(&s->scrape.newest) == 0)
		return 503;
	pthread_mutex_lock(&s->scrape.lock);
	struct MHD_Response *r = response_of(s, web, format, gzip);
	if (r)
		*ret = MHD_queue_response(mc, MHD_HTTP_OK, r);
	pthread_mutex_unlock(&s->scrape.lock);
	return r ? 0 : 503;
}
