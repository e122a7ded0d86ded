// SPDX-License-Identifier: MIT
/*
 * Quarantine in the coordinator: from the votes of real electorates to sentences, seats, words and
 * what is stored. The rule itself is core/quarantine's. Votes are given once and stay fresh for an
 * hour; the sessions are held at later and later instants.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "coordinator/verdicts_internal.h"
#include "tests/unit/coordinator_kit.h"

#include <string.h>

#define PROBES   7 /* one in each region: 5 or 7 have a seat */
#define SEATS    5
#define LIAR     0
#define ROUND_MS QUARANTINE_INTERVAL_MAX_MS /* the interval is longer */

struct world {
	struct coordinator_kit k;
	char dir[32], location[64];
	int64_t now_ms; /* of the session */
};

static void all_are_heard(struct world *w)
{
	struct probe *probe = NULL;

	while ((probe = registry_next_probe(w->k.c.registry, probe)))
		verdicts_heard(w->k.c.verdicts, probe);
}

static void open_world(struct world *w)
{
	kit_open(&w->k, w->location, NULL);
	all_are_heard(w);
	w->now_ms = clock_now_ms();
}

static int setup(void **state)
{
	struct world *w = mem_alloc(sizeof(*w));

	snprintf(w->dir, sizeof(w->dir), "/tmp/qqXXXXXX");
	ensure(mkdtemp(w->dir));
	snprintf(w->location, sizeof(w->location), "sqlite:%s/store", w->dir);
	open_world(w);
	for (int i = 0; i < PROBES; i++)
		kit_add_probe(&w->k, i);
	all_are_heard(w);
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

static struct verdicts *verdicts(const struct world *w)
{
	return w->k.c.verdicts;
}

static struct standing_of *liar(const struct world *w)
{
	return verdicts_standing(verdicts(w), registry_probe(w->k.c.registry, "probe-0")->key);
}

/* ---- monitors and what is said of them */

static const struct registered *monitor(const struct world *w, const char *name)
{
	const struct registered *entry = registry_monitor_by_name(w->k.c.registry, name);

	assert_non_null(entry);
	return entry;
}

/* Named after its organization and a number; all seats, so that the liar has one. */
static void add_monitor_at(
	struct world *w, const char *organization, int n, bool canary, const char *host)
{
	json_t *m = json_pack("{s:o, s:o, s:s, s:s, s:{s:i}, s:{s:s}}", "name",
		json_sprintf("%s %d", organization, n), "tcp",
		json_sprintf("%s:%d", host, 1000 + n), "organization", organization, "interval",
		"1h", "quorum", "seats", PROBES, "labels", "quorate.canary",
		canary ? "true" : "no");
	json_t *list = json_pack("[o]", m);
	struct problems p = {0};
	struct plan *plan;

	ensure(registry_plan(w->k.c.registry, list, NULL, "", &plan, &p) == 0);
	ensure(registry_commit(w->k.c.registry, plan, kit_done, &w->k) == 0);
	json_decref(list);
	loop_run(w->k.c.loop);
}

static void add_monitor(struct world *w, const char *organization, int n, bool canary)
{
	char host[64];

	snprintf(host, sizeof(host), "%s-%d.example.com", organization, n);
	add_monitor_at(w, organization, n, canary, host);
}

static void say(struct world *w, int probe, const struct monitor *m, enum verdict verdict,
	const char *address)
{
	char name[32];
	struct result r = {.monitor = m->id,
		.monitor_revision = m->revision,
		.verdict = verdict,
		.reason = verdict == VERDICT_DOWN ? REASON_TCP_REFUSED : REASON_OK,
		.duration_ms = 1,
		.address = (char *)(uintptr_t)address};

	snprintf(name, sizeof(name), "probe-%d", probe);
	assert_int_equal(verdicts_result(verdicts(w), registry_probe(w->k.c.registry, name), &r,
				 "{\"duration_ms\":1}"),
		VOTE_TAKEN);
}

/* Everybody says up, the liar WHAT it says; all connected to ADDRESS (NULL: nowhere). */
static void hear(struct world *w, const char *name, enum verdict what, const char *address)
{
	const struct registered *entry = monitor(w, name);

	for (int i = 0; i < PROBES; i++)
		say(w, i, &entry->m, i == LIAR ? what : VERDICT_UP, address);
}

/* Everybody is there. */
static void session(struct world *w, int64_t later_ms)
{
	struct standing_of *s, *next;

	w->now_ms += later_ms;
	HASH_ITER (hh, verdicts(w)->probes, s, next)
		court_heard(&s->court, w->now_ms);
	court_session(verdicts(w), w->now_ms);
}

/* One session now, and one after ROUNDS of the longest interval that counts. */
static void sit(struct world *w, int rounds)
{
	session(w, 31000);
	session(w, (int64_t)rounds * ROUND_MS);
}

/* Of the liar's vote on NAME. */
static enum exclusion exclusion(const struct world *w, const char *name)
{
	const struct watched *wd = verdicts_find(verdicts(w), &monitor(w, name)->m.id);
	int i = watch_find(wd->w, liar(w)->key);

	assert_true(i >= 0);
	return wd->w->voter[i].excluded;
}

static void three_organizations(struct world *w)
{
	static const char *const organizations[] = {"acme", "globex", "initech"};

	for (size_t i = 0; i < ARRAY_LEN(organizations); i++)
		add_monitor(w, organizations[i], 1, false);
}

static void hear_three(struct world *w, enum verdict what)
{
	hear(w, "acme 1", what, "192.0.2.1:443");
	hear(w, "globex 1", what, "198.51.100.1:443");
	hear(w, "initech 1", what, "203.0.113.1:443");
}

static void words(const struct world *w, char text[SENTENCE_WORDS_SIZE])
{
	quarantine_words(verdicts(w), liar(w), text, SENTENCE_WORDS_SIZE);
}

/* ---- the store */

static void count_cb(void *arg, const struct id *id, const json_t *document)
{
	int *n = arg;

	(void)id;
	assert_true(json_is_array(json_object_get(document, "charges")));
	(*n)++;
}

static void submitted(void *arg, enum store_error error)
{
	loop_stop(arg);
	assert_int_equal(error, STORE_OK);
}

static int count_stored(const struct world *w)
{
	struct store *store = w->k.c.store;
	struct store_batch *b = store_batch_new(store);
	struct id nobody = {{0}};
	int n = 0;

	store_remove(b, STORE_QUARANTINE, &nobody); /* behind all that is on its way */
	store_submit(store, b, STORE_OR_FAIL, submitted, w->k.c.loop);
	loop_run(w->k.c.loop);
	assert_int_equal(store_each(store, STORE_QUARANTINE, count_cb, &n), 0);
	return n;
}

static void restart(struct world *w)
{
	(void)count_stored(w);
	kit_close(&w->k);
	open_world(w);
}

/* ---- tests */

static void test_networks(void **state)
{
	static const struct {
		const char *a, *b;
		bool same;
	} table[] = {
		{"192.0.2.1:443", "192.0.2.254:80", true}, {"192.0.2.1:443", "192.0.2.1", true},
		{"192.0.2.1:443", "192.0.3.1:443", false},
		{"[2001:db8:1::1]:443", "[2001:db8:1:ffff::2]:80", true},
		{"[2001:db8:1::1]:443", "2001:db8:1::1", true},
		{"[2001:db8:1::1]:443", "[2001:db8:2::1]:443", false},
		{"fe80::1%eth0", "[fe80::2]:443", true},
		{"[::ffff:192.0.2.1]:443", "192.0.2.1:443", false}, /* written otherwise */
	};
	static const char *const nowhere[] = {NULL, "", ":443", "host.example.com:443", "[]:443",
		"1234567890123456789012345678901234567890123456789:443", "192.0.2:443"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		assert_true(quarantine_network(table[i].a) != 0);
		assert_int_equal(quarantine_network(table[i].a) == quarantine_network(table[i].b),
			table[i].same);
	}
	for (size_t i = 0; i < ARRAY_LEN(nowhere); i++)
		assert_true(quarantine_network(nowhere[i]) == 0);
}

static void test_everywhere_and_back(void **state)
{
	struct world *w = *state;
	char text[SENTENCE_WORDS_SIZE];

	three_organizations(w);
	hear_three(w, VERDICT_DOWN);
	sit(w, QUARANTINE_ROUNDS - 1);
	assert_false(verdicts_quarantined(verdicts(w), liar(w)->key));
	assert_false(quarantine_lasts(liar(w)));
	assert_int_equal(exclusion(w, "acme 1"), EXCLUDED_NOT);
	assert_int_equal(verdicts_fault(verdicts(w), liar(w)->key), FAULT_NONE);
	assert_int_equal(count_stored(w), 0);

	session(w, ROUND_MS);
	assert_true(verdicts_quarantined(verdicts(w), liar(w)->key));
	assert_int_equal(exclusion(w, "acme 1"), EXCLUDED_QUARANTINE);
	assert_int_equal(exclusion(w, "initech 1"), EXCLUDED_QUARANTINE);
	assert_int_equal(verdicts_fault(verdicts(w), liar(w)->key), FAULT_QUARANTINE);
	assert_int_equal(alerts_count_open(w->k.c.alerts), 1);
	assert_int_equal(count_stored(w), 1);
	words(w, text);
	assert_string_equal(text,
		"; its votes do not count until it agrees again (where there are four seats or "
		"more)");

	hear_three(w, VERDICT_UP);
	sit(w, QUARANTINE_CALM_ROUNDS - 1);
	assert_true(verdicts_quarantined(verdicts(w), liar(w)->key));
	session(w, ROUND_MS);
	assert_false(verdicts_quarantined(verdicts(w), liar(w)->key));
	assert_null(liar(w)->quarantine); /* nothing is held against it */
	assert_int_equal(exclusion(w, "acme 1"), EXCLUDED_NOT);
	assert_int_equal(alerts_count_open(w->k.c.alerts), 0);
	assert_int_equal(count_stored(w), 0);
}

/* Where the others connected to is what counts, and whoever the liar says it reached. */
static void test_one_network_is_one_finding(void **state)
{
	struct world *w = *state;

	three_organizations(w);
	hear(w, "acme 1", VERDICT_DOWN, "192.0.2.1:443");
	hear(w, "globex 1", VERDICT_DOWN, "192.0.2.2:443");
	hear(w, "initech 1", VERDICT_DOWN, "192.0.2.3:443");
	say(w, LIAR, &monitor(w, "globex 1")->m, VERDICT_DOWN, "198.51.100.1:443");
	sit(w, QUARANTINE_ROUNDS);
	assert_false(quarantine_lasts(liar(w)));
	assert_non_null(liar(w)->quarantine); /* accused it is */
}

/* Without an address of anybody who agrees: by the target's name. */
static void test_names_are_networks_too(void **state)
{
	struct world *w = *state;

	three_organizations(w);
	hear(w, "acme 1", VERDICT_DOWN, NULL);
	hear(w, "globex 1", VERDICT_DOWN, NULL);
	hear(w, "initech 1", VERDICT_DOWN, NULL);
	sit(w, QUARANTINE_ROUNDS);
	assert_true(verdicts_quarantined(verdicts(w), liar(w)->key));
}

/* What the accused says that it reached counts for nothing: else what it agrees on would be many
 * networks, and outweigh the rest. */
static void test_networks_are_not_the_accused_ones(void **state)
{
	struct world *w = *state;
	char name[32], address[32];

	for (int i = 1; i <= 3; i++)
		add_monitor(w, "acme", i, false);
	for (int i = 4; i <= 6; i++)
		add_monitor_at(w, "acme", i, false, "farm.example.com");
	for (int i = 1; i <= 6; i++) {
		snprintf(name, sizeof(name), "acme %d", i);
		snprintf(address, sizeof(address), "192.0.%d.1:443", i);
		for (int k = 0; k < PROBES; k++)
			say(w, k, &monitor(w, name)->m,
				k == LIAR && i <= 3 ? VERDICT_DOWN : VERDICT_UP,
				k == LIAR ? address : NULL);
	}
	sit(w, QUARANTINE_ROUNDS);
	assert_true(quarantine_lasts(liar(w)));
}

static void test_one_organization_for_itself(void **state)
{
	struct world *w = *state;
	char text[SENTENCE_WORDS_SIZE];

	for (int i = 1; i <= 3; i++)
		add_monitor(w, "acme", i, false);
	add_monitor(w, "globex", 1, false);
	hear(w, "acme 1", VERDICT_DOWN, "192.0.2.1:443");
	hear(w, "acme 2", VERDICT_DOWN, "198.51.100.1:443");
	hear(w, "acme 3", VERDICT_DOWN, "203.0.113.1:443");
	hear(w, "globex 1", VERDICT_UP, "203.0.113.9:443");
	sit(w, QUARANTINE_ROUNDS);
	assert_false(verdicts_quarantined(verdicts(w), liar(w)->key));
	assert_true(quarantine_lasts(liar(w)));
	assert_int_equal(exclusion(w, "acme 2"), EXCLUDED_QUARANTINE);
	assert_int_equal(exclusion(w, "globex 1"), EXCLUDED_NOT);
	words(w, text);
	assert_non_null(strstr(text, "do not count for monitors of acme until"));
	assert_int_equal(count_stored(w), 1);

	restart(w);
	session(w, 31000);
	assert_true(quarantine_since(liar(w), &monitor(w, "acme 1")->m) != 0);
	assert_true(quarantine_since(liar(w), &monitor(w, "globex 1")->m) == 0);
	assert_int_equal(exclusion(w, "acme 2"), EXCLUDED_QUARANTINE);
	assert_int_equal(exclusion(w, "globex 1"), EXCLUDED_NOT);
}

static void test_canaries(void **state)
{
	struct world *w = *state;

	for (int i = 1; i <= 3; i++)
		add_monitor(w, "default", i, true);
	add_monitor(w, "acme", 1, true); /* nobody's but the operator's */
	hear(w, "default 1", VERDICT_DOWN, "192.0.2.1:443");
	hear(w, "default 2", VERDICT_DOWN, "198.51.100.1:443");
	hear(w, "default 3", VERDICT_DOWN, "203.0.113.1:443");
	hear(w, "acme 1", VERDICT_UP, "203.0.113.9:443");
	sit(w, QUARANTINE_ROUNDS);
	assert_true(verdicts_quarantined(verdicts(w), liar(w)->key));
	assert_int_equal(exclusion(w, "acme 1"), EXCLUDED_QUARANTINE);
	restart(w);
	session(w, 31000);
	assert_true(verdicts_quarantined(verdicts(w), liar(w)->key));
}

/* Nothing is decided while the coordinator has just started, or stood still. */
static void test_held(void **state)
{
	struct world *w = *state;

	three_organizations(w);
	hear_three(w, VERDICT_DOWN);
	sit(w, QUARANTINE_ROUNDS - 1);
	verdicts(w)->hold_from_ms = w->now_ms;
	session(w, 29999);
	sit(w, QUARANTINE_ROUNDS - 1);
	assert_false(quarantine_lasts(liar(w)));
	session(w, ROUND_MS);
	assert_true(quarantine_lasts(liar(w)));
}

/* The sentence is as old as that. */
static void age(struct world *w, int64_t ms)
{
	struct quarantine_of *q = liar(w)->quarantine;

	q->everywhere_since_ms = clock_now_ms() - ms;
	electorate_seat(verdicts_find(verdicts(w), &monitor(w, "spare 1")->m.id),
		monitor(w, "spare 1"), false);
}

/* "spare 1" has five seats for seven probes; the liar has one of them. */
static struct watched *spare(struct world *w)
{
	struct watched *wd = NULL;

	for (int n = 1; n < 100; n++) {
		json_t *m = json_pack("{s:s, s:s, s:s, s:s, s:{s:i}}", "name", "spare 1", "tcp",
			"spare.example.com:443", "organization", "acme", "interval", "1h", "quorum",
			"seats", SEATS);
		json_t *list = json_pack("[o]", m);
		struct problems p = {0};
		struct plan *plan;
		ensure(registry_plan(w->k.c.registry, list, NULL, "", &plan, &p) == 0);
		ensure(registry_commit(w->k.c.registry, plan, kit_done, &w->k) == 0);
		json_decref(list);
		loop_run(w->k.c.loop);
		wd = verdicts_find(verdicts(w), &monitor(w, "spare 1")->m.id);
		if (watch_find(wd->w, liar(w)->key) >= 0)
			return wd;
		ensure(registry_remove_monitor(w->k.c.registry, &wd->id, kit_done, &w->k) == 0);
		loop_run(w->k.c.loop);
	}
	fail_msg("the liar has no seat");
	return NULL;
}

static void test_replaced_after_five_minutes(void **state)
{
	struct world *w = *state;
	struct watched *wd;
	size_t i;

	three_organizations(w);
	wd = spare(w);
	hear_three(w, VERDICT_DOWN);
	sit(w, QUARANTINE_ROUNDS);
	assert_true(verdicts_quarantined(verdicts(w), liar(w)->key));
	age(w, QUARANTINE_REPLACED_MS - 10000);
	assert_int_equal(exclusion(w, "spare 1"), EXCLUDED_QUARANTINE);
	assert_int_equal(wd->w->n_voters, SEATS);

	int seat = wd->w->voter[watch_find(wd->w, liar(w)->key)].seat;
	age(w, QUARANTINE_REPLACED_MS);
	assert_int_equal(exclusion(w, "spare 1"), EXCLUDED_REPLACED);
	assert_int_equal(wd->w->n_voters, SEATS + 1);
	assert_int_equal(wd->n_seated, SEATS);
	assert_int_equal(wd->n_seats, SEATS);
	assert_int_equal(wd->w->voter[SEATS].key, liar(w)->key);
	assert_int_equal(wd->w->voter[SEATS].seat, seat);
	say(w, LIAR, &monitor(w, "spare 1")->m, VERDICT_DOWN, NULL); /* it is still asked */
	json_t *explained = verdicts_explain(verdicts(w), &wd->id);
	const json_t *votes = json_object_get(explained, "votes"),
		     *lines = json_object_get(explained, "quarantine"), *line;
	assert_int_equal(json_array_size(votes), SEATS + 1);
	const json_t *last = json_array_get(votes, SEATS);
	assert_string_equal(json_string_value(json_object_get(last, "fate")), "excluded");
	assert_string_equal(json_string_value(json_object_get(last, "why")),
		"quarantine, and another has its seat");
	json_array_foreach (lines, i, line)
		assert_string_equal(json_string_value(json_object_get(line, "words")),
			"probe-0 (region-0) contradicts the quorum: its votes do not count until "
			"it agrees again, and another has its seat meanwhile");
	assert_int_equal(i, 1);
	json_decref(explained);

	/* where every probe has a seat nobody can take its own */
	struct watched *full = verdicts_find(verdicts(w), &monitor(w, "acme 1")->m.id);
	electorate_seat(full, monitor(w, "acme 1"), false);
	assert_int_equal(full->w->n_voters, PROBES);
	assert_int_equal(exclusion(w, "acme 1"), EXCLUDED_QUARANTINE);

	/* an electorate with a shadow spares nobody else, however long that one has lied */
	struct standing_of *other = verdicts_standing(verdicts(w), wd->w->voter[0].key);
	other->quarantine = mem_alloc(sizeof(*other->quarantine));
	other->quarantine->everywhere_since_ms = clock_now_ms() - 3 * QUARANTINE_REPLACED_MS;
	quarantine_apply(wd);
	for (int k = 0; k < SEATS; k++)
		assert_int_equal(wd->w->voter[k].excluded, EXCLUDED_NOT);
	assert_int_equal(exclusion(w, "spare 1"), EXCLUDED_REPLACED);
	quarantine_clear(other);

	liar(w)->quarantine->everywhere_since_ms = 0;
	electorate_seat(wd, monitor(w, "spare 1"), false);
	assert_int_equal(wd->w->n_voters, SEATS);
	assert_int_equal(exclusion(w, "spare 1"), EXCLUDED_NOT);
	assert_true(wd->w->voter[watch_find(wd->w, liar(w)->key)].scheduled.present);
}

/* Sessions notice by themselves when it is time, and when it is over. */
static void test_sessions_ask_for_seats(void **state)
{
	struct world *w = *state;
	struct verdicts *v = verdicts(w);

	three_organizations(w);
	hear_three(w, VERDICT_DOWN);
	sit(w, QUARANTINE_ROUNDS);
	assert_false(quarantine_session(v, false, w->now_ms += QUARANTINE_REPLACED_MS - 1));
	session(w, 0);
	assert_true(quarantine_session(v, false, w->now_ms += 1));
	assert_false(quarantine_session(v, false, w->now_ms));
}

static void test_over_a_restart(void **state)
{
	struct world *w = *state;
	char text[SENTENCE_WORDS_SIZE];

	three_organizations(w);
	hear_three(w, VERDICT_DOWN);
	sit(w, QUARANTINE_ROUNDS);
	liar(w)->quarantine->everywhere_since_ms = clock_now_ms();
	int64_t since_ms = liar(w)->quarantine->everywhere_since_ms;
	quarantine_save(verdicts(w), liar(w), true);
	restart(w);
	assert_true(verdicts_quarantined(verdicts(w), liar(w)->key));
	assert_in_range(liar(w)->quarantine->everywhere_since_ms, since_ms - 2, since_ms + 2);
	assert_int_equal(liar(w)->quarantine->n, 3);
	assert_in_range(liar(w)->quarantine->charge[0].heard_ms, since_ms, clock_now_ms());
	assert_int_equal(exclusion(w, "globex 1"), EXCLUDED_QUARANTINE);
	assert_int_equal(verdicts_fault(verdicts(w), liar(w)->key), FAULT_QUARANTINE);
	assert_int_equal(alerts_count_open(w->k.c.alerts), 1);
	words(w, text);
	assert_true(text[0] != '\0');

	session(w, 31000); /* nobody has said anything yet */
	assert_true(verdicts_quarantined(verdicts(w), liar(w)->key));
	hear_three(w, VERDICT_UP);
	sit(w, QUARANTINE_CALM_ROUNDS);
	assert_false(quarantine_lasts(liar(w)));
	assert_int_equal(alerts_count_open(w->k.c.alerts), 0);
	assert_int_equal(count_stored(w), 0);
}

/* It was open as a quarantine, and what is stored says nothing of one: it dissents, until it is heard. */
static void test_restart_without_the_sentence(void **state)
{
	struct world *w = *state;

	three_organizations(w);
	hear_three(w, VERDICT_DOWN);
	sit(w, QUARANTINE_ROUNDS);
	quarantine_forget(verdicts(w), registry_probe(w->k.c.registry, "probe-0"));
	restart(w);
	assert_false(quarantine_lasts(liar(w)));
	assert_int_equal(verdicts_fault(verdicts(w), liar(w)->key), FAULT_DISSENT);
	assert_int_equal(alerts_count_open(w->k.c.alerts), 1);
}

static void test_a_removed_probe_leaves_nothing(void **state)
{
	struct world *w = *state;
	struct problems p = {0};

	three_organizations(w);
	hear_three(w, VERDICT_DOWN);
	sit(w, QUARANTINE_ROUNDS);
	assert_int_equal(count_stored(w), 1);
	assert_int_equal(registry_remove_probe(w->k.c.registry, "probe-0", &p, kit_done, &w->k), 0);
	loop_run(w->k.c.loop);
	assert_int_equal(count_stored(w), 0);
}

/* Nobody is left who could take it back. */
static void test_lapses(void **state)
{
	static const char *const names[] = {"acme 1", "globex 1", "initech 1"};
	struct world *w = *state;

	three_organizations(w);
	hear_three(w, VERDICT_DOWN);
	sit(w, QUARANTINE_ROUNDS);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		assert_int_equal(registry_remove_monitor(w->k.c.registry,
					 &monitor(w, names[i])->m.id, kit_done, &w->k),
			0);
		loop_run(w->k.c.loop);
	}
	session(w, QUARANTINE_LAPSED_MS);
	assert_true(quarantine_lasts(liar(w)));
	session(w, 1);
	assert_null(liar(w)->quarantine);
	assert_int_equal(count_stored(w), 0);
}

