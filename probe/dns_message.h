// SPDX-License-Identifier: MIT
/*
 * DNS messages: a question to bytes, and the bytes of an answer to what a check wants to know. Pure:
 * no socket, no clock. Bytes of a peer go through libc's ns_parserr() and through lengths that are
 * checked here; nothing of them is trusted but that they answer the question (RFC 5452, section 9).
 */
#ifndef QUORATE_PROBE_DNS_MESSAGE_H
#define QUORATE_PROBE_DNS_MESSAGE_H

#include "quorate/attr.h"
#include "quorate/list.h"
#include "quorate/monitor.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DNS_QUERY_MAX   512
#define DNS_NAME_SIZE   1026   /* presentation form, every byte escaped, and NUL */
#define DNS_UDP_PAYLOAD 1232   /* offered by EDNS: passes every path unfragmented */
#define DNS_RECORDS_MAX 256    /* records that are kept and judged; more are counted */
#define DNS_NODATA      0xffff /* as an rcode: NOERROR without a record of the wanted kind */

struct dns_question {
	char name[DNS_NAME_SIZE]; /* absolute, without the last dot; "" is the root */
	enum dns_record record;
	bool recursion;     /* RD */
	bool authenticated; /* AD: tell whether it was validated (RFC 6840, section 5.7) */
	bool edns;
	uint16_t id;
};

/* The question of a check: an address as TARGET of a PTR record becomes its name under in-addr.arpa
 * or ip6.arpa. */
void dns_question_init(struct dns_question *q, const char *target, enum dns_record record);
/* Returns its size, 0 when the name is none (the schema lets none pass). */
size_t dns_question_write(const struct dns_question *q, unsigned char out[DNS_QUERY_MAX]);

struct dns_answer {
	int rcode; /* with the upper bits of EDNS; DNS_NODATA is not used here */
	bool aa, tc, rd, ra, ad, cd, edns;
	struct strings records;       /* of the wanted kind, in presentation form */
	size_t n_records;             /* also of those beyond DNS_RECORDS_MAX */
	int64_t ttl_min_s, ttl_max_s; /* of these records and the aliases to them; UNSET: none */
	int aliases;                  /* CNAMEs that were followed */
	bool alias_loop;
	char owner[DNS_NAME_SIZE]; /* the name that the aliases led to */
};

enum dns_parsed {
	DNS_PARSED,  /* OUT holds the answer */
	DNS_FOREIGN, /* not an answer to this question: somebody else's, or forged */
	DNS_BAD      /* answers the question, and makes no sense; *WHY (static) */
};
/* OUT must be cleared in every case. */
MUST_CHECK enum dns_parsed dns_answer_parse(const struct dns_question *q, const void *data,
	size_t size_bytes, struct dns_answer *out, const char **why);
void dns_answer_clear(struct dns_answer *a);

/* "NOERROR", "NXDOMAIN", "RCODE42". Returns OUT. */
#define DNS_RCODE_SIZE 16
char *dns_rcode_name(int rcode, char out[DNS_RCODE_SIZE]);

#endif
