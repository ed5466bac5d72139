/* Library versions: lock files, manifests, submodules. What they change is named as what it is. */
#include "places.h"

#include <ctype.h>
#include <string.h>

bool mc_path_is_manifest(const char *path)
{
	static const char *const names[] = { "go.mod", "Cargo.lock", "Cargo.toml", "package-lock.json", "npm-shrinkwrap.json", "yarn.lock",
		"pnpm-lock.yaml", "package.json", "requirements.txt", "poetry.lock", "Pipfile.lock", "uv.lock", "pyproject.toml", "pom.xml",
		"build.gradle", "build.gradle.kts", "gradle.lockfile", "libs.versions.toml", "conanfile.txt", "conanfile.py", "conan.lock",
		"vcpkg.json", "Gemfile.lock", "composer.lock", "MODULE.bazel", "WORKSPACE", "flake.lock" };
	const char *base = strrchr(path, '/');
	base = base ? base + 1 : path;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(base, names[i]) == 0)
			return true;
	return false;
}

/* A line that holds a version: a digit, a dot, a digit. */
static bool has_version(const char *s, size_t len)
{
	for (size_t i = 0; i + 2 < len; i++)
		if (isdigit((unsigned char)s[i]) && s[i + 1] == '.' && isdigit((unsigned char)s[i + 2]))
			return true;
	return false;
}

static bool names_allocator(const char *s, size_t len)
{
	static const char *const words[] = { "jemalloc", "tcmalloc", "mimalloc", "gperftools", "snmalloc" };
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (memmem(s, len, words[i], strlen(words[i])))
			return true;
	return false;
}

int mc_manifest_places(const struct mc_look *l, struct mc_spots *ret, struct mc_error *err)
{
	const struct mc_source *s = l->after;
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < s->nlines && ret->n < 10; i++) {
		const char *t = s->text + s->lines[i];
		size_t len = s->lines[i + 1] - s->lines[i];
		bool allocator = names_allocator(t, len);
		if (!l->added[i] || !(allocator || has_version(t, len)))
			continue;
		rc = mc_grow((void **)&ret->v, &ret->cap, ret->n + 1, sizeof *ret->v, err);
		if (rc == 0) {
			struct mc_spot p = { .line = (uint32_t)i + 1, .cause = (uint32_t)i + 1, .rank = (allocator ? 35 : 50) + (l->is_test ? 100 : 0) };
			snprintf(p.reason, sizeof p.reason, "%s", allocator ? "the allocator changes" : "a library's version changes");
			ret->v[ret->n++] = p;
		}
	}
	return rc;
}

/* The build names another allocator: -ljemalloc in a makefile. */
int mc_build_places(const struct mc_look *l, struct mc_spots *ret, struct mc_error *err)
{
	const struct mc_source *s = l->after;
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < s->nlines && ret->n < 10; i++) {
		if (!l->added[i] || !names_allocator(s->text + s->lines[i], s->lines[i + 1] - s->lines[i]))
			continue;
		rc = mc_grow((void **)&ret->v, &ret->cap, ret->n + 1, sizeof *ret->v, err);
		if (rc == 0) {
			ret->v[ret->n] = (struct mc_spot){ .line = (uint32_t)i + 1, .cause = (uint32_t)i + 1, .rank = 35 };
			snprintf(ret->v[ret->n++].reason, sizeof ret->v->reason, "the allocator changes");
		}
	}
	return rc;
}
