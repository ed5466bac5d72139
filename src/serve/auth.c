/* Passwords against bcrypt hashes. A check takes 50 ms and more, so the last results are remembered,
 * under a keyed digest of user and password: neither can be read back from it. */
#include <crypt.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "serve_priv.h"

enum { REMEMBERED = 64, DIGEST = 32 };

struct mc_auth {
	pthread_mutex_t lock;
	unsigned char key[DIGEST];
	unsigned char digest[REMEMBERED][DIGEST];
	bool ok[REMEMBERED];
	size_t n, next;
	unsigned forgotten; /* what was checked before is not remembered after */
};

struct mc_auth *mc_auth_new(void)
{
	struct mc_auth *a = calloc(1, sizeof(*a));
	if (!a)
		return NULL;
	if (getrandom(a->key, sizeof(a->key), 0) != sizeof(a->key)) {
		free(a);
		return NULL;
	}
	pthread_mutex_init(&a->lock, NULL);
	return a;
}

void mc_auth_free(struct mc_auth *a)
{
	if (!a)
		return;
	pthread_mutex_destroy(&a->lock);
	explicit_bzero(a, sizeof(*a));
	free(a);
}

void mc_auth_forget(struct mc_auth *a)
{
	pthread_mutex_lock(&a->lock);
	a->n = a->next = 0;
	a->forgotten++;
	pthread_mutex_unlock(&a->lock);
}

static bool digest_of(const struct mc_auth *a, const char *user, const char *password, unsigned char out[DIGEST])
{
	gnutls_hmac_hd_t h;
	if (gnutls_hmac_init(&h, GNUTLS_MAC_SHA256, a->key, sizeof(a->key)) < 0)
		return false;
	bool ok = gnutls_hmac(h, user, strlen(user) + 1) == 0 && gnutls_hmac(h, password, strlen(password) + 1) == 0;
	gnutls_hmac_deinit(h, out);
	return ok;
}

static bool equal(const unsigned char *a, const unsigned char *b, size_t n)
{
	unsigned char differ = 0;
	for (size_t i = 0; i < n; i++)
		differ |= a[i] ^ b[i];
	return differ == 0;
}

int mc_auth_known(struct mc_auth *a, const char *user, const char *password)
{
	unsigned char d[DIGEST];
	int known = -1;
	if (!digest_of(a, user, password, d))
		return -1;
	pthread_mutex_lock(&a->lock);
	for (size_t i = 0; i < a->n; i++)
		if (equal(a->digest[i], d, DIGEST))
			known = a->ok[i];
	pthread_mutex_unlock(&a->lock);
	return known;
}

static unsigned forgotten(struct mc_auth *a)
{
	pthread_mutex_lock(&a->lock);
	unsigned n = a->forgotten;
	pthread_mutex_unlock(&a->lock);
	return n;
}

static void remember(struct mc_auth *a, const unsigned char d[DIGEST], bool ok, unsigned since)
{
	pthread_mutex_lock(&a->lock);
	if (a->forgotten != since) {
		pthread_mutex_unlock(&a->lock);
		return;
	}
	memcpy(a->digest[a->next], d, DIGEST);
	a->ok[a->next] = ok;
	a->next = (a->next + 1) % REMEMBERED;
	if (a->n < REMEMBERED)
		a->n++;
	pthread_mutex_unlock(&a->lock);
}

bool mc_auth_check(struct mc_auth *a, const struct mc_web *w, const char *user, const char *password)
{
	/* An unknown user costs what a known one does, so that names cannot be told apart. */
	const char *hash = w->c.users[0].hash;
	bool found = false;
	for (size_t i = 0; i < w->c.nusers; i++)
		if (strcmp(w->c.users[i].name, user) == 0) {
			hash = w->c.users[i].hash;
			found = true;
		}
	unsigned since = forgotten(a);
	struct crypt_data *data = calloc(1, sizeof(*data));
	if (!data)
		return false;
	const char *got = crypt_r(password, hash, data);
	size_t len = strlen(hash);
	bool ok = got && strlen(got) == len && equal((const unsigned char *)got, (const unsigned char *)hash, len) && found;
	explicit_bzero(data, sizeof(*data));
	free(data);
	unsigned char d[DIGEST];
	if (digest_of(a, user, password, d))
		remember(a, d, ok, since);
	return ok;
}
