// SPDX-License-Identifier: MIT
/* Bytes of a name server as an answer: the first byte is the kind of record that was asked for, the rest
 * the message; its id and example.com are what was asked. */
#include "probe/dns_message.h"
#include "proto/base/mem.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static void check_answer(const struct dns_answer *a)
{
	size_t n = 0;
	ensure(a->records.n <= DNS_RECORDS_MAX && a->n_records >= a->records.n);
	for (size_t i = 0; i < a->records.n; i++) {
		n += strlen(a->records.item[i]);
		for (const char *c = a->records.item[i]; *c; c++)
			ensure(*c >= ' ' && *c < 0x7f);
	}
	ensure(n <= DNS_RECORDS_MAX * 4 * 65536UL);
	ensure(a->ttl_min_s <= a->ttl_max_s && a->ttl_max_s <= 0x7fffffff);
	ensure(strlen(a->owner) < DNS_NAME_SIZE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
	struct dns_question q;
	struct dns_answer a;
	const char *why = NULL;
	unsigned char query[DNS_QUERY_MAX];
	if (size_bytes < 3)
		return 0;
	dns_question_init(&q, "example.com", (enum dns_record)(data[0] % RECORD_COUNT));
	q.edns = (data[0] & 0x80) != 0;
	q.id = (uint16_t)(data[1] << 8 | data[2]);
	ensure(dns_question_write(&q, query) > 12);
	/* a copy of the exact size, so that a byte too far is seen */
	uint8_t *copy = mem_alloc(size_bytes - 1);
	memcpy(copy, data + 1, size_bytes - 1);
	enum dns_parsed parsed = dns_answer_parse(&q, copy, size_bytes - 1, &a, &why);
	if (parsed == DNS_PARSED)
		check_answer(&a);
	ensure(parsed != DNS_BAD || why);
	dns_answer_clear(&a);
	free(copy);
	return 0;
}
