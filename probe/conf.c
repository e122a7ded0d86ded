// SPDX-License-Identifier: MIT
/* The table of the probe's local file. */
#include "probe/conf.h"

#include "probe/anchor.h"
#include "probe/dial.h"
#include "probe/net.h"
#include "proto/fence.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"
#include "proto/base/yaml.h"
#include "proto/joinstring.h"
#include "proto/link.h"
#include "quorate/limits.h"
#include "quorate/monitor.h"

#include <stdbool.h>
#include <string.h>

static const char *const log_level_names[] = {"error", "warning", "info", "debug", NULL};

static int check_address(const void *value, const char **why)
{
	const char *address = *(char *const *)value;
	return address ? link_address_check(address, why) : 0;
}

static int check_host(const void *value, const char **why)
{
	const char *name = *(char *const *)value;
	*why = "a host name or an address";
	return name && strpbrk(name, " \t\r\n/@\"'[]") ? -1 : 0;
}

static int check_coordinator_addresses(const void *value, const char **why)
{
	const struct strings *addresses = value;
	char host[NET_HOST_SIZE];
	int port;
	for (size_t i = 0; i < addresses->n; i++)
		if (dial_split(addresses->item[i], host, &port, why))
			return -1;
	return 0;
}

/* The file is not a secret one: a password does not belong into it. */
static int check_proxy(const void *value, const char **why)
{
	const char *proxy = *(char *const *)value;
	if (!proxy || strcmp(proxy, "none") == 0)
		return 0;
	*why = "http://HOST:PORT or http://USER@HOST:PORT, or none";
	if (strncmp(proxy, "http://", 7) != 0 || !proxy[7] || strpbrk(proxy, " \t\r\n"))
		return -1;
	*why = "no password here: coordinator.proxy_password_file names a file that holds it";
	const char *at = strrchr(proxy, '@');
	return at && memchr(proxy + 7, ':', (size_t)(at - proxy - 7)) ? -1 : 0;
}

static void check_coordinator(const void *object, const char *path, struct problems *problems)
{
	const struct coordinator_conf *c = object;
	bool rest = c->pin.n || c->name; /* the others fit what joining left, too */
	if (rest && !c->addresses.n)
		problems_add(problems, path,
			"addresses are missing; accepted: addresses: [\"HOST:PORT\"]");
}

static int check_spool_max(const void *value, const char **why)
{
	int64_t bytes = *(const int64_t *)value;
	*why = "0 (nothing on disk), or an integer from 1048576 to 1073741824";
	return bytes == 0 || bytes >= 1048576 ? 0 : -1;
}

static int check_proxies(const void *value, const char **why)
{
	const struct pairs *proxies = value;
	char host[NET_HOST_SIZE];
	int port;
	*why = "NAME: http://HOST:PORT, without a path or a log-in";
	for (size_t i = 0; i < proxies->n; i++) {
		const char *address = proxies->item[i].value;
		if (strncmp(address, "http://", 7) != 0 || strchr(address, '@') != NULL ||
			net_split_target(address + 7, host, &port) != 0)
			return -1;
	}
	return 0;
}

static int check_types(const void *value, const char **why)
{
	const struct strings *types = value;
	*why = "one or more of ping, tcp, http, redirect, tls, dns";
	if (types->n == 0)
		return -1;
	for (size_t i = 0; i < types->n; i++) {
		bool known = false;
		for (int kind = 0; kind < CHECK_KIND_COUNT; kind++)
			known = known || strcmp(types->item[i], check_kind_names[kind]) == 0;
		if (!known)
			return -1;
	}
	return 0;
}

/* `link:` is an object of its own in the file, and two neighbours in the struct. */
struct link_addresses {
	char *report, *orders;
};
_Static_assert(
	offsetof(struct probe_conf, orders_address) - offsetof(struct probe_conf, report_address) ==
		offsetof(struct link_addresses, orders) - offsetof(struct link_addresses, report),
	"report_address and orders_address must be neighbours");

// clang-format off
static const struct field link_fields[] = {
	{.name = "report", .type = FIELD_STRING, .offset = offsetof(struct link_addresses, report), .max = 120,
	 .fallback = "\"tcp://127.0.0.1:7444\"", .check = check_address,
	 .doc = "Address of the coordinator's report stream: ipc:///PATH or tcp:// on loopback."},
	{.name = "orders", .type = FIELD_STRING, .offset = offsetof(struct link_addresses, orders), .max = 120,
	 .fallback = "\"tcp://127.0.0.1:7445\"", .check = check_address,
	 .doc = "Address of the coordinator's orders stream."},
};

