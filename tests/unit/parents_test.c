// SPDX-License-Identifier: MIT
/* Parents and children, as stories of two or three watches. The notation is in watch_kit.h. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/watch_kit.h"

#include "coordinator/core/parents.h"

/* ---- what the ancestors say */

static void test_judge(void **state)
{
	struct kit child, a, b;
	int which = -1;

	(void)state;
	kit_start_up(&child);
	kit_start_up(&a);
	kit_start_up(&b);
	const struct watch *both[] = {a.w, b.w};
	assert_int_equal(parents_judge(child.w, both, 0, NULL), BLOCK_NONE);
	assert_int_equal(parents_judge(child.w, both, 2, &which), BLOCK_NONE);
	b.w->asked = true; /* about somebody else */
	assert_int_equal(parents_judge(child.w, both, 2, &which), BLOCK_NONE);
	assert_int_equal(which, -1);
	child.w->down = true;
	assert_int_equal(parents_judge(child.w, both, 2, &which), BLOCK_ASKED);
	assert_int_equal(which, 1);
	a.w->down = true;
	assert_int_equal(parents_judge(child.w, both, 2, &which), BLOCK_PARENT);
	assert_int_equal(which, 0);
	assert_int_equal(parents_judge(child.w, both, 1, NULL), BLOCK_PARENT);
	b.w->down = true;
	assert_int_equal(parents_judge(child.w, both, 2, &which), BLOCK_PARENT);
	assert_int_equal(which, 1); /* the farthest */
	a.w->down = false;
	b.w->asked = false;
	b.w->down = true; /* an ancestor that is down holds a child back that is fine, too */
	child.w->down = false;
	assert_int_equal(parents_judge(child.w, both, 2, &which), BLOCK_PARENT);
	assert_int_equal(which, 1);
	kit_clear(&child);
	kit_clear(&a);
	kit_clear(&b);
}

static void test_suspects_since(void **state)
{
	struct kit k;

	(void)state;
	kit_start_up(&k);
	assert_true(watch_suspects_since(k.w) == INT64_MAX);
	k.now_ms += 20000;
	int64_t burst_ms = k.now_ms;
	assert_string_equal(kit_says(&k, 1, 0, 'D'), "burst 1+2");
	assert_int_equal(watch_suspects_since(k.w), burst_ms);
	k.w->block = BLOCK_ASKED;
	assert_string_equal(kit_rounds(&k, 1, "DDD"), "up>down");
	assert_int_equal(watch_suspects_since(k.w), burst_ms); /* still, while no alert is open */
	watch_block(k.w, BLOCK_NONE, k.now_ms);
	assert_string_equal(kit_tick(&k, k.now_ms + 1), "open down critical");
	assert_true(watch_suspects_since(k.w) == INT64_MAX);
	kit_clear(&k);

	/* without bursts: since the votes agree */
	kit_start_up(&k);
	k.w->rule.rounds = 0;
	k.now_ms += 20000;
	int64_t agreed_ms = k.now_ms;
	kit_all(&k, 0, "DD");
	assert_int_equal(watch_suspects_since(k.w), agreed_ms);
	k.w->block = BLOCK_ASKED;
	kit_run(&k, k.now_ms + 3000);
	assert_true(k.w->down);
	assert_int_equal(watch_suspects_since(k.w), agreed_ms);
	kit_clear(&k);
}

/* ---- being asked */

static void test_ask(void **state)
{
	struct kit k;

	(void)state;
	kit_start_up(&k);
	k.now_ms += 5000;
	assert_true(watch_ask(k.w, k.now_ms));
	assert_false(watch_ask(k.w, k.now_ms)); /* it is on its way */
	assert_true(watch_is_looking(k.w));
	int64_t asked_ms = k.now_ms;
	assert_string_equal(kit_tick(&k, asked_ms), "burst 1+2");
	assert_true(watch_is_looking(k.w));
	assert_true(watch_suspects_since(k.w) == INT64_MAX); /* nobody said down */
	assert_false(watch_ask(k.w, k.now_ms));
	k.now_ms += 200;
	assert_string_equal(kit_all(&k, 1, "UUU"), "");
	assert_false(watch_is_looking(k.w));
	assert_int_equal(k.w->looked_at_ms, asked_ms);
	assert_int_equal(k.w->backoff_ms, 0); /* no vote was wrong */
	assert_false(watch_ask(k.w, asked_ms));
	assert_true(watch_ask(k.w, asked_ms + 1));
	kit_tick(&k, k.now_ms + 1);
	/* and the next down vote has its burst at once */
	kit_all(&k, 3, "UUU");
	k.now_ms += 1000;
	assert_string_equal(kit_says(&k, 1, 0, 'D'), "burst 5+2");
	kit_clear(&k);
}

