// SPDX-License-Identifier: MIT
/* Maintenances in the registry: what is refused and why, whom they cover, when they begin and end. */
#include "tests/unit/registry_kit.h"

#include "coordinator/maintenance.h"
#include "proto/base/clock.h"

#define HOUR INT64_C(3600000)
#define DAY  (24 * HOUR)

/* "shop" (acme, service checkout, team web, tier gold), "blog" (acme, team web) and "own" (default). */
static void three_monitors(struct world *w)
{
	three_regions(w);
	commit(w,
		"[{\"name\": \"shop\", \"external_id\": \"s-1\", \"tcp\": \"a.example.com:443\", "
		"\"organization\": \"acme\", \"service\": \"checkout\", \"labels\": {\"team\": "
		"\"web\", \"tier\": \"gold\"}},"
		"{\"name\": \"blog\", \"tcp\": \"b.example.com:443\", \"organization\": \"acme\", "
		"\"labels\": {\"team\": \"web\"}},"
		"{\"name\": \"own\", \"tcp\": \"c.example.com:443\", \"service\": \"checkout\"}]");
}

static int try_add(struct world *w, const char *text, const char *organization, struct problems *p)
{
	json_t *in = json(text);
	int result;

	memset(p, 0, sizeof(*p));
	result = registry_add_maintenance(w->registry, in, organization, "anna", p, on_done, w);
	json_decref(in);
	return result;
}

/* The newest of them. */
static struct maintenance *add(struct world *w, const char *text, const char *organization)
{
	struct maintenance *mt = NULL, *last = NULL;
	struct problems p;

	if (try_add(w, text, organization, &p) == -1)
		fail_msg("%s: %s: %s", text, p.item[0].path, p.item[0].message);
	settle(w);
	while ((mt = registry_next_maintenance(w->registry, mt)))
		last = mt;
	assert_non_null(last);
	return last;
}

/* The members that say when, SHIFT_MS from now: {"monitors": ["shop"], "from": …, MORE}. */
static struct maintenance *add_from(struct world *w, int64_t shift_ms, const char *more)
{
	char from[TIME_TEXT_SIZE], text[300];

	time_format(clock_wall_ms() + shift_ms, from);
	snprintf(
		text, sizeof(text), "{\"monitors\": [\"shop\"], \"from\": \"%s\", %s}", from, more);
	return add(w, text, NULL);
}

