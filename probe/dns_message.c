// SPDX-License-Identifier: MIT
/* Questions and answers of the DNS (RFC 1035, RFC 6891). */
#include "probe/dns_message.h"

#include "proto/base/buf.h"
#include "proto/base/mem.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define TEXT_MAX_BYTES (4 * 65536) /* of one record: each of its bytes escaped */
#define ALIASES_MAX    16          /* what resolvers follow, too */

/*
 * How the data of a record is written: 1 2 4 numbers of so many bytes; n a name; a 6 addresses; s a
 * quoted string; t texts up to the end, joined; h hexadecimal and b base64 up to the end; g CAA's tag
 * and quoted value.
 */
static const struct {
	int type;
	const char *form;
} records[RECORD_COUNT] = {
	[RECORD_A] = {1, "a"},
	[RECORD_AAAA] = {28, "6"},
	[RECORD_CNAME] = {5, "n"},
	[RECORD_MX] = {15, "2n"},
	[RECORD_NS] = {2, "n"},
	[RECORD_TXT] = {16, "t"},
	[RECORD_SOA] = {6, "nn44444"},
	[RECORD_SRV] = {33, "222n"},
	[RECORD_PTR] = {12, "n"},
	[RECORD_CAA] = {257, "1g"},
	[RECORD_DS] = {43, "211h"},
	[RECORD_DNSKEY] = {48, "211b"},
	[RECORD_TLSA] = {52, "111h"},
	[RECORD_NAPTR] = {35, "22sssn"},
};

/* ---- questions */

static void reverse_v4(const unsigned char a[4], char name[DNS_NAME_SIZE])
{
	snprintf(name, DNS_NAME_SIZE, "%d.%d.%d.%d.in-addr.arpa", a[3], a[2], a[1], a[0]);
}

static void reverse_v6(const unsigned char a[16], char name[DNS_NAME_SIZE])
{
	size_t n = 0;
	for (int i = 15; i >= 0; i--)
		n += (size_t)snprintf(name + n, DNS_NAME_SIZE - n, "%x.%x.", a[i] & 0xf, a[i] >> 4);
	snprintf(name + n, DNS_NAME_SIZE - n, "ip6.arpa");
}

static void without_last_dot(char *name)
{
	size_t n = strlen(name);
	if (n > 0 && name[n - 1] == '.')
		name[n - 1] = '\0';
}

void dns_question_init(struct dns_question *q, const char *target, enum dns_record record)
{
	unsigned char address[16];
	memset(q, 0, sizeof(*q));
	q->record = record;
	if (record == RECORD_PTR && inet_pton(AF_INET, target, address) == 1)
		reverse_v4(address, q->name);
	else if (record == RECORD_PTR && inet_pton(AF_INET6, target, address) == 1)
		reverse_v6(address, q->name);
	else
		snprintf(q->name, sizeof(q->name), "%s", target);
	without_last_dot(q->name);
}

/* Returns the size, 0 when NAME is none. */
static size_t write_name(const char *name, unsigned char *out, size_t room)
{
	size_t at = 0;
	while (*name != '\0') {
		size_t n = strcspn(name, ".");
		if (n == 0 || n > 63 || at + 1 + n + 1 > room || at + 1 + n + 1 > NS_MAXCDNAME)
			return 0;
		out[at] = (unsigned char)n;
		memcpy(out + at + 1, name, n);
		at += n + 1;
		name += n + (name[n] == '.');
	}
	out[at++] = 0;
	return at;
}

static size_t put16(unsigned char *out, unsigned value)
{
	out[0] = (unsigned char)(value >> 8);
	out[1] = (unsigned char)value;
	return 2;
}

