// SPDX-License-Identifier: MIT
/*
 * Chains that were verified moments ago. A memo, not a cache of trust: verification is a function of
 * the chain as it was sent, the host name, the trusted certificates and the time; what it found for
 * the same first three is used again for as long as no certificate's dates turn, and for ten
 * minutes at most. Only success is remembered. Handshakes are not touched by this: each is full and
 * fresh, and the server proves its key each time.
 *
 * The key is the SHA-256 of all that the answer depends on but the time. Random replacement: targets
 * are checked in turn, and what is used in turn defeats a memo that forgets the oldest.
 */
#ifndef QUORATE_PROBE_CERT_MEMO_H
#define QUORATE_PROBE_CERT_MEMO_H

#include "probe/certs_internal.h"

#define CERT_MEMO_MAX    8192
#define CERT_MEMO_BYTES  (6 << 20) /* of entries of about 1 KiB */
#define CERT_MEMO_MAX_MS 600000

struct cert_memo;

/* Remembers for LIFETIME_MS, at most CERT_MEMO_MAX_MS; 0: nothing at all. */
struct cert_memo *cert_memo_new(int64_t lifetime_ms);
void cert_memo_free(struct cert_memo *memo);
void cert_memo_set_lifetime(struct cert_memo *memo, int64_t lifetime_ms);
/* Forgets everything: other certificates are trusted now. */
void cert_memo_forget(struct cert_memo *memo);
size_t cert_memo_count(const struct cert_memo *memo);

/* The key of CHAIN for HOST; 0, or -1 when it has none (nothing is remembered, no chain). */
MUST_CHECK int cert_memo_key(
	struct cert_memo *memo, STACK_OF(X509) * chain, const char *host, struct cert_key *out);
/* The key of N_BYTES at DATA that came with what has the key OF. */
MUST_CHECK int cert_memo_key_with(struct cert_memo *memo, const struct cert_key *of,
	const void *data, size_t n_bytes, struct cert_key *out);

/* The facts that were kept with KEY, borrowed until the next call; NULL: none that hold at
 * NOW_MS (monotonic) and NOW_WALL_MS. */
const struct certificate *cert_memo_find(
	struct cert_memo *memo, const struct cert_key *key, int64_t now_ms, int64_t now_wall_ms);
/* FACTS are copied. */
void cert_memo_keep(struct cert_memo *memo, const struct cert_key *key,
	const struct cert_dates *dates, const struct certificate *facts, int64_t now_ms);

#endif
