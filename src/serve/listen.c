/* Listening sockets: TCP, a Unix socket, and those that systemd hands over. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "serve_priv.h"

enum { BACKLOG = 512 };

/* Splits "HOST:PORT", "[V6]:PORT", ":PORT". */
static int split(const char *address, char *host, size_t host_size, char *port, size_t port_size, struct mc_error *err)
{
	const char *colon = strrchr(address, ':');
	const char *begin = address, *end = colon;
	if (colon && address[0] == '[') {
		begin++;
		end = colon - 1;
		if (end < begin || *end != ']')
			colon = NULL;
	} else if (colon && memchr(address, ':', (size_t)(colon - address)))
		colon = NULL; /* IPv6 without brackets */
	uint64_t number;
	if (!colon || !mc_parse_u64(colon + 1, strlen(colon + 1), &number) || number > 65535 ||
	    (size_t)(end - begin) >= host_size || strlen(colon + 1) >= port_size)
		return mc_fail(err, MC_EUSAGE, 0, "listen address \"%.200s\": expected HOST:PORT, [IPv6]:PORT or :PORT", address);
	memcpy(host, begin, (size_t)(end - begin));
	host[end - begin] = '\0';
	memcpy(port, colon + 1, strlen(colon + 1) + 1);
	return 0;
}

static int bind_one(const struct addrinfo *ai, bool any, const char *address, int *ret, struct mc_error *err)
{
	int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return mc_fail(err, MC_EIO, errno, "listen address %s: socket", address);
	int on = 1, off = 0;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (ai->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, any ? &off : &on, sizeof(on));
	int rc = 0;
	if (bind(fd, ai->ai_addr, ai->ai_addrlen) || listen(fd, BACKLOG)) {
		if (errno == EADDRINUSE)
			rc = mc_fail(err, MC_EBUSY, 0, "%s: the port is taken by another program; --web.listen-address gives another", address);
		else if (errno == EACCES)
			rc = mc_fail(err, MC_EPERM, errno, "listen on %s", address);
		else
			rc = mc_fail(err, MC_EIO, errno, "listen on %s", address);
		close(fd);
		return rc;
	}
	/* a request comes right behind its connection: one wake-up for both. Who sends nothing is met after a second. */
	setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &on, sizeof(on));
	*ret = fd;
	return 0;
}

int mc_listen_tcp(const char *address, int *ret, struct mc_error *err)
{
	char host[256], port[8];
	int rc = split(address, host, sizeof(host), port, sizeof(port), err);
	if (rc)
		return rc;
	bool any = host[0] == '\0';
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV };
	struct addrinfo *list = NULL;
	int failed = getaddrinfo(any ? NULL : host, port, &hints, &list);
	if (failed)
		return mc_fail(err, MC_EUSAGE, 0, "listen address %s: %s", address, gai_strerror(failed));
	rc = mc_fail(err, MC_EUSAGE, 0, "listen address %s: no address", address);
	/* For all addresses one IPv6 socket takes IPv4 too; where there is no IPv6, IPv4 alone. */
	static const int order[] = { AF_INET6, AF_INET };
	for (size_t k = 0; any && rc && rc != MC_EBUSY && k < 2; k++)
		for (const struct addrinfo *ai = list; ai; ai = ai->ai_next)
			if (ai->ai_family == order[k] && (rc = bind_one(ai, true, address, ret, err)) == 0)
				break;
	for (const struct addrinfo *ai = list; !any && ai && rc && rc != MC_EBUSY; ai = ai->ai_next)
		rc = bind_one(ai, false, address, ret, err);
	freeaddrinfo(list);
	return rc;
}

static int unix_address(const char *path, struct sockaddr_un *a, struct mc_error *err)
{
	*a = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(a->sun_path))
		return mc_fail(err, MC_ELIMIT, 0, "socket %s: the path is longer than %zu bytes", path, sizeof(a->sun_path) - 1);
	memcpy(a->sun_path, path, strlen(path) + 1);
	return 0;
}

