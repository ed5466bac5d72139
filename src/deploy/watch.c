/* Noticing that refs moved, by the files that git writes: a loose ref and packed-refs are replaced by
 * renaming, so the folder's time changes. No object is read, no repository opened. */
#include "memculprit/deploy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_FOLDERS = 2000, DEEPEST = 12 };

static uint64_t mix(uint64_t h, uint64_t v)
{
	for (int i = 0; i < 8; i++, v >>= 8)
		h = (h ^ (v & 0xff)) * 1099511628211u;
	return h;
}

static uint64_t mix_stat(uint64_t h, const struct stat *st)
{
	h = mix(h, (uint64_t)st->st_ino);
	h = mix(h, (uint64_t)st->st_size);
	return mix(h, (uint64_t)st->st_mtim.tv_sec * 1000000000u + (uint64_t)st->st_mtim.tv_nsec);
}

static uint64_t file(uint64_t h, int dir, const char *name)
{
	struct stat st;
	return fstatat(dir, name, &st, 0) == 0 ? mix_stat(h, &st) : mix(h, 0);
}

/* The folder's own time and those of the folders in it. Takes fd. */
static uint64_t folder(uint64_t h, int fd, int depth, int *left)
{
	struct stat st;
	if (fstat(fd, &st) < 0 || --*left < 0) {
		close(fd);
		return h;
	}
	h = mix_stat(h, &st);
	DIR *d = depth < DEEPEST ? fdopendir(fd) : NULL;
	if (!d) {
		close(fd);
		return h;
	}
	uint64_t sum = 0; /* the order in which a folder lists is its own affair */
	for (struct dirent *e; (e = readdir(d));) {
		if (e->d_name[0] == '.' || (e->d_type != DT_DIR && e->d_type != DT_UNKNOWN))
			continue;
		int sub = openat(dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		if (sub >= 0)
			sum += folder(14695981039346656037u, sub, depth + 1, left);
	}
	closedir(d);
	return mix(h, sum);
}

/* ".git" of a linked work tree or submodule is a file that names the folder, whose commondir has the refs. */
static int follow(int dir, const char *name, const char *key)
{
	char text[PATH_MAX];
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
	if (fd >= 0)
		close(fd);
	size_t skip = strlen(key);
	if (n <= (ssize_t)skip || strncmp(text, key, skip) != 0)
		return -1;
	text[n] = '\0';
	text[strcspn(text, "\r\n")] = '\0';
	return openat(dir, text + skip, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* The folder with HEAD in it, or -1. */
static int git_folder(int top)
{
	struct stat st;
	if (fstatat(top, ".git", &st, 0) == 0)
		return S_ISDIR(st.st_mode) ? openat(top, ".git", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : follow(top, ".git", "gitdir: ");
	return fstatat(top, "HEAD", &st, 0) == 0 ? openat(top, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
}

int mc_repo_watch(const char *path, uint64_t *state, struct mc_error *err)
{
	int left = MOST_FOLDERS, top = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), git = top >= 0 ? git_folder(top) : -1;
	if (top >= 0)
		close(top);
	if (git < 0) {
		int sys = errno;
		return mc_fail(err, top < 0 && (sys == EACCES || sys == EPERM) ? MC_EPERM : MC_ENOTFOUND, top < 0 ? sys : 0,
			"repository %s%s", path, top < 0 ? "" : ": it is no longer a git repository");
	}
	uint64_t h = 14695981039346656037u;
	h = file(h, git, "HEAD");
	h = file(h, git, "logs/HEAD");
	int common = follow(git, "commondir", "");
	if (common >= 0) {
		close(git);
		git = common;
	}
	h = file(h, git, "packed-refs");
	h = file(h, git, "shallow");
	int refs = openat(git, "refs", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (refs >= 0)
		h = folder(h, refs, 0, &left);
	close(git);
	if (h == 0)
		h = 1;
	if (h == *state)
		return 0;
	*state = h;
	return 1;
}
