// SPDX-License-Identifier: MIT
/* Who turns together, of one organization or of several, and what each alert says of it later. The
 * watches are set by hand; nobody evaluates them. */
#include "tests/unit/registry_kit.h"

#include "coordinator/verdicts_internal.h"
#include "proto/base/mem.h"
#include "tests/unit/watch_kit.h"

#include <stdio.h>

#define MONITORS 40
#define NOW      INT64_C(1000000)

static int n_evaluated, n_bursts;
static bool affordable;

void verdicts_evaluate(struct watched *wd UNUSED)
{
	n_evaluated++;
}

bool bursts_afford(struct watched *wd UNUSED, int rounds UNUSED)
{
	return affordable;
}

void fleet_burst(
	struct fleet *f UNUSED, uint32_t probe_key UNUSED, const struct burst_order *order UNUSED)
{
	n_bursts++;
}

struct stage {
	struct world *w;
	struct coordinator c;
	struct verdicts v;
	struct watched wd[MONITORS];
	struct kit kit[MONITORS];
	int n;
};

/* N monitors, of which the first OF_ACME are acme's, the others globex's. */
static struct stage *stage_new(struct world *w, int n, int of_acme)
{
	struct stage *s = mem_alloc(sizeof(*s));
	struct watch_rule rule = kit_rule(3, 2, 2);
	char name[16], *text;
	json_t *list = json_array();

	three_regions(w);
	for (int i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "m%d", i);
		json_array_append_new(
			list, json_pack("{s:s, s:s, s:s}", "name", name, "tcp", "a.example.com:443",
				      "organization", i < of_acme ? "acme" : "globex"));
	}
	text = json_dumps(list, JSON_COMPACT);
	commit(w, text);
	free(text);
	json_decref(list);
	s->w = w;
	s->n = n;
	s->c.registry = w->registry;
	s->v.c = &s->c;
	for (int i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "m%d", i);
		kit_init(&s->kit[i], &rule, 3);
		s->wd[i] = (struct watched){
			.id = monitor(w, name)->id, .v = &s->v, .w = s->kit[i].w, .n_seated = 3};
		HASH_ADD(hh, s->v.watched, id, sizeof(s->wd[i].id), (&s->wd[i]));
	}
	n_evaluated = n_bursts = 0;
	affordable = true;
	return s;
}

static void stage_free(struct stage *s)
{
	HASH_CLEAR(hh, s->v.watched);
	flips_clear(&s->v);
	for (int i = 0; i < s->n; i++)
		kit_clear(&s->kit[i]);
	free(s);
}

/* Number I turns at AT_MS, as an evaluation finds it. */
static void turn(struct stage *s, int i, int64_t at_ms)
{
	s->wd[i].w->turning = true;
	flips_follow(&s->wd[i], false, at_ms);
}

/* What number I's alert would say: "of CHANGED/MONITORS"; the id goes to ID. */
static const char *says(struct stage *s, int i, char id[ID_TEXT_SIZE])
{
	static char text[64];
	json_t *words = flips_words(&s->wd[i]);

	snprintf(text, sizeof(text), "nothing");
	if (words) {
		const char *of = json_string_value(json_object_get(words, "of"));

		snprintf(text, sizeof(text), "%s %d/%d", of,
			(int)json_integer_value(json_object_get(words, "changed")),
			(int)json_integer_value(json_object_get(words, "monitors")));
		snprintf(id, ID_TEXT_SIZE, "%s", json_string_value(json_object_get(words, "id")));
		assert_non_null(json_object_get(words, "since"));
	}
	json_decref(words);
	return text;
}

static void assert_in_doubt(struct stage *s, int from, int to, bool doubt)
{
	for (int i = from; i < to; i++)
		if ((s->wd[i].w->doubt_since_ms != 0) != doubt)
			fail_msg("m%d is %sin doubt", i, doubt ? "not " : "");
}

static void twenty_of_one_organization(void **state)
{
	struct stage *s = stage_new(*state, 30, 30);
	char first[ID_TEXT_SIZE], later[ID_TEXT_SIZE];

	for (int i = 0; i < 19; i++)
		turn(s, i, NOW + i);
	assert_in_doubt(s, 0, 30, false);
	assert_string_equal(says(s, 18, first), "nothing");
	turn(s, 19, NOW + 19);
	assert_in_doubt(s, 0, 20, true);
	assert_in_doubt(s, 20, 30, false);
	assert_string_equal(says(s, 0, first), "organization 20/30");
	turn(s, 20, NOW + 5000); /* it joins the one that goes on */
	assert_in_doubt(s, 20, 21, true);
	assert_string_equal(says(s, 20, later), "organization 20/30");
	assert_string_equal(first, later);
	assert_string_equal(says(s, 29, later), "nothing");
	stage_free(s);
}

static void a_quarter_of_them(void **state)
{
	struct stage *s = stage_new(*state, MONITORS, MONITORS);

	for (int i = 0; i < 25; i++) /* spread over more than a minute: never twenty in one */
		turn(s, i, NOW + 4000 * i);
	assert_in_doubt(s, 0, MONITORS, false);
	stage_free(s);
}