static const struct {
	const char *body, *organization; /* of the key; NULL: all */
	const char *path, *says;
} refusals[] = {
	{"{\"monitors\": [\"shop\"]}", NULL, "for",
		"how long, for example 2h, or 'to': until when"},
	{"{\"monitors\": [\"shop\"], \"for\": \"2h\", \"to\": \"2099-01-01T00:00:00Z\"}", NULL,
		"to", "for says already how long; accepted: one of them"},
	{"{\"monitors\": [\"shop\"], \"for\": \"0s\"}", NULL, "for", "1s to"},
	{"{\"monitors\": [\"shop\"], \"for\": \"367d\"}", NULL, "for", "1s to"},
	{"{\"monitors\": [\"shop\"], \"for\": \"2\"}", NULL, "for", "needs a unit"},
	{"{\"monitors\": [\"shop\"], \"for\": 7200}", NULL, "for", "7200"},
	{"{\"monitors\": [\"shop\"], \"from\": \"tomorrow\", \"for\": \"2h\"}", NULL, "from",
		"tomorrow"},
	{"{\"monitors\": [\"shop\"], \"from\": \"2026-12-24 02:00\", \"for\": \"2h\"}", NULL,
		"from", "2026-12-24 02:00"},
	{"{\"monitors\": [\"shop\"], \"from\": \"2099-01-02T00:00:00Z\", \"to\": "
	 "\"2099-01-01T00:00:00Z\"}",
		NULL, "to", "is not after from"},
	{"{\"monitors\": [\"shop\"], \"from\": \"2099-01-01T00:00:00Z\", \"to\": "
	 "\"2099-01-01T00:00:00Z\"}",
		NULL, "to", "is not after from"},
	{"{\"monitors\": [\"shop\"], \"from\": \"2001-01-01T00:00:00Z\", \"for\": \"2h\"}", NULL,
		"to", "that is over"},
	{"{\"monitors\": [\"shop\"], \"to\": \"2199-01-01T00:00:00Z\"}", NULL, "to",
		"at most 366 days after from"},
	{"{\"monitors\": [\"shop\"], \"for\": \"2h\", \"at\": \"02:00\"}", NULL, "at",
		"is for windows that come again"},
	{"{\"monitors\": [\"shop\"], \"for\": \"2h\", \"zone\": \"UTC\"}", NULL, "zone",
		"is for windows that come again"},
	/* again and again */
	{"{\"monitors\": [\"shop\"], \"every\": \"day\", \"for\": \"2h\"}", NULL, "at",
		"at which time of the day"},
	{"{\"monitors\": [\"shop\"], \"every\": \"day\", \"at\": \"02:00\"}", NULL, "for",
		"how long each window is"},
	{"{\"monitors\": [\"shop\"], \"every\": \"day\", \"at\": \"02:00\", \"for\": \"32d\"}",
		NULL, "for", "at most 31 days"},
	{"{\"monitors\": [\"shop\"], \"every\": \"funday\", \"at\": \"02:00\", \"for\": \"2h\"}",
		NULL, "every", "monday"},
	{"{\"monitors\": [\"shop\"], \"every\": \"day\", \"at\": \"2am\", \"for\": \"2h\"}", NULL,
		"at", "such as 02:00"},
	{"{\"monitors\": [\"shop\"], \"every\": \"day\", \"at\": \"24:00\", \"for\": \"2h\"}", NULL,
		"at", "such as 02:00"},
	{"{\"monitors\": [\"shop\"], \"every\": \"day\", \"at\": \"02:00\", \"for\": \"2h\", "
	 "\"zone\": \"Tokyo\"}",
		NULL, "zone",
		"'Tokyo' is no time zone of this system; accepted: an IANA name such as "},
	{"{\"monitors\": [\"shop\"], \"every\": \"day\", \"at\": \"02:00\", \"for\": \"2h\", "
	 "\"zone\": \"UTC+9\"}",
		NULL, "zone", "'UTC+9' is no time zone"},
	{"{\"monitors\": [\"shop\"], \"every\": \"day\", \"at\": \"02:00\", \"for\": \"2h\", "
	 "\"zone\": \"../../etc/passwd\"}",
		NULL, "zone", "is no time zone"},
	{"{\"monitors\": [\"shop\"], \"every\": \"day\", \"at\": \"02:00\", \"for\": \"2h\", "
	 "\"to\": "
	 "\"2001-01-01T00:00:00Z\"}",
		NULL, "to", "that is over"},
	{"{\"monitors\": [\"shop\"], \"every\": \"monday\", \"at\": \"02:00\", \"for\": \"2h\", "
	 "\"from\": \"2099-01-06T00:00:00Z\", \"to\": \"2099-01-07T00:00:00Z\"}",
		NULL, "every", "no window lies between from and to"},
	/* for whom */
	{"{\"for\": \"2h\"}", NULL, "monitors", "for what it is; accepted: monitors, services"},
	{"{\"for\": \"2h\"}", "acme", "monitors", "or the whole of an organization"},
	{"{\"monitors\": [\"shoop\"], \"for\": \"2h\"}", NULL, "monitors",
		"there is no monitor 'shoop'; did you mean shop"},
	{"{\"monitors\": [\"own\"], \"for\": \"2h\", \"organization\": \"acme\"}", NULL, "monitors",
		"there is no monitor 'own' in organization 'acme'"},
	{"{\"monitors\": [\"own\"], \"for\": \"2h\"}", "acme", "monitors",
		"there is no monitor 'own' in organization 'acme'"},
	{"{\"for\": \"2h\", \"organization\": \"globex\"}", "acme", "organization",
		"this key is for organization 'acme' only"},
	{"{\"monitor\": \"shop\", \"for\": \"2h\"}", NULL, "monitor", "did you mean 'monitors'"},
	{"{\"monitors\": [\"shop\"], \"for\": \"2h\", \"reason\": \"\"}", NULL, "reason",
		"1 to 500"},
};

