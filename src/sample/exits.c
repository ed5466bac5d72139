#include "exits.h"

#include <errno.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/filter.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/taskstats.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { RCVBUF = 4 << 20, BATCH = 32, MESSAGE = 2048, ROUNDS = 4096 };

struct sm_exits {
	int stats, procs; /* procs -1: exec is noticed by polling alone */
	uint16_t family;
	char cpus[32];
	_Alignas(struct nlmsghdr) char buf[BATCH][MESSAGE];
};

/* ---- messages ---- */
struct request {
	struct nlmsghdr h;
	struct genlmsghdr g;
	char attr[64];
};

static void request_init(struct request *r, uint16_t type, uint8_t cmd, uint16_t attr, const char *text)
{
	struct nlattr a = {.nla_type = attr, .nla_len = (uint16_t)(NLA_HDRLEN + strlen(text) + 1)};
	*r = (struct request){.h = {.nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK}, .g = {.cmd = cmd, .version = 1}};
	memcpy(r->attr, &a, sizeof a);
	memcpy(r->attr + NLA_HDRLEN, text, strlen(text) + 1);
	r->h.nlmsg_len = (uint32_t)(NLMSG_LENGTH(GENL_HDRLEN) + NLA_ALIGN(a.nla_len));
}

/* The message at *at, which moves behind it; NULL where no whole one is left. */
static const struct nlmsghdr *next_message(const void *buf, size_t n, size_t *at)
{
	const struct nlmsghdr *h = *at < n ? (const void *)((const char *)buf + *at) : NULL;
	if (!h || n - *at < sizeof *h || h->nlmsg_len < NLMSG_HDRLEN || h->nlmsg_len > n - *at)
		return NULL;
	*at += NLMSG_ALIGN(h->nlmsg_len);
	return h;
}

static const char *payload(const struct nlmsghdr *h, size_t *n)
{
	*n = h->nlmsg_len - (size_t)NLMSG_HDRLEN;
	return (const char *)h + NLMSG_HDRLEN;
}

/* The payload of attribute `type` in [p, p + n). */
static const char *attribute(const char *p, size_t n, uint16_t type, size_t *len)
{
	while (n >= NLA_HDRLEN) {
		struct nlattr a;
		memcpy(&a, p, sizeof a);
		if (a.nla_len < NLA_HDRLEN || a.nla_len > n)
			return NULL;
		if ((a.nla_type & NLA_TYPE_MASK) == type) {
			*len = (size_t)a.nla_len - NLA_HDRLEN;
			return p + NLA_HDRLEN;
		}
		size_t step = NLA_ALIGN(a.nla_len);
		if (step >= n)
			return NULL;
		p += step;
		n -= step;
	}
	return NULL;
}

/* Sends and waits for the acknowledgement; the payload of a reply before it goes to `reply`. */
static int ask(int fd, struct request *r, char *reply, size_t cap, size_t *len)
{
	struct sockaddr_nl to = {.nl_family = AF_NETLINK};
	_Alignas(struct nlmsghdr) char buf[MESSAGE];
	if (sendto(fd, r, r->h.nlmsg_len, 0, (const struct sockaddr *)&to, sizeof to) < 0)
		return -errno;
	for (int i = 0; i < 8; i++) {
		ssize_t n = recv(fd, buf, sizeof buf, 0);
		if (n < 0)
			return -errno;
		size_t at = 0, k;
		for (const struct nlmsghdr *h; (h = next_message(buf, (size_t)n, &at));) {
			const char *data = payload(h, &k);
			struct nlmsgerr e;
			if (h->nlmsg_type == NLMSG_ERROR) {
				memcpy(&e, data, k < sizeof e ? k : sizeof e);
				return k >= sizeof e ? e.error : -EPROTO;
			}
			if (reply && k > GENL_HDRLEN && k - GENL_HDRLEN <= cap) {
				*len = k - GENL_HDRLEN;
				memcpy(reply, data + GENL_HDRLEN, *len);
			}
		}
	}
	return -EPROTO;
}

/* ---- taskstats ---- */
static int family_of(int fd, uint16_t *ret)
{
	struct request r;
	char reply[MESSAGE];
	size_t len = 0, k = 0;
	request_init(&r, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, CTRL_ATTR_FAMILY_NAME, TASKSTATS_GENL_NAME);
	int rc = ask(fd, &r, reply, sizeof reply, &len);
	const char *id = rc == 0 ? attribute(reply, len, CTRL_ATTR_FAMILY_ID, &k) : NULL;
	if (!id || k < sizeof *ret)
		return rc ? rc : -ENOENT;
	memcpy(ret, id, sizeof *ret);
	return 0;
}

