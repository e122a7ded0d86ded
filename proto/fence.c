// SPDX-License-Identifier: MIT
/* Pure: no clock, no I/O. The probe judges by it, too, so that both ends say the same. */
#include "proto/fence.h"

#include "proto/base/mem.h"
#include "proto/monitor.h"
#include "quorate/duration.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- rules of fields */

int fence_check_allow(const void *value, const char **why)
{
	const struct strings *allow = value;
	for (size_t i = 0; i < allow->n; i++) {
		struct cidr cidr;
		if (cidr_parse(allow->item[i], &cidr, why))
			return -1;
	}
	return 0;
}

#define PORTS_MAX 64

static char *port_text(const json_t *in)
{
	if (json_is_integer(in))
		return mem_printf("%lld", (long long)json_integer_value(in));
	return json_is_string(in) ? mem_strdup(json_string_value(in)) : NULL;
}

static void ports_unset(void *out)
{
	*(struct strings *)out = (struct strings){0};
}

static void ports_clear(void *out)
{
	struct strings *ports = out;
	for (size_t i = 0; i < ports->n; i++)
		free(ports->item[i]);
	free(ports->item);
	ports_unset(ports);
}

static int ports_decode(const json_t *in, void *out, const char **why)
{
	struct strings *ports = out;
	struct port_range range;
	size_t n = json_is_array(in) ? json_array_size(in) : 1;
	*why = "a list of at most 64 ports and ranges of ports, for example [443, 8000-8099]";
	ports_unset(ports);
	if (n > PORTS_MAX)
		return -1;
	for (size_t i = 0; i < n; i++) {
		const char *ignored;
		char *text = port_text(json_is_array(in) ? json_array_get(in, i) : in);
		if (!text || port_range_parse(text, &range, &ignored)) {
			free(text);
			ports_clear(ports);
			return -1;
		}
		ports->item = mem_resize(ports->item, ports->n + 1, sizeof(*ports->item));
		ports->item[ports->n++] = text;
	}
	return 0;
}

static json_t *ports_encode(const void *in)
{
	const struct strings *ports = in;
	json_t *out = ports->n ? json_array() : NULL;
	for (size_t i = 0; i < ports->n; i++)
		json_array_append_new(out, json_string(ports->item[i]));
	return out;
}

const struct field_custom fence_ports_custom = {.decode = ports_decode,
	.encode = ports_encode,
	.unset = ports_unset,
	.clear = ports_clear,
	.json_schema = "{\"type\": \"array\"}"};

int fence_check_methods(const void *value, const char **why)
{
	const struct strings *methods = value;
	*why = "one or more of GET, HEAD, POST, PUT, DELETE, OPTIONS";
	for (size_t i = 0; i < methods->n; i++) {
		bool known = false;
		for (int k = 0; http_method_names[k]; k++)
			known = known || strcmp(methods->item[i], http_method_names[k]) == 0;
		if (!known)
			return -1;
	}
	return 0;
}

static bool is_organization(const char *name)
{
	size_t n = strlen(name);
	return n >= 1 && n <= ORGANIZATION_MAX_BYTES && !strchr("._-", name[0]) &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-") == n;
}

int organization_check(const void *value, const char **why)
{
	const char *name = *(char *const *)value;
	*why = "a name of an organization: lower-case letters, digits, '.', '_' and '-', beginning "
	       "with a letter or digit";
	return !name || is_organization(name) ? 0 : -1;
}

int fence_check_organizations(const void *value, const char **why)
{
	const struct strings *names = value;
	for (size_t i = 0; i < names->n; i++)
		if (organization_check(&names->item[i], why))
			return -1;
	return 0;
}

/* ---- the table */