static void of_several_organizations(void **state)
{
	struct stage *s = stage_new(*state, MONITORS, 20);
	char id[ID_TEXT_SIZE];

	for (int i = 0; i < 10; i++) {
		turn(s, i, NOW);
		turn(s, 20 + i, NOW);
	}
	assert_string_equal(says(s, 0, id), "all 20/40");
	assert_string_equal(says(s, 20, id), "all 20/40");
	assert_in_doubt(s, 0, 10, true);
	assert_in_doubt(s, 20, 30, true);
	stage_free(s);
}

/* One organization's failures are no reason to doubt another's. */
static void of_one_alone(void **state)
{
	struct stage *s = stage_new(*state, MONITORS, 25);
	char id[ID_TEXT_SIZE];

	turn(s, 30, NOW - 61000); /* globex's, long ago */
	for (int i = 0; i < 20; i++)
		turn(s, i, NOW);
	assert_string_equal(says(s, 0, id), "organization 20/25");
	assert_in_doubt(s, 25, MONITORS, false);
	stage_free(s);
}

/* What is in doubt already stays with the flip that it came into doubt by. */
static void the_first_is_kept(void **state)
{
	struct stage *s = stage_new(*state, MONITORS, 20);
	char id[ID_TEXT_SIZE];

	for (int i = 0; i < 20; i++)
		turn(s, i, NOW);
	turn(s, 20, NOW + 1000); /* of another organization: now it is one of all, too */
	assert_string_equal(says(s, 0, id), "organization 20/20");
	assert_string_equal(says(s, 20, id), "all 21/40");
	stage_free(s);
}

static void what_is_held_or_worked_on_does_not_count(void **state)
{
	struct stage *s = stage_new(*state, 30, 30);

	for (int i = 0; i < 30; i++) {
		s->wd[i].w->held = i % 2;
		s->wd[i].w->block = i % 2 ? BLOCK_NONE : BLOCK_MAINTENANCE;
		turn(s, i, NOW);
	}
	assert_in_doubt(s, 0, 30, false);
	stage_free(s);
}

/* Until it is told or as it was before. */
static void it_is_said_for_as_long_as_it_matters(void **state)
{
	static const struct {
		bool doubt, turning, down, open;
		bool said;
	} table[] = {
		{true, true, false, false, true},    /* in doubt */
		{false, true, false, false, true},   /* not confirmed yet */
		{false, false, true, false, true},   /* confirmed; alert.after has still to pass */
		{false, false, true, true, false},   /* told */
		{false, false, false, false, false}, /* it was ours: never told */
		{false, false, false, true, true},   /* up again; its end has still to be told */
		{true, false, true, true, true},     /* in doubt whether it is up again */
	};
	struct stage *s = stage_new(*state, 30, 30);
	char id[ID_TEXT_SIZE];

	for (int i = 0; i < 20; i++)
		turn(s, i, NOW);
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct watch *w = s->wd[i].w;

		w->doubt_since_ms = table[i].doubt ? NOW : 0;
		w->turning = table[i].turning;
		w->down = table[i].down;
		w->slot[ALERT_DOWN].open = table[i].open;
		flips_follow(&s->wd[i], true, NOW + 1000);
		if ((strcmp(says(s, (int)i, id), "nothing") != 0) != table[i].said)
			fail_msg("row %zu: %s", i, says(s, (int)i, id));
	}
	stage_free(s);
}

static void each_is_looked_at_once_more(void **state)
{
	struct stage *s = stage_new(*state, 30, 30);
	struct watched *wd = &s->wd[0];

	for (int i = 0; i < 20; i++)
		turn(s, i, NOW);
	assert_true(n_evaluated >= 20);
	flips_follow(wd, true, NOW + DOUBT_PAUSE_MS - 1);
	assert_int_equal(n_bursts, 0);
	flips_follow(wd, true, NOW + DOUBT_PAUSE_MS);
	assert_int_equal(n_bursts, 3); /* each voter */
	flips_follow(wd, true, NOW + DOUBT_PAUSE_MS + 1000);
	assert_int_equal(n_bursts, 3);
	affordable = false;
	flips_follow(&s->wd[1], true, NOW + DOUBT_PAUSE_MS);
	assert_int_equal(n_bursts, 3);
	stage_free(s);
}

/* A mass is over when a minute passed; the next one is another, also in what it is called. */
static void it_ends_and_comes_again(void **state)
{
	struct stage *s = stage_new(*state, 30, 30);
	char first[ID_TEXT_SIZE], second[ID_TEXT_SIZE];

	for (int i = 0; i < 20; i++)
		turn(s, i, NOW);
	(void)says(s, 0, first);
	flips_session(&s->v, NOW + 59000);
	assert_true(s->v.counts.mass_flip);
	flips_session(&s->v, NOW + 61000);
	assert_false(s->v.counts.mass_flip);
	for (int i = 0; i < 20; i++) {
		s->wd[i].w->doubt_since_ms = 0;
		s->wd[i].w->turning = false;
		flips_follow(&s->wd[i], true, NOW + 61000);
		turn(s, i, NOW + 70000);
	}
	assert_string_equal(says(s, 0, second), "organization 20/30");
	assert_string_not_equal(first, second);
	stage_free(s);
}

#define WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD(twenty_of_one_organization),
		WORLD(a_quarter_of_them),
		WORLD(of_several_organizations),
		WORLD(of_one_alone),
		WORLD(the_first_is_kept),
		WORLD(what_is_held_or_worked_on_does_not_count),
		WORLD(it_is_said_for_as_long_as_it_matters),
		WORLD(each_is_looked_at_once_more),
		WORLD(it_ends_and_comes_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