static int open_stats(struct sm_exits *x, struct mc_error *err)
{
	struct timeval limit = {.tv_sec = 1};
	int size = RCVBUF;
	struct request r;
	x->stats = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	if (x->stats < 0)
		return mc_fail(err, MC_EUNSUPPORTED, errno, "netlink");
	if (setsockopt(x->stats, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) != 0)
		setsockopt(x->stats, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	setsockopt(x->stats, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	int rc = family_of(x->stats, &x->family);
	if (rc)
		return mc_fail(err, MC_EUNSUPPORTED, -rc, "taskstats");
	snprintf(x->cpus, sizeof x->cpus, "0-%ld", sysconf(_SC_NPROCESSORS_CONF) - 1);
	request_init(&r, x->family, TASKSTATS_CMD_GET, TASKSTATS_CMD_ATTR_REGISTER_CPUMASK, x->cpus);
	rc = ask(x->stats, &r, NULL, 0, NULL);
	if (rc)
		return mc_fail(err, rc == -EPERM ? MC_EPERM : MC_EUNSUPPORTED, -rc, "taskstats");
	return 0;
}

bool sm_parse_exit(const void *data, size_t n, struct sm_exit *ret)
{
	struct taskstats t = {0};
	struct genlmsghdr g;
	size_t len = 0, k = 0;
	if (n < GENL_HDRLEN)
		return false;
	memcpy(&g, data, sizeof g);
	if (g.cmd != TASKSTATS_CMD_NEW)
		return false;
	/* a record a thread; the whole process's has a part of its own with sums that lack the peak */
	const char *aggregate = attribute((const char *)data + GENL_HDRLEN, n - GENL_HDRLEN, TASKSTATS_TYPE_AGGR_PID, &len);
	const char *stats = aggregate ? attribute(aggregate, len, TASKSTATS_TYPE_STATS, &k) : NULL;
	if (!stats || k < offsetof(struct taskstats, read_char))
		return false;
	memcpy(&t, stats, k < sizeof t ? k : sizeof t);
	bool has_tgid = t.version >= 12 && k >= offsetof(struct taskstats, ac_exe_inode) + sizeof t.ac_exe_inode;
	if (has_tgid && t.ac_tgid != t.ac_pid)
		return false; /* a thread's end */
	*ret = (struct sm_exit){.pid = t.ac_pid, .ppid = t.ac_ppid, .uid = t.ac_uid, .start_s = t.ac_btime,
				.elapsed_us = (int64_t)(t.ac_etime & INT64_MAX), .peak_bytes = t.hiwater_rss >> 48 ? 0 : t.hiwater_rss * 1024,
				.cpu_seconds = (double)t.ac_utime / 1e6 + (double)t.ac_stime / 1e6,
				.exe_dev = has_tgid ? t.ac_exe_dev : 0, .exe_ino = has_tgid ? t.ac_exe_inode : 0};
	memcpy(ret->comm, t.ac_comm, sizeof ret->comm);
	ret->comm[sizeof ret->comm - 1] = 0;
	return true;
}

/* ---- proc connector ---- */
struct subscription {
	struct nlmsghdr h;
	char body[sizeof(struct cn_msg) + sizeof(enum proc_cn_mcast_op)];
};

static void subscribe(int fd, enum proc_cn_mcast_op op)
{
	struct subscription m = {.h = {.nlmsg_len = NLMSG_LENGTH(sizeof m.body), .nlmsg_type = NLMSG_DONE}};
	struct cn_msg c = {.id = {CN_IDX_PROC, CN_VAL_PROC}, .len = sizeof op};
	memcpy(m.body, &c, sizeof c);
	memcpy(m.body + sizeof c, &op, sizeof op);
	ssize_t sent = send(fd, &m, m.h.nlmsg_len, 0);
	(void)sent; /* unheard, it stays silent, and exec is noticed by polling */
}

/* Only exec and renames are let through: forks and exits would be most of the traffic. */
static int filter(int fd)
{
	enum { WHAT = NLMSG_LENGTH(0) + sizeof(struct cn_msg) + offsetof(struct proc_event, what) };
	/* the filter reads in network order */
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, WHAT),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __builtin_bswap32(PROC_EVENT_EXEC), 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __builtin_bswap32(PROC_EVENT_COMM), 1, 0),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	};
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	code[1].k = PROC_EVENT_EXEC;
	code[2].k = PROC_EVENT_COMM;
#endif
	struct sock_fprog p = {.len = sizeof code / sizeof *code, .filter = code};
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &p, sizeof p);
}

