/* Which version a process or file is. The ways are tried from the surest to the weakest, and each says
 * how it knows; what none of them tells stays empty. */
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *mc_identity_source_name(enum mc_identity_source s)
{
	switch (s) {
	case MC_ID_PACKAGE_NOTE: return "package note";
	case MC_ID_GO: return "go build info";
	case MC_ID_ENVIRONMENT: return "environment";
	case MC_ID_GIT_WORKTREE: return "git work tree";
	case MC_ID_STAMP_FILE: return "stamp file";
	case MC_ID_BUILD_ID: return "build-id";
	case MC_ID_CONTENTS: return "file contents";
	case MC_ID_CONTAINER: return "container labels";
	case MC_ID_NONE: break;
	}
	return "none";
}

/* How it was recognised, in one phrase whose path is clean and cut. */
static void say(struct mc_identity *id, const char *how, const char *where)
{
	size_t n = strlen(how);
	memcpy(id->text, how, n); /* words of ours, shorter than the room */
	mc_clean_copy(id->text + n, sizeof id->text - n, where, strlen(where));
}

static int from_elf(int fd, const char *path, struct mc_identity *id, struct mc_error *err)
{
	struct mc_elf e;
	struct mc_elf_facts f;
	int rc = mc_elf_open_fd(&e, fd, err);
	if (rc == 0)
		rc = mc_elf_facts(&e, &f, err);
	if (rc != 0)
		return rc;
	memcpy(id->build_id, f.build_id[0] ? f.build_id : f.go_id, sizeof id->build_id);
	if (f.package_note) {
		id->source = MC_ID_PACKAGE_NOTE;
		memcpy(id->version, f.version, sizeof id->version);
		memcpy(id->commit, f.commit, sizeof id->commit);
		say(id, "ELF package note in ", path);
	} else if (f.go_id[0] && mc_elf_go(&e, id->version, id->commit) == 0 && (id->version[0] || id->commit[0])) {
		id->source = MC_ID_GO;
		say(id, "Go build information in ", path);
	} else if (id->build_id[0]) {
		id->source = MC_ID_BUILD_ID;
		say(id, "build-id of ", path);
	}
	return 0;
}

int mc_identify_file(const char *path, struct mc_identity *ret, struct mc_error *err)
{
	struct mc_identity id = { 0 };
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return mc_fail(err, errno == ENOENT ? MC_ENOTFOUND : errno == EACCES ? MC_EPERM : MC_EIO, errno, "%s", path);
	int rc = 0;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		rc = mc_fail(err, MC_EFORMAT, 0, "%s: not a regular file", path);
	if (rc == 0)
		rc = from_elf(fd, path, &id, err);
	close(fd);
	if (rc == 0)
		*ret = id;
	return rc;
}

/* ---- environment ---- */

/* Only these are ever looked at; an environment holds passwords. Earlier ones win. */
enum env_kind { ENV_COMMIT, ENV_VERSION, ENV_OTEL, ENV_KUBERNETES, ENV_HOSTNAME };
#define NAME(kind, text) { kind, sizeof(text) - 1, text }
static const struct env_name {
	enum env_kind kind;
	size_t len;
	const char *text;
} env_names[] = { NAME(ENV_COMMIT, "GIT_COMMIT"), NAME(ENV_COMMIT, "SOURCE_COMMIT"), NAME(ENV_COMMIT, "GIT_COMMIT_SHA"),
	NAME(ENV_COMMIT, "GIT_SHA"), NAME(ENV_COMMIT, "COMMIT_SHA"), NAME(ENV_COMMIT, "GIT_REVISION"), NAME(ENV_COMMIT, "APP_COMMIT"),
	NAME(ENV_COMMIT, "SOURCE_VERSION"), NAME(ENV_COMMIT, "HEROKU_SLUG_COMMIT"), NAME(ENV_COMMIT, "DD_GIT_COMMIT_SHA"),
	NAME(ENV_COMMIT, "VERCEL_GIT_COMMIT_SHA"), NAME(ENV_COMMIT, "RENDER_GIT_COMMIT"), NAME(ENV_COMMIT, "RAILWAY_GIT_COMMIT_SHA"),
	NAME(ENV_COMMIT, "OPENSHIFT_BUILD_COMMIT"), NAME(ENV_COMMIT, "VCS_REF"), NAME(ENV_COMMIT, "CI_COMMIT_SHA"),
	NAME(ENV_COMMIT, "GITHUB_SHA"), NAME(ENV_VERSION, "APP_VERSION"), NAME(ENV_VERSION, "RELEASE_VERSION"),
	NAME(ENV_VERSION, "SERVICE_VERSION"), NAME(ENV_VERSION, "DD_VERSION"), NAME(ENV_VERSION, "SENTRY_RELEASE"),
	NAME(ENV_VERSION, "HEROKU_RELEASE_VERSION"), NAME(ENV_VERSION, "IMAGE_TAG"), NAME(ENV_VERSION, "IMAGE_VERSION"),
	NAME(ENV_VERSION, "K_REVISION"), NAME(ENV_VERSION, "GIT_TAG"), NAME(ENV_VERSION, "CI_COMMIT_TAG"),
	NAME(ENV_OTEL, "OTEL_RESOURCE_ATTRIBUTES"), NAME(ENV_KUBERNETES, "KUBERNETES_SERVICE_HOST"), NAME(ENV_HOSTNAME, "HOSTNAME") };
