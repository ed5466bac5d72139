/* Reading a process's root, script and start time; a fixture tree of plain files does as well as /proc. */
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int mc_process_open(struct mc_process *p, int procfd, int64_t pid, struct mc_error *err)
{
	char name[32];
	*p = (struct mc_process){ .procfd = procfd, .dirfd = -1, .rootfd = -1, .pid = pid };
	snprintf(name, sizeof name, "%lld", (long long)pid);
	p->dirfd = openat(procfd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (p->dirfd < 0) {
		int code = errno == EACCES || errno == EPERM ? MC_EPERM : errno == ENOENT || errno == ESRCH ? MC_ENOTFOUND : MC_EIO;
		return mc_fail(err, code, errno, "process %lld", (long long)pid);
	}
	ssize_t n = readlinkat(p->dirfd, "exe", p->exe, sizeof p->exe - 1);
	p->exe[n > 0 ? n : 0] = '\0';
	static const char gone[] = " (deleted)";
	if (n > (ssize_t)sizeof gone && strcmp(p->exe + n - (sizeof gone - 1), gone) == 0) {
		p->deleted = true;
		p->exe[n - (ssize_t)(sizeof gone - 1)] = '\0';
	}
	return 0;
}

void mc_process_close(struct mc_process *p)
{
	if (p->dirfd >= 0)
		close(p->dirfd);
	if (p->rootfd >= 0)
		close(p->rootfd);
	p->dirfd = p->rootfd = -1;
}

static int root_of(struct mc_process *p)
{
	if (p->rootfd >= 0)
		return p->rootfd;
	struct stat own, its;
	p->rootfd = openat(p->dirfd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	/* without ptrace rights the magic link is closed to us; our own root may still show the file, but
	 * only for a process that is in no other mount namespace, which cannot be told then: give up */
	if (p->rootfd >= 0 && stat("/", &own) == 0 && fstat(p->rootfd, &its) == 0)
		p->own_root = own.st_dev == its.st_dev && own.st_ino == its.st_ino;
	return p->rootfd;
}

static struct stat our_root; /* which we never change */
static bool our_root_known;

static void look_at_our_root(void)
{
	our_root_known = stat("/", &our_root) == 0;
}

bool mc_process_other_root(const struct mc_process *p)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct stat its;
	pthread_once(&once, look_at_our_root);
	/* asked of every process: without opening it */
	return our_root_known && fstatat(p->dirfd, "root", &its, 0) == 0 && (our_root.st_dev != its.st_dev || our_root.st_ino != its.st_ino);
}

int mc_process_file(const struct mc_process *cp, const char *path, int flags)
{
	struct mc_process *p = (struct mc_process *)(uintptr_t)cp; /* rootfd is opened at first use */
	int root = root_of(p);
	if (root < 0)
		return -1;
	/* O_NONBLOCK: a FIFO that somebody put there must not hold us */
	struct open_how how = { .flags = (uint64_t)(unsigned)(flags | O_CLOEXEC | O_NONBLOCK), .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
	if (flags & O_PATH)
		how.flags &= ~(uint64_t)O_NONBLOCK;
	long fd = syscall(SYS_openat2, root, path, &how, sizeof how);
	if (fd < 0 && (errno == ENOSYS || errno == EPERM) && p->own_root) /* before Linux 5.6, or a seccomp filter */
		fd = open(path, flags | O_CLOEXEC | O_NONBLOCK);
	return (int)fd;
}

bool mc_process_text(const struct mc_process *p, const char *path, size_t limit, struct mc_buf *b)
{
	struct stat st;
	int fd = mc_process_file(p, path, O_RDONLY | O_NOCTTY);
	bool ok = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
	char piece[4096];
	ssize_t n = 1;
	while (ok && n > 0) {
		n = read(fd, piece, sizeof piece);
		ok = n >= 0 && b->len + (size_t)n <= limit;
		if (ok && n > 0)
			mc_buf_add(b, piece, (size_t)n);
	}
	if (fd >= 0)
		close(fd);
	return ok && !b->failed;
}

static bool number_after(const char *s, const char *end, uint64_t *ret)
{
	const char *e = s;
	while (e < end && *e >= '0' && *e <= '9')
		e++;
	return mc_parse_u64(s, (size_t)(e - s), ret);
}

/* Field 22 of stat, in clock ticks since boot; parsed from the last ')', a comm may hold any byte. */
static bool start_ticks(const struct mc_process *p, uint64_t *ret)
{
	struct mc_buf b = { 0 };
	bool ok = false;
	if (mc_read_file(p->dirfd, "stat", 8192, &b, NULL) == 0 && b.data) {
		const char *s = strrchr(b.data, ')');
		for (int field = 2; s && field < 22; field++)
			s = strchr(s + 1, ' ');
		ok = s && number_after(s + 1, b.data + b.len, ret);
	}
	mc_buf_release(&b);
	return ok;
}

int64_t mc_process_start_ms(const struct mc_process *p)
{
	struct mc_buf b = { 0 };
	uint64_t ticks = 0, boot = 0;
	bool ok = start_ticks(p, &ticks) && mc_read_file(p->procfd, "stat", 1 << 20, &b, NULL) == 0 && b.data;
	const char *s = ok ? strstr(b.data, "\nbtime ") : NULL;
	ok = s && number_after(s + 7, b.data + b.len, &boot);
	mc_buf_release(&b);
	long hz = sysconf(_SC_CLK_TCK);
	if (!ok || hz <= 0 || boot > INT64_MAX / 2000 || ticks > INT64_MAX / 2000)
		return 0;
	return (int64_t)(boot * 1000 + ticks * 1000 / (uint64_t)hz);
}

bool mc_path_is_system(const char *path)
{
	static const char *const dirs[] = { "/usr/bin/", "/usr/sbin/", "/usr/lib/", "/usr/libexec/", "/usr/lib64/", "/bin/", "/sbin/",
		"/lib/", "/lib64/", "/snap/", "/nix/" };
	for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++)
		if (strncmp(path, dirs[i], strlen(dirs[i])) == 0)
			return true;
	return false;
}

void mc_release_name(const char *path, char *ret, size_t size)
{
	struct mc_buf b = { 0 }, clean = { 0 };
	for (const char *s = path; *s;) {
		size_t hex = strspn(s, "0123456789abcdefABCDEF"), digits = strspn(s, "0123456789");
		size_t number = digits ? strspn(s, "0123456789.") : 0;
		if (hex >= 7 && strcspn(s, "0123456789") < hex)
			mc_buf_str(&b, "#"), s += hex;
		else if (number)
			mc_buf_str(&b, "#"), s += s[number - 1] == '.' ? number - 1 : number;
		else
			mc_buf_add(&b, s++, 1);
	}
	mc_text_add(&clean, mc_buf_text(&b), b.len);
	/* of a long one the end, which differs more */
	const char *from = mc_buf_text(&clean);
	if (clean.len >= size)
		from += clean.len - size + 1;
	while ((*from & 0xc0) == 0x80)
		from++;
	snprintf(ret, size, "%s", from);
	mc_buf_release(&b);
	mc_buf_release(&clean);
}

/* The kind of interpreter, so that an editor with a file of a work tree open is not taken for a release. */
static bool runs_scripts(const char *exe, bool *is_shell)
{
	static const char *const names[] = { "python", "ruby", "node", "perl", "php", "java", "lua", "deno", "bun", "Rscript", "pypy",
		"uwsgi", "tclsh", "dotnet", "bash", "dash", "sh", "zsh", "ksh" };
	const char *base = strrchr(exe, '/');
	base = base ? base + 1 : exe;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		size_t n = strlen(names[i]);
		/* "python3.11", "node", but not "shutdown" */
		if (strncmp(base, names[i], n) == 0 && (base[n] == '\0' || (base[n] >= '0' && base[n] <= '9') || base[n] == '.' || base[n] == '-')) {
			*is_shell = i >= 14;
			return true;
		}
	}
	return false;
}

