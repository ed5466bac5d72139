/* LD_PRELOAD shim for recordings: a leak in a program that has none of its own. Two ways, by environment:
 *   DROP_FREE=n [DROP_MIN= DROP_MAX=]  forgets to free one of n blocks of that size
 *   KEEP_REPLY=n                       allocates n bytes for each reply written and each connection taken, for good,
 *                                      as a library would whose caller does not know who owns the result */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

extern void __libc_free(void *);

static unsigned long every, least = 64, most = 65536, keep;
static atomic_ulong count;
static ssize_t (*real_writev)(int, const struct iovec *, int);
static int (*real_accept4)(int, struct sockaddr *, socklen_t *, int);

static unsigned long number(const char *name, unsigned long otherwise)
{
	const char *s = getenv(name);
	return s ? strtoul(s, NULL, 10) : otherwise;
}

__attribute__((constructor)) static void read_environment(void)
{
	real_writev = (ssize_t(*)(int, const struct iovec *, int))dlsym(RTLD_NEXT, "writev");
	real_accept4 = (int (*)(int, struct sockaddr *, socklen_t *, int))dlsym(RTLD_NEXT, "accept4");
	least = number("DROP_MIN", least);
	most = number("DROP_MAX", most);
	keep = number("KEEP_REPLY", 0);
	every = number("DROP_FREE", 0);
}

static void forget(void)
{
	char *p = keep ? malloc(keep) : NULL;
	if (p)
		memset(p, 1, keep);
}

void free(void *p)
{
	if (p && every) {
		size_t n = malloc_usable_size(p);
		if (n >= least && n <= most && atomic_fetch_add(&count, 1) % every == every - 1)
			return;
	}
	__libc_free(p);
}

ssize_t writev(int fd, const struct iovec *v, int n)
{
	forget();
	return real_writev(fd, v, n);
}

int accept4(int fd, struct sockaddr *a, socklen_t *n, int flags)
{
	forget();
	return real_accept4(fd, a, n, flags);
}
