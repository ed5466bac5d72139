/* Any bytes as lives, deploys and load: an answer that holds together, or an error with a text. At most 6 lives of 24 samples, 5
 * deploys and 24 points of load, so an input takes milliseconds. */
#include "../prop/attribute_world.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIVES = 6, SAMPLES = 24, DEPLOYS = 5 };

struct input {
	const uint8_t *p, *end;
};

static unsigned byte(struct input *in)
{
	return in->p < in->end ? *in->p++ : 0;
}

/* Mostly memory that a process may have; now and then a number that nobody has. */
static double number(struct input *in)
{
	static const double odd[] = { (double)NAN, (double)INFINITY, -(double)INFINITY, 0, -1, 0x1p53, 0x1p59, 1e300, DBL_MAX, -DBL_MAX, DBL_MIN, 0x1p-1074, 1, 4096 };
	unsigned b = byte(in);
	if (b >= 256 - sizeof odd / sizeof *odd)
		return odd[b - (256 - sizeof odd / sizeof *odd)];
	return (b * 256. + byte(in)) * 4096;
}

static int64_t moment(struct input *in)
{
	static const int64_t odd[] = { INT64_MAX, INT64_MIN, 0, -1, INT64_MAX / 2 };
	unsigned b = byte(in);
	return b >= 251 ? odd[b - 251] : 1760000000000LL + (int64_t)(b * 256 + byte(in)) * 500;
}

static const char *name(struct input *in)
{
	static const char *const names[] = { "", "v1", "v2", "v3", "\xff\x1b[", "v1\n" };
	return names[byte(in) % (sizeof names / sizeof *names)];
}

struct arrays {
	struct mc_life life[LIVES];
	int64_t t[LIVES][SAMPLES], load_t[SAMPLES];
	double v[LIVES][3][SAMPLES], load[SAMPLES];
	struct mc_deploy_mark deploy[DEPLOYS];
};

/* Times rise mostly by a step, as those of a sampler. */
static void fill_life(struct input *in, struct arrays *a, size_t i)
{
	unsigned what = byte(in), n = byte(in) % (SAMPLES + 1), step = 1 + byte(in);
	int64_t t = moment(in);
	struct mc_life *l = &a->life[i];
	*l = (struct mc_life){ .host = what & 1 ? "h" : "", .key = name(in), .pid = byte(in), .start_ms = what & 2 ? moment(in) : t, .version = name(in),
		.commit = what & 4 ? name(in) : "", .build_id = "", .n = n, .t_ms = a->t[i] };
	for (unsigned k = 0; k < n; k++) {
		a->t[i][k] = what & 8 && byte(in) > 200 ? moment(in) : t;
		t = t < INT64_MAX / 2 ? t + (int64_t)step * 250 : t;
		a->v[i][0][k] = number(in);
		a->v[i][1][k] = what & 16 ? number(in) : 0;
		a->v[i][2][k] = what & 32 ? number(in) : 0;
	}
	l->anon = what & 64 ? NULL : a->v[i][0];
	l->rss = a->v[i][0];
	l->swap = what & 16 ? a->v[i][1] : NULL;
	l->threads = l->requests = l->shmem = what & 32 ? a->v[i][2] : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct arrays a;
	struct input in = { data, data + size };
	unsigned what = byte(&in), nlives = byte(&in) % (LIVES + 1), ndeploys = byte(&in) % (DEPLOYS + 1), nload = byte(&in) % (SAMPLES + 1);
	for (size_t i = 0; i < ndeploys; i++)
		a.deploy[i] = (struct mc_deploy_mark){ .unix_ms = moment(&in), .version = name(&in), .commit = name(&in), .host = "" };
	for (size_t i = 0; i < nlives; i++)
		fill_life(&in, &a, i);
	int64_t t = moment(&in);
	for (size_t i = 0; i < nload; i++) {
		a.load_t[i] = t;
		t = t < INT64_MAX / 2 ? t + 1000 : t;
		a.load[i] = number(&in);
	}
	struct mc_case c = { .program = "p", .nlives = nlives, .lives = a.life, .ndeploys = ndeploys, .deploys = a.deploy,
		.load = { .n = nload, .t_ms = a.load_t, .requests = a.load }, .as_of_ms = what & 1 ? moment(&in) : 0,
		.memory_limit = what & 2 ? number(&in) : (double)NAN };
	struct mc_answer answer;
	struct mc_error e = { 0 };
	int rc = mc_attribute(&c, &answer, &e);
	const char *wrong = rc == 0 ? answer_wrong(&c, &answer) : e.text[0] ? NULL : "an error without a text";
	if (wrong) {
		fprintf(stderr, "%s\n", wrong);
		abort();
	}
	if (rc == 0)
		mc_answer_release(&answer);
	return 0;
}
