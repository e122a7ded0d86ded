// SPDX-License-Identifier: MIT
/*
 * The address policy. Sources of the refusals: IANA's special-purpose registries for IPv4 and IPv6
 * (RFC 6890 and its updates), multicast and reserved space, and one cloud's metadata address that
 * lies in public space. IPv6 is the other way round: only global unicast (2000::/3) is permitted,
 * less the special blocks inside of it.
 *
 * An IPv6 address that only carries an IPv4 one is judged as what it carries: v4-mapped as if it
 * were that address; NAT64 (RFC 6052) by the refusals alone, since a translator's private side is
 * nobody's to allow by an IPv4 rule. 6to4 is refused as a whole.
 */
#include "proto/policy.h"

#include "proto/base/mem.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

static const char *const refused_v4[] = {"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8",
	"169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24",
	"192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15",
	"198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4", "168.63.129.16"};

static const char *const refused_v6[] = {
	"2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20"};

/* ---- CIDR */

static bool bits_match(const unsigned char *a, const unsigned char *b, int bits)
{
	int whole = bits / 8, rest = bits % 8;
	if (memcmp(a, b, (size_t)whole) != 0)
		return false;
	return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

static bool host_bits_zero(const struct cidr *c)
{
	int size = c->family == AF_INET ? 4 : 16;
	unsigned char zero[16] = {0}, host[16];
	memcpy(host, c->address, sizeof(host));
	int whole = c->bits / 8, rest = c->bits % 8;
	memset(host, 0, (size_t)whole);
	if (rest > 0)
		host[whole] &= (unsigned char)(0xff >> rest);
	return memcmp(host, zero, (size_t)size) == 0;
}

static int parse_bits(const char *text, int max, int *out)
{
	if (text[0] == '\0' || strlen(text) > 3 || strspn(text, "0123456789") != strlen(text))
		return -1;
	long bits = strtol(text, NULL, 10);
	if (bits > max || (text[0] == '0' && text[1] != '\0'))
		return -1;
	*out = (int)bits;
	return 0;
}

int cidr_parse(const char *text, struct cidr *out, const char **why)
{
	char address[INET6_ADDRSTRLEN + 1];
	const char *slash = strchr(text, '/');
	size_t n = slash != NULL ? (size_t)(slash - text) : strlen(text);
	*why = "an address or a network, for example 192.0.2.0/24 or 2001:db8::/32";
	if (n == 0 || n >= sizeof(address))
		return -1;
	memcpy(address, text, n);
	address[n] = '\0';
	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, address, out->address) == 1)
		out->family = AF_INET;
	else if (inet_pton(AF_INET6, address, out->address) == 1)
		out->family = AF_INET6;
	else
		return -1;
	out->bits = out->family == AF_INET ? 32 : 128;
	if (slash != NULL && parse_bits(slash + 1, out->bits, &out->bits) != 0) {
		*why = "a prefix length from 0 to 32 (IPv4) or 128 (IPv6)";
		return -1;
	}
	if (!host_bits_zero(out)) {
		*why = "a network's own address, without bits behind the prefix (10.0.0.0/8, not "
		       "10.0.0.1/8)";
		return -1;
	}
	return 0;
}

static void list_add(struct cidr **list, size_t *n, const struct cidr *item)
{
	*list = mem_resize(*list, *n + 1, sizeof(**list));
	(*list)[(*n)++] = *item;
}

int policy_allow(struct policy *policy, const char *cidr, const char **why)
{
	struct cidr parsed;
	if (cidr_parse(cidr, &parsed, why) != 0)
		return -1;
	list_add(&policy->allow, &policy->n_allow, &parsed);
	return 0;
}

/* ---- ports */

static int parse_port(const char *text, size_t n)
{
	char digits[6] = {0};
	if (n == 0 || n >= sizeof(digits))
		return -1;
	memcpy(digits, text, n);
	if (digits[0] == '0' || strspn(digits, "0123456789") != n)
		return -1;
	long port = strtol(digits, NULL, 10);
	return port <= 65535 ? (int)port : -1;
}

int port_range_parse(const char *text, struct port_range *out, const char **why)
{
	size_t n = strcspn(text, "-");
	*why = "a port or a range of ports, for example 443 or 8000-8099";
	out->first = out->last = parse_port(text, n);
	if (text[n] == '-')
		out->last = parse_port(text + n + 1, strlen(text + n + 1));
	return out->first > 0 && out->first <= out->last ? 0 : -1;
}

int policy_allow_ports(struct policy *policy, const char *range, const char **why)
{
	struct port_range parsed;
	if (port_range_parse(range, &parsed, why) != 0)
		return -1;
	policy->ports = mem_resize(policy->ports, policy->n_ports + 1, sizeof(*policy->ports));
	policy->ports[policy->n_ports++] = parsed;
	return 0;
}

bool policy_permits_port(const struct policy *policy, int port)
{
	for (size_t i = 0; i < policy->n_ports; i++)
		if (policy->ports[i].first <= port && port <= policy->ports[i].last)
			return true;
	return policy->n_ports == 0;
}

static bool list_has(const struct cidr *list, size_t n, int family, const unsigned char *address)
{
	for (size_t i = 0; i < n; i++)
		if (list[i].family == family && bits_match(list[i].address, address, list[i].bits))
			return true;
	return false;
}

