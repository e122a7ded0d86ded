// SPDX-License-Identifier: MIT
/* Loss of sight in the coordinator: who is missed, the one alert, whose silence it explains. When
 * it is lost and when it is back is core/sight's. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "coordinator/verdicts_internal.h"
#include "tests/unit/coordinator_kit.h"

#include <string.h>

#define PROBES 4

struct world {
	struct coordinator_kit k;
	char dir[32], location[64];
	int64_t now_ms; /* of the session */
};

static struct verdicts *verdicts(const struct world *w)
{
	return w->k.c.verdicts;
}

static struct probe *probe(const struct world *w, int n)
{
	char name[32];

	snprintf(name, sizeof(name), "probe-%d", n);
	return registry_probe(w->k.c.registry, name);
}

static struct standing_of *standing(const struct world *w, int n)
{
	return verdicts_standing(verdicts(w), probe(w, n)->key);
}

static int setup(void **state)
{
	struct world *w = mem_alloc(sizeof(*w));

	snprintf(w->dir, sizeof(w->dir), "/tmp/qsXXXXXX");
	ensure(mkdtemp(w->dir));
	snprintf(w->location, sizeof(w->location), "sqlite:%s/store", w->dir);
	kit_open(&w->k, w->location, NULL);
	for (int i = 0; i < PROBES; i++)
		kit_add_probe(&w->k, i);
	w->now_ms = clock_now_ms();
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	char *command = mem_printf("rm -r %s", w->dir);

	kit_close(&w->k);
	ensure(system(command) == 0);
	free(command);
	free(w);
	return 0;
}

/* HEARD: a letter per probe, '-' for one of whom nothing comes; then a session. */
static void sit(struct world *w, int64_t later_ms, const char *heard, bool held)
{
	w->now_ms += later_ms;
	for (int i = 0; heard[i]; i++)
		if (heard[i] != '-')
			court_heard(&standing(w, i)->court, w->now_ms);
	sight_session(verdicts(w), held, w->now_ms);
}

struct found {
	int n; /* alerts of loss of sight */
	char text[256];
	enum severity severity;
	size_t monitors;
};

static void find_cb(void *arg, enum alert_kind kind, const struct id *subject,
	enum severity severity, const json_t *document)
{
	struct found *f = arg;
	const json_t *about = json_object_get(document, "probe"),
		     *reason = json_object_get(document, "reason");

	assert_int_equal(kind, ALERT_PROBE);
	if (!sight_is_subject(subject))
		return;
	f->n++;
	f->severity = severity;
	f->monitors = json_array_size(json_object_get(document, "monitors"));
	assert_string_equal(json_string_value(json_object_get(about, "name")), "several probes");
	assert_string_equal(json_string_value(json_object_get(reason, "code")), "probe.sight");
	snprintf(
		f->text, sizeof(f->text), "%s", json_string_value(json_object_get(reason, "text")));
}

static struct found alert(const struct world *w)
{
	struct found f = {0};

	alerts_each_lasting(w->k.c.alerts, find_cb, &f);
	return f;
}

/* Of probe N's vote in the one monitor that there is. */
static bool is_suspect(const struct world *w, int n)
{
	const struct watched *wd = verdicts(w)->watched;

	return wd->w->voter[watch_find(wd->w, probe(w, n)->key)].suspect;
}

static void test_lost_and_found(void **state)
{
	struct world *w = *state;

	kit_add_monitors(&w->k, 1, json_pack("{s:{s:i}}", "quorum", "seats", PROBES));
	sit(w, SIGHT_SILENT_MS - 1, "x---", false);
	assert_int_equal(alert(w).n, 0);
	sit(w, 1, "x---", false);
	assert_int_equal(alert(w).n, 1);
	assert_int_equal(alert(w).severity, SEVERITY_WARNING);
	assert_non_null(strstr(alert(w).text, "3 of 4 probes fell silent at once"));

	/* the silent ones are explained by it, whoever is heard is not */
	assert_false(standing(w, 0)->shaded || is_suspect(w, 0));
	assert_int_equal(verdicts_fault(verdicts(w), probe(w, 0)->key), FAULT_NONE);
	for (int i = 1; i < PROBES; i++) {
		assert_true(standing(w, i)->shaded);
		assert_true(court_suspects(verdicts(w), probe(w, i)->key));
		assert_true(is_suspect(w, i));
		assert_int_equal(verdicts_fault(verdicts(w), probe(w, i)->key), FAULT_LOST);
		assert_int_equal(standing(w, i)->court.excused_at_ms, w->now_ms);
	}
	sit(w, 1000, "xx--", false); /* half of them: it sees */
	assert_int_equal(alert(w).n, 0);
	for (int i = 0; i < PROBES; i++)
		assert_false(standing(w, i)->shaded);
	assert_false(court_suspects(verdicts(w), probe(w, 3)->key) || is_suspect(w, 3));
}

