/* A collector's saw-tooth inside one life: what bins are told of what was freed later. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../prop/random.h"

#include "memculprit/detect.h"

#include <math.h>

/* A tooth of 10 each 40 samples, on what is alive. */
enum { TOOTH = 40, N = 2000 };
static const double HIGH = 10, TICK = 5;

static double garbage(double i)
{
	return HIGH * fmod(i, TOOTH) / TOOTH;
}

static struct mc_lifesum sum;

static void begin(void)
{
	seed = 7;
	mc_lifesum_init(&sum, 0);
}

static void add(size_t i, double y)
{
	mc_lifesum_add(&sum, 1000 + TICK * (double)i, 50 + y + .1 * (uniform() - .5), NULL);
}

/* How far bins less their garbage are from `alive`, between two samples; the largest. */
static double farthest(double (*alive)(double), size_t from, size_t to)
{
	double most = 0;
	for (size_t i = 0; i < sum.n; i++) {
		double at = (sum.bin[i].t - 1000) / TICK;
		if (at >= (double)from && at <= (double)to)
			most = fmax(most, fabs(sum.bin[i].y - sum.bin[i].garbage - 50 - alive(at)));
	}
	return most;
}

static double nothing(double i) { return 0 * i; }
static double grows(double i) { return i / 200; }
static double once(double i) { return i < 900 ? 0 : 3; }

static void what_is_alive_is_left(void **state)
{
	(void)state;
	double (*const alive[])(double) = { nothing, grows, once };
	for (size_t what = 0; what < 3; what++) {
		begin();
		for (size_t i = 0; i < N; i++)
			add(i, alive[what]((double)i) + garbage((double)i));
		mc_lifesum_flush(&sum);
		assert_true(sum.teeth.count == N / TOOTH - 1);
		/* the first tooth and the last one are the caller's */
		double off = farthest(alive[what], TOOTH + 8, N - TOOTH - 1);
		if (off > (what == 2 ? 3 : .6))
			fail_msg("%zu: off by %g", what, off);
		assert_true(what == 2 || farthest(alive[what], 0, TOOTH - 2) > HIGH / 2);
		assert_true(fabs(sum.teeth.first.freed - HIGH) < 1 && sum.teeth.first_n == TOOTH);
		for (size_t k = 0; k < MC_TEETH_KEPT; k++)
			assert_true(fabs(sum.teeth.tooth[k].freed - HIGH) < 1);
		double n, t;
		size_t open = mc_teeth_open(&sum, sum.teeth.before_n, sum.teeth.before_t, &n, &t);
		for (size_t i = open + 1; i < sum.n; i++)
			n += sum.bin[i].n;
		assert_true(n == TOOTH && t >= sum.teeth.since && t < sum.teeth.since + TOOTH * TICK);
	}
}

/* Spikes, a plateau that comes and goes, a cache that is dropped once in a while, noise. */
static void what_came_at_once_was_not_collected(void **state)
{
	(void)state;
	for (int what = 0; what < 4; what++) {
		begin();
		for (size_t i = 0; i < N; i++)
			add(i, what == 0 ? HIGH * (i % TOOTH < 6) : what == 1 ? HIGH * (i % 400 < 200) : what == 2 ? 3 * (double)(i % 2) : HIGH * uniform());
		mc_lifesum_flush(&sum);
		for (size_t i = 0; i < sum.n; i++)
			if (what < 3 && sum.bin[i].garbage != 0)
				fail_msg("%d: %g at %g", what, sum.bin[i].garbage, sum.bin[i].t);
		assert_true(sum.teeth.count <= 1 || what == 3);
	}
}

/* One that falls half-way first, one whose fall nobody saw, a surge in the middle of one, a little that is freed in between, and what is alive given up soon
 * after a collection. */
static void teeth_that_were_seen_badly(void **state)
{
	(void)state;
	for (int what = 0; what < 5; what++) {
		begin();
		for (size_t i = 0; i < N; i++) {
			double more = 0;
			if (what == 3 && i % TOOTH >= 20)
				more = -2;
			if (what == 4 && i < 1215)
				more = HIGH;
			if (what == 0 && i > TOOTH && i % TOOTH == 0)
				more = HIGH / 2;
			if (what == 1 && i >= 1190 && i < 1210)
				continue;
			if (what == 2 && i % TOOTH >= 20 && i % TOOTH < 28)
				more = 4;
			add(i, garbage((double)i) + more);
		}
		mc_lifesum_flush(&sum);
		/* what is usual takes two teeth to know */
		double most = farthest(nothing, 4 * TOOTH, N - TOOTH - 1);
		if (sum.teeth.count < N / TOOTH - 2 || most > (what == 0 ? 1.5 : what == 1 ? .8 : what == 2 ? 4.6 : what == 3 ? 1.5 : HIGH + .5) ||
			(what == 4 && sum.teeth.count != N / TOOTH - 1))
			fail_msg("%d: %g teeth, up to %g", what, sum.teeth.count, most);
	}
}

/* What is large at first (a start-up) does not hide what comes then. */
static void a_strange_tooth_is_forgotten(void **state)
{
	(void)state;
	begin();
	for (size_t i = 0; i < N; i++)
		add(i, i < 2 * TOOTH ? 6 * garbage((double)i) : garbage((double)i));
	mc_lifesum_flush(&sum);
	assert_true(sum.teeth.count > N / TOOTH / 2);
	assert_true(farthest(nothing, N / 2, N - TOOTH - 1) < .6);
}

/* Numbers as large as they may be, and memory that comes in large pieces. */
static void any_numbers(void **state)
{
	(void)state;
	begin();
	for (size_t i = 0; i < N; i++)
		mc_lifesum_add(&sum, 1e9 * (double)i, 1e50 * (1 + (double)(i % TOOTH)), NULL);
	mc_lifesum_flush(&sum);
	for (size_t i = 0; i < sum.n; i++)
		assert_true(isfinite(sum.bin[i].garbage) && isfinite(sum.bin[i].y));
	begin();
	for (size_t i = 0; i < N; i++)
		mc_lifesum_add(&sum, TICK * (double)i, 40 + 2 * floor(garbage((double)i) / 2), NULL);
	mc_lifesum_flush(&sum);
	assert_true(sum.teeth.count >= N / TOOTH - 2);
}

/* A summary that was kept damaged is refused, not reckoned with. */
static void damage_is_found(void **state)
{
	(void)state;
	double *const part[] = { &sum.teeth.n, &sum.teeth.count, &sum.teeth.usual, &sum.teeth.tooth[3].freed, &sum.teeth.first.since, &sum.teeth.before_n };
	begin();
	for (size_t i = 0; i < N; i++)
		add(i, garbage((double)i));
	for (size_t k = 0; k <= sizeof part / sizeof *part; k++) {
		static struct mc_lifesum back;
		struct mc_buf b = { 0 };
		struct mc_error e;
		double was = k ? *part[k - 1] : 0;
		if (k)
			*part[k - 1] = k % 2 ? -1e300 * 1e300 : (double)NAN;
		assert_int_equal(mc_lifesum_write(&sum, &b, &e), 0);
		assert_int_equal(mc_lifesum_read(&back, b.data, b.len, &e), k ? MC_ECORRUPT : 0);
		mc_buf_release(&b);
		if (k)
			*part[k - 1] = was;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_alive_is_left),
		cmocka_unit_test(what_came_at_once_was_not_collected),
		cmocka_unit_test(teeth_that_were_seen_badly),
		cmocka_unit_test(a_strange_tooth_is_forgotten),
		cmocka_unit_test(any_numbers),
		cmocka_unit_test(damage_is_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