size_t dns_question_write(const struct dns_question *q, unsigned char out[DNS_QUERY_MAX])
{
	memset(out, 0, DNS_QUERY_MAX);
	size_t at;
	put16(out, q->id);
	out[2] = q->recursion ? 0x01 : 0;
	out[3] = q->authenticated ? 0x20 : 0;
	out[5] = 1;
	out[11] = q->edns ? 1 : 0;
	size_t n = write_name(q->name, out + NS_HFIXEDSZ, DNS_QUERY_MAX - 32);
	if (n == 0)
		return 0;
	at = NS_HFIXEDSZ + n;
	at += put16(out + at, (unsigned)records[q->record].type);
	at += put16(out + at, ns_c_in);
	if (q->edns) { /* the root as owner, OPT, the payload that we take; no flags, no options */
		at += 1;
		at += put16(out + at, ns_t_opt);
		at += put16(out + at, DNS_UDP_PAYLOAD);
		at += 6;
	}
	return at;
}

/* ---- the data of a record as text */

/* What is left of a record's data, in its message (names point into all of it). */
struct cursor {
	const unsigned char *at, *end;
	const unsigned char *message, *message_end;
	struct buf *out;
};

static int put_number(struct cursor *c, int bytes)
{
	unsigned long value = 0;
	if (c->end - c->at < bytes)
		return -1;
	while (bytes-- > 0)
		value = value << 8 | *c->at++;
	return buf_printf(c->out, "%lu", value);
}

static int put_name(struct cursor *c)
{
	char name[DNS_NAME_SIZE];
	int n = ns_name_uncompress(c->message, c->message_end, c->at, name, sizeof(name));
	if (n < 0 || c->end - c->at < n)
		return -1;
	c->at += n;
	without_last_dot(name);
	return buf_printf(c->out, "%s", *name != '\0' ? name : ".");
}

static int put_address(struct cursor *c, int family)
{
	char text[INET6_ADDRSTRLEN];
	int n = family == AF_INET ? 4 : 16;
	if (c->end - c->at != n || inet_ntop(family, c->at, text, sizeof(text)) == NULL)
		return -1;
	c->at += n;
	return buf_printf(c->out, "%s", text);
}

/* N bytes, those that are no printable ASCII as \DDD (RFC 1035, section 5.1). */
static int put_bytes(struct cursor *c, size_t n, const char *escaped)
{
	if ((size_t)(c->end - c->at) < n)
		return -1;
	for (; n > 0; n--, c->at++) {
		unsigned char byte = *c->at;
		int rc = byte < ' ' || byte >= 0x7f      ? buf_printf(c->out, "\\%03d", byte)
			 : strchr(escaped, byte) != NULL ? buf_printf(c->out, "\\%c", byte)
							 : buf_add(c->out, &byte, 1);
		if (rc != 0)
			return -1;
	}
	return 0;
}

static int put_string(struct cursor *c)
{
	if (c->at == c->end)
		return -1;
	size_t n = *c->at++;
	if (buf_add(c->out, "\"", 1) != 0 || put_bytes(c, n, "\"\\") != 0)
		return -1;
	return buf_add(c->out, "\"", 1);
}

/* The strings of a TXT record as the one text that they mean (RFC 7208, section 3.3). */
static int put_texts(struct cursor *c)
{
	if (c->at == c->end)
		return -1;
	while (c->at < c->end) {
		size_t n = *c->at++;
		if (put_bytes(c, n, "\\") != 0)
			return -1;
	}
	return 0;
}

static int put_tag_and_value(struct cursor *c)
{
	if (c->at == c->end)
		return -1;
	size_t n = *c->at++;
	if (n == 0 || put_bytes(c, n, "\\") != 0 || buf_add(c->out, " \"", 2) != 0 ||
		put_bytes(c, (size_t)(c->end - c->at), "\"\\") != 0)
		return -1;
	return buf_add(c->out, "\"", 1);
}

static int put_hex(struct cursor *c)
{
	for (; c->at < c->end; c->at++)
		if (buf_printf(c->out, "%02x", *c->at) != 0)
			return -1;
	return 0;
}

static int put_base64(struct cursor *c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	while (c->at < c->end) {
		size_t left = (size_t)(c->end - c->at), n = left < 3 ? left : 3;
		unsigned v = (unsigned)c->at[0] << 16 | (n > 1 ? (unsigned)c->at[1] << 8 : 0) |
			     (n > 2 ? c->at[2] : 0);
		char four[4] = {digits[v >> 18], digits[v >> 12 & 63],
			n > 1 ? digits[v >> 6 & 63] : '=', n > 2 ? digits[v & 63] : '='};
		if (buf_add(c->out, four, sizeof(four)) != 0)
			return -1;
		c->at += n;
	}
	return 0;
}