static void test_ask_refused(void **state)
{
	struct kit k;

	(void)state;
	kit_start_down(&k);
	assert_false(watch_ask(k.w, k.now_ms)); /* known */
	kit_clear(&k);
	kit_start_up(&k);
	k.w->rule.rounds = 0;
	assert_false(watch_ask(k.w, k.now_ms)); /* has no bursts */
	k.w->rule.rounds = 2;
	k.w->held = true;
	assert_false(watch_ask(k.w, k.now_ms));
	k.w->held = false;
	assert_true(watch_ask(k.w, k.now_ms));
	k.w->held = true;
	kit_tick(&k, k.now_ms + 1);
	assert_false(k.w->asked); /* the hold forgets it */
	k.w->held = false;
	assert_string_equal(kit_tick(&k, k.now_ms + 2), "");
	kit_clear(&k);
}

/* What was asked for finds it down: confirmed as any other. */
static void test_ask_finds_it_down(void **state)
{
	struct kit k;

	(void)state;
	kit_start_up(&k);
	watch_ask(k.w, k.now_ms);
	assert_string_equal(kit_tick(&k, k.now_ms), "burst 1+2");
	assert_string_equal(kit_rounds(&k, 1, "DDD"), "up>down; open down critical");
	kit_clear(&k);
}

/* Asked for during the back-off of a vote that was wrong: at once all the same. */
static void test_ask_minds_no_back_off(void **state)
{
	struct kit k;

	(void)state;
	kit_start_up(&k);
	k.now_ms += 20000;
	kit_says(&k, 1, 0, 'D');
	k.now_ms += 200;
	kit_all(&k, 1, "DUU");
	assert_int_equal(k.w->backoff_ms, 60000);
	k.now_ms += 1000;
	assert_true(watch_ask(k.w, k.now_ms));
	assert_string_equal(kit_tick(&k, k.now_ms), "burst 3+2");
	kit_all(&k, 3, "DUU");
	assert_int_equal(k.w->backoff_ms, 60000); /* nor does it make it longer */
	kit_clear(&k);
}

static void test_ask_denied(void **state)
{
	struct kit k;

	(void)state;
	kit_start_up(&k);
	watch_ask(k.w, k.now_ms);
	kit_tick(&k, k.now_ms);
	watch_deny_burst(k.w, k.now_ms);
	assert_false(watch_is_looking(k.w)); /* no budget: the child goes without */
	assert_false(watch_ask(k.w, k.now_ms));
	assert_int_equal(k.w->no_burst_before_ms, k.now_ms + 5000);
	assert_true(k.w->unanswered); /* the scheduled votes decide meanwhile */
	k.w->agreed_since_ms = k.now_ms;
	watch_deny_burst(k.w, k.now_ms + 1000);
	assert_int_equal(k.w->agreed_since_ms, k.now_ms); /* and go on agreeing */
	k.w->unanswered = false;
	watch_deny_burst(k.w, k.now_ms + 2000);
	assert_int_equal(k.w->agreed_since_ms, 0); /* or begin to */
	kit_clear(&k);
}

/* ---- held back, and released */

static void test_released_by_new_votes(void **state)
{
	struct kit k;

	(void)state;
	kit_start_blocked(&k, BLOCK_PARENT);
	k.check_ms = 100;
	watch_block(k.w, BLOCK_NONE, k.now_ms);
	assert_true(watch_is_released(k.w));
	int64_t released_ms = k.now_ms;
	assert_string_equal(kit_tick(&k, released_ms + 1), "");
	k.now_ms = released_ms + 100; /* began in the very instant of the recovery: not after it */
	assert_string_equal(kit_all(&k, 0, "DD"), "");
	k.now_ms = released_ms + 30000;
	assert_string_equal(kit_says(&k, 1, 0, 'D'), "");
	assert_string_equal(kit_says(&k, 2, 0, 'D'), "open down critical");
	assert_false(watch_is_released(k.w));
	kit_clear(&k);
}

static void test_released_and_recovered(void **state)
{
	struct kit k;

	(void)state;
	kit_start_blocked(&k, BLOCK_PARENT);
	watch_block(k.w, BLOCK_NONE, k.now_ms);
	k.now_ms += 10000;
	assert_string_equal(kit_comes_up(&k, 1, 3), "down>up");
	kit_clear(&k);
}

/* Silence after the recovery is undetermined, and told as that. */
static void test_released_into_silence(void **state)
{
	struct kit k;

	(void)state;
	kit_start_blocked(&k, BLOCK_PARENT);
	watch_block(k.w, BLOCK_NONE, k.now_ms);
	int64_t votes_ms = k.now_ms;
	assert_string_equal(kit_run(&k, votes_ms + 75001 + 119999), "down>undetermined");
	assert_string_equal(kit_run(&k, votes_ms + 75001 + 120000), "open undetermined unknown");
	kit_clear(&k);
}

static void take_slow(struct kit *k, uint32_t first, uint32_t last)
{
	for (uint32_t key = first; key <= last; key++) {
		struct vote vote = kit_vote(k, VERDICT_WARNING);
		vote.severity[THRESHOLD_SLOW] = SEVERITY_WARNING;
		watch_take(k->w, key, 0, &vote, k->now_ms);
	}
}

