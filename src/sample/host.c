/* The host's figures. */
#include "host.h"

#include <math.h>
#include <string.h>

#include "file.h"
#include "parse.h"

enum { TEXT = 262144 }; /* stat has a line a CPU and a figure an interrupt */

static double key(const char *s, ssize_t n, const char *name, double scale)
{
	uint64_t v = 0;
	return n > 0 && sm_key(s, (size_t)n, name, &v) ? (double)v * scale : 0;
}

static void read_stat(int fd, char *s, struct sm_host_state *st, struct mc_host *h)
{
	ssize_t n = sm_read(fd, "stat", s, TEXT);
	h->iowait_ratio = (double)NAN;
	if (n <= 0)
		return;
	/* "intr" with its thousands of figures is in between: the rest is found from the end */
	const char *rest = memmem(s, (size_t)n, "\nctxt ", 6);
	rest = rest ? rest + 1 : s;
	ssize_t k = s + n - rest;
	h->blocked = key(rest, k, "procs_blocked", 1);
	h->running = key(rest, k, "procs_running", 1);
	st->forks = key(rest, k, "processes", 1);
	h->ctxt = key(rest, k, "ctxt", 1);
	h->boot_ms = (int64_t)key(rest, k, "btime", 1000);
	if (n < 4 || memcmp(s, "cpu ", 4) != 0)
		return;
	double total = 0, iowait = 0;
	const char *p = s + 4;
	for (int i = 0; i < 8; i++) { /* user nice system idle iowait irq softirq steal */
		while (*p == ' ')
			p++;
		size_t d = strspn(p, "0123456789");
		uint64_t v = 0;
		if (!mc_parse_u64(p, d, &v))
			return;
		total += (double)v;
		if (i == 4)
			iowait = (double)v;
		p += d;
	}
	if (st->known && total > st->total && iowait >= st->iowait)
		h->iowait_ratio = (iowait - st->iowait) / (total - st->total);
	st->known = true;
	st->total = total;
	st->iowait = iowait;
}

static void pressure(int fd, char *s, const char *path, double *some, double *some_s, double *full, double *full_s)
{
	ssize_t n = sm_read_once(fd, path, s, TEXT);
	sm_parse_pressure(s, n > 0 ? (size_t)n : 0, "some", some, some_s);
	sm_parse_pressure(s, n > 0 ? (size_t)n : 0, "full", full, full_s);
}

static void read_memory(int fd, char *s, struct mc_host *h)
{
	ssize_t n = sm_read(fd, "vmstat", s, TEXT);
	h->swapin_pages = key(s, n, "pswpin", 1);
	h->swapout_pages = key(s, n, "pswpout", 1);
	h->oom_kills = key(s, n, "oom_kill", 1);
	n = sm_read_once(fd, "meminfo", s, TEXT);
	h->mem_total = key(s, n, "MemTotal", 1024);
	h->mem_free = key(s, n, "MemFree", 1024);
	h->mem_available = key(s, n, "MemAvailable", 1024);
	h->swap_total = key(s, n, "SwapTotal", 1024);
	h->swap_free = key(s, n, "SwapFree", 1024);
}

/* It is another one only after a boot: read once. */
static void read_boot_id(int fd, char *s, struct sm_host_state *st)
{
	if (st->boot_id[0])
		return;
	ssize_t n = sm_read(fd, "sys/kernel/random/boot_id", s, TEXT);
	for (size_t i = 0; n > 0 && i < sizeof st->boot_id - 1 && s[i] && s[i] != '\n'; i++)
		st->boot_id[i] = s[i];
}

void sm_host_read(int fd, struct sm_host_state *st, struct mc_host *h)
{
	char s[TEXT];
	double unused;
	memset(h, 0, sizeof *h);
	read_stat(fd, s, st, h);
	read_memory(fd, s, h);
	pressure(fd, s, "pressure/memory", &h->psi_memory_some, &h->psi_memory_some_seconds, &h->psi_memory_full,
		&h->psi_memory_full_seconds);
	pressure(fd, s, "pressure/io", &h->psi_io_some, &h->psi_io_some_seconds, &unused, &unused);
	pressure(fd, s, "pressure/cpu", &h->psi_cpu_some, &h->psi_cpu_some_seconds, &unused, &unused);
	struct sm_net net;
	ssize_t n = sm_read(fd, "net/dev", s, TEXT);
	if (n > 0 && sm_parse_net(s, (size_t)n, &net)) {
		h->net_rx_bytes = net.rx_bytes;
		h->net_rx_packets = net.rx_packets;
		h->net_tx_bytes = net.tx_bytes;
		h->net_tx_packets = net.tx_packets;
	}
	read_boot_id(fd, s, st);
	memcpy(h->boot_id, st->boot_id, sizeof h->boot_id);
}