/* Every organization that has set it aside for itself, but no more than three by their names. */
static void test_words_name_organizations(void **state)
{
	static const char *const organizations[] = {
		"acme", "globex", "initech", "umbrella", "hooli"};
	struct world *w = *state;
	struct charge charges[ARRAY_LEN(organizations)] = {{0}};
	struct quarantine_of q = {.charge = charges};
	struct standing_of s = {.quarantine = &q};
	char text[SENTENCE_WORDS_SIZE];

	for (size_t i = 0; i < ARRAY_LEN(organizations); i++) {
		charges[i].organization = quarantine_organization(organizations[i]);
		charges[i].own_since_ms = i != 1;
		if (i != 2)
			add_monitor(w, organizations[i], 1, false);
	}
	quarantine_words(verdicts(w), &s, text, sizeof(text));
	assert_string_equal(text, "");
	q.n = ARRAY_LEN(organizations);
	quarantine_words(verdicts(w), &s, text, sizeof(text));
	assert_string_equal(text,
		"; its votes do not count for monitors of acme, ?, umbrella, others "
		"until it agrees again (where there are four seats or more)");
	assert_string_equal(quarantine_organization_name(verdicts(w), QUARANTINE_CANARIES), "");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_networks),
		TEST(test_everywhere_and_back),
		TEST(test_one_network_is_one_finding),
		TEST(test_names_are_networks_too),
		TEST(test_networks_are_not_the_accused_ones),
		TEST(test_one_organization_for_itself),
		TEST(test_canaries),
		TEST(test_held),
		TEST(test_replaced_after_five_minutes),
		TEST(test_sessions_ask_for_seats),
		TEST(test_over_a_restart),
		TEST(test_restart_without_the_sentence),
		TEST(test_a_removed_probe_leaves_nothing),
		TEST(test_lapses),
		TEST(test_words_name_organizations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
