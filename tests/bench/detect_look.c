/* Shows what the detector saw in a scenario folder: for whoever works on it. detect_look DIR... */
#include "folders.h"

#include <math.h>

static void look(const struct history *h, const struct judgement *j)
{
	struct mc_noise n = { 0 };
	if (!j->panel) {
		puts("too little");
		return;
	}
	mc_panel_noise(j->panel, &n);
	double teeth = 0;
	for (size_t i = 0; i < h->nlives; i++)
		teeth += h->life[i].sum.teeth.count;
	printf("teeth %.0f, ", teeth);
	printf("saw %.0f lives %zu rows %zu bin %.1f tick %.2f | noise sd %.4g fast %.0f slow %.0f share %.2f white %.2f | load sd %.4g (%s)\n", h->sawtooth, j->rows.nlives,
		j->rows.nrows, j->rows.bin, h->tick, sqrt(n.var), n.tau_fast, n.tau_slow, n.slow, n.white, mc_panel_load(j->panel),
		h->load_what ? h->load_what : "-");
	printf("curve 0-10%% %.3g, -50%% %.3g, -100%% %.3g of life\n", mc_panel_curve(j->panel, 0, .1 * h->as_of), mc_panel_curve(j->panel, 0, .5 * h->as_of),
		mc_panel_curve(j->panel, 0, h->as_of));
	printf("P none %.3f all %.3f bounded %.3f onset %.3f grows %.3f | no_step %.3f\n", j->belief.none, j->belief.all, j->belief.bounded, j->belief.free_onset,
		j->grows, j->steps.none);
	printf("logev none 0 all t %.1f q %.1f b %.1f since %.1f\n", j->evidence.all[0].log_evidence - j->evidence.none,
		j->evidence.all[1].log_evidence - j->evidence.none, j->evidence.all[3].log_evidence - j->evidence.none, j->evidence.since_ever - j->evidence.none);
	for (size_t r = 0; r <= h->ndeploys; r++) {
		const struct history_deploy *d = r ? &h->deploy[r - 1] : NULL;
		size_t n0 = 0;
		for (size_t i = 0; i < j->rows.nlives; i++)
			n0 += j->rows.life[i].release == r;
		printf("release %zu %-10s mark %.0f begins %.0f lives %zu panel %zu slope/h %.4g +- %.3g P %.4f step %.4f\n", r,
			d ? h->c->deploys[d->index].version : "", d ? d->mark : 0, d ? d->begins : 0, d ? d->lives : 0, n0, j->evidence.release_slope[r] * 3600,
			j->evidence.release_sd[r] * 3600, d ? j->belief.deploy[r - 1] : 0, d ? j->steps.p[r - 1] : 0);
	}
	for (int turn = 0; turn < 8; turn++) {
		size_t best = 0;
		for (size_t i = 1; i < j->sets.n; i++)
			if (j->belief.weight[i] > j->belief.weight[best])
				best = i;
		if (j->sets.n == 0 || j->belief.weight[best] < 1e-4)
			break;
		const struct mc_supposition *s = &j->sets.s[best];
		printf("  set [%zu,%zu)+[%zu,%zu) w %.4f cost %.1f t %.1f q %.1f f %.1f b %.1f z %.1f slope/h %.4g\n", s->from, s->until, s->again, s->again_until,
			j->belief.weight[best], j->sets.cost[best], j->evidence.set[0][best].log_evidence - j->evidence.none,
			j->evidence.set[1][best].log_evidence - j->evidence.none, j->evidence.set[2][best].log_evidence - j->evidence.none, j->evidence.set[3][best].log_evidence - j->evidence.none,
			j->evidence.set[0][best].z, j->evidence.set[0][best].slope * 3600);
		j->belief.weight[best] = 0;
	}
	for (size_t i = 0; i < j->evidence.nonsets; i++)
		if (j->belief.onset_weight[i] > .02)
			printf("  onset %.0f of %zd w %.3f late %.1f ev %.1f slope/h %.4g +- %.3g\n", j->rows.onsets[i], (ssize_t)j->belief.onset_of[i], j->belief.onset_weight[i], j->evidence.late[i].log_evidence - j->evidence.none,
				j->evidence.onset[i].log_evidence - j->evidence.none, j->evidence.onset[i].slope * 3600, j->evidence.onset[i].slope_sd * 3600);
}

static void each_signal(const char *dir, struct history *h)
{
	struct mc_error err;
	struct judgement j = { 0 };
	for (int signal = 0; signal < 3; signal++) {
		printf("== %s signal %d\n", dir, signal);
		if (judge(h, (enum history_signal)signal, &j, &err) == 0)
			look(h, &j);
		judgement_release(&j);
	}
}

int main(int argc, char **argv)
{
	return each_folder(argc, argv, each_signal);
}
