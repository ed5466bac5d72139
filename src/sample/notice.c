/* What this process may not read, and what that costs. */
#include "sampler.h"

#include <linux/capability.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { STARVED_SAID_MS = 3600000 };

static bool capable(unsigned cap)
{
	struct __user_cap_header_struct h = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct d[2] = {0};
	return syscall(SYS_capget, &h, d) == 0 && (d[cap / 32].effective >> (cap % 32) & 1);
}

void sm_rights(struct mc_sampler *s, const char *procfs)
{
	static char text[65536]; /* read once at the start */
	struct stat st;
	s->can_ptrace = capable(CAP_SYS_PTRACE);
	ssize_t n = sm_read(s->procfd, "self/mountinfo", text, sizeof text);
	s->hidepid = n > 0 ? sm_parse_hidepid(text, (size_t)n, procfs) : 0;
	s->own_netns = fstatat(s->procfd, "self/ns/net", &st, 0) == 0 ? st.st_ino : 0;
}

static void line(struct mc_buf *out)
{
	if (out->len && out->data[out->len - 1] != '\n')
		mc_buf_str(out, "\n");
}

static void limits(const struct mc_sampler *s, struct mc_buf *out)
{
	const struct mc_tick *t = &s->tick;
	if (t->left_out_processes && !t->left_out_programs) {
		line(out);
		mc_buf_printf(out, "%zu processes are left out: sample.max_processes is %zu", t->left_out_processes, s->max_processes);
	}
	if (t->left_out_programs) {
		line(out);
		mc_buf_printf(out, "%zu programs (%zu processes) are left out: sample.max_programs is %zu", t->left_out_programs,
			t->left_out_processes, s->max_programs);
	}
	if (s->starved && t->t_ms - s->starved_ms < STARVED_SAID_MS) {
		line(out);
		mc_buf_str(out, "file descriptors ran out lately: some figures are older than they look; raise LimitNOFILE (ulimit -n)");
	}
	if (s->real && t->nprocesses > s->max_fds) {
		line(out);
		mc_buf_printf(out,
			"%zu of %zu processes have no descriptor kept (a tick costs more for them): raise LimitNOFILE to %zu",
			t->nprocesses - s->max_fds, t->nprocesses, t->nprocesses + 512);
	}
}

/* Whether a process of another user is seen in spite of hidepid, as the group of its gid= option does. */
static bool sees_others(const struct mc_sampler *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i]->kind != SM_HIDDEN && s->v[i]->uid != geteuid())
			return true;
	return false;
}

void mc_sampler_notice(const struct mc_sampler *s, struct mc_buf *out)
{
	const struct mc_tick *t = &s->tick;
	if (t->hidden || (s->hidepid >= 2 && !s->can_ptrace && !sees_others(s))) {
		line(out);
		if (t->hidden)
			mc_buf_printf(out, "%zu process%s of other users cannot be seen", t->hidden, t->hidden == 1 ? "" : "es");
		else
			mc_buf_str(out, "processes of other users cannot be seen");
		mc_buf_str(out, " (procfs is mounted with hidepid): run as root, with CAP_SYS_PTRACE, or in the group of its gid= option");
	}
	if (t->host.mem_total <= 0) {
		line(out);
		mc_buf_str(out, "figures of the host cannot be read: there is no 'meminfo' in procfs (mounted with subset=pid?)");
	}
	if (t->not_permitted) {
		line(out);
		mc_buf_printf(out,
			"of %zu of %zu processes the file they run, PSS, I/O, open files, libraries and network cannot be read: another build "
			"of theirs shows as a restart only%s",
			t->not_permitted, t->nprocesses, s->can_ptrace ? "" : "; CAP_SYS_PTRACE lets it be read");
	}
	if (s->short_asked && !s->exits) {
		line(out);
		mc_buf_printf(out, "short lives are not seen: %s; CAP_NET_ADMIN in the first network namespace is needed", s->exits_why);
	}
	if (sm_short_many(s)) {
		line(out);
		mc_buf_printf(out,
			"about %.0f processes or threads a second begin and end between two samples and are not seen; 'sample: {short_lives: "
			"true}' counts them",
			s->unseen < 100 ? s->unseen : s->unseen - (double)((long)s->unseen % 100));
	}
	if (t->short_lost > 0) {
		line(out);
		mc_buf_str(out, "some short lives went unseen: more processes ended at once than the kernel's queue holds");
	}
	limits(s, out);
}
