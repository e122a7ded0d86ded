// SPDX-License-Identifier: MIT
/* The words of quorate/monitor.h, and sets of status codes. */
#include "quorate/monitor.h"
#include "quorate/attr.h"

#include <ctype.h>
#include <string.h>

const char *const check_kind_names[] = {"ping", "tcp", "http", "redirect", "tls", "dns", NULL};
const char *const http_method_names[] = {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", NULL};
const char *const address_family_names[] = {"auto", "ipv4", "ipv6", "both", NULL};
const char *const counts_as_names[] = {"degraded", "down", NULL};
const char *const http_version_names[] = {"auto", "1.1", "2", NULL};
const char *const expected_http_version_names[] = {"any", "1.1", "2", NULL};
const char *const auth_scheme_names[] = {"basic", "digest", "bearer", NULL};
const char *const port_expectation_names[] = {"open", "closed", NULL};
const char *const starttls_names[] = {"smtp", "lmtp", "imap", "pop3", "ftp", "nntp", "sieve",
	"xmpp", "xmpp-server", "ldap", "postgres", "mysql", NULL};
const char *const tls_version_names[] = {"TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3", NULL};

_Static_assert(
	sizeof(check_kind_names) / sizeof(char *) == CHECK_KIND_COUNT + 1, "a name per kind");
_Static_assert(
	sizeof(starttls_names) / sizeof(char *) == STARTTLS_COUNT + 1, "a name per protocol");
const char *const dns_record_names[] = {"A", "AAAA", "CNAME", "MX", "NS", "TXT", "SOA", "SRV",
	"PTR", "CAA", "DS", "DNSKEY", "TLSA", "NAPTR", NULL};
const char *const dns_transport_names[] = {"udp", "tcp", NULL};

_Static_assert(sizeof(dns_record_names) / sizeof(char *) == RECORD_COUNT + 1, "a name per record");
_Static_assert(sizeof(((struct status_set *)0)->bit) * 8 >= STATUS_MAX - STATUS_MIN + 1,
	"a bit per status");

bool status_set_has(const struct status_set *set, int64_t status)
{
	int64_t i = status - STATUS_MIN;

	return status >= STATUS_MIN && status <= STATUS_MAX &&
	       (set->bit[i / 64] >> (i % 64) & 1) != 0;
}

bool status_set_is_empty(const struct status_set *set)
{
	for (size_t i = 0; i < ARRAY_LEN(set->bit); i++)
		if (set->bit[i] != 0)
			return false;
	return true;
}

/* Three digits, the first 1 to 5; -1 for anything else. */
static int status_at(const char *text)
{
	if (text[0] < '1' || text[0] > '5' || !isdigit((unsigned char)text[1]) ||
		!isdigit((unsigned char)text[2]))
		return -1;
	return (text[0] - '0') * 100 + (text[1] - '0') * 10 + (text[2] - '0');
}

int status_set_add(struct status_set *set, const char *text)
{
	int first, last;

	if (strlen(text) == 3 && text[0] >= '1' && text[0] <= '5' &&
		strcasecmp(text + 1, "xx") == 0) {
		first = (text[0] - '0') * 100;
		last = first + 99;
	} else {
		first = last = status_at(text);
		if (first != -1 && text[3] == '-')
			last = status_at(text + 4);
		if (first == -1 || last < first || strlen(text) != (text[3] == '-' ? 7 : 3))
			return -1;
	}
	for (int i = first - STATUS_MIN; i <= last - STATUS_MIN; i++)
		set->bit[i / 64] |= UINT64_C(1) << (i % 64);
	return 0;
}