/* Three are slow while the parent is down, which then is over. Returns when every vote can be new. */
static int64_t release_slow(struct kit *k)
{
	kit_start_up(k);
	watch_block(k->w, BLOCK_PARENT, k->now_ms);
	k->now_ms += 20000;
	take_slow(k, 1, 3);
	assert_string_equal(kit_tick(k, k->now_ms), "up>degraded");
	k->now_ms += 1000;
	watch_block(k->w, BLOCK_NONE, k->now_ms);
	return k->now_ms + watch_fresh_ms(&k->w->rule);
}

/* The other kinds wait until all votes are new … */
static void test_released_thresholds(void **state)
{
	struct kit k;

	(void)state;
	(void)release_slow(&k);
	k.now_ms += 100; /* began in the very instant of the release */
	take_slow(&k, 1, 1);
	k.now_ms += 40000;
	take_slow(&k, 2, 3);
	assert_string_equal(kit_tick(&k, k.now_ms), "");
	assert_true(watch_is_released(k.w));
	k.now_ms += 5000;
	take_slow(&k, 1, 1);
	assert_string_equal(kit_tick(&k, k.now_ms), "open slow warning");
	assert_false(watch_is_released(k.w));
	kit_clear(&k);
}

/* … or can be: nobody waits in vain. */
static void test_released_thresholds_in_time(void **state)
{
	struct kit k;

	(void)state;
	int64_t new_ms = release_slow(&k);
	k.now_ms += 50000;
	take_slow(&k, 1, 2);
	assert_string_equal(kit_run(&k, new_ms - 1), "");
	assert_int_equal(k.next_ms, new_ms);
	assert_string_equal(kit_run(&k, new_ms), "open slow warning");
	assert_false(watch_is_released(k.w));
	kit_clear(&k);
}

/* New are votes for what the monitor is now. */
static void test_released_thresholds_of_a_new_revision(void **state)
{
	struct kit k;

	(void)state;
	(void)release_slow(&k);
	k.now_ms += 1000;
	take_slow(&k, 1, 3);
	k.w->rule.revision++;
	k.now_ms += 1000;
	take_slow(&k, 1, 2);
	assert_string_equal(kit_tick(&k, k.now_ms), "");
	assert_true(watch_is_released(k.w));
	take_slow(&k, 3, 3);
	assert_string_equal(kit_tick(&k, k.now_ms), "open slow warning");
	kit_clear(&k);
}

/* Of one voter, one vote is all; of none, time has to tell. */
static void test_released_with_few_voters(void **state)
{
	struct watch_rule rule = kit_rule(1, 1, 1);
	struct kit k;

	(void)state;
	kit_init(&k, &rule, 1);
	watch_block(k.w, BLOCK_PARENT, k.now_ms);
	take_slow(&k, 1, 1);
	assert_string_equal(kit_tick(&k, k.now_ms), "pending>degraded");
	watch_block(k.w, BLOCK_NONE, k.now_ms);
	assert_string_equal(kit_tick(&k, k.now_ms), "");
	k.now_ms += 1000;
	take_slow(&k, 1, 1);
	assert_string_equal(kit_tick(&k, k.now_ms), "open slow warning");
	kit_clear(&k);

	kit_init(&k, &rule, 0);
	watch_block(k.w, BLOCK_PARENT, k.now_ms);
	assert_string_equal(kit_run(&k, k.now_ms + 200000), "");
	watch_block(k.w, BLOCK_NONE, k.now_ms);
	int64_t new_ms = k.now_ms + watch_fresh_ms(&rule);
	assert_string_equal(kit_run(&k, new_ms - 1), "");
	assert_string_equal(kit_run(&k, new_ms), "open undetermined unknown");
	kit_clear(&k);
}

/* An alert that is open changes and closes whatever the parent does. */
static void test_open_ones_go_on(void **state)
{
	struct kit k;

	(void)state;
	kit_start_down(&k);
	watch_block(k.w, BLOCK_PARENT, k.now_ms);
	k.now_ms += 20000;
	assert_string_equal(kit_comes_up(&k, 1, 3), "down>up; close down");
	kit_clear(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_judge),
		cmocka_unit_test(test_suspects_since),
		cmocka_unit_test(test_ask),
		cmocka_unit_test(test_ask_refused),
		cmocka_unit_test(test_ask_finds_it_down),
		cmocka_unit_test(test_ask_minds_no_back_off),
		cmocka_unit_test(test_ask_denied),
		cmocka_unit_test(test_released_by_new_votes),
		cmocka_unit_test(test_released_and_recovered),
		cmocka_unit_test(test_released_into_silence),
		cmocka_unit_test(test_released_thresholds),
		cmocka_unit_test(test_released_thresholds_in_time),
		cmocka_unit_test(test_released_thresholds_of_a_new_revision),
		cmocka_unit_test(test_released_with_few_voters),
		cmocka_unit_test(test_open_ones_go_on),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
