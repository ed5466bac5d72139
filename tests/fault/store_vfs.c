/* Files in memory that fail, fill up and lose power. */
#include "store_vfs.h"

#include "alloc.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

struct vfs_plan vfs_plan;

struct change {
	struct change *next;
	int64_t at;     /* offset; below 0: truncation to ~at */
	size_t len;
	unsigned char data[];
};

/* What is visible now, and what is on the disk for sure plus the changes since. */
struct content {
	unsigned char *bytes;
	size_t len, cap;
};

struct node {
	struct node *next;
	char *name;
	struct content now, synced;
	struct change *first, **end;
	void *shm[64];
	int nshm;
};

struct handle {
	sqlite3_file base;
	struct node *node;
	bool temporary;
};

static struct node *nodes;

static bool fails(enum vfs_call call)
{
	int64_t n = ++vfs_plan.calls[call], at = vfs_plan.fail_at[call];
	return at && (n == at || (vfs_plan.for_good && n > at));
}

static bool power(void)
{
	vfs_plan.changes++;
	return !vfs_plan.power_at || vfs_plan.changes <= vfs_plan.power_at;
}

static void *need_realloc(void *old, size_t size)
{
	alloc_spared++;
	void *p = realloc(old, size ? size : 1);
	alloc_spared--;
	if (!p)
		abort();
	return p;
}

static void *need(size_t size)
{
	return memset(need_realloc(NULL, size), 0, size);
}

static void resize(struct content *c, size_t len)
{
	if (len > c->cap) {
		c->cap = len * 2;
		c->bytes = need_realloc(c->bytes, c->cap);
	}
	if (len > c->len) {
		memset(c->bytes + c->len, 0, len - c->len);
	}
	c->len = len;
}

static void put(struct content *c, int64_t at, const void *data, size_t len)
{
	if (at < 0) {
		resize(c, (size_t)~at);
		return;
	}
	if ((size_t)at + len > c->len)
		resize(c, (size_t)at + len);
	memcpy(c->bytes + at, data, len);
}

static void remember(struct node *n, int64_t at, const void *data, size_t len)
{
	struct change *c = need(sizeof *c + len);
	c->next = NULL;
	c->at = at;
	c->len = len;
	if (len)
		memcpy(c->data, data, len);
	*n->end = c;
	n->end = &c->next;
}

static void forget(struct node *n)
{
	while (n->first) {
		struct change *c = n->first;
		n->first = c->next;
		free(c);
	}
	n->end = &n->first;
}

static struct node *find(const char *name)
{
	for (struct node *n = nodes; n; n = n->next)
		if (strcmp(n->name, name) == 0)
			return n;
	return NULL;
}

static uint64_t taken(void)
{
	uint64_t sum = 0;
	for (struct node *n = nodes; n; n = n->next)
		sum += n->now.len;
	return sum;
}

/* ---- files ---- */

static int do_close(sqlite3_file *f)
{
	struct handle *h = (struct handle *)f;
	if (h->temporary) {
		forget(h->node);
		free(h->node->now.bytes);
		free(h->node->synced.bytes);
		free(h->node->name);
		free(h->node);
	}
	return SQLITE_OK;
}

