// SPDX-License-Identifier: MIT
#include "probe/bounds.h"

#include "probe/dial.h"
#include "probe/net.h"
#include "proto/base/clock.h"
#include "proto/base/mem.h"

/* What the file gives of the coordinator as numbers: a check is no way to talk to it. */
static void deny_coordinator(const struct probe_conf *conf, struct policy *policy)
{
	char host[NET_HOST_SIZE];
	const char *why;
	int port;
	for (size_t i = 0; i < conf->coordinator.addresses.n; i++)
		if (dial_split(conf->coordinator.addresses.item[i], host, &port, &why) == 0)
			policy_deny(policy, host);
}

void bounds_policy(const struct probe_conf *conf, struct policy *out)
{
	struct capabilities can = {.allow = conf->allow, .ports = conf->ports};
	policy_reset(out);
	fence_policy(&can, out);
	policy_deny_own(out);
	deny_coordinator(conf, out);
}

struct engine_limits bounds_limits(const struct probe_conf *conf)
{
	return (struct engine_limits){.in_flight_max = conf->in_flight_max,
		.per_second = conf->per_second,
		.per_destination = conf->per_destination,
		.body_max_bytes = conf->body_max_bytes,
		.certificate_memo_ms = conf->certificate_memo_ms};
}

struct strings bounds_proxies(const struct probe_conf *conf, char *names[PROXIES_MAX])
{
	for (size_t i = 0; i < conf->proxies.n; i++)
		names[i] = conf->proxies.item[i].name;
	return (struct strings){.item = names, .n = conf->proxies.n};
}

enum fence bounds_judge(
	const struct probe_conf *conf, const struct policy *policy, const struct monitor *m)
{
	char *names[PROXIES_MAX];
	struct capabilities can = {.ipv4 = true,
		.ipv6 = true,
		.icmp = true,
		.types = conf->types,
		.methods = conf->methods,
		.organizations = conf->organizations};
	can.proxies = bounds_proxies(conf, names);
	return fence_judge(&can, policy, m);
}

void bounds_refuse(struct result *r, const struct job *job, int64_t round, enum fence fence)
{
	char words[FENCE_WORDS_SIZE];
	struct capabilities none = {0};
	engine_result_begin(r, job, round);
	r->started_wall_ms = clock_wall_ms();
	r->verdict = VERDICT_NONE;
	r->reason = REASON_INTERNAL_POLICY;
	r->detail = mem_printf(
		"this probe %s, says its own file", fence_words(fence, &none, job->monitor, words));
}