static int open_procs(void)
{
	struct sockaddr_nl a = {.nl_family = AF_NETLINK, .nl_groups = CN_IDX_PROC};
	int size = RCVBUF / 4, fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_CONNECTOR);
	if (fd < 0)
		return -1;
	if (filter(fd) != 0 || bind(fd, (const struct sockaddr *)&a, sizeof a) != 0) {
		close(fd);
		return -1;
	}
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) != 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	subscribe(fd, PROC_CN_MCAST_LISTEN);
	return fd;
}

/* ---- draining ---- */
struct sink {
	void (*ended)(void *user, const struct sm_exit *e);
	void (*execed)(void *user, int64_t pid);
	void *user;
	uint16_t family;
	int64_t now_ms;
};

static void take_exit(const struct sink *k, const struct nlmsghdr *h)
{
	struct sm_exit e;
	size_t n;
	const char *data = payload(h, &n);
	if (h->nlmsg_type != k->family || !sm_parse_exit(data, n, &e))
		return;
	e.end_ms = k->now_ms;
	k->ended(k->user, &e);
}

static void take_event(const struct sink *k, const struct nlmsghdr *h)
{
	struct cn_msg c;
	struct proc_event ev = {0};
	size_t n;
	const char *data = payload(h, &n);
	if (n < sizeof c)
		return;
	memcpy(&c, data, sizeof c);
	memcpy(&ev, data + sizeof c, n - sizeof c < sizeof ev ? n - sizeof c : sizeof ev);
	if (c.id.idx != CN_IDX_PROC)
		return;
	if (ev.what == PROC_EVENT_EXEC)
		k->execed(k->user, ev.event_data.exec.process_tgid);
	else if (ev.what == PROC_EVENT_COMM && ev.event_data.comm.process_pid == ev.event_data.comm.process_tgid)
		k->execed(k->user, ev.event_data.comm.process_tgid);
}

/* False: the kernel had to drop some. */
static bool drain(struct sm_exits *x, int fd, const struct sink *k, void (*take)(const struct sink *, const struct nlmsghdr *))
{
	struct iovec iov[BATCH];
	struct mmsghdr msg[BATCH];
	struct sockaddr_nl from[BATCH];
	bool whole = true;
	for (int round = 0; round < ROUNDS; round++) {
		memset(msg, 0, sizeof msg);
		for (size_t i = 0; i < BATCH; i++) {
			iov[i] = (struct iovec){.iov_base = x->buf[i], .iov_len = MESSAGE};
			msg[i].msg_hdr = (struct msghdr){.msg_iov = &iov[i], .msg_iovlen = 1, .msg_name = &from[i],
							 .msg_namelen = sizeof from[i]};
		}
		int n = recvmmsg(fd, msg, BATCH, MSG_DONTWAIT, NULL);
		if (n < 0 && errno == ENOBUFS) {
			whole = false;
			continue;
		}
		if (n <= 0)
			return whole;
		for (int i = 0; i < n; i++) {
			size_t at = 0;
			if (from[i].nl_pid != 0) /* not from the kernel */
				continue;
			for (const struct nlmsghdr *h; (h = next_message(x->buf[i], msg[i].msg_len, &at));)
				take(k, h);
		}
		if (n < BATCH)
			return whole;
	}
	return whole;
}

bool sm_exits_drain(struct sm_exits *x, void (*ended)(void *user, const struct sm_exit *e),
	void (*execed)(void *user, int64_t pid), void *user)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	struct sink k = {.ended = ended, .execed = execed, .user = user, .family = x->family,
			 .now_ms = now.tv_sec * 1000LL + now.tv_nsec / 1000000};
	bool whole = drain(x, x->stats, &k, take_exit);
	if (x->procs >= 0)
		whole &= drain(x, x->procs, &k, take_event);
	return whole;
}

/* ---- begin and end ---- */
int sm_exits_new(struct sm_exits **ret, struct mc_error *err)
{
	struct sm_exits *x = calloc(1, sizeof *x);
	if (!x)
		return mc_nomem(err, "exit records");
	x->procs = -1;
	int rc = open_stats(x, err);
	if (rc) {
		sm_exits_free(x);
		return rc;
	}
	x->procs = open_procs();
	*ret = x;
	return 0;
}

void sm_exits_free(struct sm_exits *x)
{
	if (!x)
		return;
	if (x->procs >= 0) {
		subscribe(x->procs, PROC_CN_MCAST_IGNORE);
		close(x->procs);
	}
	if (x->stats >= 0)
		close(x->stats); /* the kernel forgets who listened */
	free(x);
}