// clang-format off
#define OF(member) offsetof(struct capabilities, member)
static const struct field capabilities_fields[] = {
	{.name = "ipv4", .type = FIELD_BOOL, .offset = OF(ipv4), .doc = "IPv4 targets can be reached."},
	{.name = "ipv6", .type = FIELD_BOOL, .offset = OF(ipv6), .doc = "IPv6 targets can be reached."},
	{.name = "icmp", .type = FIELD_BOOL, .offset = OF(icmp), .doc = "The probe may send pings."},
	{.name = "types", .type = FIELD_STRINGS, .offset = OF(types), .max = 32,
	 .doc = "Kinds of check that the probe runs: ping, tcp, http, redirect, tls, dns; none: the first four."},
	{.name = "methods", .type = FIELD_STRINGS, .offset = OF(methods), .max = 16,
	 .doc = "HTTP methods that it sends; none: all."},
	{.name = "allow", .type = FIELD_STRINGS, .offset = OF(allow), .max = 256,
	 .doc = "Networks (CIDR) that the probe's local file allows beyond public addresses."},
	{.name = "ports", .type = FIELD_STRINGS, .offset = OF(ports), .max = PORTS_MAX,
	 .doc = "Ports, and ranges of them (8000-8099), that checks may connect to; none: all."},
	{.name = "organizations", .type = FIELD_STRINGS, .offset = OF(organizations), .max = 64,
	 .doc = "Organizations whose monitors it checks; none: all."},
	{.name = "proxies", .type = FIELD_STRINGS, .offset = OF(proxies), .max = PROXIES_MAX,
	 .doc = "Names of the HTTP proxies that checks may go through; none: none."},
	{.name = "min_interval_ms", .type = FIELD_INT, .offset = OF(min_interval_ms), .min = 0,
	 .max = INTERVAL_MAX_MS, .fallback = "10000",
	 .doc = "The smallest interval at which the probe repeats a check."},
	{.name = "per_second", .type = FIELD_INT, .offset = OF(per_second), .min = 0, .max = 1000000,
	 .doc = "Checks that it starts per second in all, at most."},
	{.name = "per_destination", .type = FIELD_INT, .offset = OF(per_destination), .min = 0, .max = 1000000,
	 .doc = "Checks that it starts per second towards one host, at most."},
	{.name = "body_max_bytes", .type = FIELD_INT, .offset = OF(body_max_bytes), .min = 0,
	 .max = INT64_C(1) << 40, .doc = "Bytes of a response that it reads at most."},
};
#undef OF
// clang-format on

const struct schema capabilities_schema = {.name = "capabilities",
	.fields = capabilities_fields,
	.n_fields = ARRAY_LEN(capabilities_fields),
	.size_bytes = sizeof(struct capabilities)};

/* ---- the judgement */

void fence_policy(const struct capabilities *can, struct policy *out)
{
	const char *why;
	for (size_t i = 0; i < can->allow.n; i++)
		(void)!policy_allow(out, can->allow.item[i], &why);
	for (size_t i = 0; i < can->ports.n; i++)
		(void)!policy_allow_ports(out, can->ports.item[i], &why);
	if (can->ports.n && !out->n_ports) { /* unreadable is not "all": port 0 is nobody's */
		out->ports = mem_alloc(sizeof(*out->ports));
		out->n_ports = 1;
	}
}

/* The address that M names by itself; false: a name. */
static bool literal_of(const char *host, struct sockaddr_storage *out)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, host, &v4->sin_addr) == 1)
		out->ss_family = AF_INET;
	else if (inet_pton(AF_INET6, host, &v6->sin6_addr) == 1)
		out->ss_family = AF_INET6;
	return out->ss_family != AF_UNSPEC;
}

/* FAMILY_AUTO: any will do. */
static int family_needed(const struct monitor *m, const struct sockaddr_storage *literal)
{
	if (literal->ss_family == AF_INET)
		return FAMILY_IPV4;
	if (literal->ss_family == AF_INET6)
		return FAMILY_IPV6;
	return monitor_family(m);
}

static bool has_family(const struct capabilities *can, int family)
{
	if (family == FAMILY_AUTO)
		return can->ipv4 || can->ipv6;
	if (family == FAMILY_BOTH)
		return can->ipv4 && can->ipv6;
	return family == FAMILY_IPV4 ? can->ipv4 : can->ipv6;
}

static const char *method_of(const struct monitor *m)
{
	if (m->type != CHECK_HTTP && m->type != CHECK_REDIRECT)
		return NULL;
	return http_method_names[m->request.method < 0 ? METHOD_GET : m->request.method];
}

static bool lists(const struct strings *list, const char *text)
{
	return list->n == 0 || !text || strings_have(list, text);
}

/* A probe that names no types is older than those that came after the first four. */
static bool runs_type(const struct capabilities *can, int type)
{
	return can->types.n == 0 ? type <= CHECK_REDIRECT
				 : strings_have(&can->types, check_kind_names[type]);
}

static const char *organization_of(const struct monitor *m)
{
	return m->organization ? m->organization : ORGANIZATION_DEFAULT;
}

/* Most targets are names: a million judgements are made when a large network is seated anew. */
static bool may_be_literal(const struct monitor *m)
{
	const char *to = m->request.connect_to ? m->request.connect_to : m->target;
	const char *scheme = strstr(to, "://"), *host = scheme ? scheme + 3 : to;
	if (m->type == CHECK_DNS)
		host = m->request.server ? m->request.server : "";
	return *host == '[' || (*host >= '0' && *host <= '9') ||
	       ((m->type == CHECK_PING || m->type == CHECK_DNS) && strchr(host, ':'));
}

