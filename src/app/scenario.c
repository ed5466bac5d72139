/* What a scenario owns: order, view and release. */
#include "scenario.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int compare_deploys(const void *a, const void *b)
{
	const struct mc_deploy_mark *x = a, *y = b;
	return (x->unix_ms > y->unix_ms) - (x->unix_ms < y->unix_ms);
}

struct order {
	int64_t t;
	size_t i;
};

static int compare_order(const void *a, const void *b)
{
	const struct order *x = a, *y = b;
	return x->t != y->t ? (x->t > y->t) - (x->t < y->t) : (x->i > y->i) - (x->i < y->i);
}

static void permute(void *array, size_t size, const struct order *o, size_t n, char *scratch)
{
	for (size_t i = 0; i < n; i++)
		memcpy(scratch + i * size, (char *)array + o[i].i * size, size);
	memcpy(array, scratch, n * size);
}

static bool in_order(const int64_t *t, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (t[i] <= t[i - 1])
			return false;
	return true;
}

/* Puts rows in the order of time; of several at one time the last stays. */
static int sort_rows(int64_t *t, double **columns, size_t ncolumns, size_t *n, struct mc_error *err)
{
	if (in_order(t, *n))
		return 0;
	struct order *o = mc_reallocarray(NULL, *n, sizeof *o);
	char *scratch = mc_reallocarray(NULL, *n, sizeof(double));
	if (!o || !scratch) {
		free(o);
		free(scratch);
		return mc_nomem(err, "sorting samples");
	}
	for (size_t i = 0; i < *n; i++)
		o[i] = (struct order){ t[i], i };
	qsort(o, *n, sizeof *o, compare_order);
	size_t kept = 0;
	for (size_t i = 0; i < *n; i++)
		if (i + 1 == *n || o[i + 1].t != o[i].t)
			o[kept++] = o[i];
	permute(t, sizeof *t, o, kept, scratch);
	for (size_t f = 0; f < ncolumns; f++)
		if (columns[f])
			permute(columns[f], sizeof(double), o, kept, scratch);
	*n = kept;
	free(o);
	free(scratch);
	return 0;
}

static struct mc_life life_view(const struct scenario_life *l)
{
	return (struct mc_life){ .host = l->host, .key = l->key, .pid = l->pid, .start_ms = l->start_ms, .version = l->version,
		.commit = l->commit, .build_id = l->build_id ? l->build_id : "", .n = l->n, .t_ms = l->t_ms, .anon = l->v[MC_F_ANON],
		.swap = l->v[MC_F_SWAP], .shmem = l->v[MC_F_SHMEM], .rss = l->v[MC_F_RSS], .minflt = l->v[MC_F_MINFLT],
		.threads = l->v[MC_F_THREADS], .fds = l->v[MC_F_FDS], .requests = l->v[MC_F_REQUESTS],
		.digest = l->digest.data, .digest_len = l->digest.len };
}

int scenario_view(struct mc_scenario *s, struct scenario_data *d, struct mc_error *err)
{
	int rc = sort_rows(d->load_ms, d->load, MC_L_COUNT, &d->nload, err);
	for (size_t i = 0; rc == 0 && i < d->nlives; i++)
		rc = sort_rows(d->lives[i].t_ms, d->lives[i].v, MC_F_COUNT, &d->lives[i].n, err);
	if (rc < 0)
		return rc;
	if (d->ndeploys)
		qsort(d->deploys, d->ndeploys, sizeof *d->deploys, compare_deploys);
	free(d->view);
	d->view = mc_reallocarray(NULL, d->nlives, sizeof *d->view);
	if (!d->view)
		return mc_nomem(err, "incarnations");
	for (size_t i = 0; i < d->nlives; i++)
		d->view[i] = life_view(&d->lives[i]);
	s->c = (struct mc_case){ .program = d->name, .nlives = d->nlives, .lives = d->view, .ndeploys = d->ndeploys, .deploys = d->deploys,
		.load = { .n = d->nload, .t_ms = d->load_ms, .requests = d->load[MC_L_REQUESTS], .rx_bytes = d->load[MC_L_RX_BYTES],
			.tx_bytes = d->load[MC_L_TX_BYTES], .rx_packets = d->load[MC_L_RX_PACKETS], .tx_packets = d->load[MC_L_TX_PACKETS],
			.io_read = d->load[MC_L_IO_READ], .io_write = d->load[MC_L_IO_WRITE], .cpu_seconds = d->load[MC_L_CPU] },
		.memory_limit = (double)NAN };
	if (d->loadsum)
		mc_loadsum_view(d->loadsum, &s->c.load);
	s->own = d;
	return 0;
}

static void free_life(struct scenario_life *l)
{
	free(l->host);
	free(l->key);
	free(l->version);
	free(l->commit);
	free(l->build_id);
	free(l->raw);
	mc_buf_release(&l->digest);
	free(l->t_ms);
	for (int i = 0; i < MC_F_COUNT; i++)
		free(l->v[i]);
}

/* The case's fields are const for its readers; here they are ours. */
static void free_const(const char *s)
{
	union {
		const char *in;
		void *out;
	} u = { .in = s };
	free(u.out);
}

static void free_marks(struct mc_deploy_mark *m, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free_const(m[i].version);
		free_const(m[i].commit);
		free_const(m[i].host);
	}
	free(m);
}

void scenario_data_free(struct scenario_data *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < d->nlives; i++)
		free_life(&d->lives[i]);
	free_marks(d->deploys, d->ndeploys);
	free_marks(d->seen, d->nseen);
	for (int i = 0; i < MC_L_COUNT; i++)
		free(d->load[i]);
	free(d->load_ms);
	mc_loadsum_free(d->loadsum);
	free(d->lives);
	free(d->view);
	free(d->name);
	free(d);
}

const struct scenario_data *scenario_data(const struct mc_scenario *s)
{
	return s->own;
}

void mc_scenario_release(struct mc_scenario *s)
{
	scenario_data_free(s->own);
	*s = (struct mc_scenario){ 0 };
}
