/* What the host's figures mean together, in a sentence. */
#include "memculprit/sample.h"

#include <math.h>
#include <unistd.h>

struct rates {
	double in, out; /* KiB/s of swap */
	bool killed;
};

static double kib_per_second(double before, double now, double seconds)
{
	double page = (double)sysconf(_SC_PAGESIZE) / 1024;
	return now >= before && seconds > 0 ? (now - before) * page / seconds : 0;
}

static const char *verdict(const struct mc_host *h, const struct rates *r, double used)
{
	bool pressed = isfinite(h->psi_memory_some) && h->psi_memory_some >= 0.1;
	/* swap that goes out while memory is there is only what nobody uses */
	if (r->killed)
		return ": the kernel killed a process for want of memory";
	if (r->in >= 64 || pressed || (r->out >= 64 && used > 0.9))
		return ": memory is short";
	if (h->mem_total <= 0)
		return ": how much memory there is is not known";
	if (used > 0.95)
		return ": memory is nearly used up";
	if ((isfinite(h->iowait_ratio) && h->iowait_ratio >= 0.2) || h->blocked >= 8)
		return ": waiting for disks, not for memory";
	return ": memory is not short";
}

void mc_host_meaning(const struct mc_host *prev, const struct mc_host *now, double seconds, double requests_change,
	struct mc_buf *out)
{
	struct rates r = {0};
	if (prev) {
		r.in = kib_per_second(prev->swapin_pages, now->swapin_pages, seconds);
		r.out = kib_per_second(prev->swapout_pages, now->swapout_pages, seconds);
		r.killed = now->oom_kills > prev->oom_kills;
	}
	double used = now->mem_total > 0 ? 1 - now->mem_available / now->mem_total : 0;
	mc_buf_printf(out, "%.0f process%s blocked", now->blocked, now->blocked > 0.5 && now->blocked < 1.5 ? "" : "es");
	if (r.in >= 1)
		mc_buf_printf(out, ", %.0f KiB/s swapped in", r.in);
	if (r.out >= 1)
		mc_buf_printf(out, ", %.0f KiB/s swapped out", r.out);
	if (isfinite(now->iowait_ratio))
		mc_buf_printf(out, ", iowait %.0f %%", now->iowait_ratio * 100);
	if (used > 0.95)
		mc_buf_printf(out, ", %.0f %% of memory in use", used * 100);
	mc_buf_str(out, verdict(now, &r, used));
	if (isfinite(requests_change)) {
		double percent = round(requests_change * 100);
		mc_buf_printf(out, "; requests %s%.0f %%", percent < 0 ? "-" : "+", fabs(percent));
	}
}

void mc_host_sentence(const struct mc_host *prev, const struct mc_host *now, double seconds, struct mc_buf *out)
{
	mc_host_meaning(prev, now, seconds, (double)NAN, out);
}
