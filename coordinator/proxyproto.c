// SPDX-License-Identifier: MIT
/* Which version it is shows in the first byte: version 1 begins with a letter, version 2 with CR. */
#include "coordinator/proxyproto.h"

#include "quorate/attr.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define V2_HEAD_BYTES      16
#define V2_IPV4_BYTES      12 /* two addresses, two ports */
#define V2_IPV6_BYTES      36
#define FAMILY_TCP4        0x11
#define FAMILY_TCP6        0x21
#define FAMILY_UNIX        0x31
#define FAMILY_UNSPECIFIED 0

static const unsigned char v2_signature[12] = "\r\n\r\n\0\r\nQUIT\n";

static bool is_v2(const struct proxyproto *p, const unsigned char *next)
{
	return (p->n ? p->bytes[0] : next[0]) == v2_signature[0];
}

static size_t v2_size(const struct proxyproto *p)
{
	if (p->n < V2_HEAD_BYTES)
		return V2_HEAD_BYTES;
	return V2_HEAD_BYTES + ((size_t)p->bytes[14] << 8 | p->bytes[15]);
}

size_t proxyproto_wants(const struct proxyproto *p, const unsigned char *data, size_t n)
{
	const unsigned char *end;
	size_t most;

	if (n == 0)
		return 0;
	if (is_v2(p, data)) {
		most = v2_size(p) - p->n;
	} else {
		end = memchr(data, '\n', n);
		most = end ? (size_t)(end + 1 - data) : n;
		if (most > PROXYPROTO_V1_MAX - p->n)
			most = PROXYPROTO_V1_MAX - p->n;
	}
	return most < n ? most : n;
}

/* ---- version 1: "PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n" */

/* A port as it is written: no sign, no blanks, no leading zero. */
static bool is_port(const char *text)
{
	size_t n = strspn(text, "0123456789");

	return n > 0 && n <= 5 && !text[n] && (n == 1 || text[0] != '0') &&
	       strtol(text, NULL, 10) <= 65535;
}

static bool parse_v4(const char *text, struct in6_addr *out)
{
	*out = (struct in6_addr){.s6_addr = {[10] = 0xff, [11] = 0xff}};
	return inet_pton(AF_INET, text, &out->s6_addr[12]) == 1;
}

static bool parse_address(const char *text, bool v6, struct in6_addr *out)
{
	return v6 ? inet_pton(AF_INET6, text, out) == 1 : parse_v4(text, out);
}

static enum proxyproto_state parse_v1(struct proxyproto *p)
{
	char line[PROXYPROTO_V1_MAX + 1], *word[6], *rest = line;
	struct in6_addr front;
	size_t n = 0;
	bool v6;

	if (p->n < 2 || p->bytes[p->n - 2] != '\r' || memchr(p->bytes, '\0', p->n))
		return PROXYPROTO_BAD;
	memcpy(line, p->bytes, p->n - 2);
	line[p->n - 2] = '\0';
	while (n < ARRAY_LEN(word) && (word[n] = strsep(&rest, " ")))
		n++;
	if (n < 2 || strcmp(word[0], "PROXY") != 0)
		return PROXYPROTO_BAD;
	if (strcmp(word[1], "UNKNOWN") == 0) /* what follows is to be ignored */
		return PROXYPROTO_FRONT;
	v6 = strcmp(word[1], "TCP6") == 0;
	if ((!v6 && strcmp(word[1], "TCP4") != 0) || n != ARRAY_LEN(word) || rest ||
		!parse_address(word[2], v6, &p->client) || !parse_address(word[3], v6, &front) ||
		!is_port(word[4]) || !is_port(word[5]))
		return PROXYPROTO_BAD;
	return PROXYPROTO_CLIENT;
}

static enum proxyproto_state take_v1(struct proxyproto *p)
{
	static const char begin[] = "PROXY ";
	size_t n = p->n < sizeof(begin) - 1 ? p->n : sizeof(begin) - 1;

	if (memcmp(p->bytes, begin, n) != 0)
		return PROXYPROTO_BAD;
	if (p->bytes[p->n - 1] == '\n')
		return parse_v1(p);
	return p->n < PROXYPROTO_V1_MAX ? PROXYPROTO_MORE : PROXYPROTO_BAD;
}

/* ---- version 2 */

static enum proxyproto_state parse_v2(struct proxyproto *p)
{
	const unsigned char *address = p->bytes + V2_HEAD_BYTES;
	size_t size = p->n - V2_HEAD_BYTES;

	if (p->bytes[12] == 0x20) /* LOCAL */
		return PROXYPROTO_FRONT;
	switch (p->bytes[13]) {
	case FAMILY_TCP4:
		if (size < V2_IPV4_BYTES)
			return PROXYPROTO_BAD;
		p->client = (struct in6_addr){.s6_addr = {[10] = 0xff, [11] = 0xff}};
		memcpy(&p->client.s6_addr[12], address, 4);
		return PROXYPROTO_CLIENT;
	case FAMILY_TCP6:
		if (size < V2_IPV6_BYTES)
			return PROXYPROTO_BAD;
		memcpy(&p->client, address, sizeof(p->client));
		return PROXYPROTO_CLIENT;
	case FAMILY_UNSPECIFIED:
	case FAMILY_UNIX: /* somebody on the front's own machine */
		return PROXYPROTO_FRONT;
	default:
		return PROXYPROTO_BAD;
	}
}

static enum proxyproto_state take_v2(struct proxyproto *p)
{
	size_t n = p->n < sizeof(v2_signature) ? p->n : sizeof(v2_signature);

	if (memcmp(p->bytes, v2_signature, n) != 0)
		return PROXYPROTO_BAD;
	if (p->n < V2_HEAD_BYTES)
		return PROXYPROTO_MORE;
	if ((p->bytes[12] != 0x20 && p->bytes[12] != 0x21) || v2_size(p) > PROXYPROTO_MAX)
		return PROXYPROTO_BAD;
	return p->n < v2_size(p) ? PROXYPROTO_MORE : parse_v2(p);
}

enum proxyproto_state proxyproto_take(struct proxyproto *p, const unsigned char *data, size_t n)
{
	if (n == 0 || n > sizeof(p->bytes) - p->n)
		return n == 0 ? PROXYPROTO_MORE : PROXYPROTO_BAD;
	memcpy(p->bytes + p->n, data, n);
	p->n += n;
	return is_v2(p, data) ? take_v2(p) : take_v1(p);
}