static const struct schema link_schema = {
	.name = "link", .fields = link_fields, .n_fields = ARRAY_LEN(link_fields),
	.size_bytes = sizeof(struct link_addresses)};

static const struct field coordinator_fields[] = {
	{.name = "addresses", .type = FIELD_STRINGS, .offset = offsetof(struct coordinator_conf, addresses), .max = 8,
	 .check = check_coordinator_addresses,
	 .doc = "HOST:PORT of the coordinator's door, tried in turn; the port is 443 when it is left out."},
	{.name = "pin", .type = FIELD_STRINGS, .offset = offsetof(struct coordinator_conf, pin), .max = 8, .check = join_check_pins,
	 .doc = "The coordinator's public keys, sha256//BASE64; one that is not listed is refused."},
	{.name = "ca", .type = FIELD_STRING, .offset = offsetof(struct coordinator_conf, ca), .min = 1,
	 .doc = "PEM file of the CAs that may vouch for the coordinator's name."},
	{.name = "name", .type = FIELD_STRING, .offset = offsetof(struct coordinator_conf, name), .min = 1, .max = 253,
	 .check = check_host, .doc = "Name in the coordinator's certificate, when it is not the host of the address."},
	{.name = "proxy", .type = FIELD_STRING, .offset = offsetof(struct coordinator_conf, proxy), .max = 512,
	 .check = check_proxy,
	 .doc = "HTTP proxy on the way to the coordinator: http://HOST:PORT or http://USER@HOST:PORT, or none."},
	{.name = "proxy_password_file", .type = FIELD_STRING,
	 .offset = offsetof(struct coordinator_conf, proxy_password_file), .min = 1,
	 .doc = "File that holds the password for the proxy; refused when group or others have any access."},
};

const struct schema coordinator_conf_schema = {.name = "coordinator",
	.fields = coordinator_fields, .n_fields = ARRAY_LEN(coordinator_fields),
	.size_bytes = sizeof(struct coordinator_conf), .check = check_coordinator};

