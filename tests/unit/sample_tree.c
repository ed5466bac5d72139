#include "sample_tree.h"

#include <ftw.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char tree_root[64];

static void must(bool ok, const char *what)
{
	if (!ok) {
		perror(what);
		abort();
	}
}

void tree_put(const char *path, const char *text)
{
	char full[4200];
	snprintf(full, sizeof full, "%s/%s", tree_root, path);
	for (char *p = full + strlen(tree_root) + 1; (p = strchr(p, '/')); p++) {
		*p = 0;
		mkdir(full, 0700);
		*p = '/';
	}
	FILE *f = fopen(full, "we");
	must(f && fputs(text, f) >= 0 && fclose(f) == 0, full);
}

void tree_putf(const char *path, const char *fmt, ...)
{
	char text[4096];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	tree_put(path, text);
}

void tree_process(const struct tree_process *p)
{
	char path[64];
	long kb = sysconf(_SC_PAGESIZE) / 1024;
	const char *comm = p->comm ? p->comm : "w";
	snprintf(path, sizeof path, "%d/stat", p->pid);
	tree_putf(path, "%d (%s) %c %d 1 1 0 -1 %u 7 0 2 0 %d 60 0 0 20 0 3 0 %d 409600 9 1 1\n", p->pid, comm, p->state ? p->state : 'S',
		p->ppid ? p->ppid : 1, p->flags ? p->flags : 4194304, p->utime, p->start ? p->start : 500);
	snprintf(path, sizeof path, "%d/statm", p->pid);
	tree_putf(path, "100 %d %d 1 0 9 0\n", p->anon + p->file + p->shmem, p->file + p->shmem);
	snprintf(path, sizeof path, "%d/status", p->pid);
	tree_putf(path,
		"Name:\tx\nUid:\t%d\t1000\nVmHWM:\t9000 kB\nRssAnon:\t%ld kB\nRssFile:\t%ld kB\nRssShmem:\t%ld kB\nVmSwap:\t%d kB\n"
		"Threads:\t3\nvoluntary_ctxt_switches:\t11\nnonvoluntary_ctxt_switches:\t2\n",
		p->uid ? p->uid : 1000, p->anon * kb, p->file * kb, p->shmem * kb, p->swap_kb);
	snprintf(path, sizeof path, "%d/cgroup", p->pid);
	tree_put(path, p->cgroup ? p->cgroup : "0::/\n");
	snprintf(path, sizeof path, "%d/cmdline", p->pid);
	tree_put(path, p->cmdline ? p->cmdline : "/bin/w --role=mail");
}

static int drop(const char *path, const struct stat *st, int flag, struct FTW *w)
{
	(void)st;
	(void)flag;
	(void)w;
	return remove(path);
}

void tree_forget(int pid)
{
	char path[128];
	snprintf(path, sizeof path, "%s/%d", tree_root, pid);
	nftw(path, drop, 16, FTW_DEPTH | FTW_PHYS);
}

void tree_begin(void)
{
	strcpy(tree_root, "/tmp/mc-sample-XXXXXX");
	must(mkdtemp(tree_root) != NULL, tree_root);
	tree_put("stat", "cpu  10 0 10 70 10 0 0 0\nctxt 99\nbtime 1000\nprocs_running 2\nprocs_blocked 27\n");
	tree_put("vmstat", "pswpin 5\npswpout 6\noom_kill 1\n");
	tree_put("meminfo", "MemTotal:  1000 kB\nMemAvailable: 10 kB\nSwapTotal: 500 kB\nSwapFree: 100 kB\n");
}

void tree_end(void)
{
	nftw(tree_root, drop, 16, FTW_DEPTH | FTW_PHYS);
}

const struct mc_process *tick_of(const struct mc_tick *t, int64_t pid)
{
	static const struct mc_process none;
	for (size_t i = 0; i < t->nprocesses; i++)
		if (t->processes[i]->pid == pid)
			return t->processes[i];
	return &none;
}

const char *tick_program(const struct mc_tick *t, int64_t pid)
{
	const struct mc_process *p = tick_of(t, pid);
	return p->pid ? t->programs[p->program].name : "";
}
