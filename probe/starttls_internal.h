// SPDX-License-Identifier: MIT
/* Between starttls.c, starttls_lines.c and starttls_packets.c. */
#ifndef QUORATE_PROBE_STARTTLS_INTERNAL_H
#define QUORATE_PROBE_STARTTLS_INTERNAL_H

#include "probe/starttls.h"

#include <stdint.h>

/* One protocol: reads what it can of S->in (starttls_drop what was read), adds to OUT. */
typedef enum starttls_state (*starttls_fn)(struct starttls *s, struct buf *out);

enum starttls_state starttls_coded(struct starttls *s, struct buf *out); /* smtp lmtp ftp nntp */
enum starttls_state starttls_pop3(struct starttls *s, struct buf *out);
enum starttls_state starttls_imap(struct starttls *s, struct buf *out);
enum starttls_state starttls_sieve(struct starttls *s, struct buf *out);
enum starttls_state starttls_xmpp(struct starttls *s, struct buf *out);
enum starttls_state starttls_ldap(struct starttls *s, struct buf *out);
enum starttls_state starttls_postgres(struct starttls *s, struct buf *out);
enum starttls_state starttls_mysql(struct starttls *s, struct buf *out);

/* Forgets the first N bytes of what came. */
void starttls_drop(struct starttls *s, size_t n);
enum starttls_state starttls_send(struct buf *out, const void *data, size_t n);
enum starttls_state starttls_fail(struct starttls *s, enum reason reason, const char *format, ...)
	PRINTF_LIKE(3, 4);

#endif
