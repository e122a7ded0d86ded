// SPDX-License-Identifier: MIT
/* Who sits where in a watch: newcomers, who they follow, what is carried on. The notation is in
 * watch_kit.h. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/watch_kit.h"

static void test_newcomer_inherits_the_vote(void **state)
{
	struct kit k;

	(void)state;
	kit_start_up(&k);
	watch_suspect(k.w, 2, true);
	watch_seat(k.w, 1, 1, 20);
	assert_int_equal(watch_find(k.w, 2), -1);
	assert_int_equal(watch_find(k.w, 20), 1);
	assert_true(k.w->voter[1].inherited);
	assert_false(k.w->voter[1].suspect);
	assert_int_equal(k.w->voter[1].scheduled.verdict, VERDICT_UP);
	/* its first result counts whatever its start; it is then judged by itself */
	struct vote vote = kit_vote(&k, VERDICT_DOWN);
	vote.started_at_ms -= 30000;
	assert_false(kit_dissents(&k, 1, k.now_ms));
	assert_true(watch_vote(k.w, 20, 0, &vote, k.now_ms, &k.actions));
	assert_false(k.w->voter[1].inherited);
	assert_int_equal(k.w->voter[1].scheduled.verdict, VERDICT_DOWN);
	assert_true(kit_dissents(&k, 1, k.now_ms));
	assert_false(watch_vote(k.w, 20, 0, &vote, k.now_ms, &k.actions));
	kit_clear(&k);
}

static void test_newcomer_inherits_nothing_from_the_excluded(void **state)
{
	struct kit k;

	(void)state;
	kit_start_up(&k);
	watch_exclude(k.w, 2, EXCLUDED_QUARANTINE);
	watch_seat(k.w, 1, 1, 20);
	assert_false(k.w->voter[1].scheduled.present);
	assert_false(k.w->voter[1].inherited);
	assert_int_equal(k.w->voter[1].excluded, EXCLUDED_NOT);
	assert_int_equal(k.w->voter[1].seat, 1);
	kit_clear(&k);
}

static void test_seats_change_places(void **state)
{
	struct kit k;

	(void)state;
	kit_start_up(&k);
	k.now_ms += 20000;
	kit_says(&k, 2, 0, 'W');
	watch_seat(k.w, 0, 2, 2); /* 1 2 3 becomes 2 1 3: nobody loses a vote */
	assert_int_equal(watch_find(k.w, 2), 0);
	assert_int_equal(watch_find(k.w, 1), 1);
	assert_int_equal(k.w->voter[0].scheduled.verdict, VERDICT_WARNING);
	assert_false(k.w->voter[0].inherited);
	assert_int_equal(k.w->voter[1].scheduled.verdict, VERDICT_UP);
	assert_int_equal(k.w->voter[0].seat, 2);
	watch_seat(k.w, 0, 1, 2); /* the same probe: only the seat */
	assert_int_equal(k.w->voter[0].seat, 1);
	assert_false(k.w->voter[0].inherited);
	watch_seat(k.w, 2, 0, 2); /* from the first place, too */
	assert_int_equal(watch_find(k.w, 2), 2);
	assert_int_equal(watch_find(k.w, 3), 0);
	assert_int_equal(k.w->voter[2].scheduled.verdict, VERDICT_WARNING);
	assert_false(k.w->voter[2].inherited);
	kit_clear(&k);
}

static struct watch *carried(
	const struct watch *old, const struct watch_rule *rule, int n, const int (*seats)[2])
{
	struct watch *w = malloc(watch_size(n));

	assert_non_null(w);
	watch_init(w, rule, n);
	for (int i = 0; i < n; i++)
		watch_seat(w, i, seats[i][0], (uint32_t)seats[i][1]);
	watch_carry(w, old);
	return w;
}

static void test_carry(void **state)
{
	static const int seats[][2] = {{0, 3}, {1, 20}, {2, 1}, {2, 30}, {4, 2}};
	struct kit k;

	(void)state;
	kit_start_down(&k); /* 1, 2, 3 in seats 0, 1, 2 */
	k.now_ms += 1000;
	kit_says(&k, 3, 0, 'W');
	struct watch_rule rule = kit_rule(5, 3, 2);
	struct watch *w = carried(k.w, &rule, 5, seats);
	assert_int_equal(w->n_voters, 5);
	assert_int_equal(w->rule.quorum.seats, 5);
	assert_int_equal(w->state, STATE_DOWN);
	assert_true(w->down);
	assert_true(w->slot[ALERT_DOWN].open);
	assert_int_equal(w->next_round, 5);
	assert_int_equal(w->burst.goal, BURST_UP);
	assert_int_equal(w->voter[0].scheduled.verdict, VERDICT_WARNING); /* 3 moved */
	assert_int_equal(w->voter[0].seat, 0);
	assert_false(w->voter[0].inherited);
	assert_int_equal(w->voter[2].scheduled.verdict, VERDICT_DOWN); /* 1 moved */
	assert_false(w->voter[2].inherited);
	assert_false(w->voter[1].scheduled.present); /* 2 left seat 1, but still votes */
	assert_false(w->voter[3].scheduled.present);
	assert_int_equal(w->voter[4].key, 2);
	assert_int_equal(w->voter[4].seat, 4);
	free(w);
	kit_clear(&k);
}

