// SPDX-License-Identifier: MIT
#include "probe/anchor.h"

#include "proto/base/mem.h"
#include "proto/base/rand.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *kind_of(const struct anchor *a)
{
	return a->ping ? "ping" : a->tcp ? "tcp" : "http";
}

const char *anchor_target(const struct anchor *a)
{
	return a->ping ? a->ping : a->tcp ? a->tcp : a->http;
}

/* Three pings, so that a lost one is no silence; where a redirect leads is not looked at. */
static int make_monitor(const struct anchor *a, int64_t every_ms, const char *path,
	struct monitor *out, struct problems *problems)
{
	json_t *request = json_object();
	if (a->family > FAMILY_AUTO)
		json_object_set_new(
			request, "family", json_string(address_family_names[a->family]));
	if (a->proxy)
		json_object_set_new(request, "proxy", json_string(a->proxy));
	if (a->ping) {
		json_object_set_new(request, "packets", json_integer(3));
		json_object_set_new(request, "packet_interval", json_string("100ms"));
	}
	json_t *m = json_pack("{s:s, s:s, s:o}", "name", "anchor", kind_of(a), anchor_target(a),
		"request", request);
	if (a->http)
		json_object_set_new(m, "expect", json_pack("{s:i}", "follow", 0));
	int status = monitor_decode(m, SCHEMA_STRICT, path, out, problems);
	json_decref(m);
	if (status == 0) {
		out->id = id_new();
		out->interval_ms = every_ms;
		out->timeout_ms = ANCHOR_TIMEOUT_MS;
	}
	return status;
}

/* ---- the table */

static void check_anchor(const void *object, const char *path, struct problems *problems)
{
	const struct anchor *a = object;
	struct monitor m = {0};
	struct problems found = {0};
	if ((a->ping != NULL) + (a->tcp != NULL) + (a->http != NULL) != 1) {
		problems_add(problems, path,
			"an anchor is one host; accepted: one of ping: HOST, tcp: HOST:PORT, http: "
			"URL");
		return;
	}
	if (a->proxy && !a->http) {
		problems_add_at(
			problems, path, "proxy", "only an anchor of http: can go through a proxy");
		return;
	}
	(void)!make_monitor(a, INTERVAL_MIN_MS, "", &m, &found);
	monitor_clear(&m);
	for (size_t i = 0; i < found.n; i++) {
		const char *at = strcmp(found.item[i].path, "request.proxy") == 0    ? "proxy"
				 : strcmp(found.item[i].path, "request.family") == 0 ? "family"
										     : kind_of(a);
		problems_add_at(problems, path, at, "%s", found.item[i].message);
	}
	enum address_family own = FAMILY_AUTO;
	char name[MONITOR_HOST_SIZE];
	if (found.n == 0 && !anchor_name(a, name))
		own = address_family_of(name);
	if (own != FAMILY_AUTO && a->family > FAMILY_AUTO && (int)own != a->family)
		problems_add_at(problems, path, "family", "'%s' is an address of the other family",
			anchor_target(a));
}

// clang-format off
static const char *const family_names[] = {"auto", "ipv4", "ipv6", NULL};

static const struct field anchor_fields[] = {
	{.name = "ping", .type = FIELD_STRING, .offset = offsetof(struct anchor, ping), .min = 1, .max = URL_MAX_BYTES,
	 .doc = "A host that answers pings."},
	{.name = "tcp", .type = FIELD_STRING, .offset = offsetof(struct anchor, tcp), .min = 1, .max = URL_MAX_BYTES,
	 .doc = "HOST:PORT that accepts connections."},
	{.name = "http", .type = FIELD_STRING, .offset = offsetof(struct anchor, http), .min = 1, .max = URL_MAX_BYTES,
	 .doc = "URL that is answered with 2xx or 3xx; a certificate has to be valid."},
	{.name = "family", .type = FIELD_ENUM, .offset = offsetof(struct anchor, family), .names = family_names,
	 .accepts = "ipv4 or ipv6", .doc = "The address family that it stands for; default: its address's own, of a name ipv4."},
	{.name = "proxy", .type = FIELD_STRING, .offset = offsetof(struct anchor, proxy), .min = 1, .max = NAME_MAX_BYTES,
	 .doc = "With http: the one of proxies to go through, where that is the only way out."},
};
// clang-format on

const struct schema anchor_schema = {.name = "anchor",
	.fields = anchor_fields,
	.n_fields = ARRAY_LEN(anchor_fields),
	.size_bytes = sizeof(struct anchor),
	.check = check_anchor};

/* ---- what is made of it */

struct job *anchor_job(const struct anchor *a, int64_t every_ms)
{
	struct monitor m = {0};
	struct problems problems = {0};
	struct anchor wanted = *a;
	char name[MONITOR_HOST_SIZE];
	if (anchor_name(a, name)) /* a proxy goes where it goes */
		wanted.family = anchor_family(a) == SELF_TEST_IPV6 ? FAMILY_IPV6 : FAMILY_IPV4;
	ensure(make_monitor(&wanted, every_ms, "", &m, &problems) == 0);
	struct job *job = job_new(&m, 0);
	job->own = true;
	return job;
}

bool anchor_name(const struct anchor *a, char out[MONITOR_HOST_SIZE])
{
	struct monitor m = {.type = a->ping ? CHECK_PING : a->tcp ? CHECK_TCP : CHECK_HTTP};
	int port;
	m.target = mem_strdup(anchor_target(a));
	monitor_destination(&m, out, &port);
	free(m.target);
	return a->proxy == NULL && address_family_of(out) == FAMILY_AUTO;
}

int anchor_family(const struct anchor *a)
{
	char name[MONITOR_HOST_SIZE];
	enum address_family family = (enum address_family)a->family;
	if (a->family <= FAMILY_AUTO)
		family = anchor_name(a, name) ? FAMILY_IPV4 : address_family_of(name);
	return family == FAMILY_IPV6 ? SELF_TEST_IPV6 : SELF_TEST_IPV4;
}
