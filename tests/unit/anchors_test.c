// SPDX-License-Identifier: MIT
/* The self-test at work: its rounds, and the results that wait for one. The engine is a fake that
 * keeps what it was asked to run; the test answers in its place. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "probe/anchor.h"
#include "probe/anchors.h"
#include "proto/base/clock.h"
#include "proto/base/mem.h"
#include "quorate/attr.h"

#include <stdlib.h>
#include <string.h>

#define WAIT_MS 5000

/* ---- the engine */

static struct {
	struct job *job;
	int64_t round;
	engine_done_fn done;
	void *arg;
} asked[64];
static int n_asked;

void engine_run(struct engine *engine UNUSED, struct job *job, int64_t round, engine_done_fn done,
	void *arg)
{
	assert_in_range(n_asked, 0, ARRAY_LEN(asked) - 1);
	asked[n_asked].job = job_ref(job);
	asked[n_asked].round = round;
	asked[n_asked].done = done;
	asked[n_asked++].arg = arg;
}

/* ---- the stage */

#define JUDGED_MAX (ANCHORS_HELD_MAX + 10)

struct stage {
	struct loop *loop;
	struct anchors *anchors;
	struct job *job; /* of a monitor, every 200 ms: what waits for it is due again after 20 */
	struct list conf;
	int64_t judged[JUDGED_MAX]; /* the rounds of the results, in order, as their names */
	int spoilt[JUDGED_MAX];
	int n_judged, n_changed, wanted;
	bool unbelievable;
	struct timer deadline, poll;
	bool late;
};

static void judged_cb(void *arg, struct result *take, int64_t ended_at_ms, int spoilt)
{
	struct stage *s = arg;

	assert_true(ended_at_ms <= clock_now_ms());
	assert_in_range(s->n_judged, 0, JUDGED_MAX - 1);
	s->judged[s->n_judged] = take->round;
	s->spoilt[s->n_judged++] = spoilt;
	result_clear(take);
}

static bool believed_cb(void *arg, const struct result *result UNUSED)
{
	return !((struct stage *)arg)->unbelievable;
}

static void changed_cb(void *arg)
{
	((struct stage *)arg)->n_changed++;
}

static void forget_asked(void)
{
	for (int i = 0; i < n_asked; i++)
		job_unref(asked[i].job);
	n_asked = 0;
}

static void late_cb(void *arg)
{
	struct stage *s = arg;

	s->late = true;
	loop_stop(s->loop);
}

static void poll_cb(void *arg)
{
	struct stage *s = arg;

	if (n_asked >= s->wanted)
		loop_stop(s->loop);
	else
		timer_set(&s->poll, 1);
}

/* Runs until so many checks of anchors were asked for. */
static void wait_asked(struct stage *s, int n)
{
	s->wanted = n;
	timer_set(&s->deadline, WAIT_MS);
	timer_set(&s->poll, 0);
	loop_run(s->loop);
	timer_stop(&s->deadline);
	timer_stop(&s->poll);
	assert_false(s->late);
	assert_int_equal(n_asked, n);
}

/* Turns the loop once: what is due happens. */
static void turn(struct stage *s)
{
	timer_set(&s->deadline, WAIT_MS);
	for (int i = 0; i < 3; i++) {
		loop_defer(s->loop, (void (*)(void *))loop_stop, s->loop);
		loop_run(s->loop);
	}
	timer_stop(&s->deadline);
}

/* N anchors of IPv4, by address. */
static void configure(struct stage *s, int n)
{
	static char targets[][16] = {
		"192.0.2.1:443", "192.0.2.2:443", "192.0.2.3:443", "192.0.2.4:443"};
	static struct anchor anchors[4];

	for (int i = 0; i < n; i++)
		anchors[i] = (struct anchor){.tcp = targets[i], .family = -1};
	s->conf = (struct list){.item = anchors, .n = (size_t)n};
	anchors_set(s->anchors, &s->conf);
}

