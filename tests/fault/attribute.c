/* The n-th allocation fails, once and for good, for every n: MC_ENOMEM with a text, and nothing stays allocated. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../prop/attribute_world.h"
#include "alloc.h"

#include <stdlib.h>

static volatile int64_t freed;

void __real_free(void *p);
void __wrap_free(void *p);

void __wrap_free(void *p)
{
	freed += alloc_on && p;
	__real_free(p);
}

static void each_allocation_fails(void **state)
{
	(void)state;
	for (int kind = 0; kind < WORLD_KINDS; kind++) {
		struct world_plan p = { .seed = 5, .kind = (enum world_kind)kind, .slots = 2, .deploys = 3, .samples = 40, .interval = 60, .culprit = 1,
			.load = true };
		struct world w;
		bool met = true;
		world_make(&w, &p);
		/* all of the first two kinds of program; of the others every seventh, and in a short run every 29th */
		for (int64_t n = 1; met; n += getenv("MC_SHORT") ? 29 : kind > 1 ? 7 : 1) {
			struct mc_answer a;
			struct mc_error e = { 0 };
			alloc_for_good = n % 2;
			alloc_fail_at = n;
			alloc_count = alloc_new = freed = 0;
			alloc_on = true;
			int rc = mc_attribute(&w.c, &a, &e);
			if (rc == 0)
				mc_answer_release(&a);
			alloc_on = false;
			met = alloc_count >= n;
			if (alloc_new != freed)
				fail_msg("kind %d, allocation %lld: %lld are left", kind, (long long)n, (long long)(alloc_new - freed));
			if (met && rc != MC_ENOMEM)
				fail_msg("kind %d, allocation %lld: %d %s", kind, (long long)n, rc, e.text);
			if (rc < 0 && (e.code != rc || !e.text[0]))
				fail_msg("kind %d, allocation %lld: no text", kind, (long long)n);
			if (!met)
				assert_int_equal(rc, 0);
		}
		world_free(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(each_allocation_fails) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