static const struct field conf_fields[] = {
	{.name = "name", .type = FIELD_STRING, .offset = offsetof(struct probe_conf, name), .min = 1,
	 .max = NAME_MAX_BYTES,
	 .doc = "Name of this probe as registered at the coordinator."},
	{.name = "link", .type = FIELD_OBJECT, .offset = offsetof(struct probe_conf, report_address), .sub = &link_schema,
	 .doc = "Where the coordinator is, on the same machine."},
	{.name = "coordinator", .type = FIELD_OBJECT, .offset = offsetof(struct probe_conf, coordinator),
	 .sub = &coordinator_conf_schema, .doc = "The coordinator's door, reached over TLS."},
	{.name = "token_file", .type = FIELD_STRING, .offset = offsetof(struct probe_conf, token_file), .min = 1,
	 .doc = "File that holds the probe's token; refused when group or others have any access."},
	{.name = "state_dir", .type = FIELD_STRING, .offset = offsetof(struct probe_conf, state_dir), .min = 1,
	 .fallback = "\"/var/lib/quorate-probe\"", .doc = "Folder for state, which must exist: results that wait are kept in its folder spool."},
	{.name = "log_level", .type = FIELD_ENUM, .offset = offsetof(struct probe_conf, log_level),
	 .names = log_level_names, .fallback = "\"info\"", .doc = "How much is logged."},
	{.name = "allow", .type = FIELD_STRINGS, .offset = offsetof(struct probe_conf, allow), .max = 256,
	 .check = fence_check_allow, .doc = "Networks (CIDR) that checks may contact beyond public addresses."},
	{.name = "types", .type = FIELD_STRINGS, .offset = offsetof(struct probe_conf, types), .max = 32,
	 .fallback = "[\"ping\", \"tcp\", \"http\", \"redirect\", \"tls\", \"dns\"]", .check = check_types,
	 .doc = "Kinds of check that this probe is willing to run."},
	{.name = "ports", .type = FIELD_CUSTOM, .offset = offsetof(struct probe_conf, ports), .custom = &fence_ports_custom,
	 .doc = "Ports, and ranges of them (8000-8099), that checks may connect to; default: all."},
	{.name = "methods", .type = FIELD_STRINGS, .offset = offsetof(struct probe_conf, methods), .max = 16,
	 .check = fence_check_methods, .doc = "HTTP methods that checks may use; default: all."},
	{.name = "organizations", .type = FIELD_STRINGS, .offset = offsetof(struct probe_conf, organizations), .max = 64,
	 .check = fence_check_organizations, .doc = "Organizations whose monitors this probe checks; default: all, or the one that it joined for."},
	{.name = "proxies", .type = FIELD_PAIRS, .offset = offsetof(struct probe_conf, proxies), .max = PROXIES_MAX,
	 .check = check_proxies,
	 .doc = "HTTP proxies that monitors may name (request.proxy), as NAME: http://HOST:PORT; no others are used by checks."},
	{.name = "anchors", .type = FIELD_LIST, .offset = offsetof(struct probe_conf, anchors), .sub = &anchor_schema,
	 .max = ANCHORS_MAX,
	 .doc = "What this probe tests its own network with: ping: HOST, tcp: HOST:PORT or http: URL, three or more per address family."},
	{.name = "min_interval", .type = FIELD_DURATION, .offset = offsetof(struct probe_conf, min_interval_ms),
	 .min = INTERVAL_MIN_MS, .max = INTERVAL_MAX_MS, .fallback = "\"10s\"",
	 .doc = "A monitor with a smaller interval is checked at this one."},
	{.name = "in_flight_max", .type = FIELD_INT, .offset = offsetof(struct probe_conf, in_flight_max), .min = 1,
	 .max = 10000, .fallback = "1000",
	 .doc = "Checks that run at the same time."},
	{.name = "per_second", .type = FIELD_INT, .offset = offsetof(struct probe_conf, per_second), .min = 1,
	 .max = 10000, .fallback = "200", .doc = "Checks started per second in all."},
	{.name = "per_destination", .type = FIELD_INT, .offset = offsetof(struct probe_conf, per_destination), .min = 1,
	 .max = 1000, .fallback = "2", .doc = "Checks started per second towards one host."},
	{.name = "body_max", .type = FIELD_INT, .offset = offsetof(struct probe_conf, body_max_bytes), .min = 1024,
	 .max = INT64_C(64) << 20, .fallback = "1048576", .doc = "Bytes of a response that are read at most."},
	{.name = "certificate_memo", .type = FIELD_DURATION, .offset = offsetof(struct probe_conf, certificate_memo_ms),
	 .min = 0, .max = 600000, .fallback = "\"10m\"",
	 .doc = "A certificate chain that was verified for a name is not verified again for so long. 0s: each time."},
	{.name = "results_max", .type = FIELD_INT, .offset = offsetof(struct probe_conf, results_max), .min = 100,
	 .max = 1000000, .fallback = "4000",
	 .doc = "Results kept in memory while the coordinator is away; the oldest go first."},
	{.name = "spool_max", .type = FIELD_INT, .offset = offsetof(struct probe_conf, spool_max_bytes), .min = 0,
	 .max = INT64_C(1) << 30, .fallback = "67108864", .check = check_spool_max,
	 .accepts = "0 (nothing on disk), or an integer from 1048576 to 1073741824",
	 .doc = "Bytes of results kept on disk while the coordinator is away; the oldest go first. 0: none."},
};
// clang-format on

/* Which of the file's proxies an anchor names. */
static void check_conf(const void *object, const char *path, struct problems *problems)
{
	const struct probe_conf *c = object;
	const struct anchor *anchor = c->anchors.item;
	char name[40];
	for (size_t i = 0; i < c->anchors.n; i++) {
		bool known = anchor[i].proxy == NULL;
		for (size_t k = 0; k < c->proxies.n && !known; k++)
			known = strcmp(c->proxies.item[k].name, anchor[i].proxy) == 0;
		snprintf(name, sizeof name, "anchors[%zu].proxy", i);
		if (!known)
			problems_add_at(problems, path, name,
				"'%s' is none of this file's proxies; accepted: a name of proxies: "
				"{NAME: http://HOST:PORT}",
				anchor[i].proxy);
	}
}

const struct schema probe_conf_schema = {.name = "probe.yml",
	.fields = conf_fields,
	.n_fields = ARRAY_LEN(conf_fields),
	.size_bytes = sizeof(struct probe_conf),
	.check = check_conf};

int probe_conf_load(const char *path, bool missing_ok, struct probe_conf *conf)
{
	return probe_conf_load_to(path, missing_ok, conf, stderr);
}

int probe_conf_load_to(const char *path, bool missing_ok, struct probe_conf *conf, FILE *out)
{
	if (conf_load_to(path, missing_ok, &probe_conf_schema, conf, out) == -1)
		return -1;
	if (conf->token_file == NULL)
		conf->token_file = mem_printf("%s/token", conf->state_dir);
	return 0;
}