static int set_up(void **state)
{
	struct stage *s = mem_alloc(sizeof(*s));
	static char target[] = "192.0.2.9:443";
	struct anchor of = {.tcp = target, .family = -1};
	const struct anchors_hooks hooks = {
		.judged = judged_cb, .believed = believed_cb, .changed = changed_cb, .arg = s};

	s->loop = loop_new();
	timer_init(&s->deadline, s->loop, late_cb, s);
	timer_init(&s->poll, s->loop, poll_cb, s);
	s->anchors = anchors_new(s->loop, NULL, &hooks);
	s->job = anchor_job(&of, 200);
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	struct stage *s = *state;

	forget_asked();
	anchors_free(s->anchors);
	job_unref(s->job);
	timer_clear(&s->deadline);
	timer_clear(&s->poll);
	loop_free(s->loop);
	free(s);
	return 0;
}

/* A result NAME of the monitor, over IPv4, that just ended. */
static void take(struct stage *s, int64_t name, enum verdict verdict)
{
	struct result r = {.round = name,
		.verdict = verdict,
		.reason = verdict == VERDICT_DOWN ? REASON_TCP_TIMEOUT : REASON_OK,
		.address = mem_strdup("192.0.2.9:443"),
		.duration_ms = 0};

	anchors_take(s->anchors, s->job, &r, clock_now_ms());
	result_clear(&r);
}

/* The anchor asked as number I answers, or is silent. */
static void answer(int i, enum verdict verdict)
{
	struct result r = {.round = asked[i].round,
		.verdict = verdict,
		.reason = verdict == VERDICT_DOWN ? REASON_TCP_TIMEOUT : REASON_OK};

	asked[i].done(asked[i].arg, asked[i].job, &r);
	result_clear(&r);
}

static void answer_all(int from, int to, enum verdict verdict)
{
	for (int i = from; i < to; i++)
		answer(i, verdict);
}

static enum self_test sum(const struct stage *s)
{
	return self_test_sum(anchors_state(s->anchors));
}

static void assert_judged(const struct stage *s, int n, int64_t name, int spoilt)
{
	assert_int_equal(s->n_judged, n);
	assert_int_equal(s->judged[n - 1], name);
	assert_int_equal(s->spoilt[n - 1], spoilt);
}

/* The clock moves on: what ends now ended after the round that is under way began. */
static void pass_a_moment(void)
{
	int64_t now_ms = clock_now_ms();

	while (clock_now_ms() <= now_ms)
		;
}

/* All was well; result 1 says "down", and a round is under way to see whether that is ours. */
static void doubt_one(struct stage *s)
{
	configure(s, 3);
	wait_asked(s, 3);
	answer_all(0, 3, VERDICT_UP);
	pass_a_moment();
	take(s, 1, VERDICT_DOWN);
	wait_asked(s, 6);
}

/* ---- tests */

static void two_anchors_judge_nothing(void **state)
{
	struct stage *s = *state;

	configure(s, 2);
	turn(s);
	assert_int_equal(n_asked, 0);
	assert_int_equal(sum(s), SELF_NOT_JUDGED);
	take(s, 1, VERDICT_DOWN);
	assert_judged(s, 1, 1, -1);
	assert_int_equal(s->n_changed, 0);
}

static void three_are_asked_at_once(void **state)
{
	struct stage *s = *state;

	configure(s, 3);
	wait_asked(s, 3);
	assert_int_equal(sum(s), SELF_NOT_JUDGED);
	answer_all(0, 3, VERDICT_UP);
	assert_int_equal(sum(s), SELF_OK);
	assert_int_equal(s->n_changed, 1);
	turn(s);
	assert_int_equal(n_asked, 3); /* the next round is ten seconds away */
}

static void two_thirds_are_enough_at_once(void **state)
{
	struct stage *s = *state;

	configure(s, 3);
	wait_asked(s, 3);
	answer(0, VERDICT_UP);
	assert_int_equal(sum(s), SELF_NOT_JUDGED);
	answer(2, VERDICT_WARNING);
	assert_int_equal(sum(s), SELF_OK); /* whatever the third says */
	answer(1, VERDICT_DOWN);
	assert_int_equal(sum(s), SELF_OK);
	assert_int_equal(s->n_changed, 1);
}

static void a_failure_waits_for_a_round_that_began_after_it(void **state)
{
	struct stage *s = *state;

	configure(s, 3);
	wait_asked(s, 3);
	pass_a_moment();
	take(s, 1, VERDICT_UP); /* nothing to doubt */
	assert_judged(s, 1, 1, -1);
	take(s, 2, VERDICT_DOWN);
	answer_all(0, 3, VERDICT_UP); /* of a round that began before */
	assert_int_equal(s->n_judged, 1);
	wait_asked(s, 6); /* soon, because something waits */
	answer_all(3, 6, VERDICT_UP);
	assert_judged(s, 2, 2, -1);
}

