#include "host.h"

#include <math.h>
#include <string.h>

#include "file.h"
#include "parse.h"

enum { TEXT = 65536 };

static double key(const char *s, ssize_t n, const char *name, double scale)
{
	uint64_t v = 0;
	return n > 0 && sm_key(s, (size_t)n, name, &v) ? (double)v * scale : 0;
}

static void read_stat(int fd, char *s, struct sm_host_state *st, struct mc_host *h)
{
	ssize_t n = sm_read(fd, "stat", s, TEXT);
	h->blocked = key(s, n, "procs_blocked", 1);
	h->running = key(s, n, "procs_running", 1);
	h->ctxt = key(s, n, "ctxt", 1);
	h->boot_ms = (int64_t)key(s, n, "btime", 1000);
	h->iowait_ratio = (double)NAN;
	if (n < 4 || memcmp(s, "cpu ", 4) != 0)
		return;
	double total = 0, iowait = 0;
	const char *p = s + 4;
	for (int i = 0; i < 8; i++) { /* user nice system idle iowait irq softirq steal */
		while (*p == ' ')
			p++;
		size_t k = strspn(p, "0123456789");
		uint64_t v = 0;
		if (!mc_parse_u64(p, k, &v))
			return;
		total += (double)v;
		if (i == 4)
			iowait = (double)v;
		p += k;
	}
	if (st->known && total > st->total && iowait >= st->iowait)
		h->iowait_ratio = (iowait - st->iowait) / (total - st->total);
	*st = (struct sm_host_state){.known = true, .total = total, .iowait = iowait};
}

/* "some avg10=0.12 avg60=… total=34" */
static void pressure(int fd, char *s, const char *path, const char *what, double *avg, double *seconds)
{
	*avg = *seconds = (double)NAN;
	ssize_t n = sm_read(fd, path, s, TEXT);
	const char *line = n > 0 ? strstr(s, what) : NULL;
	const char *nl = line ? strchr(line, '\n') : NULL;
	const char *a = line ? strstr(line, "avg10=") : NULL, *t = line ? strstr(line, "total=") : NULL;
	double v;
	uint64_t us;
	if (a && (!nl || a < nl) && mc_parse_double(a + 6, strspn(a + 6, "0123456789."), &v))
		*avg = v / 100;
	if (t && (!nl || t < nl) && mc_parse_u64(t + 6, strspn(t + 6, "0123456789"), &us))
		*seconds = (double)us / 1e6;
}

static void read_net(int fd, char *s, struct mc_host *h)
{
	if (sm_read(fd, "net/dev", s, TEXT) <= 0)
		return;
	char *save = NULL;
	for (char *line = strtok_r(s, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *colon = strchr(line, ':');
		const char *name = line + strspn(line, " ");
		if (!colon || strchr(line, '|') || (colon - name == 2 && memcmp(name, "lo", 2) == 0))
			continue;
		double f[10] = {0};
		const char *p = colon + 1;
		for (size_t i = 0; i < 10; i++) {
			p += strspn(p, " ");
			size_t k = strspn(p, "0123456789");
			uint64_t v = 0;
			if (mc_parse_u64(p, k, &v))
				f[i] = (double)v;
			p += k;
		}
		h->net_rx_bytes += f[0];
		h->net_rx_packets += f[1];
		h->net_tx_bytes += f[8];
		h->net_tx_packets += f[9];
	}
}

void sm_host_read(int fd, struct sm_host_state *st, struct mc_host *h)
{
	char s[TEXT];
	memset(h, 0, sizeof *h);
	read_stat(fd, s, st, h);
	ssize_t n = sm_read(fd, "vmstat", s, sizeof s);
	h->swapin_pages = key(s, n, "pswpin", 1);
	h->swapout_pages = key(s, n, "pswpout", 1);
	h->oom_kills = key(s, n, "oom_kill", 1);
	n = sm_read(fd, "meminfo", s, sizeof s);
	h->mem_total = key(s, n, "MemTotal", 1024);
	h->mem_free = key(s, n, "MemFree", 1024);
	h->mem_available = key(s, n, "MemAvailable", 1024);
	h->swap_total = key(s, n, "SwapTotal", 1024);
	h->swap_free = key(s, n, "SwapFree", 1024);
	pressure(fd, s, "pressure/memory", "some ", &h->psi_memory_some, &h->psi_memory_some_seconds);
	pressure(fd, s, "pressure/memory", "full ", &h->psi_memory_full, &h->psi_memory_full_seconds);
	pressure(fd, s, "pressure/io", "some ", &h->psi_io_some, &h->psi_io_some_seconds);
	double unused;
	pressure(fd, s, "pressure/cpu", "some ", &h->psi_cpu_some, &unused);
	read_net(fd, s, h);
	n = sm_read(fd, "sys/kernel/random/boot_id", s, sizeof s);
	for (size_t i = 0; n > 0 && i < sizeof h->boot_id - 1 && s[i] && s[i] != '\n'; i++)
		h->boot_id[i] = s[i];
}

void mc_host_sentence(const struct mc_host *prev, const struct mc_host *now, double seconds, struct mc_buf *out)
{
	double in = 0, swapped = 0;
	if (prev && seconds > 0 && now->swapin_pages >= prev->swapin_pages) {
		in = (now->swapin_pages - prev->swapin_pages) * 4 / seconds; /* pages of 4 KiB, as vmstat(8) */
		swapped = now->swapout_pages >= prev->swapout_pages ?
				  (now->swapout_pages - prev->swapout_pages) * 4 / seconds : 0;
	}
	double iowait = isfinite(now->iowait_ratio) ? now->iowait_ratio : 0;
	double used = now->mem_total > 0 ? 1 - now->mem_available / now->mem_total : 0;
	bool pressed = isfinite(now->psi_memory_some) && now->psi_memory_some >= 0.1;
	mc_buf_printf(out, "%.0f process%s blocked", now->blocked, now->blocked > 0.5 && now->blocked < 1.5 ? "" : "es");
	if (in >= 1)
		mc_buf_printf(out, ", %.0f KiB/s swapped in", in);
	if (swapped >= 1)
		mc_buf_printf(out, ", %.0f KiB/s swapped out", swapped);
	if (isfinite(now->iowait_ratio))
		mc_buf_printf(out, ", iowait %.0f %%", iowait * 100);
	if (prev && now->oom_kills > prev->oom_kills)
		mc_buf_str(out, ": the kernel killed a process for want of memory");
	else if (in >= 64 || pressed || (swapped >= 64 && used > 0.9))
		mc_buf_str(out, ": memory is short");
	else if (used > 0.95)
		mc_buf_printf(out, ", %.0f %% of memory in use: memory is nearly used up", used * 100);
	else if (iowait >= 0.2 || now->blocked >= 8)
		mc_buf_str(out, ": waiting for disks, not for memory");
	else
		mc_buf_str(out, ": memory is not short");
}
