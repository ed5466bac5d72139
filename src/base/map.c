/* Text to number: open addressing with linear probing and backward-shift deletion. */
#include "memculprit/base.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct slot {
	char *key; /* NULL: empty */
	size_t len;
	uint64_t hash, value;
};

struct mc_map {
	struct slot *slots;
	size_t size, count; /* size is a power of two, or 0 */
	uint64_t seed;
};

struct mc_map *mc_map_new(void)
{
	struct mc_map *m = calloc(1, sizeof *m);
	/* keys come from outside: without a seed, somebody could choose names that all collide */
	if (m && getrandom(&m->seed, sizeof m->seed, GRND_NONBLOCK) != (ssize_t)sizeof m->seed)
		m->seed = (uint64_t)mc_mono_ns();
	return m;
}

void mc_map_free(struct mc_map *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->size; i++)
		free(m->slots[i].key);
	free(m->slots);
	free(m);
}

/* FNV-1a with a random basis (draft-eastlake-fnv), finished by a multiply-xorshift. */
static uint64_t hash_of(const struct mc_map *m, const char *key, size_t len)
{
	uint64_t h = 0xcbf29ce484222325u ^ m->seed;
	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)key[i]) * 0x100000001b3u;
	h ^= h >> 32;
	h *= 0xd6e8feb86659fd93u;
	return h ^ h >> 32;
}

static size_t find(const struct mc_map *m, uint64_t hash, const char *key, size_t len)
{
	size_t i = hash & (m->size - 1);
	for (;; i = (i + 1) & (m->size - 1)) {
		const struct slot *s = &m->slots[i];
		if (!s->key || (s->hash == hash && s->len == len && memcmp(s->key, key, len) == 0))
			return i;
	}
}

static bool enlarge(struct mc_map *m)
{
	struct mc_map old = *m;
	size_t size = old.size ? old.size * 2 : 16;
	struct slot *slots = calloc(size, sizeof *slots);
	if (!slots)
		return false;
	m->slots = slots;
	m->size = size;
	for (size_t i = 0; i < old.size; i++)
		if (old.slots[i].key)
			slots[find(m, old.slots[i].hash, old.slots[i].key, old.slots[i].len)] = old.slots[i];
	free(old.slots);
	return true;
}

int mc_map_set(struct mc_map *m, const char *key, size_t len, uint64_t value)
{
	if ((m->count + 1) * 4 > m->size * 3 && !enlarge(m))
		return MC_ENOMEM;
	uint64_t hash = hash_of(m, key, len);
	struct slot *s = &m->slots[find(m, hash, key, len)];
	if (!s->key) {
		char *copy = malloc(len + 1);
		if (!copy)
			return MC_ENOMEM;
		memcpy(copy, key, len);
		copy[len] = '\0';
		*s = (struct slot){ .key = copy, .len = len, .hash = hash };
		m->count++;
	}
	s->value = value;
	return 0;
}

bool mc_map_get(const struct mc_map *m, const char *key, size_t len, uint64_t *ret)
{
	if (m->size == 0)
		return false;
	const struct slot *s = &m->slots[find(m, hash_of(m, key, len), key, len)];
	if (!s->key)
		return false;
	*ret = s->value;
	return true;
}

void mc_map_del(struct mc_map *m, const char *key, size_t len)
{
	if (m->size == 0)
		return;
	size_t mask = m->size - 1, hole = find(m, hash_of(m, key, len), key, len);
	if (!m->slots[hole].key)
		return;
	free(m->slots[hole].key);
	m->count--;
	for (size_t i = (hole + 1) & mask; m->slots[i].key; i = (i + 1) & mask) {
		size_t home = m->slots[i].hash & mask;
		if (((i - home) & mask) < ((i - hole) & mask))
			continue; /* its own run begins behind the hole */
		m->slots[hole] = m->slots[i];
		hole = i;
	}
	m->slots[hole].key = NULL;
}

size_t mc_map_count(const struct mc_map *m)
{
	return m->count;
}