enum { ENV_NAMES = sizeof env_names / sizeof *env_names };

struct value {
	const char *s; /* NULL: not set */
	size_t len;
};

/* The values of the names, in one pass: of a name that is set twice the first. */
static void find_values(const char *env, size_t len, struct value v[ENV_NAMES])
{
	memset(v, 0, ENV_NAMES * sizeof *v);
	for (size_t at = 0; at < len;) {
		const char *s = env + at;
		size_t l = strnlen(s, len - at);
		const char *eq = memchr(s, '=', l);
		size_t n = eq ? (size_t)(eq - s) : 0;
		for (size_t i = 0; i < ENV_NAMES && n > 0; i++)
			if (env_names[i].len == n && !v[i].s && memcmp(env_names[i].text, s, n) == 0)
				v[i] = (struct value){ eq + 1, l - n - 1 };
		at += l + 1;
	}
}

/* The environment as the kernel has it, into room where it fits there, else into b. False: unreadable without the
 * right to look at another user's process. */
static bool read_environment(const struct mc_process *p, char *room, size_t size, struct mc_buf *b, const char **env, size_t *len)
{
	int fd = openat(p->dirfd, "environ", O_RDONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t n = fd >= 0 ? pread(fd, room, size, 0) : -1;
	if (fd >= 0)
		close(fd);
	*env = room;
	*len = n > 0 ? (size_t)n : 0;
	/* a longer one, and what is no file of the kernel's, which alone ends with the first short read */
	if (n > 0 && (size_t)n == size) {
		n = mc_read_file(p->dirfd, "environ", 1 << 20, b, NULL) < 0 ? -1 : 0;
		*env = b->data;
		*len = b->len;
	}
	return n >= 0 && *len > 0;
}

/* The value of key ("service.version=") inside OTEL_RESOURCE_ATTRIBUTES. */
static struct value otel(const struct value v[ENV_NAMES], const char *key)
{
	size_t n = strlen(key), i = 0;
	while (env_names[i].kind != ENV_OTEL)
		i++;
	for (const char *at = v[i].s, *end = at ? at + v[i].len : NULL; at && at < end;) {
		const char *comma = memchr(at, ',', (size_t)(end - at));
		size_t item = comma ? (size_t)(comma - at) : (size_t)(end - at);
		if (item > n && memcmp(at, key, n) == 0)
			return (struct value){ at + n, item - n };
		at += item + 1;
	}
	return (struct value){ 0 };
}

/* What orchestrators tell of the container: the image's tag, else the pod's template. */
static void labels(const struct value v[ENV_NAMES], struct mc_identity *id, char label[MC_VERSION_TEXT])
{
	struct value tag = otel(v, "container.image.tag="), name = otel(v, "container.image.name="), pod = { 0 };
	bool kubernetes = false;
	label[0] = '\0';
	if (tag.s)
		mc_version_text(tag.s, tag.len, label);
	if (name.s && id->image[0] == '\0')
		mc_clean_copy(id->image, sizeof id->image, name.s, name.len);
	for (size_t i = 0; i < ENV_NAMES; i++) {
		kubernetes |= env_names[i].kind == ENV_KUBERNETES && v[i].s;
		if (env_names[i].kind == ENV_HOSTNAME)
			pod = v[i];
	}
	if (label[0] == '\0' && kubernetes && pod.s)
		(void)mc_pod_template(pod.s, pod.len, label);
}

/* Fills what is still empty. True where it told anything. */
static bool from_environment(const struct mc_process *p, struct mc_identity *id, const char **name, char label[MC_VERSION_TEXT])
{
	struct mc_buf b = { 0 };
	struct value v[ENV_NAMES], o;
	char room[16384];
	const char *env;
	size_t len;
	*name = NULL;
	label[0] = '\0';
	if (!read_environment(p, room, sizeof room, &b, &env, &len))
		goto out; /* this way is closed */
	find_values(env, len, v);
	for (size_t i = 0; i < ENV_NAMES; i++) {
		if (v[i].s && env_names[i].kind == ENV_COMMIT && id->commit[0] == '\0' && mc_commit_text(v[i].s, v[i].len, id->commit))
			*name = env_names[i].text;
		if (v[i].s && env_names[i].kind == ENV_VERSION && id->version[0] == '\0' && mc_version_text(v[i].s, v[i].len, id->version))
			*name = *name ? *name : env_names[i].text;
	}
	o = otel(v, "vcs.ref.head.revision=");
	if (id->commit[0] == '\0' && o.s && mc_commit_text(o.s, o.len, id->commit))
		*name = *name ? *name : "OTEL_RESOURCE_ATTRIBUTES";
	o = otel(v, "service.version=");
	if (id->version[0] == '\0' && o.s && mc_version_text(o.s, o.len, id->version))
		*name = *name ? *name : "OTEL_RESOURCE_ATTRIBUTES";
	labels(v, id, label);
out:
	mc_buf_release(&b);
	return *name != NULL;
}

/* ---- work tree and stamp file ---- */

/* built_ns 0: it was not built, it is read as it lies there when the process starts. */
static bool from_worktree(const struct mc_process *p, const char *path, int64_t built_ns, struct mc_identity *id)
{
	static const char *const how[] = { "HEAD of the git work tree, when the file was built, in ",
		"HEAD of the git work tree, when it started, in ", "HEAD of the git work tree, with local changes, when the file was built, in ",
		"HEAD of the git work tree, with local changes, when it started, in " };
	struct mc_worktree t = { 0 };
	if (!mc_worktree_head(p, path, built_ns, id->commit, &t))
		return false;
	id->source = MC_ID_GIT_WORKTREE;
	say(id, how[2 * t.changed + t.at_start], t.top);
	return true;
}

static bool stamp(const struct mc_process *p, const char *dir, const char *name, struct mc_identity *id)
{
	char path[PATH_MAX];
	struct mc_buf b = { 0 };
	int n = snprintf(path, sizeof path, "%s/%s", dir, name);
	bool ok = n > 0 && n < PATH_MAX && mc_process_text(p, path, 4096, &b) && b.data;
	size_t len = ok ? strcspn(b.data, "\r\n") : 0;
	/* a stamp is one word; prose called VERSION is none */
	ok = ok && len > 0 && len < MC_VERSION_TEXT && !memchr(b.data, ' ', len) && !memchr(b.data, '\0', len);
	if (ok)
		ok = mc_commit_text(b.data, len, id->commit) || mc_version_text(b.data, len, id->version);
	if (ok) {
		id->source = MC_ID_STAMP_FILE;
		say(id, "stamp file ", path);
	}
	mc_buf_release(&b);
	return ok;
}

static bool from_stamp(const struct mc_process *p, const char *path, struct mc_identity *id)
{
	static const char *const names[] = { "REVISION", "GIT_COMMIT", "COMMIT", ".revision", ".version", "VERSION", "version.txt" };
	char dir[PATH_MAX];
	snprintf(dir, sizeof dir, "%s", path);
	for (int up = 0; up < 2; up++) { /* beside the file, or above its bin/ */
		char *slash = strrchr(dir, '/');
		if (!slash || slash == dir)
			return false;
		*slash = '\0';
		for (size_t i = 0; i < sizeof names / sizeof *names; i++)
			if (stamp(p, dir, names[i], id))
				return true;
	}
	return false;
}

static int open_exe(const struct mc_process *p, struct stat *st, struct mc_error *err)
{
	int fd = openat(p->dirfd, "exe", O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd >= 0 && fstat(fd, st) == 0 && S_ISREG(st->st_mode))
		return fd;
	int sys = fd < 0 ? errno : ENOEXEC;
	if (fd >= 0)
		close(fd);
	/* a kernel thread has no executable */
	int code = sys == EACCES || sys == EPERM ? MC_EPERM : sys == ENOENT || sys == ESRCH ? MC_ENOTFOUND : MC_EIO;
	return mc_fail(err, code, sys, "executable of process %lld", (long long)p->pid);
}

/* What a container's labels say, where nothing says more. */
static bool from_labels(struct mc_identity *id, const char *label)
{
	if (!label[0] && !mc_image_tag(id->image, id->version))
		return false;
	if (label[0])
		memcpy(id->version, label, sizeof id->version);
	id->source = MC_ID_CONTAINER;
	say(id, id->image[0] ? "container image " : "labels of container ", id->image[0] ? id->image : id->container);
	return true;
}

/* A program of which nothing tells the version: whether its file is another one can still be told. */
static void from_contents(const struct mc_process *p, int exe, const char *script, struct mc_identity *id)
{
	int fd = script ? mc_process_file(p, script, O_RDONLY | O_NOCTTY) : exe;
	if (fd >= 0 && mc_file_contents(fd, id->contents) && id->source == MC_ID_NONE) {
		id->source = MC_ID_CONTENTS;
		say(id, "contents of ", script ? script : p->exe);
	}
	if (script && fd >= 0)
		close(fd);
}

/* The ways for a program that its executable says nothing of. */
static void from_surroundings(const struct mc_process *p, const struct stat *exe, const char *script, struct mc_identity *id)
{
	const char *name;
	char label[MC_VERSION_TEXT];
	struct mc_identity alone = *id;
	if (script) {
		id->version[0] = id->commit[0] = '\0';
		alone.source = id->source = MC_ID_NONE; /* the interpreter's own version is not the application's */
	}
	if (from_environment(p, id, &name, label)) {
		id->source = MC_ID_ENVIRONMENT;
		say(id, "environment variable ", name);
		return;
	}
	/* a release that was built in its work tree is what HEAD was then, and not what it is now */
	if (script && (from_worktree(p, script, 0, id) || from_stamp(p, script, id)))
		return;
	int64_t built = (int64_t)exe->st_mtim.tv_sec * 1000000000 + exe->st_mtim.tv_nsec;
	if (!script && p->exe[0] == '/' && !mc_path_is_system(p->exe) &&
		(from_worktree(p, p->exe, built, id) || (!p->deleted && from_stamp(p, p->exe, id))))
		return;
	memcpy(alone.image, id->image, sizeof alone.image);
	*id = alone;
	/* the same build in a pod of another template is a change of settings, not of the program */
	if (script || id->build_id[0] == '\0')
		(void)from_labels(id, label);
}

static void name_it(const struct mc_process *p, const char *script, struct mc_identity *id)
{
	const char *slash = strrchr(p->exe, '/');
	mc_release_name(script ? script : slash ? slash + 1 : p->exe, id->what, sizeof id->what);
	id->interpreted = script != NULL;
}

/* The container's image goes with whatever told the version. */
static void add_image(struct mc_identity *id)
{
	size_t n = strlen(id->text);
	if (id->image[0] && id->source != MC_ID_CONTAINER && n + 40 < sizeof id->text) {
		memcpy(id->text + n, ", image ", 8);
		mc_clean_copy(id->text + n + 8, sizeof id->text - n - 8, id->image, strlen(id->image));
	}
}

int mc_identify_process(int procfd, int64_t pid, struct mc_identity *ret, struct mc_error *err)
{
	struct mc_process p;
	struct mc_identity id = { 0 };
	struct stat st;
	const char *name;
	char path[PATH_MAX], label[MC_VERSION_TEXT];
	int rc = mc_process_open(&p, procfd, pid, err);
	if (rc < 0)
		return rc;
	int fd = rc = open_exe(&p, &st, err);
	if (fd < 0)
		goto out;
	rc = from_elf(fd, p.exe, &id, err);
	if (rc == MC_EFORMAT) /* something else that the kernel runs; its surroundings may still tell */
		rc = 0;
	if (rc == 0) {
		const char *script = mc_process_script(&p, path) ? path : NULL;
		name_it(&p, script, &id);
		if (id.version[0] == '\0' || id.commit[0] == '\0') /* else there is nothing that it could add */
			mc_container_of(&p, &id);
		if ((id.version[0] == '\0' && id.commit[0] == '\0') || script) /* an interpreter's own note is not the application's */
			from_surroundings(&p, &st, script, &id);
		else if (id.commit[0] == '\0')
			from_environment(&p, &id, &name, label);
		if (script || id.build_id[0] == '\0')
			from_contents(&p, fd, script, &id);
		add_image(&id);
		*ret = id;
	}
	close(fd);
out:
	mc_process_close(&p);
	return rc;
}