static void a_failure_of_our_own_is_no_vote(void **state)
{
	struct stage *s = *state;

	doubt_one(s);
	answer_all(3, 6, VERDICT_DOWN);
	assert_judged(s, 1, 1, SELF_TEST_IPV4);
	assert_int_equal(sum(s), SELF_FAILED);
	assert_int_equal(s->n_changed, 2);
	/* Now it is known: nothing waits, and success is not believed either. */
	take(s, 2, VERDICT_DOWN);
	assert_judged(s, 2, 2, SELF_TEST_IPV4);
	take(s, 3, VERDICT_UP);
	assert_judged(s, 3, 3, SELF_TEST_IPV4);
}

static void stragglers_are_not_asked_for(void **state)
{
	struct stage *s = *state;

	configure(s, 3);
	wait_asked(s, 3);
	answer_all(0, 2, VERDICT_UP); /* decided */
	pass_a_moment();
	take(s, 1, VERDICT_DOWN);
	wait_asked(s, 6);
	answer(2, VERDICT_UP); /* of the round before */
	answer_all(3, 5, VERDICT_DOWN);
	assert_int_equal(s->n_judged, 0);
	answer(5, VERDICT_DOWN);
	assert_judged(s, 1, 1, SELF_TEST_IPV4);
}

/* What the machine could not see, because it stood still itself, says nothing: what was, is. */
static void what_is_not_believed_is_no_news(void **state)
{
	struct stage *s = *state;

	doubt_one(s);
	s->unbelievable = true;
	answer_all(3, 6, VERDICT_DOWN);
	assert_int_equal(sum(s), SELF_OK);
	assert_judged(s, 1, 1, -1);
}

static void the_oldest_goes_when_too_many_wait(void **state)
{
	struct stage *s = *state;

	configure(s, 3);
	for (int i = 0; i < ANCHORS_HELD_MAX; i++)
		take(s, i, VERDICT_DOWN);
	assert_int_equal(s->n_judged, 0);
	take(s, ANCHORS_HELD_MAX, VERDICT_DOWN);
	assert_judged(s, 1, 0, -1);
	anchors_flush(s->anchors);
	assert_judged(s, 1 + ANCHORS_HELD_MAX, ANCHORS_HELD_MAX, -1);
}

static void without_anchors_nothing_waits_any_more(void **state)
{
	struct stage *s = *state;

	configure(s, 3);
	wait_asked(s, 3);
	answer_all(0, 3, VERDICT_DOWN);
	assert_int_equal(sum(s), SELF_FAILED);
	forget_asked();
	configure(s, 4); /* begins anew: what it was is no news until they answered */
	wait_asked(s, 4);
	answer_all(0, 4, VERDICT_UP);
	assert_int_equal(sum(s), SELF_OK);
	take(s, 1, VERDICT_DOWN);
	assert_int_equal(s->n_judged, 0);
	configure(s, 2);
	assert_judged(s, 1, 1, -1);
	assert_int_equal(sum(s), SELF_NOT_JUDGED);
	answer(0, VERDICT_DOWN); /* of an anchor that is none any more */
	assert_int_equal(sum(s), SELF_NOT_JUDGED);
}

static void what_waits_at_the_end_is_freed(void **state)
{
	struct stage *s = *state;

	configure(s, 3);
	take(s, 1, VERDICT_DOWN);
	assert_int_equal(s->n_judged, 0);
}

#define STAGED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STAGED(two_anchors_judge_nothing),
		STAGED(three_are_asked_at_once),
		STAGED(two_thirds_are_enough_at_once),
		STAGED(a_failure_waits_for_a_round_that_began_after_it),
		STAGED(a_failure_of_our_own_is_no_vote),
		STAGED(stragglers_are_not_asked_for),
		STAGED(what_is_not_believed_is_no_news),
		STAGED(the_oldest_goes_when_too_many_wait),
		STAGED(without_anchors_nothing_waits_any_more),
		STAGED(what_waits_at_the_end_is_freed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
