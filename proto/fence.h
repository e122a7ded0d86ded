// SPDX-License-Identifier: MIT
/*
 * What a probe announces of itself, from its machine and its local file, and the one judgement over
 * it: the probe refuses with it what its file does not allow, the coordinator knows with it
 * beforehand whom not to ask. Nothing here can be set by a message.
 */
#ifndef QUORATE_PROTO_FENCE_H
#define QUORATE_PROTO_FENCE_H

#include "proto/base/schema.h"
#include "proto/policy.h"
#include "quorate/monitor.h"

struct capabilities {
	bool ipv4, ipv6, icmp;
	struct strings types;         /* names of check kinds; none: all */
	struct strings methods;       /* of HTTP; none: all */
	struct strings allow;         /* CIDRs beyond public addresses */
	struct strings ports;         /* "443", "8000-8099"; none: all */
	struct strings organizations; /* served; none: all */
	struct strings proxies;       /* names; none: none */
	int64_t min_interval_ms;
	int64_t per_second, per_destination; /* starts; UNSET: not said, like the next one */
	int64_t body_max_bytes;
};
extern const struct schema capabilities_schema;

enum fence {
	FENCE_OPEN = 0,
	FENCE_ORGANIZATION,
	FENCE_TYPE,
	FENCE_METHOD,
	FENCE_INTERVAL,
	FENCE_FAMILY,
	FENCE_ICMP,
	FENCE_ADDRESS,
	FENCE_PORT,
	FENCE_PROXY
};

/* The addresses and ports that CAN allows, into OUT (zeroed; clear it with policy_clear). What
 * cannot be read is not allowed. */
void fence_policy(const struct capabilities *can, struct policy *out);
/* Whether a probe that announced CAN may and can check M; POLICY is fence_policy's. A target by name
 * is judged by everything but its address, which only the probe will know. */
enum fence fence_judge(
	const struct capabilities *can, const struct policy *policy, const struct monitor *m);
/* FENCE (not OPEN) as the end of a sentence about the probe: "may not contact 10.0.0.5". Returns
 * OUT. */
#define FENCE_WORDS_SIZE 128
char *fence_words(enum fence fence, const struct capabilities *can, const struct monitor *m,
	char out[FENCE_WORDS_SIZE]);
/* The option of the probe's file, and what it should have, that would open FENCE for M: "allow:
 * [10.0.0.5]". "" for what no file can change. Returns OUT. */
char *fence_remedy(enum fence fence, const struct monitor *m, char out[FENCE_WORDS_SIZE]);

/* Rules of fields (struct strings): networks, HTTP methods, organizations. */
int fence_check_allow(const void *value, const char **why);
int fence_check_methods(const void *value, const char **why);
int fence_check_organizations(const void *value, const char **why);
/* Ports as people write them, numbers and ranges ([443, 8000-8099]), into a struct strings. */
extern const struct field_custom fence_ports_custom;
/* A rule of one text: the name of an organization. */
int organization_check(const void *value, const char **why);
#define ORGANIZATION_DEFAULT   "default"
#define ORGANIZATION_MAX_BYTES 64

#endif
