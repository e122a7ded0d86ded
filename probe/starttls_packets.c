// SPDX-License-Identifier: MIT
/* Protocols of packets: ldap, postgres, mysql. */
#include "probe/starttls_internal.h"

#include <string.h>

static const uint8_t *bytes_of(const struct starttls *s)
{
	return (const uint8_t *)s->in.data;
}

static enum starttls_state say(struct starttls *s, struct buf *out, const void *data, size_t n)
{
	s->step++;
	return starttls_send(out, data, n);
}

static enum starttls_state unexpected(struct starttls *s)
{
	return starttls_fail(s, REASON_TLS_STARTTLS_UNEXPECTED,
		"the server's answer is not one of %s", starttls_names[s->protocol]);
}

/* ---- ldap: an extended request, and its response (RFC 4511, sections 4.12 and 4.14) */

static const uint8_t ldap_request[] = {0x30, 0x1d, 0x02, 0x01, 0x01, /* message 1 */
	0x77, 0x18, 0x80, 0x16, '1', '.', '3', '.', '6', '.', '1', '.', '4', '.', '1', '.', '1',
	'4', '6', '6', '.', '2', '0', '0', '3', '7'};

struct ber {
	const uint8_t *at;
	size_t left;
};

/* The contents of the next element of TAG in IN, which moves behind it. 1: here it is, 0: more has
 * to come, -1: it is another one, or larger than all that may come. */
static int ber_next(struct ber *in, uint8_t tag, struct ber *contents)
{
	size_t head = 2, length;
	if (in->left > 0 && in->at[0] != tag)
		return -1;
	if (in->left < head)
		return 0;
	length = in->at[1];
	if (length >= 0x80) {
		size_t n = length & 0x7f;
		if (n == 0 || n > 4)
			return -1;
		if (in->left < head + n)
			return 0;
		length = 0;
		for (size_t i = 0; i < n; i++)
			length = length << 8 | in->at[head + i];
		head += n;
	}
	if (length > STARTTLS_MAX_BYTES)
		return -1;
	if (in->left < head + length)
		return 0;
	*contents = (struct ber){in->at + head, length};
	in->at += head + length;
	in->left -= head + length;
	return 1;
}

static enum starttls_state ldap_response(struct starttls *s, struct ber message)
{
	struct ber id, response, code, dn, words;
	if (ber_next(&message, 0x02, &id) != 1 || ber_next(&message, 0x78, &response) != 1 ||
		ber_next(&response, 0x0a, &code) != 1 || code.left != 1)
		return unexpected(s);
	if (code.at[0] == 0)
		return STARTTLS_READY;
	bool told = ber_next(&response, 0x04, &dn) == 1 && ber_next(&response, 0x04, &words) == 1 &&
		    words.left > 0;
	return starttls_fail(s, REASON_TLS_STARTTLS_REFUSED,
		"the server refuses TLS: LDAP result %d%s%.*s", code.at[0], told ? ", " : "",
		told && words.left < 120 ? (int)words.left : 0, told ? (const char *)words.at : "");
}

enum starttls_state starttls_ldap(struct starttls *s, struct buf *out)
{
	struct ber in = {bytes_of(s), s->in.size_bytes}, message;
	if (s->step == 0)
		return say(s, out, ldap_request, sizeof(ldap_request));
	int rc = ber_next(&in, 0x30, &message);
	if (rc != 1)
		return rc == 0 ? STARTTLS_WAIT : unexpected(s);
	enum starttls_state state = ldap_response(s, message);
	starttls_drop(s, s->in.size_bytes - in.left);
	return state;
}

/* ---- postgres: SSLRequest, and one byte */

enum starttls_state starttls_postgres(struct starttls *s, struct buf *out)
{
	static const uint8_t request[] = {0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f};
	if (s->step == 0)
		return say(s, out, request, sizeof(request));
	if (s->in.size_bytes == 0)
		return STARTTLS_WAIT;
	switch (s->in.data[0]) {
	case 'S':
		starttls_drop(s, 1);
		return STARTTLS_READY;
	case 'N':
		return starttls_fail(
			s, REASON_TLS_STARTTLS_REFUSED, "the server does not offer TLS");
	default:
		return unexpected(s);
	}
}

/* ---- mysql: the server's greeting (protocol 10), and a request for TLS in its place of a login */

#define MYSQL_HEAD        4
#define MYSQL_SSL         0x0800u
#define MYSQL_PROTOCOL_41 0x0200u
#define MYSQL_SECURE      0x8000u

static enum starttls_state mysql_greeting(
	struct starttls *s, const uint8_t *packet, size_t n, struct buf *out)
{
	uint8_t request[MYSQL_HEAD + 32] = {32, 0, 0, 1};
	const uint8_t *end = n > 1 ? memchr(packet + 1, '\0', n - 1) : NULL;
	const uint32_t wanted = MYSQL_SSL | MYSQL_PROTOCOL_41 | MYSQL_SECURE;
	if (n > 3 && packet[0] == 0xff) /* an error in the place of a greeting */
		return starttls_fail(s, REASON_TLS_STARTTLS_UNEXPECTED,
			"the server greets with an error: %.*s", n < 120 ? (int)n - 3 : 117,
			(const char *)packet + 3);
	/* behind the version: thread id (4), salt (8), a NUL, the lower half of what it can */
	if (packet[0] != 10 || end == NULL || (size_t)(packet + n - end) < 1 + 4 + 8 + 1 + 2)
		return unexpected(s);
	if ((((uint32_t)end[14] | (uint32_t)end[15] << 8) & MYSQL_SSL) == 0)
		return starttls_fail(
			s, REASON_TLS_STARTTLS_REFUSED, "the server does not offer TLS");
	for (int i = 0; i < 4; i++)
		request[MYSQL_HEAD + i] = (uint8_t)(wanted >> 8 * i);
	request[MYSQL_HEAD + 7] = 1;  /* packets of 16 MiB at most */
	request[MYSQL_HEAD + 8] = 45; /* utf8mb4 */
	(void)say(s, out, request, sizeof(request));
	return STARTTLS_READY;
}

enum starttls_state starttls_mysql(struct starttls *s, struct buf *out)
{
	const uint8_t *in = bytes_of(s);
	if (s->in.size_bytes < MYSQL_HEAD)
		return STARTTLS_WAIT;
	size_t n = (size_t)in[0] | (size_t)in[1] << 8 | (size_t)in[2] << 16;
	if (n == 0 || n > STARTTLS_MAX_BYTES - MYSQL_HEAD || in[3] != 0)
		return unexpected(s);
	if (s->in.size_bytes < MYSQL_HEAD + n)
		return STARTTLS_WAIT;
	enum starttls_state state = mysql_greeting(s, in + MYSQL_HEAD, n, out);
	starttls_drop(s, MYSQL_HEAD + n);
	return state;
}
