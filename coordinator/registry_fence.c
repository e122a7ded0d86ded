// SPDX-License-Identifier: MIT
/*
 * Who may check what: regions and organizations as operators registered them, and what each probe
 * announced of itself. The newest announcement of a probe is kept in the store, so that a monitor
 * can be judged while the probe is away.
 */
#include "coordinator/registry_internal.h"

#include "proto/base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMED_MAX 3 /* probes that a refusal names */

/* ---- organizations and regions */

bool registry_sees(const char *organization, const char *owner)
{
	return !owner || !organization || strcmp(organization, owner) == 0;
}

bool registry_in_regions(struct registry *r, const struct monitor *m, const char *name)
{
	const struct region *region = registry_region(r, name);

	for (size_t i = 0; i < m->regions.n; i++) {
		const char *want = m->regions.item[i];
		if (strcmp(want, "*") == 0 && !(region && region->organization))
			return true;
		if (strcmp(want, name) == 0)
			return true;
		if (want[0] == '@' && region && strings_have(&region->sets, want + 1))
			return true;
	}
	return false;
}

bool registry_serves(struct registry *r, const struct probe *probe, const struct monitor *m)
{
	return registry_sees(m->organization, probe->organization) &&
	       registry_in_regions(r, m, probe->region);
}

/* ---- announcements */

/* A probe that was never seen is taken for able: it will say otherwise when it joins. */
enum fence registry_fence(const struct probe *probe, const struct monitor *m)
{
	if (probe->announced_wall_ms == UNSET)
		return FENCE_OPEN;
	return fence_judge(&probe->announced, &probe->policy, m);
}

bool registry_eligible(struct registry *r, const struct probe *probe, const struct monitor *m)
{
	return registry_serves(r, probe, m) && registry_fence(probe, m) == FENCE_OPEN;
}

void registry_set_policy(struct probe *probe)
{
	policy_clear(&probe->policy);
	fence_policy(&probe->announced, &probe->policy);
}

bool registry_announce(
	struct registry *r, struct probe *probe, const struct capabilities *can, int64_t wall_ms)
{
	json_t *fresh = schema_encode(&capabilities_schema, SCHEMA_WIRE, can);
	json_t *known = schema_encode(&capabilities_schema, SCHEMA_WIRE, &probe->announced);
	bool news = probe->announced_wall_ms == UNSET || !json_equal(fresh, known);
	struct problems problems = {0};

	if (news) {
		schema_clear(&capabilities_schema, &probe->announced);
		ensure(schema_decode(&capabilities_schema, SCHEMA_WIRE, fresh, &probe->announced,
			       &problems) == 0); /* it was one a moment ago */
		probe->announced_wall_ms = wall_ms;
		registry_set_policy(probe);
		registry_store_probe(r, probe);
	}
	json_decref(fresh);
	json_decref(known);
	return news;
}

/* ---- registering a monitor that nobody may check */

static const char *field_of(enum fence fence)
{
	switch (fence) {
	case FENCE_ORGANIZATION:
		return "organization";
	case FENCE_TYPE:
		return "type";
	case FENCE_METHOD:
		return "request.method";
	case FENCE_INTERVAL:
		return "interval";
	default:
		return "target";
	}
}

struct refusals {
	char text[240], remedy[FENCE_WORDS_SIZE];
	int n;
	enum fence fence; /* the first one's */
};

static void note_refusal(
	struct refusals *all, const struct probe *probe, const struct monitor *m, enum fence fence)
{
	char words[FENCE_WORDS_SIZE];
	size_t used = strlen(all->text);

	if (all->n == 0)
		all->fence = fence;
	if (!all->remedy[0])
		fence_remedy(fence, m, all->remedy);
	if (all->n++ < NAMED_MAX)
		snprintf(all->text + used, sizeof(all->text) - used, "%s%.32s (%.24s) %.48s",
			used ? ", " : "", probe->name, probe->region,
			fence_words(fence, &probe->announced, m, words));
}

void registry_judge(
	struct registry *r, const struct monitor *m, const char *base, struct problems *p)
{
	struct refusals all = {.n = 0};
	char path[160], more[32] = "";

	for (const struct probe *probe = NULL; (probe = registry_next_probe(r, probe));) {
		if (!registry_serves(r, probe, m))
			continue;
		enum fence fence = registry_fence(probe, m);
		if (fence == FENCE_OPEN)
			return;
		note_refusal(&all, probe, m, fence);
	}
	if (all.n == 0) /* nobody is registered yet */
		return;
	if (all.n > NAMED_MAX)
		snprintf(more, sizeof(more), ", and %d more", all.n - NAMED_MAX);
	snprintf(path, sizeof(path), "%s%s%s", base, base[0] ? "." : "", field_of(all.fence));
	problems_add(p, path, "no probe of its regions would check it: %s%s%s%s", all.text, more,
		all.remedy[0] ? "; what opens it is in their probe.yml: " : "", all.remedy);
}
