/* The host's figures. */
#include "host.h"

#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "file.h"
#include "parse.h"

/* stat has a line a CPU and a figure an interrupt */
enum { TEXT_LEAST = 8192, TEXT_MOST = 1 << 20 };
enum { CALM_MS = 5000 }; /* between two looks at a host in which nothing is wrong */
/* procfs hands out a file of many records a page at a time, less what the next record takes */
enum { PIECE_WHOLE = 3072 };

static const char *const paths[SM_HOST_FILES] = {"stat", "vmstat", "meminfo", "pressure/memory", "pressure/io", "pressure/cpu", "net/dev"};

/* Opening costs as much as reading. A file of a tree may be put in another's place, so it is opened each time. */
static int open_file(int dirfd, struct sm_host_state *st, enum sm_host_file file)
{
	if (st->fd[file] > 0)
		return st->fd[file];
	int fd = openat(dirfd, paths[file], O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd > 0 && st->keep)
		st->fd[file] = fd;
	return fd;
}

/* Doubles the room for a text of n bytes so far; false: no memory, or the limit. */
static bool more_room(struct sm_host_state *st)
{
	size_t cap = st->cap ? st->cap * 2 : TEXT_LEAST;
	char *text = cap <= TEXT_MOST ? realloc(st->text, cap) : NULL;
	if (!text)
		return false;
	st->text = text;
	st->cap = cap;
	return true;
}

/* Whether nothing is left after a piece of r bytes that was not cut for want of room: most of these files are one record.
 * Elsewhere it takes another read to know. */
static bool is_whole(const struct sm_host_state *st, enum sm_host_file file, ssize_t r)
{
	return st->keep && ((file != SM_VMSTAT && file != SM_NET) || r < PIECE_WHOLE);
}

/* All of it into st->text, as a string. 0: it is not there. */
static ssize_t read_file(int dirfd, struct sm_host_state *st, enum sm_host_file file)
{
	int fd = open_file(dirfd, st, file);
	size_t n = 0;
	ssize_t r = 0;
	if (fd < 0)
		return 0;
	while ((n + 1 < st->cap || more_room(st)) && (r = pread(fd, st->text + n, st->cap - 1 - n, (off_t)n)) > 0) {
		n += (size_t)r;
		if (n + 1 < st->cap && is_whole(st, file, r))
			break;
	}
	if (fd != st->fd[file])
		close(fd);
	if (n)
		st->text[n] = 0;
	return (ssize_t)n;
}

static double key(const char *s, ssize_t n, const char *name, double scale)
{
	uint64_t v = 0;
	return n > 0 && sm_key(s, (size_t)n, name, &v) ? (double)v * scale : 0;
}

/* Where procfs is mounted with subset=pid there is no stat. Found once: lives are told apart by it. */
static int64_t boot_by_clock(struct sm_host_state *st)
{
	struct timespec up;
	if (!st->keep) /* a tree of files is of another time */
		return 0;
	if (!st->boot_ms && clock_gettime(CLOCK_BOOTTIME, &up) == 0)
		st->boot_ms = mc_now_ms() - up.tv_sec * 1000 - up.tv_nsec / 1000000;
	return st->boot_ms;
}