enum fence fence_judge(
	const struct capabilities *can, const struct policy *policy, const struct monitor *m)
{
	struct sockaddr_storage literal = {.ss_family = AF_UNSPEC};
	char host[MONITOR_HOST_SIZE];
	int port = 0;
	if (policy->n_ports || may_be_literal(m))
		monitor_destination(m, host, &port);
	bool is_literal = may_be_literal(m) && literal_of(host, &literal);
	if (!lists(&can->organizations, organization_of(m)))
		return FENCE_ORGANIZATION;
	if (!runs_type(can, m->type))
		return FENCE_TYPE;
	if (!lists(&can->methods, method_of(m)))
		return FENCE_METHOD;
	if (m->interval_ms < can->min_interval_ms)
		return FENCE_INTERVAL;
	if (m->request.proxy && !strings_have(&can->proxies, m->request.proxy))
		return FENCE_PROXY;
	if (is_literal && !policy_permits(policy, (struct sockaddr *)&literal))
		return FENCE_ADDRESS;
	if (port && !policy_permits_port(policy, port))
		return FENCE_PORT;
	if (!has_family(can, family_needed(m, &literal)))
		return FENCE_FAMILY;
	if (m->type == CHECK_PING && !can->icmp)
		return FENCE_ICMP;
	return FENCE_OPEN;
}

/* ---- words */

static const char *missing_family(const struct capabilities *can, int needed)
{
	if (needed == FAMILY_AUTO || (needed == FAMILY_BOTH && !can->ipv4 && !can->ipv6))
		return "network";
	return needed == FAMILY_IPV4 || (needed == FAMILY_BOTH && !can->ipv4) ? "IPv4" : "IPv6";
}

char *fence_words(enum fence fence, const struct capabilities *can, const struct monitor *m,
	char out[FENCE_WORDS_SIZE])
{
	char host[MONITOR_HOST_SIZE], interval[DURATION_TEXT_SIZE];
	struct sockaddr_storage literal;
	int port;
	monitor_destination(m, host, &port);
	(void)literal_of(host, &literal);
	switch (fence) {
	case FENCE_OPEN:
		snprintf(out, FENCE_WORDS_SIZE, "may and can");
		break;
	case FENCE_ORGANIZATION:
		snprintf(out, FENCE_WORDS_SIZE, "serves other organizations only");
		break;
	case FENCE_TYPE:
		snprintf(out, FENCE_WORDS_SIZE, "runs no checks of type %s",
			check_kind_names[m->type]);
		break;
	case FENCE_METHOD:
		snprintf(out, FENCE_WORDS_SIZE, "sends no %s", method_of(m));
		break;
	case FENCE_INTERVAL:
		snprintf(out, FENCE_WORDS_SIZE, "checks no more often than every %s",
			duration_format(can->min_interval_ms, interval));
		break;
	case FENCE_FAMILY:
		snprintf(out, FENCE_WORDS_SIZE, "has no %s",
			missing_family(can, family_needed(m, &literal)));
		break;
	case FENCE_ICMP:
		snprintf(out, FENCE_WORDS_SIZE, "may not send pings");
		break;
	case FENCE_ADDRESS:
		snprintf(out, FENCE_WORDS_SIZE, "may not contact %.60s", host);
		break;
	case FENCE_PORT:
		snprintf(out, FENCE_WORDS_SIZE, "may not connect to port %d", port);
		break;
	case FENCE_PROXY:
		snprintf(out, FENCE_WORDS_SIZE, "knows no proxy '%.60s'", m->request.proxy);
		break;
	}
	return out;
}

char *fence_remedy(enum fence fence, const struct monitor *m, char out[FENCE_WORDS_SIZE])
{
	char host[MONITOR_HOST_SIZE], interval[DURATION_TEXT_SIZE];
	int port;
	monitor_destination(m, host, &port);
	switch (fence) {
	case FENCE_ORGANIZATION:
		snprintf(out, FENCE_WORDS_SIZE, "organizations: [%.64s]", organization_of(m));
		break;
	case FENCE_TYPE:
		snprintf(out, FENCE_WORDS_SIZE, "types: [%s]", check_kind_names[m->type]);
		break;
	case FENCE_METHOD:
		snprintf(out, FENCE_WORDS_SIZE, "methods: [%s]", method_of(m));
		break;
	case FENCE_INTERVAL:
		snprintf(out, FENCE_WORDS_SIZE, "min_interval: %s",
			duration_format(m->interval_ms, interval));
		break;
	case FENCE_ADDRESS:
		snprintf(out, FENCE_WORDS_SIZE, "allow: [\"%.60s\"]", host);
		break;
	case FENCE_PORT:
		snprintf(out, FENCE_WORDS_SIZE, "ports: [\"%d\"]", port);
		break;
	case FENCE_PROXY:
		snprintf(out, FENCE_WORDS_SIZE, "proxies: {%.40s: \"http://HOST:PORT\"}",
			m->request.proxy);
		break;
	default:
		out[0] = '\0';
	}
	return out;
}
