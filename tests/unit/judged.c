#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "judged.h"

#include <math.h>
#include <string.h>

void make_in(double unit, struct world *w, double first_age, double (*before)(double age, size_t life), double (*after)(double age, size_t life))
{
	memset(w, 0, sizeof *w);
	for (size_t i = 0; i < LIVES; i++) {
		bool old = i < LIVES / 2;
		double start = old ? -first_age : 60.0 * ROWS;
		for (size_t k = 0; k < ROWS; k++) {
			w->t[i][k] = (old ? 0 : start) + 60 * (double)k;
			w->y[i][k] = unit * (old ? before : after)(w->t[i][k] - start, i);
			w->one[i][k] = 1;
			w->minute[i][k] = 60;
		}
		w->seen[i] = (struct history_life){ .start = start, .first = w->t[i][0], .last = w->t[i][ROWS - 1], .release = !old };
		w->life[i] = (struct mc_panel_life){ .n = ROWS, .t = w->t[i], .y = w->y[i], .samples = w->one[i], .seconds = w->minute[i], .start = start,
			.release = !old };
	}
	double begins[] = { 0, 60.0 * ROWS };
	struct mc_panel_in in = { .nlives = LIVES, .lives = w->life, .nreleases = 2, .release_t = begins, .bin = 60, .quantum = 1e-6 * unit * unit };
	struct mc_panel *panel = NULL;
	assert_int_equal(mc_panel_new(&in, &panel, NULL), 0);
	w->set = (struct mc_supposition){ .from = 1, .until = 2 };
	w->deploy = .9;
	w->weight = .9;
	w->h = (struct history){ .ndeploys = 1, .as_of = 120.0 * ROWS };
	w->j = (struct judgement){ .signal = HISTORY_ANON, .panel = panel, .lives = w->seen, .nlives = LIVES, .rows = { .life = w->life, .nlives = LIVES },
		.sets = { .n = 1, .s = &w->set } };
	w->j.belief = (struct belief){ .ndeploys = 1, .deploy = &w->deploy, .weight = &w->weight, .none = .1 };
	for (size_t k = 0; k < MC_GROWTH_KINDS; k++)
		w->j.evidence.set[k] = &w->fit[k];
	w->fit[MC_GROWTH_TIME] = (struct mc_growth_fit){ .slope = 1e-2 * unit, .log_evidence = 10 };
	w->j.evidence.n = 1;
}

void make(struct world *w, double first_age, double (*before)(double age, size_t life), double (*after)(double age, size_t life))
{
	make_in(1, w, first_age, before, after);
}

double level(double age, size_t life) { (void)age; return 50 + (double)life; }
double fills(double age, size_t life) { return 50 + (double)life + 20 * (1 - exp(-age / 300)); }
double rises(double age, size_t life) { return 50 + (double)life + age * 1e-2; }
double slows(double age, size_t life) { return 50 + (double)life + 20 * (1 - exp(-age / 1200)); }