static int put_part(struct cursor *c, char form)
{
	switch (form) {
	case 'n':
		return put_name(c);
	case 'a':
		return put_address(c, AF_INET);
	case '6':
		return put_address(c, AF_INET6);
	case 's':
		return put_string(c);
	case 't':
		return put_texts(c);
	case 'g':
		return put_tag_and_value(c);
	case 'h':
		return put_hex(c);
	case 'b':
		return put_base64(c);
	default:
		return put_number(c, form - '0');
	}
}

/* A new text, or NULL: the data is not of this form. */
static char *record_text(const ns_msg *m, const ns_rr *rr, const char *form)
{
	struct buf text;
	struct cursor c = {.at = ns_rr_rdata(*rr),
		.message = ns_msg_base(*m),
		.message_end = ns_msg_end(*m),
		.out = &text};
	c.end = c.at + ns_rr_rdlen(*rr);
	buf_init(&text, TEXT_MAX_BYTES);
	for (const char *f = form; *f != '\0'; f++) {
		int rc = f == form ? 0 : buf_add(&text, " ", 1);
		if (rc != 0 || put_part(&c, *f) != 0) {
			buf_clear(&text);
			return NULL;
		}
	}
	if (c.at == c.end)
		return buf_take(&text);
	buf_clear(&text);
	return NULL;
}

/* ---- answers */

static bool same_name(const char *a, const char *b)
{
	return strcasecmp(a, b) == 0;
}

/* The name of RR as our own are written. */
static const char *owner_of(const ns_rr *rr)
{
	const char *name = ns_rr_name(*rr);
	return strcmp(name, ".") == 0 ? "" : name;
}

static void note_ttl(struct dns_answer *a, const ns_rr *rr)
{
	int64_t ttl_s = ns_rr_ttl(*rr);
	if (ttl_s > 0x7fffffff) /* RFC 2181, section 8 */
		ttl_s = 0;
	if (a->ttl_min_s == UNSET || ttl_s < a->ttl_min_s)
		a->ttl_min_s = ttl_s;
	if (a->ttl_max_s == UNSET || ttl_s > a->ttl_max_s)
		a->ttl_max_s = ttl_s;
}

/* One step along the aliases from A's owner. 1: there is one more; 0: none; -1: nonsense. */
static int follow_alias(ns_msg *m, struct dns_answer *a)
{
	ns_rr rr;
	for (int i = 0; i < ns_msg_count(*m, ns_s_an); i++) {
		if (ns_parserr(m, ns_s_an, i, &rr) != 0)
			return -1;
		if (ns_rr_type(rr) != ns_t_cname || ns_rr_class(rr) != ns_c_in ||
			!same_name(owner_of(&rr), a->owner))
			continue;
		if (ns_name_uncompress(ns_msg_base(*m), ns_msg_end(*m), ns_rr_rdata(rr), a->owner,
			    sizeof(a->owner)) < 0)
			return -1;
		without_last_dot(a->owner);
		note_ttl(a, &rr);
		a->aliases++;
		return 1;
	}
	return 0;
}

static int follow_aliases(ns_msg *m, const struct dns_question *q, struct dns_answer *a)
{
	int rc = q->record == RECORD_CNAME ? 0 : 1;
	snprintf(a->owner, sizeof(a->owner), "%s", q->name);
	while (rc == 1 && a->aliases < ALIASES_MAX)
		rc = follow_alias(m, a);
	a->alias_loop = rc == 1;
	return rc < 0 ? -1 : 0;
}