static void test_what_is_refused(void **state)
{
	struct world *w = *state;
	struct problems p;

	three_monitors(w);
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
		if (try_add(w, refusals[i].body, refusals[i].organization, &p) == 0)
			fail_msg("%s was accepted", refusals[i].body);
		if (strcmp(p.item[0].path, refusals[i].path) != 0 ||
			!strstr(p.item[0].message, refusals[i].says))
			fail_msg("%s: %s: %s", refusals[i].body, p.item[0].path, p.item[0].message);
	}
	assert_null(registry_next_maintenance(w->registry, NULL));
}

/* Whom each is about: s(hop), b(log), o(wn). */
static void test_whom_it_covers(void **state)
{
	static const struct {
		const char *body, *organization, *covers;
	} table[] = {
		{"{\"monitors\": [\"shop\"], \"for\": \"2h\"}", NULL, "s"},
		{"{\"monitors\": \"s-1\", \"for\": \"2h\"}", NULL, "s"}, /* its external_id */
		{"{\"monitors\": [\"shop\", \"own\"], \"for\": \"2h\"}", NULL, "so"},
		{"{\"services\": [\"checkout\"], \"for\": \"2h\"}", NULL, "so"},
		{"{\"services\": [\"checkout\"], \"for\": \"2h\"}", "acme", "s"},
		{"{\"services\": [\"checkout\"], \"organization\": \"acme\", \"for\": \"2h\"}",
			NULL, "s"},
		{"{\"services\": [\"none\"], \"for\": \"2h\"}", NULL, ""},
		{"{\"labels\": {\"team\": \"web\"}, \"for\": \"2h\"}", NULL, "sb"},
		{"{\"labels\": {\"team\": \"web\", \"tier\": \"gold\"}, \"for\": \"2h\"}", NULL,
			"s"},
		{"{\"labels\": {\"team\": \"we\"}, \"for\": \"2h\"}", NULL, ""},
		{"{\"organization\": \"acme\", \"for\": \"2h\"}", NULL, "sb"},
		{"{\"organization\": \"default\", \"for\": \"2h\"}", NULL, "o"},
		{"{\"monitors\": [\"blog\"], \"services\": [\"checkout\"], \"for\": \"2h\"}", NULL,
			"sbo"}, /* any of them */
	};
	static const char *const names[] = {"shop", "blog", "own"};
	struct world *w = *state;

	three_monitors(w);
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const struct maintenance *mt = add(w, table[i].body, table[i].organization);
		char covers[4] = "";

		assert_true(mt->on);
		assert_string_equal(mt->by, "anna");
		for (int k = 0; k < 3; k++)
			if (maintenance_covers(mt, monitor(w, names[k])))
				strncat(covers, names[k], 1);
		if (strcmp(covers, table[i].covers) != 0)
			fail_msg("%s covers '%s'", table[i].body, covers);
	}
}

static void test_a_monitor_may_be_renamed(void **state)
{
	struct world *w = *state;
	const struct maintenance *mt;

	three_monitors(w);
	mt = add(w, "{\"monitors\": [\"shop\"], \"for\": \"2h\"}", NULL);
	commit(w, "[{\"name\": \"shop 2\", \"external_id\": \"s-1\", \"tcp\": "
		  "\"a.example.com:443\", \"organization\": \"acme\"}]");
	assert_true(maintenance_covers(mt, monitor(w, "shop 2")));
}

static const struct maintenance *of(struct world *w, const char *name)
{
	return registry_maintenance_of(w->registry, monitor(w, name));
}

