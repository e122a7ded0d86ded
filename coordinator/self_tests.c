// SPDX-License-Identifier: MIT
/* Whose own network nobody can vouch for: voters without a self-test that judges. Their outages look
 * like the target's. */
#include "coordinator/verdicts_internal.h"

#include "proto/base/mem.h"

#include <stdlib.h>

/* Heard of in this run, or there is no vote to doubt. */
static bool is_not_judged(const struct watched *wd, const struct probe *probe)
{
	struct fleet_facts facts;

	fleet_facts(wd->v->c->fleet, probe, &facts);
	return facts.heard_wall_ms != UNSET && facts.self_test == SELF_NOT_JUDGED;
}

static json_t *words_of(const json_t *names)
{
	char *list = mem_strdup("");
	const json_t *name;
	json_t *out;
	size_t i;

	json_array_foreach (names, i, name) {
		char *more = mem_printf("%s%s%s", list, i > 0 ? ", " : "", json_string_value(name));
		free(list);
		list = more;
	}
	out = json_sprintf("not judged for %s: fewer than three anchors of an address family in "
			   "probe.yml, or none could be asked yet; an outage of %s own counts as "
			   "the target's",
		list, json_array_size(names) == 1 ? "its" : "their");
	free(list);
	return out;
}

json_t *self_tests_explain(const struct watched *wd)
{
	json_t *names = json_array();

	for (int i = 0; i < wd->n_seated; i++) {
		const struct probe *probe =
			registry_probe_by_key(wd->v->c->registry, wd->w->voter[i].key);

		if (probe && is_not_judged(wd, probe))
			json_array_append_new(names, json_string(probe->name));
	}
	if (json_array_size(names) > 0)
		return json_pack("{s:o, s:o}", "words", words_of(names), "not_judged", names);
	json_decref(names);
	return json_null();
}
