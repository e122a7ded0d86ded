// SPDX-License-Identifier: MIT
/* What all protocols that change to TLS have in common. */
#include "probe/starttls.h"

#include "probe/starttls_internal.h"
#include "proto/base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const starttls_fn protocols[STARTTLS_COUNT] = {
	[STARTTLS_SMTP] = starttls_coded,
	[STARTTLS_LMTP] = starttls_coded,
	[STARTTLS_IMAP] = starttls_imap,
	[STARTTLS_POP3] = starttls_pop3,
	[STARTTLS_FTP] = starttls_coded,
	[STARTTLS_NNTP] = starttls_coded,
	[STARTTLS_SIEVE] = starttls_sieve,
	[STARTTLS_XMPP] = starttls_xmpp,
	[STARTTLS_XMPP_SERVER] = starttls_xmpp,
	[STARTTLS_LDAP] = starttls_ldap,
	[STARTTLS_POSTGRES] = starttls_postgres,
	[STARTTLS_MYSQL] = starttls_mysql,
};

void starttls_init(struct starttls *s, enum starttls_protocol protocol, const char *host)
{
	memset(s, 0, sizeof(*s));
	s->protocol = protocol;
	s->host = host;
	buf_init(&s->in, STARTTLS_MAX_BYTES);
}

void starttls_clear(struct starttls *s)
{
	buf_clear(&s->in);
}

void starttls_drop(struct starttls *s, size_t n)
{
	ensure(n <= s->in.size_bytes);
	memmove(s->in.data, s->in.data + n, s->in.size_bytes - n + 1); /* its NUL too */
	s->in.size_bytes -= n;
}

enum starttls_state starttls_send(struct buf *out, const void *data, size_t n)
{
	ensure(buf_add(out, data, n) == 0); /* all that is ever sent is short */
	return STARTTLS_WAIT;
}

enum starttls_state starttls_fail(struct starttls *s, enum reason reason, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	s->reason = reason;
	vsnprintf(s->detail, sizeof(s->detail), format, args);
	va_end(args);
	return STARTTLS_FAILED;
}

enum starttls_state starttls_take(struct starttls *s, const void *data, size_t n, struct buf *out)
{
	s->came += n;
	if (s->came > STARTTLS_MAX_BYTES || (n > 0 && buf_add(&s->in, data, n) != 0))
		return starttls_fail(s, REASON_TLS_STARTTLS_UNEXPECTED,
			"the server says more than %d bytes before TLS", STARTTLS_MAX_BYTES);
	enum starttls_state state = protocols[s->protocol](s, out);
	if (state == STARTTLS_READY && s->in.size_bytes > 0)
		return starttls_fail(s, REASON_TLS_STARTTLS_UNEXPECTED,
			"the server says more in plain text after its go-ahead for TLS");
	return state;
}