bool cidr_has(const struct cidr *c, const struct in6_addr *address)
{
	bool v4 = IN6_IS_ADDR_V4MAPPED(address);

	return v4 == (c->family == AF_INET) &&
	       bits_match(c->address, address->s6_addr + (v4 ? 12 : 0), c->bits);
}

/* ---- the machine's own addresses, and the coordinator's */

static const unsigned char *address_bytes(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET)
		return (const unsigned char *)&((const struct sockaddr_in *)(const void *)address)
			->sin_addr;
	if (address->sa_family == AF_INET6)
		return ((const struct sockaddr_in6 *)(const void *)address)->sin6_addr.s6_addr;
	return NULL;
}

void policy_deny_own(struct policy *policy)
{
	struct ifaddrs *all;
	if (getifaddrs(&all) == -1)
		return;
	for (const struct ifaddrs *i = all; i != NULL; i = i->ifa_next) {
		const unsigned char *bytes =
			i->ifa_addr != NULL ? address_bytes(i->ifa_addr) : NULL;
		if (bytes == NULL)
			continue;
		struct cidr own = {.family = i->ifa_addr->sa_family};
		own.bits = own.family == AF_INET ? 32 : 128;
		memcpy(own.address, bytes, (size_t)own.bits / 8);
		list_add(&policy->deny, &policy->n_deny, &own);
	}
	freeifaddrs(all);
}

void policy_deny(struct policy *policy, const char *address)
{
	struct cidr parsed;
	const char *why;
	if (strchr(address, '/') == NULL && cidr_parse(address, &parsed, &why) == 0)
		list_add(&policy->deny, &policy->n_deny, &parsed);
}

static bool is_learned(const struct policy *policy, int family, const unsigned char *address)
{
	size_t n = policy->n_learned < POLICY_LEARNED_MAX ? policy->n_learned : POLICY_LEARNED_MAX;
	return list_has(policy->learned, n, family, address);
}

void policy_learn(struct policy *policy, const struct sockaddr *address)
{
	const unsigned char *bytes = address_bytes(address);
	if (bytes == NULL || is_learned(policy, address->sa_family, bytes))
		return;
	struct cidr one = {.family = address->sa_family};
	one.bits = one.family == AF_INET ? 32 : 128;
	memcpy(one.address, bytes, (size_t)one.bits / 8);
	if (policy->learned == NULL)
		policy->learned = mem_array(POLICY_LEARNED_MAX, sizeof(*policy->learned));
	policy->learned[policy->n_learned++ % POLICY_LEARNED_MAX] = one;
}

static bool is_denied(const struct policy *policy, int family, const unsigned char *address)
{
	return list_has(policy->deny, policy->n_deny, family, address) ||
	       is_learned(policy, family, address);
}

void policy_reset(struct policy *policy)
{
	struct policy kept = {.learned = policy->learned, .n_learned = policy->n_learned};
	free(policy->allow);
	free(policy->deny);
	free(policy->ports);
	*policy = kept;
}

void policy_clear(struct policy *policy)
{
	policy_reset(policy);
	free(policy->learned);
	memset(policy, 0, sizeof(*policy));
}

/* ---- the decision */

struct registry {
	struct cidr v4[ARRAY_LEN(refused_v4)], v6[ARRAY_LEN(refused_v6)];
	bool parsed;
};

static const struct registry *registry_get(void)
{
	static struct registry r;
	const char *why;
	for (size_t i = 0; !r.parsed && i < ARRAY_LEN(refused_v4); i++)
		ensure(cidr_parse(refused_v4[i], &r.v4[i], &why) == 0);
	for (size_t i = 0; !r.parsed && i < ARRAY_LEN(refused_v6); i++)
		ensure(cidr_parse(refused_v6[i], &r.v6[i], &why) == 0);
	r.parsed = true;
	return &r;
}

static bool v4_is_public(const unsigned char *address)
{
	const struct registry *r = registry_get();
	return !list_has(r->v4, ARRAY_LEN(r->v4), AF_INET, address);
}

static bool v6_is_public(const unsigned char *address)
{
	const struct registry *r = registry_get();
	return (address[0] & 0xe0) == 0x20 && !list_has(r->v6, ARRAY_LEN(r->v6), AF_INET6, address);
}

static bool permits(const struct policy *policy, int family, const unsigned char *address)
{
	static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
	static const unsigned char nat64[12] = {0x00, 0x64, 0xff, 0x9b};
	if (list_has(policy->allow, policy->n_allow, family, address))
		return true;
	if (family == AF_INET6 && memcmp(address, mapped, sizeof(mapped)) == 0)
		return permits(policy, AF_INET, address + 12);
	if (is_denied(policy, family, address))
		return false;
	if (family == AF_INET)
		return v4_is_public(address);
	if (memcmp(address, nat64, sizeof(nat64)) == 0)
		return v4_is_public(address + 12) && !is_denied(policy, AF_INET, address + 12);
	return v6_is_public(address);
}

bool policy_permits(const struct policy *policy, const struct sockaddr *address)
{
	const unsigned char *bytes = address_bytes(address);
	return bytes != NULL && permits(policy, address->sa_family, bytes);
}