/* Steps to SHIFT_MS from now; whether listeners were told. */
static bool step(struct world *w, int64_t shift_ms)
{
	int before = w->told;

	registry_step_maintenances(w->registry, clock_wall_ms() + shift_ms);
	if (w->told > before)
		assert_int_equal(w->last_change, CHANGED_MAINTENANCE);
	return w->told > before;
}

static void test_it_begins_and_ends(void **state)
{
	struct world *w = *state;
	const struct maintenance *mt;

	three_monitors(w);
	mt = add_from(w, HOUR, "\"for\": \"2h\"");
	assert_false(mt->on);
	assert_true(mt->more);
	assert_null(of(w, "shop"));
	assert_false(step(w, HOUR - 1000));
	assert_true(step(w, HOUR + 1000));
	assert_ptr_equal(of(w, "shop"), mt);
	assert_null(of(w, "blog"));
	assert_false(step(w, 3 * HOUR - 1000));
	assert_true(step(w, 3 * HOUR + 1000));
	assert_null(of(w, "shop"));
	assert_false(mt->more);
	/* The clock was set back. */
	assert_true(step(w, 2 * HOUR));
	assert_ptr_equal(of(w, "shop"), mt);
	/* One that is over is forgotten after a week, here and in the store. */
	step(w, 3 * HOUR + 7 * DAY - 60000);
	assert_non_null(registry_next_maintenance(w->registry, NULL));
	step(w, 3 * HOUR + 7 * DAY + 60000);
	assert_null(registry_next_maintenance(w->registry, NULL));
}

static void test_it_comes_again(void **state)
{
	struct world *w = *state;
	const struct maintenance *mt;
	int64_t first_ms;

	three_monitors(w);
	mt = add(w,
		"{\"monitors\": [\"shop\"], \"every\": \"day\", \"at\": \"02:00\", \"for\": "
		"\"1h\", "
		"\"zone\": \"Asia/Tokyo\"}",
		NULL);
	/* 02:00 in Tokyo, which has no summer time, is 17:00 UTC. */
	assert_int_equal(mt->window.from_wall_ms % DAY, 17 * HOUR);
	assert_int_equal(mt->window.to_wall_ms - mt->window.from_wall_ms, HOUR);
	first_ms = mt->window.from_wall_ms + (mt->on ? DAY : 0);
	for (int day = 0; day < 3; day++) {
		registry_step_maintenances(w->registry, first_ms + day * DAY);
		assert_true(mt->on);
		registry_step_maintenances(w->registry, first_ms + day * DAY + HOUR);
		assert_false(mt->on);
		assert_true(mt->more);
	}
	/* It is never over, and so never forgotten. */
	registry_step_maintenances(w->registry, first_ms + 30 * DAY + 2 * HOUR);
	assert_non_null(registry_next_maintenance(w->registry, NULL));
}

static void test_ended_by_hand(void **state)
{
	struct world *w = *state;
	struct maintenance *mt;
	struct id id;

	three_monitors(w);
	mt = add(w, "{\"monitors\": [\"shop\"], \"for\": \"2h\"}", NULL);
	id = mt->id;
	assert_int_equal(registry_end_maintenance(w->registry, &id, "eve", on_done, w), 0);
	settle(w);
	assert_null(of(w, "shop"));
	mt = registry_maintenance(w->registry, &id);
	assert_int_not_equal(mt->ended_wall_ms, UNSET);
	assert_false(mt->more);
	assert_int_equal(registry_end_maintenance(w->registry, &id, "eve", on_done, w), -1);
	/* Of one that comes again only the window under way. */
	mt = add(w,
		"{\"monitors\": [\"shop\"], \"every\": \"day\", \"at\": \"00:00\", \"for\": "
		"\"24h\"}",
		NULL);
	id = mt->id;
	assert_true(mt->on);
	assert_int_equal(registry_end_maintenance(w->registry, &id, "eve", on_done, w), 0);
	settle(w);
	mt = registry_maintenance(w->registry, &id);
	assert_false(mt->on);
	assert_true(mt->more);
	assert_true(mt->window.from_wall_ms > clock_wall_ms());
	/* One to come is not under way. */
	mt = add_from(w, HOUR, "\"for\": \"2h\"");
	assert_int_equal(registry_end_maintenance(w->registry, &mt->id, "eve", on_done, w), -1);
}