/* Two voters left seat 0 and two came: each inherits one vote, none counts twice. */
static void test_carry_inherits_once(void **state)
{
	static const int before[][2] = {{0, 1}, {0, 2}, {1, 3}};
	static const int after[][2] = {{0, 11}, {1, 3}, {0, 12}, {0, 13}, {1, 14}};
	struct kit k;
	struct watch_rule rule = kit_rule(2, 2, 1);

	(void)state;
	kit_init(&k, &rule, 0);
	struct watch *old = carried(k.w, &rule, 3, before);
	struct watch *empty = k.w;
	k.w = old;
	kit_all(&k, 0, "UWU");
	struct watch *w = carried(old, &rule, 5, after);
	assert_int_equal(w->voter[0].scheduled.verdict, VERDICT_UP);
	assert_true(w->voter[0].inherited);
	assert_int_equal(w->voter[0].key, 11);
	assert_int_equal(w->voter[2].scheduled.verdict, VERDICT_WARNING);
	assert_true(w->voter[2].inherited);
	assert_false(w->voter[3].scheduled.present);
	assert_false(w->voter[3].inherited);
	assert_false(w->voter[4].scheduled.present);
	assert_false(w->voter[1].inherited);
	free(w);
	free(empty);
	kit_clear(&k);
}

/* Only newcomers of the same seat are counted off against those who left. */
static void test_carry_inherits_past_those_who_stay(void **state)
{
	static const int before[][2] = {{0, 1}, {0, 2}, {1, 3}};
	static const int after[][2] = {{1, 33}, {0, 1}, {0, 12}};
	struct kit k;
	struct watch_rule rule = kit_rule(2, 2, 1);

	(void)state;
	kit_init(&k, &rule, 0);
	struct watch *old = carried(k.w, &rule, 3, before);
	struct watch *empty = k.w;
	k.w = old;
	kit_all(&k, 0, "UWU");
	struct watch *w = carried(old, &rule, 3, after);
	assert_true(w->voter[0].inherited);
	assert_int_equal(w->voter[0].scheduled.verdict, VERDICT_UP);
	assert_false(w->voter[1].inherited);
	assert_true(w->voter[2].inherited);
	assert_int_equal(w->voter[2].scheduled.verdict, VERDICT_WARNING);
	free(w);
	free(empty);
	kit_clear(&k);
}

/* A late check is carried on with its voter; not to who follows it, nor into another revision. */
static void test_carry_who_waits(void **state)
{
	static const int seats[][2] = {{0, 1}, {1, 2}, {2, 30}};
	static const struct {
		int64_t revision;
		bool waits[3];
	} table[] = {{1, {true, true, false}}, {2, {false, false, false}}};
	struct kit k;

	(void)state;
	kit_start_up(&k);
	for (uint32_t key = 1; key <= 3; key++)
		watch_suspicion(k.w, key, 1, k.now_ms);
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct watch_rule rule = k.w->rule;
		rule.revision = table[i].revision;
		struct watch *w = carried(k.w, &rule, 3, seats);
		for (int v = 0; v < 3; v++)
			assert_int_equal(
				w->voter[v].waits_since_ms, table[i].waits[v] ? k.now_ms : 0);
		free(w);
	}
	kit_clear(&k);
}

static void test_carry_to_a_new_revision(void **state)
{
	static const int seats[][2] = {{0, 1}, {1, 2}, {2, 3}};
	struct kit k;

	(void)state;
	kit_start_down(&k);
	struct watch_rule rule = kit_rule(3, 2, 2);
	struct watch *same = carried(k.w, &rule, 3, seats);
	assert_int_equal(same->state, STATE_DOWN);
	free(same);
	rule.revision = 2;
	struct watch *w = carried(k.w, &rule, 3, seats);
	free(k.w);
	k.w = w;
	assert_int_equal(w->state, STATE_PENDING);
	assert_true(w->slot[ALERT_DOWN].open);
	assert_string_equal(kit_tick(&k, k.now_ms + 1000), "");
	/* newer votes of the new revision; the old ones' starts do not matter */
	struct vote vote = kit_vote(&k, VERDICT_DOWN);
	vote.started_at_ms -= 50000;
	assert_true(watch_vote(k.w, 1, 0, &vote, k.now_ms, &k.actions));
	assert_string_equal(kit_all(&k, 0, "-DD"), "pending>down");
	kit_clear(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_newcomer_inherits_the_vote),
		cmocka_unit_test(test_newcomer_inherits_nothing_from_the_excluded),
		cmocka_unit_test(test_seats_change_places),
		cmocka_unit_test(test_carry),
		cmocka_unit_test(test_carry_inherits_once),
		cmocka_unit_test(test_carry_inherits_past_those_who_stay),
		cmocka_unit_test(test_carry_who_waits),
		cmocka_unit_test(test_carry_to_a_new_revision),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
