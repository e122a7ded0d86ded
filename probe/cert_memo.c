// SPDX-License-Identifier: MIT
/* A hash table of a fixed size. */
#include "probe/cert_memo.h"

#include "proto/base/mem.h"
#include "proto/base/rand.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

struct entry {
	UT_hash_handle hh;
	struct cert_key key;
	struct cert_dates dates;
	int64_t kept_at_ms;
	struct certificate facts;
	size_t place; /* in the array */
	size_t bytes;
};

struct cert_memo {
	int64_t lifetime_ms;
	EVP_MD *sha256; /* fetched once: that costs more than the hashing */
	EVP_MD_CTX *hash;
	struct entry *table;
	struct entry *entry[CERT_MEMO_MAX];
	size_t n, bytes;
};

struct cert_memo *cert_memo_new(int64_t lifetime_ms)
{
	struct cert_memo *memo = mem_alloc(sizeof(*memo));
	memo->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	memo->hash = EVP_MD_CTX_new();
	ensure(memo->sha256 != NULL && memo->hash != NULL);
	cert_memo_set_lifetime(memo, lifetime_ms);
	return memo;
}

static void forget(struct cert_memo *memo, struct entry *e)
{
	struct entry *last = memo->entry[--memo->n];
	memo->entry[e->place] = last;
	last->place = e->place;
	memo->bytes -= e->bytes;
	HASH_DEL(memo->table, e);
	cert_facts_clear(&e->facts);
	free(e);
}

void cert_memo_forget(struct cert_memo *memo)
{
	while (memo->n > 0)
		forget(memo, memo->entry[memo->n - 1]);
}

void cert_memo_free(struct cert_memo *memo)
{
	if (memo == NULL)
		return;
	cert_memo_forget(memo);
	EVP_MD_CTX_free(memo->hash);
	EVP_MD_free(memo->sha256);
	free(memo);
}

void cert_memo_set_lifetime(struct cert_memo *memo, int64_t lifetime_ms)
{
	memo->lifetime_ms = lifetime_ms < CERT_MEMO_MAX_MS ? lifetime_ms : CERT_MEMO_MAX_MS;
	if (memo->lifetime_ms <= 0)
		cert_memo_forget(memo);
}

size_t cert_memo_count(const struct cert_memo *memo)
{
	return memo->n;
}

/* ---- keys */

/* With its length, so that no two lists of parts are the same bytes. */
static bool add(struct cert_memo *memo, const void *data, size_t n_bytes)
{
	uint64_t n = n_bytes;
	return EVP_DigestUpdate(memo->hash, &n, sizeof(n)) == 1 &&
	       EVP_DigestUpdate(memo->hash, data, n_bytes) == 1;
}

static bool add_certificate(struct cert_memo *memo, const X509 *x)
{
	unsigned char *der = NULL;
	int n = i2d_X509(x, &der);
	bool ok = n > 0 && add(memo, der, (size_t)n);
	OPENSSL_free(der);
	return ok;
}

static int finish(struct cert_memo *memo, bool ok, struct cert_key *out)
{
	unsigned n = 0;
	return ok && EVP_DigestFinal_ex(memo->hash, out->byte, &n) == 1 && n == sizeof(out->byte)
		       ? 0
		       : -1;
}

int cert_memo_key(
	struct cert_memo *memo, STACK_OF(X509) * chain, const char *host, struct cert_key *out)
{
	int n = sk_X509_num(chain);
	if (memo->lifetime_ms <= 0 || n <= 0)
		return -1;
	bool ok = EVP_DigestInit_ex(memo->hash, memo->sha256, NULL) == 1 &&
		  add(memo, host, strlen(host));
	for (int i = 0; i < n && ok; i++)
		ok = add_certificate(memo, sk_X509_value(chain, i));
	return finish(memo, ok, out);
}

int cert_memo_key_with(struct cert_memo *memo, const struct cert_key *of, const void *data,
	size_t n_bytes, struct cert_key *out)
{
	if (memo->lifetime_ms <= 0)
		return -1;
	bool ok = EVP_DigestInit_ex(memo->hash, memo->sha256, NULL) == 1 &&
		  add(memo, of, sizeof(*of)) && add(memo, data, n_bytes);
	return finish(memo, ok, out);
}

/* ---- entries */

static struct entry *find(struct cert_memo *memo, const struct cert_key *key)
{
	struct entry *e;
	HASH_FIND(hh, memo->table, key, sizeof(*key), e);
	return e;
}

const struct certificate *cert_memo_find(
	struct cert_memo *memo, const struct cert_key *key, int64_t now_ms, int64_t now_wall_ms)
{
	struct entry *e = find(memo, key);
	if (e == NULL)
		return NULL;
	if (now_ms - e->kept_at_ms < memo->lifetime_ms && now_wall_ms >= e->dates.from_wall_ms &&
		now_wall_ms < e->dates.until_wall_ms)
		return &e->facts;
	forget(memo, e);
	return NULL;
}

void cert_memo_keep(struct cert_memo *memo, const struct cert_key *key,
	const struct cert_dates *dates, const struct certificate *facts, int64_t now_ms)
{
	struct entry *e = find(memo, key);
	if (e != NULL)
		forget(memo, e);
	size_t bytes = sizeof(*e) + cert_facts_bytes(facts);
	while (memo->n == CERT_MEMO_MAX || (memo->n > 0 && memo->bytes + bytes > CERT_MEMO_BYTES))
		forget(memo, memo->entry[rand_below(memo->n)]);
	e = mem_alloc(sizeof(*e));
	e->bytes = bytes;
	memo->bytes += bytes;
	e->key = *key;
	e->dates = *dates;
	e->kept_at_ms = now_ms;
	cert_facts_copy(facts, &e->facts);
	e->place = memo->n;
	memo->entry[memo->n++] = e;
	HASH_ADD(hh, memo->table, key, sizeof(e->key), e);
}
