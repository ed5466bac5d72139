/* What learn.py learns from: of each scenario folder, the deploy that is believed most, what else its restarts may be of, and its witnesses.
 * witness DIR... prints a line a folder: its path, those deploys' indices with commas between, the probability now, that of growth of no deploy, the witnesses; tabs between. */
#include "folders.h"

static const double ALSO = .2; /* of a deploy whose restarts these may be */

static void line(const char *dir, const struct history *h, const struct witnessed *w)
{
	const struct history_deploy *d = &h->deploy[w->deploy];
	printf("%s\t%zu", dir, d->index);
	for (size_t i = 0; i < HISTORY_ALSO; i++)
		if (d->also[i].p >= ALSO && d->also[i].deploy != w->deploy)
			printf(",%zu", h->deploy[d->also[i].deploy].index);
	if (w->nearest != MC_NO_DEPLOY)
		printf(",%zu", h->deploy[w->nearest].index);
	printf("\t%.6g\t%.6g", w->now, w->flag);
	for (size_t i = 0; i < WITNESSES; i++)
		printf("\t%.6g", w->x[i]);
	puts("");
}

static void judged(const char *dir, struct history *h)
{
	struct mc_error err;
	struct judgement j = { 0 };
	if (judge(h, HISTORY_ANON, &j, &err) == 0 && j.panel && j.witnessed.deploy != MC_NO_DEPLOY)
		line(dir, h, &j.witnessed);
	judgement_release(&j);
}

int main(int argc, char **argv)
{
	return each_folder(argc, argv, judged);
}
