// SPDX-License-Identifier: MIT
/* The table of the probe's local file. */
#include "probe/conf.h"

#include "probe/policy.h"
#include "proto/base/log.h"
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

static int check_allow(const void *value, const char **why)
{
	const struct strings *allow = value;
	for (size_t i = 0; i < allow->n; i++) {
		struct cidr cidr;
		if (cidr_parse(allow->item[i], &cidr, why))
			return -1;
	}
	return 0;
}

static int check_types(const void *value, const char **why)
{
	const struct strings *types = value;
	*why = "one or more of ping, tcp, http, redirect";
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

static const struct field conf_fields[] = {
	{.name = "name", .type = FIELD_STRING, .offset = offsetof(struct probe_conf, name), .flags = FIELD_REQUIRED,
	 .min = 1, .max = NAME_MAX_BYTES, .doc = "Name of this probe as registered at the coordinator."},
	{.name = "link", .type = FIELD_OBJECT, .offset = offsetof(struct probe_conf, report_address), .sub = &link_schema,
	 .doc = "Where the coordinator is."},
	{.name = "token_file", .type = FIELD_STRING, .offset = offsetof(struct probe_conf, token_file), .min = 1,
	 .fallback = "\"/var/lib/quorate-probe/token\"",
	 .doc = "File that holds the probe's token; refused when group or others have any access."},
	{.name = "state_dir", .type = FIELD_STRING, .offset = offsetof(struct probe_conf, state_dir), .min = 1,
	 .fallback = "\"/var/lib/quorate-probe\"", .doc = "Folder for state; nothing is written to it yet."},
	{.name = "log_level", .type = FIELD_ENUM, .offset = offsetof(struct probe_conf, log_level),
	 .names = log_level_names, .fallback = "\"info\"", .doc = "How much is logged."},
	{.name = "allow", .type = FIELD_STRINGS, .offset = offsetof(struct probe_conf, allow), .max = 256,
	 .check = check_allow, .doc = "Networks (CIDR) that checks may contact beyond public addresses."},
	{.name = "types", .type = FIELD_STRINGS, .offset = offsetof(struct probe_conf, types), .max = 32,
	 .fallback = "[\"ping\", \"tcp\", \"http\", \"redirect\"]", .check = check_types,
	 .doc = "Kinds of check that this probe is willing to run."},
	{.name = "min_interval", .type = FIELD_DURATION, .offset = offsetof(struct probe_conf, min_interval_ms),
	 .min = INTERVAL_MIN_MS, .max = INTERVAL_MAX_MS, .fallback = "\"10s\"",
	 .doc = "A monitor with a smaller interval is checked at this one."},
	{.name = "in_flight_max", .type = FIELD_INT, .offset = offsetof(struct probe_conf, in_flight_max), .min = 1,
	 .max = 10000, .fallback = "500", .doc = "Checks that run at the same time."},
	{.name = "per_second", .type = FIELD_INT, .offset = offsetof(struct probe_conf, per_second), .min = 1,
	 .max = 10000, .fallback = "200", .doc = "Checks started per second in all."},
	{.name = "per_destination", .type = FIELD_INT, .offset = offsetof(struct probe_conf, per_destination), .min = 1,
	 .max = 1000, .fallback = "2", .doc = "Checks started per second towards one host."},
	{.name = "body_max", .type = FIELD_INT, .offset = offsetof(struct probe_conf, body_max_bytes), .min = 1024,
	 .max = INT64_C(64) << 20, .fallback = "1048576", .doc = "Bytes of a response that are read at most."},
	{.name = "results_max", .type = FIELD_INT, .offset = offsetof(struct probe_conf, results_max), .min = 100,
	 .max = 1000000, .fallback = "20000",
	 .doc = "Results kept in memory while the coordinator is away; the oldest go first."},
};
// clang-format on

const struct schema probe_conf_schema = {.name = "probe.yml",
	.fields = conf_fields,
	.n_fields = ARRAY_LEN(conf_fields),
	.size_bytes = sizeof(struct probe_conf)};
