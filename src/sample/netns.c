/* Traffic of network namespaces in which one program is alone: then it is that program's. */
#include "sampler.h"

#include <math.h>
#include <string.h>

enum { NAMESPACES = 256, NOBODY = -1, SEVERAL = -2 };

struct sm_netns {
	uint64_t ino;
	int64_t pid;     /* one that is in it */
	int64_t program; /* or NOBODY, SEVERAL */
	int64_t counted; /* to which its traffic went so far, or NOBODY */
	uint64_t seen;   /* tick */
	bool known;
	struct sm_net last;
};

static struct sm_netns *find(struct mc_sampler *s, uint64_t ino)
{
	for (size_t i = 0; i < s->nnetns; i++)
		if (s->netns[i].ino == ino)
			return &s->netns[i];
	if (s->nnetns >= NAMESPACES || mc_grow((void **)&s->netns, &s->netns_cap, s->nnetns + 1, sizeof *s->netns, NULL))
		return NULL;
	s->netns[s->nnetns] = (struct sm_netns){.ino = ino, .program = NOBODY, .counted = NOBODY};
	return &s->netns[s->nnetns++];
}

/* Who is in it, as far as it is known. A pod's "pause" only holds the namespace open. */
static void gather(struct mc_sampler *s)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct sm_proc *p = s->v[i];
		if (!p->netns || p->netns == s->own_netns || strcmp(p->comm, "pause") == 0)
			continue;
		struct sm_netns *n = find(s, p->netns);
		if (!n)
			continue;
		if (n->seen != s->ticks + 1)
			n->program = NOBODY;
		n->seen = s->ticks + 1;
		if (p->kind != SM_TRACKED || (n->program != NOBODY && n->program != (int64_t)p->p.program))
			n->program = SEVERAL;
		else
			n->program = p->p.program;
		n->pid = p->p.pid;
	}
}

static void add(double *to, double now, double before)
{
	*to = (isnan(*to) ? 0 : *to) + (now > before ? now - before : 0);
}

static void count(struct mc_sampler *s, struct sm_netns *n)
{
	char text[SM_TEXT];
	struct sm_net v;
	ssize_t len = sm_slurp(s, n->pid, "net/dev", text, sizeof text);
	if (len <= 0 || !sm_parse_net(text, (size_t)len, &v))
		return;
	struct mc_program_name *q = &s->programs[n->program];
	if (!n->known) /* what went through before is not of this run */
		n->last = v;
	add(&q->net_rx_bytes, v.rx_bytes, n->last.rx_bytes);
	add(&q->net_rx_packets, v.rx_packets, n->last.rx_packets);
	add(&q->net_tx_bytes, v.tx_bytes, n->last.tx_bytes);
	add(&q->net_tx_packets, v.tx_packets, n->last.tx_packets);
	n->last = v;
	n->known = true;
	n->counted = n->program;
}

/* Somebody else is in it: from here on nobody's traffic is known, which is not the same as none. */
static void uncount(struct mc_sampler *s, struct sm_netns *n)
{
	if (n->counted >= 0 && (size_t)n->counted < s->tick.nprograms) {
		struct mc_program_name *q = &s->programs[n->counted];
		q->net_rx_bytes = q->net_tx_bytes = q->net_rx_packets = q->net_tx_packets = (double)NAN;
	}
	n->counted = NOBODY;
	n->known = false;
}

/* Whether it is known of all processes in which they are, of those that no selector has as well: another one may be in
 * any. Those of the first tick are asked in turns; of other users' processes it takes a right. Of pid 1 it is known
 * well enough: it is in the host's. */
static bool all_known(const struct mc_sampler *s)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct sm_proc *p = s->v[i];
		bool nobody = p->p.pid == 1 || p->kind == SM_DEAD || (p->kind == SM_IGNORED && p->idle); /* idle: a thread of the kernel's, a zombie */
		if (!nobody && !p->netns)
			return false;
	}
	return true;
}

void sm_netns_read(struct mc_sampler *s)
{
	/* where ours is not known, no other one is known to be another */
	if (!s->own_netns || !all_known(s))
		return;
	gather(s);
	for (size_t i = 0; i < s->nnetns;) {
		struct sm_netns *n = &s->netns[i];
		if (n->seen != s->ticks + 1) { /* nobody in it any more */
			s->netns[i] = s->netns[--s->nnetns];
			continue;
		}
		if (n->program >= 0)
			count(s, n);
		else
			uncount(s, n);
		i++;
	}
}
