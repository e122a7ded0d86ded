// SPDX-License-Identifier: MIT
/* Which voters' own network is not judged, as explain says it; what the fleet knows is faked. */
#include "tests/unit/registry_kit.h"

#include "coordinator/verdicts_internal.h"
#include "tests/unit/watch_kit.h"

static struct fleet_facts facts[3]; /* of tokyo-1, osaka-1, virginia-1 */

void fleet_facts(const struct fleet *f UNUSED, const struct probe *p, struct fleet_facts *out)
{
	*out = facts[strcmp(p->name, "tokyo-1") == 0 ? 0 : strcmp(p->name, "osaka-1") == 0 ? 1 : 2];
}

static void only_those_that_voted_and_are_not_judged(void **state)
{
	static const struct {
		const char *states; /* of the three: n(ot judged), o(k), f(ailed), - never heard */
		const char *words;  /* NULL: nothing is said */
	} table[] = {
		{"ooo", NULL},
		{"fo-", NULL},
		{"---", NULL},
		{"ono", "not judged for osaka-1: fewer than three anchors of an address family in "
			"probe.yml, or none could be asked yet; an outage of its own counts as the "
			"target's"},
		{"nfn", "not judged for tokyo-1, virginia-1: fewer than three anchors of an "
			"address "
			"family in probe.yml, or none could be asked yet; an outage of their own "
			"counts as the target's"},
	};
	static const char *const names[] = {"tokyo-1", "osaka-1", "virginia-1"};
	struct world *w = *state;
	struct watch_rule rule = kit_rule(3, 2, 2);
	struct coordinator c = {.registry = w->registry};
	struct verdicts v = {.c = &c};
	struct watched wd = {.v = &v, .n_seated = 3};
	struct kit k;

	three_regions(w);
	kit_init(&k, &rule, 3);
	wd.w = k.w;
	for (int i = 0; i < 3; i++)
		watch_seat(k.w, i, i, registry_probe(w->registry, names[i])->key);
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		json_t *out;

		for (int p = 0; p < 3; p++)
			facts[p] = (struct fleet_facts){
				.heard_wall_ms = table[i].states[p] == '-' ? UNSET : 1000,
				.self_test = table[i].states[p] == 'o'   ? SELF_OK
					     : table[i].states[p] == 'f' ? SELF_FAILED
									 : SELF_NOT_JUDGED};
		out = self_tests_explain(&wd);
		if (!table[i].words)
			assert_true(json_is_null(out));
		else
			assert_string_equal(
				json_string_value(json_object_get(out, "words")), table[i].words);
		json_decref(out);
	}
	kit_clear(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(
		only_those_that_voted_and_are_not_judged, setup, teardown)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