static int take_records(ns_msg *m, enum dns_record wanted, struct dns_answer *a)
{
	ns_rr rr;
	for (int i = 0; i < ns_msg_count(*m, ns_s_an); i++) {
		if (ns_parserr(m, ns_s_an, i, &rr) != 0)
			return -1;
		if ((int)ns_rr_type(rr) != records[wanted].type || ns_rr_class(rr) != ns_c_in ||
			!same_name(owner_of(&rr), a->owner))
			continue;
		note_ttl(a, &rr);
		if (a->n_records++ >= DNS_RECORDS_MAX)
			continue;
		char *text = record_text(m, &rr, records[wanted].form);
		if (text == NULL)
			return -1;
		a->records.item =
			mem_resize(a->records.item, a->records.n + 1, sizeof(*a->records.item));
		a->records.item[a->records.n++] = text;
	}
	return 0;
}

/* EDNS: the upper bits of the response code. */
static int read_opt(ns_msg *m, struct dns_answer *a)
{
	ns_rr rr;
	for (int i = 0; i < ns_msg_count(*m, ns_s_ar); i++) {
		if (ns_parserr(m, ns_s_ar, i, &rr) != 0)
			return -1;
		if (ns_rr_type(rr) != ns_t_opt)
			continue;
		a->edns = true;
		a->rcode |= (int)(ns_rr_ttl(rr) >> 24 << 4);
	}
	return 0;
}

/* Whether the question comes back as it was asked. Servers that can make nothing of it may leave it
 * out of their refusal. */
static bool echoes(ns_msg *m, const struct dns_question *q, int rcode)
{
	ns_rr rr;
	int n = ns_msg_count(*m, ns_s_qd);
	if (n == 0)
		return rcode != ns_r_noerror && rcode != ns_r_nxdomain;
	return n == 1 && ns_parserr(m, ns_s_qd, 0, &rr) == 0 &&
	       (int)ns_rr_type(rr) == records[q->record].type && ns_rr_class(rr) == ns_c_in &&
	       same_name(owner_of(&rr), q->name);
}

static void read_flags(const unsigned char *h, struct dns_answer *a)
{
	a->aa = (h[2] & 0x04) != 0;
	a->tc = (h[2] & 0x02) != 0;
	a->rd = (h[2] & 0x01) != 0;
	a->ra = (h[3] & 0x80) != 0;
	a->ad = (h[3] & 0x20) != 0;
	a->cd = (h[3] & 0x10) != 0;
	a->rcode = h[3] & 0x0f;
}

enum dns_parsed dns_answer_parse(const struct dns_question *q, const void *data, size_t size_bytes,
	struct dns_answer *out, const char **why)
{
	const unsigned char *h = data;
	ns_msg m;
	memset(out, 0, sizeof(*out));
	out->ttl_min_s = out->ttl_max_s = UNSET;
	if (size_bytes < NS_HFIXEDSZ || size_bytes > NS_MAXMSG || (h[2] & 0x80) == 0 ||
		(h[0] << 8 | h[1]) != q->id)
		return DNS_FOREIGN;
	*why = "the message is cut off or badly made";
	read_flags(h, out);
	if (out->tc) /* it may end anywhere; what is left of it is not looked at */
		return DNS_PARSED;
	if ((h[2] & 0x78) != 0 || ns_initparse(data, (int)size_bytes, &m) != 0)
		return DNS_BAD;
	if (!echoes(&m, q, out->rcode))
		return DNS_FOREIGN;
	if (read_opt(&m, out) != 0 || follow_aliases(&m, q, out) != 0)
		return DNS_BAD;
	*why = "a record's data does not fit its kind";
	return take_records(&m, q->record, out) != 0 ? DNS_BAD : DNS_PARSED;
}

void dns_answer_clear(struct dns_answer *a)
{
	for (size_t i = 0; i < a->records.n; i++)
		free(a->records.item[i]);
	free(a->records.item);
	a->records = (struct strings){0};
}

char *dns_rcode_name(int rcode, char out[DNS_RCODE_SIZE])
{
	static const char *const names[] = {"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP",
		"REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET", "NOTAUTH", "NOTZONE"};
	if (rcode == DNS_NODATA)
		snprintf(out, DNS_RCODE_SIZE, "NODATA");
	else if ((size_t)rcode < ARRAY_LEN(names))
		snprintf(out, DNS_RCODE_SIZE, "%s", names[rcode]);
	else
		snprintf(out, DNS_RCODE_SIZE, "RCODE%d", rcode & 0xfff);
	return out;
}