static bool join(char ret[PATH_MAX], const char *dir, const char *name)
{
	int n = name[0] == '/' ? snprintf(ret, PATH_MAX, "%s", name) : snprintf(ret, PATH_MAX, "%s/%s", dir, name);
	return n > 0 && n < PATH_MAX;
}

static bool is_file(const struct mc_process *p, const char *path)
{
	struct stat st;
	int fd = mc_process_file(p, path, O_PATH);
	bool yes = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
	if (fd >= 0)
		close(fd);
	return yes;
}

/* Arguments up to the first that is a file; "-c TEXT" and "-e TEXT" run no file. */
static bool script_argument(const struct mc_process *p, const struct mc_buf *args, const char *cwd, char ret[PATH_MAX])
{
	size_t at = strlen(args->data) + 1;
	for (int i = 0; i < 12 && at < args->len; i++, at += strlen(args->data + at) + 1) {
		const char *a = args->data + at;
		if (strcmp(a, "-c") == 0 || strcmp(a, "-e") == 0)
			return false;
		if (a[0] != '-' && a[0] != '\0' && join(ret, cwd, a) && is_file(p, ret))
			return true;
	}
	return false;
}

bool mc_process_script(const struct mc_process *p, char ret[PATH_MAX])
{
	bool shell = false;
	char cwd[PATH_MAX];
	struct mc_buf args = { 0 };
	if (!runs_scripts(p->exe, &shell))
		return false;
	ssize_t n = readlinkat(p->dirfd, "cwd", cwd, sizeof cwd - 1);
	if (n <= 0)
		return false;
	cwd[n] = '\0';
	bool found = mc_read_file(p->dirfd, "cmdline", 1 << 17, &args, NULL) == 0 && args.data && script_argument(p, &args, cwd, ret);
	/* "python3 -m app", or a launcher such as gunicorn: the application is what it was started in */
	if (!shell && (!found || mc_path_is_system(ret)) && args.data)
		found = join(ret, cwd, "-");
	mc_buf_release(&args);
	return found;
}