static void test_removed(void **state)
{
	struct world *w = *state;
	struct maintenance *mt;
	struct id id, none = {{9}};
	int told;

	three_monitors(w);
	mt = add(w, "{\"monitors\": [\"shop\"], \"for\": \"2h\"}", NULL);
	id = mt->id;
	told = w->told;
	assert_int_equal(registry_remove_maintenance(w->registry, &none, on_done, w), -1);
	assert_int_equal(registry_remove_maintenance(w->registry, &id, on_done, w), 0);
	settle(w);
	assert_true(w->told > told);
	assert_null(of(w, "shop"));
	assert_null(registry_maintenance(w->registry, &id));
}

static void test_of_several_the_last_to_end(void **state)
{
	struct world *w = *state;
	const struct maintenance *longest;

	three_monitors(w);
	add(w, "{\"monitors\": [\"shop\"], \"for\": \"2h\"}", NULL);
	longest = add(w, "{\"services\": [\"checkout\"], \"for\": \"3h\"}", NULL);
	add(w, "{\"organization\": \"acme\", \"for\": \"1h\"}", NULL);
	assert_ptr_equal(of(w, "shop"), longest);
	assert_true(step(w, 2 * HOUR + 60000));
	assert_ptr_equal(of(w, "shop"), longest);
	assert_null(of(w, "blog"));
	assert_true(step(w, 3 * HOUR + 60000));
	assert_null(of(w, "shop"));
}

static void test_a_restart_finds_them(void **state)
{
	struct world *w = *state;
	const struct maintenance *mt;
	struct id id;

	three_monitors(w);
	id = add(w,
		"{\"labels\": {\"team\": \"web\"}, \"every\": [\"monday\", \"last-friday\"], "
		"\"at\": "
		"\"02:00\", \"zone\": \"Europe/Berlin\", \"for\": \"90m\", \"reason\": \"new "
		"rack\"}",
		"acme")
		     ->id;
	registry_close(w->registry);
	w->registry = registry_open(w->store, 1000);
	mt = registry_maintenance(w->registry, &id);
	assert_non_null(mt);
	assert_string_equal(mt->organization, "acme");
	assert_string_equal(mt->zone, "Europe/Berlin");
	assert_string_equal(mt->reason, "new rack");
	assert_string_equal(mt->by, "anna");
	assert_int_equal(mt->every.n, 2);
	assert_true(mt->more);
	assert_true(maintenance_covers(mt, monitor(w, "blog")));
	assert_false(maintenance_covers(mt, monitor(w, "own")));
}

static void test_there_is_a_most(void **state)
{
	struct world *w = *state;
	struct problems p;

	three_monitors(w);
	for (int i = 0; i < MAINTENANCES_MAX; i++) {
		assert_int_equal(
			try_add(w, "{\"organization\": \"acme\", \"for\": \"2h\"}", NULL, &p), 0);
		settle(w);
	}
	assert_int_equal(try_add(w, "{\"organization\": \"acme\", \"for\": \"2h\"}", NULL, &p), -1);
	assert_string_equal(
		p.item[0].message, "there are 1000 maintenances already, which is the most");
}

#define WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD(test_what_is_refused),
		WORLD(test_whom_it_covers),
		WORLD(test_a_monitor_may_be_renamed),
		WORLD(test_it_begins_and_ends),
		WORLD(test_it_comes_again),
		WORLD(test_ended_by_hand),
		WORLD(test_removed),
		WORLD(test_of_several_the_last_to_end),
		WORLD(test_a_restart_finds_them),
		WORLD(test_there_is_a_most),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