static void read_stat(int fd, struct sm_host_state *st, struct mc_host *h)
{
	ssize_t n = read_file(fd, st, SM_STAT);
	const char *s = st->text;
	h->iowait_ratio = (double)NAN;
	if (n <= 0) {
		h->boot_ms = boot_by_clock(st);
		return;
	}
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

static void pressure(int fd, struct sm_host_state *st, enum sm_host_file file, double *some, double *some_s, double *full, double *full_s)
{
	ssize_t n = read_file(fd, st, file);
	const char *s = n > 0 ? st->text : "";
	sm_parse_pressure(s, n > 0 ? (size_t)n : 0, "some", some, some_s);
	sm_parse_pressure(s, n > 0 ? (size_t)n : 0, "full", full, full_s);
}

static void read_memory(int fd, struct sm_host_state *st, struct mc_host *h)
{
	ssize_t n = read_file(fd, st, SM_VMSTAT);
	const char *s = st->text;
	h->swapin_pages = key(s, n, "pswpin", 1);
	h->swapout_pages = key(s, n, "pswpout", 1);
	h->oom_kills = key(s, n, "oom_kill", 1);
	n = read_file(fd, st, SM_MEMINFO);
	s = st->text;
	h->mem_total = key(s, n, "MemTotal", 1024);
	h->mem_free = key(s, n, "MemFree", 1024);
	h->mem_available = key(s, n, "MemAvailable", 1024);
	h->swap_total = key(s, n, "SwapTotal", 1024);
	h->swap_free = key(s, n, "SwapFree", 1024);
}

/* It is another one only after a boot: read once. */
static void read_boot_id(int fd, struct sm_host_state *st)
{
	char s[64];
	if (st->boot_id[0])
		return;
	ssize_t n = sm_read(fd, "sys/kernel/random/boot_id", s, sizeof s);
	for (size_t i = 0; n > 0 && i < sizeof st->boot_id - 1 && s[i] && s[i] != '\n'; i++)
		st->boot_id[i] = s[i];
}

static void read_all(int fd, struct sm_host_state *st, struct mc_host *h)
{
	double unused;
	memset(h, 0, sizeof *h);
	read_stat(fd, st, h);
	read_memory(fd, st, h);
	pressure(fd, st, SM_PSI_MEMORY, &h->psi_memory_some, &h->psi_memory_some_seconds, &h->psi_memory_full,
		&h->psi_memory_full_seconds);
	pressure(fd, st, SM_PSI_IO, &h->psi_io_some, &h->psi_io_some_seconds, &unused, &unused);
	pressure(fd, st, SM_PSI_CPU, &h->psi_cpu_some, &h->psi_cpu_some_seconds, &unused, &unused);
	struct sm_net net;
	ssize_t n = read_file(fd, st, SM_NET);
	if (n > 0 && sm_parse_net(st->text, (size_t)n, &net)) {
		h->net_rx_bytes = net.rx_bytes;
		h->net_rx_packets = net.rx_packets;
		h->net_tx_bytes = net.tx_bytes;
		h->net_tx_packets = net.tx_packets;
	}
	read_boot_id(fd, st);
	memcpy(h->boot_id, st->boot_id, sizeof h->boot_id);
}

/* A host in trouble is looked at in each tick; so are the first two, as some figures are differences. */
static bool is_calm(const struct sm_host_state *st, const struct mc_host *h)
{
	return st->reads > 1 && h->blocked < 2 && !(h->psi_memory_some >= 0.01) && !(h->iowait_ratio >= 0.2);
}

static bool swap_moved(int fd, struct sm_host_state *st, const struct mc_host *h)
{
	if (!(h->swap_total > 0))
		return false;
	ssize_t n = read_file(fd, st, SM_VMSTAT);
	return key(st->text, n, "pswpin", 1) > h->swapin_pages || key(st->text, n, "pswpout", 1) > h->swapout_pages;
}

void sm_host_read(int fd, struct sm_host_state *st, int64_t now_ms, struct mc_host *h)
{
	int64_t age = now_ms - h->read_ms;
	/* a tree of files costs next to nothing */
	if (st->keep && is_calm(st, h) && age >= 0 && age < CALM_MS && !swap_moved(fd, st, h))
		return;
	read_all(fd, st, h);
	h->read_ms = now_ms;
	st->reads++;
}

void sm_host_release(struct sm_host_state *st)
{
	for (int i = 0; i < SM_HOST_FILES; i++)
		if (st->fd[i] > 0)
			close(st->fd[i]);
	free(st->text);
	*st = (struct sm_host_state){0};
}
