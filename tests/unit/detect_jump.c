/* A jump that all lives make at once, among all that is none. */
#include "detect_lives.h"
#include "../prop/random.h"

#include <math.h>
#include <string.h>

enum { MOST = 6, SAMPLES = 1200 };
static const double AT = 7000;

struct world {
	struct mc_lifesum sum[MOST];
	struct mc_jump_life life[MOST];
};

/* Lives of 12000 seconds, a sample each ten; f says what one has at a time besides its level and noise of 1;
 * no samples in [from, to). */
static void make(struct world *w, size_t n, double (*f)(size_t life, double t), double from, double to)
{
	memset(w, 0, sizeof *w);
	seed = 31;
	for (size_t i = 0; i < n; i++) {
		double start = -300 - 40 * (double)i, wander = 0;
		mc_lifesum_init(&w->sum[i], start);
		for (size_t k = 0; k < SAMPLES; k++) {
			double t = 10 * (double)k + 3;
			wander = .95 * wander + .3 * gauss();
			if (t < from || t >= to)
				mc_lifesum_add(&w->sum[i], t, 100 + 4 * (double)i + wander + .3 * gauss() + f(i, t), NULL);
		}
		mc_lifesum_flush(&w->sum[i]);
		w->life[i] = (struct mc_jump_life){ .n = w->sum[i].n, .bin = w->sum[i].bin, .start = start };
	}
}

static int find(double (*f)(size_t, double), size_t n, struct mc_jump *j)
{
	struct world w;
	make(&w, n, f, 0, 0);
	return mc_find_jump(w.life, n, 1e-6, j, NULL);
}

static double jump(size_t life, double t) { return t >= AT ? 20 + (double)life : 0; }
static double nothing(size_t life, double t) { return 0 * t * (double)life; }
static double slope(size_t life, double t) { return t / 200 + 0 * (double)life; }
static double warm_up(size_t life, double t) { return 60 * (1 - exp(-(t + 300) / 2000)) + 0 * (double)life; }
static double stairs(size_t life, double t) { return 20 * floor(t / 2500) + 0 * (double)life; }
static double back(size_t life, double t) { return t >= AT && t < AT + 1500 ? 20 : 0 * (double)life; }
static double down(size_t life, double t) { return -jump(life, t); }
static double one_of_all(size_t life, double t) { return life == 2 ? jump(life, t) : 0; }
static double one_by_one(size_t life, double t) { return t >= 4000 + 1500 * (double)life ? 20 : 0; }
static double jump_of_growing(size_t life, double t) { return jump(life, t) + t / 3000; }
static double small(size_t life, double t) { return t >= AT ? 1 : 0 * (double)life; }

static void all_at_once(void **state)
{
	(void)state;
	struct mc_jump j;
	for (size_t n = 1; n <= MOST; n++) {
		assert_int_equal(find(jump, n, &j), 0);
		assert_true(j.lives == n && j.from <= j.to && j.from > AT - 400 && j.to < AT + 400);
		near(j.height, 20 + ((double)n - 1) / 2, 1.5);
		assert_true(j.sd > 0 && j.sd < 2);
	}
	assert_int_equal(find(jump_of_growing, 4, &j), 0);
	near(j.height, 21.5, 1.5);
}

static void none(void **state)
{
	(void)state;
	static double (*const f[])(size_t, double) = { nothing, slope, warm_up, stairs, back, down, one_by_one, small };
	struct mc_jump j;
	for (size_t i = 0; i < sizeof f / sizeof *f; i++)
		for (size_t n = 1; n <= 4; n += 3)
			if (f[i] != one_by_one || n > 1)
				assert_int_equal(find(f[i], n, &j), 1);
	assert_int_equal(find(one_of_all, 4, &j), 1);
	assert_int_equal(find(nothing, 0, &j), 1);
}

/* What happened while nothing was seen need not have been at once. */
static void not_while_nobody_looked(void **state)
{
	(void)state;
	struct world w;
	struct mc_jump j;
	make(&w, 4, jump, AT - 1500, AT + 1500);
	assert_int_equal(mc_find_jump(w.life, 4, 1e-6, &j, NULL), 1);
}

/* A life that never moves is no quieter than a quantum and a share of its height. */
static double still(size_t life, double t) { return t >= AT ? .1 : 0 * (double)life; }
static void nothing_is_still(void **state)
{
	(void)state;
	struct mc_lifebin bin[60];
	struct mc_jump_life l[3];
	struct mc_jump j;
	for (size_t k = 0; k < 60; k++)
		bin[k] = (struct mc_lifebin){ .t = 100 * (double)k, .y = 1000 + still(0, 100 * (double)k + 4000), .n = 1 };
	for (size_t i = 0; i < 3; i++)
		l[i] = (struct mc_jump_life){ .n = 60, .bin = bin, .start = -1e5 };
	assert_int_equal(mc_find_jump(l, 3, 1e-6, &j, NULL), 1);
	for (size_t k = 30; k < 60; k++)
		bin[k].y = 1100;
	assert_int_equal(mc_find_jump(l, 3, 1e-6, &j, NULL), 0);
	near(j.height, 100, .2);
	assert_true(j.from <= 3000 && j.to >= 2900);
}

static void bins_of_a_jump(void **state)
{
	(void)state;
	struct mc_lifebin bin[20];
	struct mc_jump_life l = { .n = 20, .bin = bin };
	double size;
	size_t to;
	for (size_t k = 0; k < 20; k++)
		bin[k] = (struct mc_lifebin){ .t = 10 * (double)k + 5, .y = k < 9 ? 1 : k == 9 ? 3 : 8, .n = 1 };
	assert_int_equal(mc_jump_bins(&l, &(struct mc_jump){ .from = 94, .to = 95 }, &to, &size), 9);
	assert_int_equal(to, 10);
	near(size, 7, 0);
	/* between two bins there is none that has both */
	assert_int_equal(mc_jump_bins(&l, &(struct mc_jump){ .from = 90, .to = 90 }, &to, &size), 9);
	assert_int_equal(to, 9);
	/* before and after the life */
	assert_int_equal(mc_jump_bins(&l, &(struct mc_jump){ .from = -50, .to = -40 }, &to, &size), 0);
	assert_true(to == 0 && isnan(size));
	assert_int_equal(mc_jump_bins(&l, &(struct mc_jump){ .from = 500, .to = 510 }, &to, &size), 20);
	assert_true(to == 20 && isnan(size));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_at_once),
		cmocka_unit_test(none),
		cmocka_unit_test(not_while_nobody_looked),
		cmocka_unit_test(nothing_is_still),
		cmocka_unit_test(bins_of_a_jump),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