static int do_read(sqlite3_file *f, void *to, int len, sqlite3_int64 at)
{
	const struct content *c = &((struct handle *)f)->node->now;
	if (fails(VFS_READ))
		return SQLITE_IOERR_READ;
	size_t there = (size_t)at >= c->len ? 0 : c->len - (size_t)at;
	if (there > (size_t)len)
		there = (size_t)len;
	if (there)
		memcpy(to, c->bytes + at, there);
	memset((char *)to + there, 0, (size_t)len - there);
	return there == (size_t)len ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

static int do_write(sqlite3_file *f, const void *data, int len, sqlite3_int64 at)
{
	struct node *n = ((struct handle *)f)->node;
	if (fails(VFS_WRITE))
		return SQLITE_IOERR_WRITE;
	size_t end = (size_t)at + (size_t)len;
	if (vfs_plan.room && end > n->now.len && taken() + end - n->now.len > vfs_plan.room)
		return SQLITE_FULL;
	bool lasts = power();
	put(&n->now, at, data, (size_t)len);
	if (lasts)
		remember(n, at, data, (size_t)len);
	return SQLITE_OK;
}

static int do_truncate(sqlite3_file *f, sqlite3_int64 len)
{
	struct node *n = ((struct handle *)f)->node;
	if (fails(VFS_TRUNCATE))
		return SQLITE_IOERR_TRUNCATE;
	bool lasts = power();
	put(&n->now, ~len, NULL, 0);
	if (lasts)
		remember(n, ~len, NULL, 0);
	return SQLITE_OK;
}

static int do_sync(sqlite3_file *f, int flags)
{
	struct node *n = ((struct handle *)f)->node;
	(void)flags;
	if (fails(VFS_SYNC))
		return SQLITE_IOERR_FSYNC;
	if (!power())
		return SQLITE_OK;
	for (struct change *c = n->first; c; c = c->next)
		put(&n->synced, c->at, c->data, c->len);
	forget(n);
	return SQLITE_OK;
}

static int do_size(sqlite3_file *f, sqlite3_int64 *ret)
{
	*ret = (sqlite3_int64)((struct handle *)f)->node->now.len;
	return SQLITE_OK;
}

static int do_lock(sqlite3_file *f, int how)
{
	(void)f, (void)how;
	return SQLITE_OK;
}

static int do_check_lock(sqlite3_file *f, int *ret)
{
	(void)f;
	*ret = 0;
	return SQLITE_OK;
}

static int do_control(sqlite3_file *f, int op, void *arg)
{
	(void)f, (void)op, (void)arg;
	return SQLITE_NOTFOUND;
}

static int do_sector(sqlite3_file *f)
{
	(void)f;
	return 512;
}

static int do_device(sqlite3_file *f)
{
	(void)f;
	return 0;
}

static int do_shm_map(sqlite3_file *f, int region, int size, int extend, void volatile **ret)
{
	struct node *n = ((struct handle *)f)->node;
	*ret = NULL;
	if (region >= 64)
		return SQLITE_IOERR_SHMMAP;
	while (extend && n->nshm <= region)
		n->shm[n->nshm++] = need((size_t)size);
	if (region < n->nshm)
		*ret = n->shm[region];
	return SQLITE_OK;
}

static int do_shm_lock(sqlite3_file *f, int at, int n, int flags)
{
	(void)f, (void)at, (void)n, (void)flags;
	return SQLITE_OK;
}

static void do_shm_barrier(sqlite3_file *f)
{
	(void)f;
}

static void drop_shm(struct node *n)
{
	while (n->nshm)
		free(n->shm[--n->nshm]);
}

static int do_shm_unmap(sqlite3_file *f, int del)
{
	(void)del;
	drop_shm(((struct handle *)f)->node);
	return SQLITE_OK;
}

static const sqlite3_io_methods methods = { 2, do_close, do_read, do_write, do_truncate, do_sync, do_size, do_lock, do_lock,
	do_check_lock, do_control, do_sector, do_device, do_shm_map, do_shm_lock, do_shm_barrier, do_shm_unmap, NULL, NULL };

/* ---- the file system ---- */

static struct node *add(const char *name)
{
	struct node *n = need(sizeof *n);
	n->name = strcpy(need(strlen(name) + 1), name);
	n->end = &n->first;
	return n;
}

static int do_open(sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags, int *out)
{
	struct handle *h = (struct handle *)f;
	(void)v;
	*h = (struct handle){ 0 };
	if (fails(VFS_OPEN))
		return SQLITE_CANTOPEN;
	if (!name) {
		h->node = add("");
		h->temporary = true;
	} else {
		h->node = find(name);
		if (!h->node && !(flags & SQLITE_OPEN_CREATE))
			return SQLITE_CANTOPEN;
		if (!h->node) {
			h->node = add(name);
			h->node->next = nodes;
			nodes = h->node;
		}
	}
	h->base.pMethods = &methods;
	if (out)
		*out = flags;
	return SQLITE_OK;
}

static void unlink_node(struct node *n)
{
	struct node **at = &nodes;
	while (*at != n)
		at = &(*at)->next;
	*at = n->next;
	forget(n);
	drop_shm(n);
	free(n->now.bytes);
	free(n->synced.bytes);
	free(n->name);
	free(n);
}

static int do_delete(sqlite3_vfs *v, const char *name, int sync)
{
	(void)v, (void)sync;
	struct node *n = find(name);
	/* without power the file stays as it was */
	if (n && power())
		unlink_node(n);
	return n ? SQLITE_OK : SQLITE_IOERR_DELETE_NOENT;
}

static int do_access(sqlite3_vfs *v, const char *name, int flags, int *ret)
{
	(void)v;
	const struct node *n = find(name);
	*ret = n && (flags != SQLITE_ACCESS_EXISTS || n->now.len > 0);
	return SQLITE_OK;
}

static int do_full_path(sqlite3_vfs *v, const char *name, int len, char *ret)
{
	(void)v;
	sqlite3_snprintf(len, ret, "%s", name);
	return SQLITE_OK;
}

static int do_random(sqlite3_vfs *v, int len, char *ret)
{
	static unsigned seed = 1;
	(void)v;
	for (int i = 0; i < len; i++)
		ret[i] = (char)rand_r(&seed);
	return len;
}

static int do_sleep(sqlite3_vfs *v, int us)
{
	(void)v;
	return us;
}

static int do_time(sqlite3_vfs *v, double *ret)
{
	(void)v;
	*ret = 2460000.5;
	return SQLITE_OK;
}

static int do_last_error(sqlite3_vfs *v, int len, char *ret)
{
	(void)v, (void)len, (void)ret;
	return 0;
}

int vfs_register(void)
{
	static sqlite3_vfs vfs = { 1, sizeof(struct handle), 512, NULL, "memory", NULL, do_open, do_delete, do_access,
		do_full_path, NULL, NULL, NULL, NULL, do_random, do_sleep, do_time, do_last_error, NULL, NULL, NULL, NULL };
	return sqlite3_vfs_register(&vfs, 1);
}

void vfs_clear(void)
{
	while (nodes)
		unlink_node(nodes);
}

/* ---- power ---- */

/* The changes that were not synced: each wholly, in part or not at all, in any order. */
static void settle(struct node *n, unsigned *seed)
{
	size_t count = 0;
	for (struct change *c = n->first; c; c = c->next)
		count++;
	struct change **all = need((count + 1) * sizeof *all);
	count = 0;
	for (struct change *c = n->first; c; c = c->next)
		all[count++] = c;
	unsigned how = (unsigned)rand_r(seed) % 4;
	for (size_t i = count; i > 1; i--) {
		size_t j = (size_t)rand_r(seed) % i;
		struct change *swap = all[i - 1];
		if (how < 2) { /* half of the time in order, as most disks do */
			all[i - 1] = all[j];
			all[j] = swap;
		}
	}
	for (size_t i = 0; i < count; i++) {
		unsigned dice = (unsigned)rand_r(seed) % 4;
		if (dice == 0)
			continue;
		size_t len = all[i]->len;
		if (dice == 1 && all[i]->at >= 0)
			len = (size_t)rand_r(seed) % (len + 1);
		put(&n->synced, all[i]->at, all[i]->data, len);
	}
	free(all);
	forget(n);
}

void vfs_power_back(unsigned seed)
{
	for (struct node *n = nodes; n; n = n->next) {
		settle(n, &seed);
		drop_shm(n);
		resize(&n->now, 0);
		put(&n->now, 0, n->synced.bytes, n->synced.len);
	}
	vfs_plan = (struct vfs_plan){ 0 };
}