/* Refuses what is not ours to replace: another kind of file, or a socket that answers. */
static int check_old(const char *path, const struct sockaddr_un *a, struct mc_error *err)
{
	struct stat st;
	if (lstat(path, &st))
		return errno == ENOENT ? 0 : mc_fail(err, MC_EIO, errno, "socket %s", path);
	if (!S_ISSOCK(st.st_mode))
		return mc_fail(err, MC_EEXIST, 0, "socket %s: there is a file of another kind", path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return mc_fail(err, MC_EIO, errno, "socket %s", path);
	int rc = connect(fd, (const struct sockaddr *)a, sizeof(*a));
	int why = errno;
	close(fd);
	if (rc == 0 || why == EAGAIN || why == EINPROGRESS)
		return mc_fail(err, MC_EBUSY, 0, "socket %s: another server answers there", path);
	if (why == ECONNREFUSED || why == ENOENT)
		return 0;
	return mc_fail(err, why == EACCES ? MC_EPERM : MC_EIO, why, "socket %s", path);
}

int mc_listen_unix(const char *path, struct mc_unix_socket *own, int *ret, struct mc_error *err)
{
	struct sockaddr_un a, fresh;
	char *tmp = NULL;
	int fd = -1;
	bool made = false;
	int rc = unix_address(path, &a, err);
	if (rc || (rc = check_old(path, &a, err)))
		return rc;
	/* Made beside it with its final mode, listening, and only then renamed over: whatever the umask,
	 * nobody ever meets it with another mode, and there is no moment without a socket. */
	size_t len = strlen(path);
	own->path = mc_strdup(path);
	tmp = malloc(len + 2);
	if (!tmp || !own->path) {
		rc = mc_nomem(err, "socket path");
		goto out;
	}
	memcpy(tmp, path, len);
	memcpy(tmp + len, "~", 2);
	if ((rc = unix_address(tmp, &fresh, err)))
		goto out;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		rc = mc_fail(err, MC_EIO, errno, "socket %s", path);
		goto out;
	}
	unlink(tmp); /* of a start that was cut off */
	if (bind(fd, (const struct sockaddr *)&fresh, sizeof(fresh))) {
		rc = mc_fail(err, errno == EACCES ? MC_EPERM : MC_EIO, errno, "socket %s", path);
		goto out;
	}
	made = true;
	struct stat st;
	if (chmod(tmp, 0660) || listen(fd, BACKLOG) || stat(tmp, &st) || rename(tmp, path)) {
		rc = mc_fail(err, MC_EIO, errno, "socket %s", path);
		goto out;
	}
	own->dev = st.st_dev;
	own->ino = st.st_ino;
	*ret = fd;
out:
	if (rc) {
		if (made)
			unlink(tmp);
		if (fd >= 0)
			close(fd);
		free(own->path);
		own->path = NULL;
	}
	free(tmp);
	return rc;
}

void mc_unix_socket_remove(struct mc_unix_socket *own)
{
	struct stat st;
	if (own->path && lstat(own->path, &st) == 0 && st.st_dev == own->dev && st.st_ino == own->ino)
		unlink(own->path);
	free(own->path);
	own->path = NULL;
}

size_t mc_serve_activated(int *first)
{
	enum { FIRST_FD = 3, MOST = 16 };
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	uint64_t p = 0, n = 0;
	bool ours = pid && fds && mc_parse_u64(pid, strlen(pid), &p) && mc_parse_u64(fds, strlen(fds), &n) &&
		p == (uint64_t)getpid() && n <= MOST;
	/* Children must not take them for theirs. */
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	if (!ours)
		return 0;
	for (uint64_t i = 0; i < n; i++)
		if (fcntl(FIRST_FD + (int)i, F_SETFD, FD_CLOEXEC))
			return 0;
	*first = FIRST_FD;
	return n;
}
