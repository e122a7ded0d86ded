// SPDX-License-Identifier: MIT
/* What holds something back, sentence by sentence: each row makes one cause true, and that one alone
 * is told. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "coordinator/holding.h"
#include "coordinator/verdicts_internal.h"
#include "tests/unit/watch_kit.h"

#include "proto/base/clock.h"

#define NOW 1000000

#define YEAR_2100 INT64_C(4102444800000)
#define AT_2100   (-1)

static void nothing(struct watched *wd UNUSED)
{
}

static void start(struct watched *wd)
{
	wd->w->held = true;
	wd->hold_until_ms = NOW + 29001;
}

static void maintenance(struct watched *wd)
{
	wd->maintained = true;
	wd->maintained_until_wall_ms = YEAR_2100;
}

static void maintenance_over(struct watched *wd)
{
	wd->w->down = true;
	wd->w->released_at_ms = NOW - 1000;
	wd->w->recheck = true;
}

static void released(struct watched *wd)
{
	wd->w->down = true;
	wd->w->released_at_ms = NOW - 1000;
}

static void mass_flip(struct watched *wd)
{
	wd->w->doubt_since_ms = NOW - 10000;
}

static void mass_return(struct watched *wd)
{
	wd->w->doubt_since_ms = NOW - 10000;
	wd->w->slot[ALERT_DOWN].open = true;
}

static void flapping(struct watched *wd)
{
	wd->w->flapping = true;
	wd->w->rule.flap_changes = 6;
	wd->w->rule.flap_window_ms = 3600000;
	wd->w->flap_from_ms = NOW - 60000;
	for (int i = 0; i < 7; i++)
		wd->w->changed_at_ms[i] = NOW - 60000 * (i + 1);
}

static void after(struct watched *wd)
{
	wd->w->down = true;
	wd->w->rule.after_ms = 300000;
	wd->w->slot[ALERT_DOWN].since_ms = NOW - 60000;
}

static void recovered(struct watched *wd)
{
	wd->w->rule.recovered_after_ms = 120000;
	wd->w->slot[ALERT_DOWN] = (struct alert_slot){.open = true, .clear_since_ms = NOW - 119999};
}

static void budget(struct watched *wd)
{
	wd->denied_at_ms = NOW - 2000;
	wd->w->unanswered = true;
	wd->w->no_burst_before_ms = NOW + 3000;
}

static void budget_of_old(struct watched *wd)
{
	wd->denied_at_ms = NOW - 2000;
}

static void unanswered(struct watched *wd)
{
	wd->w->unanswered = true;
}

static void backoff(struct watched *wd)
{
	wd->w->backoff_ms = 60000;
	wd->w->no_burst_before_ms = NOW + 45000;
}

static void backoff_and_calm(struct watched *wd)
{
	backoff(wd);
	wd->w->calm_since_ms = NOW - 1;
}

static void undetermined(struct watched *wd)
{
	wd->w->undetermined_since_ms = NOW - 30000;
}

static void undetermined_told(struct watched *wd)
{
	undetermined(wd);
	wd->w->explained[ALERT_UNDETERMINED] = true;
}

static void regional_told(struct watched *wd)
{
	wd->w->explained[ALERT_REGIONAL] = true;
}

static const struct {
	void (*set)(struct watched *wd);
	const char *why;  /* NULL: nothing is held */
	int64_t until_ms; /* 0: null; or AT_2100 */
	const char *words;
} table[] = {
	{nothing, NULL, 0, NULL},
	{start, "start", NOW + 29001,
		"no alert opens or closes for another 30 s: the coordinator has just started, or "
		"stood still itself, and listens before it judges"},
	{maintenance, "maintenance", AT_2100,
		"no alert opens before 2100-01-01T00:00:00.000Z, when its maintenance ends; then "
		"it "
		"is looked at once more, and what is wrong is told"},
	{maintenance_over, "maintenance", 0,
		"its maintenance is over: what is wrong opens when newer checks say so, too"},
	{released, "parent", 0,
		"its parent is up again: what is still down opens when newer checks say so"},
	{mass_flip, "mass_flip", NOW + 50000,
		"many monitors changed at once, so this one is looked at once more before its "
		"down alert opens; in 50 s it is told all the same"},
	{mass_return, "mass_flip", NOW + 50000,
		"many monitors changed at once, so this one is looked at once more before its "
		"down alert closes; in 50 s it is told all the same"},
	{flapping, "flapping", NOW + 540000,
		"changed 7 times between up and down in the last 1h: its flapping alert stands "
		"for all of them, until nothing has changed for 10m"},
	{after, "after", NOW + 240000,
		"its down alert opens when it has been down for 5m, as its definition asks "
		"(alert.after): in 4 min"},
	{recovered, "recovered_after", NOW + 1,
		"its down alert closes when it has been up for 2m, as its definition asks "
		"(alert.recovered_after): in 1 s"},
	{budget, "budget", NOW + 3000,
		"the last confirmation burst could not be afforded, 2 s ago: too many were under "
		"way for its probes or its target; scheduled checks confirm in its place"},
	{budget_of_old, NULL, 0, NULL},
	{unanswered, "unanswered", 0,
		"nobody answered its last confirmation burst: until one is answered, scheduled "
		"checks confirm in its place"},
	{backoff, "backoff", NOW + 45000,
		"the last burst did not confirm that it is down, which some votes still say: the "
		"next one comes in 45 s at the latest"},
	{backoff_and_calm, NULL, 0, NULL},
	{undetermined, "undetermined_after", NOW + 90000,
		"it has been undetermined for 30 s: an alert says so when that lasts, in 90 s"},
	{undetermined_told, "told_by_probes", 0,
		"that it is undetermined has no alert of its own: the alerts about the probes that "
		"are silent tell it"},
	{regional_told, "told_by_probes", 0,
		"that some see it down has no alert of its own: the alerts about the probes that "
		"see it so tell it"},
};

static void check_until(const json_t *until, int64_t until_ms)
{
	int64_t told_wall_ms;

	if (until_ms == 0) {
		assert_true(json_is_null(until));
		return;
	}
	assert_int_equal(time_parse(json_string_value(until), &told_wall_ms), 0);
	if (until_ms == AT_2100) {
		assert_in_range(told_wall_ms - YEAR_2100 + 1000, 0, 2000);
		return;
	}
	assert_in_range(
		told_wall_ms - wall_of(until_ms) + 1000, 0, 2000); /* two looks at the clock */
}

static void test_each_alone(void **state UNUSED)
{
	struct watch_rule rule = kit_rule(3, 2, 2);

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct verdicts v = {.families_known = true};
		struct watched wd = {.v = &v};
		struct kit k;
		json_t *list, *one;

		kit_init(&k, &rule, 3);
		wd.w = k.w;
		table[i].set(&wd);
		list = holding_explain(&wd, NOW);
		assert_int_equal(json_array_size(list), table[i].why ? 1 : 0);
		one = json_array_get(list, 0);
		if (one) {
			assert_string_equal(
				json_string_value(json_object_get(one, "why")), table[i].why);
			assert_string_equal(
				json_string_value(json_object_get(one, "words")), table[i].words);
			check_until(json_object_get(one, "until"), table[i].until_ms);
		}
		json_decref(list);
		kit_clear(&k);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_each_alone)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
