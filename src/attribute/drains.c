/* Lives that go on beside those that replaced them. In a graceful reload, a blue/green deploy or a roll-out that adds before it takes away, the old
 * process finishes what it has and gets nothing new: what it does from then on says nothing of its release, and is left out. */
#include "waves.h"

#include <math.h>
#include <stdlib.h>

/* A slot of one process at a time: its lives together are no longer than this much of the time that they cover. One that several processes
 * share has more. */
static const double ALONE = 4. / 3;
/* A wave that renewed so much took over from all that ran; what goes on beside it for longer than this part of its own time before is no remains. */
static const double TOOK_OVER = .8, REMAINS = .5;

struct slot {
	double length, covered, until;
	size_t life; /* the latest, SIZE_MAX: none */
};

/* The moment at which the next life of the same slot started, of slots that have one process at a time. */
static void by_slot(struct history *h, struct slot *s)
{
	for (size_t i = 0; i < h->nslots; i++)
		s[i] = (struct slot){ .until = -(double)INFINITY };
	for (size_t i = 0; i < h->nlives; i++) {
		const struct history_life *l = &h->life[i];
		struct slot *x = &s[l->slot];
		x->length += l->last - l->start;
		x->covered += fmax(0, l->last - fmax(l->start, x->until));
		x->until = fmax(x->until, l->last);
		x->life = SIZE_MAX;
	}
	for (size_t i = 0; i < h->nlives; i++) {
		struct slot *x = &s[h->life[i].slot];
		if (x->life != SIZE_MAX && x->length <= ALONE * x->covered)
			h->life[x->life].works_until = h->life[i].start;
		x->life = i;
	}
}

/* Do nearly as many as a wave started run on beside it, as blue does beside green? */
static bool beside(const struct history *h, const struct wave *w)
{
	size_t on = 0;
	for (size_t i = 0; w->share >= TOOK_OVER && i < h->nlives && h->life[i].start < w->from; i++)
		on += h->life[i].last > w->to;
	return on > 0 && (double)on >= TOOK_OVER * (double)w->slots;
}

/* The end of a wave that took over, for what ended soon after it. */
static void by_waves(struct history *h, const struct wave *w, size_t n)
{
	for (size_t k = 0; k < n; k++) {
		bool besides = beside(h, &w[k]);
		for (size_t i = 0; besides && i < h->nlives && h->life[i].start < w[k].from; i++) {
			struct history_life *l = &h->life[i];
			bool ended = l->last < h->as_of - 2 * h->tick && l->last - w[k].to < REMAINS * (w[k].to - l->start);
			if (l->last > w[k].to && ended)
				l->works_until = fmin(l->works_until, w[k].to);
		}
	}
}

int history_drains(struct history *h, const struct wave *w, size_t n, struct mc_error *err)
{
	struct slot *s = calloc(h->nslots + 1, sizeof *s);
	if (!s)
		return mc_nomem(err, "the slots");
	for (size_t i = 0; i < h->nlives; i++)
		h->life[i].works_until = h->life[i].last;
	by_slot(h, s);
	by_waves(h, w, n);
	for (size_t i = 0; i < h->nlives; i++)
		h->life[i].works_until = fmin(h->life[i].works_until, h->life[i].last);
	free(s);
	return 0;
}