static void test_held(void **state)
{
	struct world *w = *state;

	sit(w, 60000, "----", true);
	assert_int_equal(alert(w).n, 0);
	assert_false(standing(w, 0)->shaded);
	sit(w, 1000, "----", false);
	assert_int_equal(alert(w).n, 1);
}

/* Who is expected to be away, or was before, is not counted. */
static void test_who_is_missed(void **state)
{
	static const char *const cases[] = {"drained", "revoked", "never joined", "lost"};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct world *w = *state;
		sit(w, SIGHT_SILENT_MS, "xx--", false);
		assert_int_equal(alert(w).n, 0);
		/* of three that are left, two are silent: they are told by their names */
		char *hash = probe(w, 1)->token_hash;
		int64_t joined_wall_ms = probe(w, 1)->joined_wall_ms;
		probe(w, 1)->drained = i == 0;
		probe(w, 1)->token_hash = i == 1 ? NULL : hash;
		probe(w, 1)->joined_wall_ms = i == 2 ? UNSET : joined_wall_ms;
		standing(w, 1)->court.fault = i == 3 ? FAULT_LOST : FAULT_NONE;
		sit(w, SIGHT_SILENT_MS, "x---", false);
		assert_int_equal(alert(w).n, 0);
		sit(w, 1000, "----", false);
		assert_int_equal(alert(w).n, 0); /* the last was heard a second ago */
		sit(w, SIGHT_SILENT_MS, "----", false);
		struct found found = alert(w);
		assert_int_equal(found.n, 1);
		assert_non_null(strstr(found.text, "3 of 3 probes"));
		assert_false(standing(w, 1)->shaded);
		probe(w, 1)->drained = false;
		probe(w, 1)->token_hash = hash;
		probe(w, 1)->joined_wall_ms = joined_wall_ms;
		standing(w, 1)->court.fault = FAULT_NONE;
		sit(w, 1000, "xxxx", false);
		assert_int_equal(alert(w).n, 0);
	}
}

/* Monitors that are undetermined because of it are named in its alert, which says so by its severity. */
static void test_severity(void **state)
{
	struct world *w = *state;

	sit(w, SIGHT_SILENT_MS, "----", false);
	assert_int_equal(alert(w).severity, SEVERITY_WARNING);
	verdicts(w)->n_unseen = 1;
	verdicts(w)->unseen = json_pack("[s]", "shop");
	sit(w, 1000, "----", false);
	assert_int_equal(alert(w).n, 1);
	assert_int_equal(alert(w).severity, SEVERITY_UNKNOWN);
	assert_int_equal(alert(w).monitors, 1);
	verdicts(w)->n_unseen = 0;
	sit(w, 1000, "----", false);
	assert_int_equal(alert(w).severity, SEVERITY_WARNING);
}

static void test_over_a_restart(void **state)
{
	struct world *w = *state;

	sit(w, SIGHT_SILENT_MS, "----", false);
	assert_int_equal(alert(w).n, 1);
	kit_close(&w->k);
	kit_open(&w->k, w->location, NULL);
	w->now_ms = clock_now_ms();
	assert_int_equal(alert(w).n, 1);
	assert_true(verdicts(w)->sight.lost);
	sit(w, SIGHT_SILENT_MS, "----", true);
	sit(w, 1000, "----", false);
	assert_int_equal(alert(w).n, 1);
	sit(w, 1000, "xxxx", false);
	assert_int_equal(alert(w).n, 0);
	assert_false(verdicts(w)->sight.lost);
}

static void test_subject(void **state)
{
	struct world *w = *state;
	struct id nobody = {{0}};

	assert_false(sight_is_subject(&nobody));
	assert_false(sight_is_subject(&probe(w, 0)->id));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_lost_and_found),
		TEST(test_held),
		TEST(test_who_is_missed),
		TEST(test_severity),
		TEST(test_over_a_restart),
		TEST(test_subject),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
