/* What a container shows of its image without asking any engine: the cgroup's id, the file that podman
 * leaves inside, and the names that Kubernetes and OpenTelemetry put into the environment. */
#include "process.h"

#include <ctype.h>
#include <string.h>

/* A run of 64 hex digits is how Docker, containerd, CRI-O and podman call a container. */
static bool hex_id(const char *s, size_t len, char ret[72])
{
	size_t run = 0;
	for (size_t i = 0; i <= len; i++) {
		if (i < len && isxdigit((unsigned char)s[i])) {
			run++;
			continue;
		}
		if (run == 64) {
			memcpy(ret, s + i - 64, 64);
			ret[64] = '\0';
			return true;
		}
		run = 0;
	}
	return false;
}

/* image="registry/name:tag" in podman's own file. */
static void containerenv(const struct mc_process *p, struct mc_identity *id)
{
	struct mc_buf b = { 0 };
	if (mc_process_text(p, "/run/.containerenv", 16384, &b) && b.data) {
		const char *s = strstr(b.data, "image=\"");
		const char *end = s ? strchr(s + 7, '"') : NULL;
		if (end && (s == b.data || s[-1] == '\n'))
			mc_clean_copy(id->image, sizeof id->image, s + 7, (size_t)(end - (s + 7)));
	}
	mc_buf_release(&b);
}

void mc_container_of(const struct mc_process *p, struct mc_identity *id)
{
	struct mc_buf b = { 0 };
	if (!mc_process_other_root(p))
		return;
	if (mc_read_file(p->dirfd, "cgroup", 16384, &b, NULL) == 0 && b.data)
		(void)hex_id(b.data, b.len, id->container);
	mc_buf_release(&b);
	if (id->image[0] == '\0')
		containerenv(p, id);
}

bool mc_pod_template(const char *host, size_t len, char ret[MC_VERSION_TEXT])
{
	/* NAME-TEMPLATE-POD: 8 to 10 and 5 characters of Kubernetes' own alphabet, which has no vowels */
	static const char alphabet[] = "bcdfghjklmnpqrstvwxz2456789";
	if (len < 16 || len > 253 || host[len - 6] != '-')
		return false;
	for (size_t i = len - 5; i < len; i++)
		if (!strchr(alphabet, host[i]))
			return false;
	size_t end = len - 6, at = end;
	while (at > 0 && host[at - 1] != '-')
		at--;
	if (at < 2 || end - at < 8 || end - at > 10)
		return false;
	for (size_t i = at; i < end; i++)
		if (!strchr(alphabet, host[i]))
			return false;
	snprintf(ret, MC_VERSION_TEXT, "pod template %.*s", (int)(end - at), host + at);
	return true;
}

bool mc_image_tag(const char *image, char ret[MC_VERSION_TEXT])
{
	const char *at = strchr(image, '@'), *slash = strrchr(image, '/');
	const char *colon = strchr(slash ? slash + 1 : image, ':');
	if (at && (!colon || colon > at))
		return mc_version_text(at + 1, strlen(at + 1), ret); /* by digest */
	if (!colon || colon[1] == '\0')
		return false;
	size_t len = at ? (size_t)(at - colon - 1) : strlen(colon + 1);
	/* "latest" names whatever it was at that time */
	return !(len == 6 && memcmp(colon + 1, "latest", 6) == 0) && mc_version_text(colon + 1, len, ret);
}
