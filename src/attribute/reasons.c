/* In words: what moved the probability of the likeliest deploy away from what the likelihood says of it. */
#include "witness.h"

#include <math.h>

/* Why the witness makes a deploy likelier than it does usually, and less likely; NULL: nothing that would tell anybody anything. */
static const struct {
	const char *likelier, *less;
	bool any; /* of a step as well */
} WORDS[WITNESSES] = {
	[WITNESS_GAINS] = { "newer lives gain more than older ones at equal age", "newer lives do not gain more than older ones at equal age", false },
	[WITNESS_SIZE] = { "the growth is large beside the noise", "the growth is small beside the noise", false },
	[WITNESS_FASTER] = { NULL, "it gets faster and faster", false },
	[WITNESS_LIVES] = { NULL, "so many lives seldom are independent of each other", true },
	[WITNESS_FIRM_ODDS] = { "the lives gain beyond every older one at equal age", "older lives gained as much at equal age", false },
	[WITNESS_NO_TAIL] = { NULL, "in their last two fifths the lives rise by less than is claimed", false },
	[WITNESS_MORE_TAIL] = { NULL, "in their last two fifths the lives rise by more than is claimed, so by something else", false },
	[WITNESS_STEP_TEETH] = { NULL, "steps under a collector's saw-tooth seldom last", true },
	[WITNESS_TEETH] = { NULL, "a collector's saw-tooth hides how steady it is", true },
	[WITNESS_ONE_OLDER] = { NULL, "there is one older life to hold it against", false },
	[WITNESS_OLDER] = { "there are many older lives to hold it against", "there are few older lives to hold it against", true },
	[WITNESS_LOAD] = { NULL, "load moves the memory a lot", true },
	[WITNESS_UNSEEN] = { NULL, "no older life was seen in its youth", false },
	[WITNESS_DIFFER] = { "warm-ups are alike in all releases", "warm-ups differ from release to release", false },
};
/* Less than this, in log odds, is no reason; nor are more of them than two worth the reading. */
static const double LEAST_REASON = .1;
enum { MOST_REASONS = 2 };

void witness_reasons(const struct witnessed *w, struct mc_buf *ret)
{
	bool likelier = w->now > w->p + w->near, said[WITNESSES] = { false };
	for (size_t n = 0; n < MOST_REASONS; n++) {
		double most = LEAST_REASON;
		size_t best = WITNESSES;
		for (size_t i = 0; i < WITNESSES; i++) {
			if (w->step > w->p / 2 && !WORDS[i].any)
				continue;
			double says = witness_says(w->x, (enum witness_of)i) * (likelier ? 1 : -1);
			if (!said[i] && says > most && (likelier ? WORDS[i].likelier : WORDS[i].less)) {
				most = says;
				best = i;
			}
		}
		if (best == WITNESSES)
			return;
		said[best] = true;
		mc_buf_printf(ret, "%s%s", n ? "; " : "", likelier ? WORDS[best].likelier : WORDS[best].less);
	}
}
