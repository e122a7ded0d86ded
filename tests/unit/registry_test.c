// SPDX-License-Identifier: MIT
/* The registry on the memory store: what is accepted, what is refused and why, what survives. */
#include "tests/unit/registry_kit.h"

/* ---- tests */

static void test_tokens_fit_their_probe_only(void **state)
{
	struct world *w = *state;
	struct problems p = {0};
	char token[TOKEN_TEXT_SIZE], other[TOKEN_TEXT_SIZE];

	assert_int_equal(add_region(w, "{\"name\": \"tokyo\"}", &p), 0);
	settle(w);
	assert_int_equal(add_probe(w, "{\"name\": \"a\", \"region\": \"tokyo\"}", token, &p), 0);
	settle(w);
	assert_int_equal(add_probe(w, "{\"name\": \"b\", \"region\": \"tokyo\"}", other, &p), 0);
	settle(w);
	assert_true(registry_token_fits(registry_probe(w->registry, "a"), token));
	assert_false(registry_token_fits(registry_probe(w->registry, "a"), other));
	assert_false(registry_token_fits(registry_probe(w->registry, "a"), ""));
	assert_string_not_equal(registry_probe(w->registry, "a")->token_hash, token);
}

static void test_renewal_keeps_the_probe_and_voids_the_token(void **state)
{
	struct world *w = *state;
	struct problems p = {0};
	char token[TOKEN_TEXT_SIZE], renewed[TOKEN_TEXT_SIZE];
	json_t *in = json("{\"name\": \"a\", \"region\": \"tokyo\"}");
	uint32_t key;

	assert_int_equal(add_region(w, "{\"name\": \"tokyo\"}", &p), 0);
	settle(w);
	assert_int_equal(add_probe(w, "{\"name\": \"a\", \"region\": \"tokyo\"}", token, &p), 0);
	settle(w);
	key = registry_probe(w->registry, "a")->key;
	assert_int_equal(registry_add_probe(w->registry, in, true, renewed, &p, on_done, w), 0);
	settle(w);
	assert_int_equal(registry_probe(w->registry, "a")->key, key);
	assert_true(registry_token_fits(registry_probe(w->registry, "a"), renewed));
	assert_false(registry_token_fits(registry_probe(w->registry, "a"), token));
	json_decref(in);
}

static void test_objects_refused(void **state)
{
	static const struct {
		char what;
		const char *text, *path, *says;
	} cases[] = {
		{'r', "{\"name\": \"Tokyo\"}", "name", "lower-case"},
		{'r', "{\"name\": \"\"}", "name", ""},
		{'r', "{}", "name", "required"},
		{'r', "{\"name\": \"tokyo\"}", "name", "already"},
		{'r', "{\"name\": \"x\", \"colour\": 1}", "colour", "unknown"},
		{'p', "{\"name\": \"a\", \"region\": \"tokio\"}", "region", "did you mean 'tokyo'"},
		{'p', "{\"name\": \"a\"}", "region", "required"},
		{'p', "{\"name\": \"tokyo-1\", \"region\": \"tokyo\"}", "name", "already"},
	};
	struct world *w = *state;
	char token[TOKEN_TEXT_SIZE];

	three_regions(w);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct problems p = {0};
		int result = cases[i].what == 'r' ? add_region(w, cases[i].text, &p)
						  : add_probe(w, cases[i].text, token, &p);
		assert_int_equal(result, -1);
		if (strcmp(p.item[0].path, cases[i].path) != 0 ||
			!strstr(p.item[0].message, cases[i].says))
			fail_msg(
				"%s gave %s: %s", cases[i].text, p.item[0].path, p.item[0].message);
	}
}

static void test_plan_creates_updates_and_leaves_alone(void **state)
{
	static const char *const shop = "[{\"name\": \"shop\", \"external_id\": \"s1\", \"http\": "
					"\"https://shop.example.com/\"}]";
	struct world *w = *state;
	struct problems p;
	struct plan *made;
	struct id id;

	three_regions(w);
	commit(w, shop);
	assert_int_equal(w->last_change, CHANGED_MONITOR);
	id = monitor(w, "shop")->id;
	assert_int_equal(plan(w, shop, &made, &p), 0);
	assert_int_equal(made->item[0].kind, PLAN_UNCHANGED);
	registry_plan_free(made);
	commit(w, "[{\"name\": \"boutique\", \"external_id\": \"s1\","
		  " \"http\": \"https://shop.example.com/\"}]");
	assert_null(registry_monitor_by_name(w->registry, "shop"));
	assert_true(id_equal(&monitor(w, "boutique")->id, &id));
	assert_ptr_equal(&registry_monitor_find(w->registry, "s1")->m, monitor(w, "boutique"));
	assert_int_equal(registry_count_monitors(w->registry), 1);
}

static void test_revision_rises_with_what_a_check_could_notice(void **state)
{
	struct world *w = *state;

	three_regions(w);
	commit(w, "[{\"name\": \"m\", \"http\": \"https://a.example/\"}]");
	assert_int_equal(monitor(w, "m")->revision, 1);
	commit(w, "[{\"name\": \"m\", \"http\": \"https://a.example/\", \"memo\": \"call Ann\"}]");
	assert_int_equal(monitor(w, "m")->revision, 1);
	assert_string_equal(monitor(w, "m")->memo, "call Ann");
	commit(w, "[{\"name\": \"m\", \"http\": \"https://b.example/\"}]");
	assert_int_equal(monitor(w, "m")->revision, 2);
}

static void test_domain_is_the_coarsest_that_suffices(void **state)
{
	struct world *w = *state;
	struct problems p = {0};
	char token[TOKEN_TEXT_SIZE];

	three_regions(w);
	commit(w, "[{\"name\": \"three\", \"tcp\": \"a.example:1\", \"quorum\": {\"seats\": 3}}]");
	assert_int_equal(monitor(w, "three")->domain, DOMAIN_REGION);
	assert_int_equal(
		add_probe(w, "{\"name\": \"tokyo-2\", \"region\": \"tokyo\"}", token, &p), 0);
	settle(w);
	commit(w, "[{\"name\": \"japan\", \"tcp\": \"a.example:1\", \"quorum\": {\"seats\": 3},"
		  " \"regions\": [\"@japan\"]}]");
	assert_int_equal(monitor(w, "japan")->domain, DOMAIN_PROBE);
}

static void test_domain_asked_for(void **state)
{
	struct world *w = *state;
	struct problems p = {0};
	struct plan *made;
	char token[TOKEN_TEXT_SIZE];

	three_regions(w);
	assert_int_equal(
		add_probe(w, "{\"name\": \"tokyo-2\", \"region\": \"tokyo\"}", token, &p), 0);
	settle(w);
	commit(w, "[{\"name\": \"m\", \"tcp\": \"a.example:1\","
		  " \"quorum\": {\"domain\": \"region\"}}]");
	assert_int_equal(monitor(w, "m")->domain, DOMAIN_REGION);
	assert_int_equal(registry_count_seats(w->registry, monitor(w, "m")), 3);
	commit(w, "[{\"name\": \"m\", \"tcp\": \"a.example:1\","
		  " \"quorum\": {\"domain\": \"probe\"}}]");
	assert_int_equal(monitor(w, "m")->domain, DOMAIN_PROBE);
	assert_int_equal(registry_count_seats(w->registry, monitor(w, "m")), 4);
	commit(w, "[{\"name\": \"m\", \"tcp\": \"a.example:1\","
		  " \"quorum\": {\"domain\": \"auto\", \"seats\": 2}}]");
	assert_int_equal(monitor(w, "m")->domain, DOMAIN_REGION);
	assert_int_equal(registry_count_seats(w->registry, monitor(w, "m")), 2);

	/* What was accepted stays so when a probe has left; something else is judged anew. */
	commit(w, "[{\"name\": \"m\", \"tcp\": \"a.example:1\","
		  " \"quorum\": {\"seats\": 4, \"down\": 3}}]");
	assert_int_equal(registry_remove_probe(w->registry, "virginia-1", &p, on_done, w), 0);
	settle(w);
	commit(w, "[{\"name\": \"m\", \"tcp\": \"b.example:1\","
		  " \"quorum\": {\"seats\": 4, \"down\": 3}}]");
	assert_int_equal(plan(w,
				 "[{\"name\": \"m\", \"tcp\": \"b.example:1\","
				 " \"quorum\": {\"seats\": 4, \"down\": 2}}]",
				 &made, &p),
		-1);
	assert_string_equal(p.item[0].path, "monitors[0].quorum.seats");
}

/* Parents are known, in the registry or the request, and nobody's need leads back to itself. */
static void test_parents(void **state)
{
	static const struct {
		const char *text, *path, *says;
	} refused[] = {
		{"[{\"name\": \"x\", \"ping\": \"x\", \"parents\": [\"nobody\"]}]",
			"monitors[0].parents[0]",
			"no monitor of organization 'default' is called 'nobody'"},
		{"[{\"name\": \"x\", \"ping\": \"x\", \"parents\": [\"x\"]}]",
			"monitors[0].parents", "a circle: 'x' needs 'x'"},
		{"[{\"name\": \"x\", \"ping\": \"x\", \"organization\": \"acme\","
		 " \"parents\": [\"core\"]}]",
			"monitors[0].parents[0]", "of organization 'acme'"},
		/* over what is registered and what is in the request */
		{"[{\"name\": \"core\", \"ping\": \"c\", \"parents\": [\"shop\"]}]",
			"monitors[0].parents",
			"a circle: 'core' needs 'shop', which needs 'router', "
			"which needs 'core'"},
		{"[{\"name\": \"a\", \"ping\": \"x\", \"parents\": [\"b\"]},"
		 " {\"name\": \"b\", \"ping\": \"x\", \"parents\": [\"a\"]}]",
			"monitors[0].parents", "a circle: 'a' needs 'b', which needs 'a'"},
		{"[{\"name\": \"x\", \"ping\": \"x\", \"parents\": [\"core\", \"core\"]}]",
			"monitors[0].parents", "different"},
		{"[{\"name\": \"new core\", \"external_id\": \"core-1\", \"ping\": \"c\"}]",
			"monitors[0].name", "'router' names this monitor as a parent"},
	};
	struct world *w = *state;
	struct problems p;
	struct plan *made;

	commit(w, "[{\"name\": \"shop\", \"ping\": \"s\", \"parents\": [\"router-1\"]},"
		  " {\"name\": \"router\", \"external_id\": \"router-1\", \"ping\": \"r\","
		  " \"parents\": [\"core\"]},"
		  " {\"name\": \"core\", \"external_id\": \"core-1\", \"ping\": \"c\"}]");
	assert_ptr_equal(&registry_parent(w->registry, monitor(w, "shop"), "router-1")->m,
		monitor(w, "router"));
	assert_null(registry_parent(w->registry, monitor(w, "shop"), "nobody"));
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		memset(&p, 0, sizeof(p));
		if (plan(w, refused[i].text, &made, &p) == 0)
			fail_msg("accepted: %s", refused[i].text);
		if (strcmp(p.item[0].path, refused[i].path) != 0 ||
			!strstr(p.item[0].message, refused[i].says))
			fail_msg("%s gave %s: %s", refused[i].text, p.item[0].path,
				p.item[0].message);
	}
	/* renamed together with who names it; a revision does not rise for it */
	int64_t revision = monitor(w, "router")->revision;
	commit(w, "[{\"name\": \"new core\", \"external_id\": \"core-1\", \"ping\": \"c\"},"
		  " {\"name\": \"router\", \"external_id\": \"router-1\", \"ping\": \"r\","
		  " \"parents\": [\"new core\"]}]");
	assert_int_equal(monitor(w, "router")->revision, revision);
	assert_ptr_equal(&registry_parent(w->registry, monitor(w, "router"), "new core")->m,
		monitor(w, "new core"));
}

/* Before there is anybody, seats may be planned for. */
static void test_policy_before_probes(void **state)
{
	struct world *w = *state;

	commit(w, "[{\"name\": \"m\", \"tcp\": \"a.example:1\","
		  " \"quorum\": {\"seats\": 15, \"down\": 15}}]");
	assert_int_equal(registry_count_seats(w->registry, monitor(w, "m")), 0);
}

static void test_plans_refused_and_nothing_kept(void **state)
{
	static const struct {
		const char *text, *path, *says;
	} cases[] = {
		{"[{\"name\": \"x\", \"http\": \"https://x.example/\", \"regions\": [\"tokio\"]}]",
			"monitors[0].regions[0]", "did you mean 'tokyo'"},
		{"[{\"name\": \"x\", \"http\": \"https://x.example/\", \"regions\": "
		 "[\"@nippon\"]}]",
			"monitors[0].regions[0]", "set"},
		{"[{\"name\": \"x\", \"http\": \"https://x.example/\"},"
		 " {\"name\": \"x\", \"http\": \"https://y.example/\"}]",
			"monitors[1].name", "earlier"},
		{"[{\"name\": \"x\", \"tcp\": \"x.example:1\", \"quorum\": {\"seats\": 3, "
		 "\"down\": 4}}]",
			"monitors[0].quorum", ""},
		{"[{\"name\": \"x\", \"tcp\": \"x.example:1\", \"interval\": \"1s\", \"timeout\": "
		 "\"1s\","
		 " \"quorum\": {\"per_seat\": 3}},"
		 " {\"name\": \"y\", \"tcp\": \"x.example:2\", \"interval\": \"1s\", \"timeout\": "
		 "\"1s\","
		 " \"quorum\": {\"per_seat\": 3}}]",
			"monitors[0].interval", "checks a minute"},
		{"[{\"name\": \"x\", \"tcp\": \"x.example:1\", \"quorum\": {\"seats\": 4}}]",
			"monitors[0].quorum.seats",
			"4 seats need as many regions; 3 are there with a registered probe that "
			"may "
			"check it; accepted: at most 3, or no number: as many as there are"},
		{"[{\"name\": \"x\", \"tcp\": \"x.example:1\", \"quorum\": {\"seats\": 4, "
		 "\"down\": 4}}]",
			"monitors[0].quorum.seats", "4 seats need as many regions"},
		{"[{\"name\": \"x\", \"tcp\": \"x.example:1\", \"quorum\": {\"down\": 4}}]",
			"monitors[0].quorum.down",
			"4 seats can never agree: there are 3 regions with a registered probe that "
			"may check it, and so 3 seats; accepted: at most 3, or register more "
			"probes "
			"first"},
		{"[{\"name\": \"x\", \"tcp\": \"x.example:1\", \"quorum\": {\"up\": 4}}]",
			"monitors[0].quorum.up", "4 seats can never agree"},
		{"[{\"name\": \"x\", \"tcp\": \"x.example:1\", \"regions\": [\"tokyo\"],"
		 " \"quorum\": {\"seats\": 2}}]",
			"monitors[0].quorum.seats", "2 seats need as many regions; 1 is there"},
		{"[{\"name\": \"x\", \"tcp\": \"x.example:1\", \"regions\": [\"@japan\"],"
		 " \"quorum\": {\"seats\": 3, \"domain\": \"probe\"}}]",
			"monitors[0].quorum.seats", "3 seats need as many probes; 2 are there"},
		{"[{\"name\": \"ok\", \"http\": \"https://x.example/\"},"
		 " {\"name\": \"bad\", \"http\": \"gopher://x\"}]",
			"monitors[1].", "http"},
	};
	struct world *w = *state;
	struct problems p;
	struct plan *made;

	three_regions(w);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		if (plan(w, cases[i].text, &made, &p) == 0)
			fail_msg("accepted: %s", cases[i].text);
		if (strncmp(p.item[0].path, cases[i].path, strlen(cases[i].path)) != 0 ||
			!strstr(p.item[0].message, cases[i].says))
			fail_msg(
				"%s gave %s: %s", cases[i].text, p.item[0].path, p.item[0].message);
	}
	assert_int_equal(registry_count_monitors(w->registry), 0);
}

static void test_two_changes_of_one_monitor_do_not_overtake(void **state)
{
	struct world *w = *state;
	struct problems p;
	struct plan *first, *second;

	three_regions(w);
	assert_int_equal(plan(w, "[{\"name\": \"m\", \"tcp\": \"a.example:1\"}]", &first, &p), 0);
	assert_int_equal(plan(w, "[{\"name\": \"m\", \"tcp\": \"b.example:1\"}]", &second, &p), 0);
	assert_int_equal(registry_commit(w->registry, first, on_done, w), 0);
	assert_int_equal(registry_commit(w->registry, second, on_done, w), -1);
	settle(w);
	assert_string_equal(monitor(w, "m")->target, "a.example:1");
}

static void test_a_region_in_use_stays(void **state)
{
	struct world *w = *state;
	struct problems p = {0};

	three_regions(w);
	assert_int_equal(registry_remove_region(w->registry, "tokyo", &p, on_done, w), -1);
	assert_non_null(strstr(p.item[0].message, "tokyo-1"));
	memset(&p, 0, sizeof(p));
	assert_int_equal(registry_remove_probe(w->registry, "tokyo-1", &p, on_done, w), 0);
	settle(w);
	assert_int_equal(w->last_change, REMOVED_PROBE);
	assert_int_equal(registry_remove_region(w->registry, "tokyo", &p, on_done, w), 0);
	settle(w);
	assert_null(registry_region(w->registry, "tokyo"));
}

static void pause_it(struct world *w, const char *name, int64_t until_wall_ms)
{
	struct pause pause = {
		.until_wall_ms = until_wall_ms, .by = strdup("anna"), .reason = strdup("rack 7")};

	assert_int_equal(registry_pause(w->registry, &monitor(w, name)->id, &pause, on_done, w), 0);
	settle(w);
	assert_int_equal(w->last_change, CHANGED_MONITOR);
}

/* Beside the document: neither another one nor a restart ends a pause; its time does. */
static void test_a_pause_ends_by_its_time_or_by_hand(void **state)
{
	static const int64_t until_wall_ms = INT64_C(4000000000000);
	struct world *w = *state;
	struct registered *entry;
	struct registry *again;
	struct id none = {{1}};
	int told;

	three_regions(w);
	commit(w, "[{\"name\": \"m\", \"ping\": \"a.example\"}]");
	entry = registry_monitor_by_name(w->registry, "m");
	assert_true(registry_is_checked(entry));
	pause_it(w, "m", UNSET);
	assert_false(registry_is_checked(entry));
	registry_end_pauses(w->registry, INT64_MAX); /* it has no end of its own */
	assert_false(registry_is_checked(entry));
	pause_it(w, "m", until_wall_ms);
	commit(w, "[{\"name\": \"m\", \"ping\": \"b.example\"}]");
	assert_ptr_equal(registry_monitor_by_name(w->registry, "m"), entry);
	assert_false(registry_is_checked(entry));

	again = registry_open(w->store, 1000);
	entry = registry_monitor_by_name(again, "m");
	assert_true(entry->pause.until_wall_ms == until_wall_ms);
	assert_string_equal(entry->pause.by, "anna");
	assert_string_equal(entry->pause.reason, "rack 7");
	registry_end_pauses(again, until_wall_ms - 1);
	assert_false(registry_is_checked(entry));
	registry_end_pauses(again, until_wall_ms);
	assert_true(registry_is_checked(entry));
	registry_close(again);

	told = w->told; /* listeners hear of the end, once */
	registry_end_pauses(w->registry, until_wall_ms + 5);
	registry_end_pauses(w->registry, until_wall_ms + 6);
	assert_int_equal(w->told, told + 1);
	pause_it(w, "m", until_wall_ms);
	entry = registry_monitor_by_name(w->registry, "m");
	assert_int_equal(registry_resume(w->registry, &entry->m.id, "ben", on_done, w), 0);
	settle(w);
	assert_true(registry_is_checked(entry));
	assert_int_equal(registry_resume(w->registry, &entry->m.id, "ben", on_done, w), 0);
	settle(w); /* so it is already */
	again = registry_open(w->store, 1000);
	assert_true(registry_is_checked(registry_monitor_by_name(again, "m")));
	registry_close(again);
	assert_int_equal(registry_resume(w->registry, &none, "ben", on_done, w), -1);
}

static void count_object(void *arg, const struct id *id, const json_t *document)
{
	(void)id;
	(void)document;
	++*(int *)arg;
}

static void test_a_pause_goes_with_its_monitor(void **state)
{
	struct world *w = *state;
	struct id id;
	int left = 0;

	three_regions(w);
	commit(w, "[{\"name\": \"m\", \"ping\": \"a.example\", \"enabled\": false}]");
	id = monitor(w, "m")->id;
	assert_false(registry_is_checked(registry_monitor(w->registry, &id)));
	pause_it(w, "m", UNSET);
	assert_int_equal(registry_remove_monitor(w->registry, &id, on_done, w), 0);
	settle(w);
	registry_end_pauses(w->registry, INT64_MAX);
	assert_int_equal(store_each(w->store, STORE_PAUSE, count_object, &left), 0);
	assert_int_equal(left, 0);
}

static void test_everything_is_there_again_after_a_restart(void **state)
{
	struct world *w = *state;
	struct registry *again;
	struct problems p = {0};
	char secret[KEY_TEXT_SIZE];
	json_t *key = json("{\"name\": \"ci\", \"role\": \"editor\"}");

	three_regions(w);
	commit(w, "[{\"name\": \"m\", \"ping\": \"a.example\", \"labels\": {\"tier\": \"gold\"}}]");
	assert_int_equal(registry_add_key(w->registry, key, secret, &p, on_done, w), 0);
	settle(w);
	again = registry_open(w->store, 1000);
	assert_non_null(again);
	assert_int_equal(registry_monitor_by_name(again, "m")->m.labels.n, 1);
	assert_string_equal(registry_probe(again, "osaka-1")->region, "osaka");
	assert_int_equal(registry_key(again, secret)->role, ROLE_EDITOR);
	assert_null(registry_key(again, "qk_wrong"));
	registry_close(again);
	json_decref(key);
}

/* ---- private regions and probes, and what probes announce */

static void announce(struct world *w, const char *probe, const char *text)
{
	struct capabilities can;
	struct problems p = {0};
	json_t *in = json(text);

	if (schema_decode(&capabilities_schema, SCHEMA_STRICT, in, &can, &p) == -1)
		fail_msg("%s: %s", p.item[0].path, p.item[0].message);
	assert_true(registry_announce(w->registry, registry_probe(w->registry, probe), &can, 1000));
	assert_false(
		registry_announce(w->registry, registry_probe(w->registry, probe), &can, 2000));
	assert_int_equal(registry_probe(w->registry, probe)->announced_wall_ms, 1000);
	schema_clear(&capabilities_schema, &can);
	json_decref(in);
}

static void private_places(struct world *w)
{
	struct problems p = {0};
	char token[TOKEN_TEXT_SIZE];

	three_regions(w);
	assert_int_equal(add_region(w,
				 "{\"name\": \"vault\", \"organization\": \"acme\", "
				 "\"sets\": [\"inside\"]}",
				 &p),
		0);
	settle(w);
	assert_int_equal(
		add_probe(w, "{\"name\": \"vault-1\", \"region\": \"vault\"}", token, &p), 0);
	settle(w);
	assert_int_equal(add_probe(w,
				 "{\"name\": \"tokyo-acme\", \"region\": \"tokyo\", "
				 "\"organization\": \"acme\"}",
				 token, &p),
		0);
	settle(w);
}

static void test_private_probe_serves_its_organization(void **state)
{
	static const struct {
		const char *monitor, *probes; /* that are eligible, in their order */
	} cases[] = {
		{"{\"name\": \"m\", \"ping\": \"a.example\"}", "osaka-1 tokyo-1 virginia-1 "},
		{"{\"name\": \"m\", \"ping\": \"a.example\", \"organization\": \"beta\"}",
			"osaka-1 tokyo-1 virginia-1 "},
		/* a private probe in a shared region is in "*", a private region is not */
		{"{\"name\": \"m\", \"ping\": \"a.example\", \"organization\": \"acme\"}",
			"osaka-1 tokyo-1 tokyo-acme virginia-1 "},
		{"{\"name\": \"m\", \"ping\": \"a.example\", \"organization\": \"acme\", "
		 "\"regions\": [\"vault\"]}",
			"vault-1 "},
		{"{\"name\": \"m\", \"ping\": \"a.example\", \"organization\": \"acme\", "
		 "\"regions\": [\"@inside\", \"tokyo\"]}",
			"tokyo-1 tokyo-acme vault-1 "},
		{"{\"name\": \"m\", \"ping\": \"a.example\", \"regions\": [\"tokyo\"]}",
			"tokyo-1 "},
	};
	struct world *w = *state;

	private_places(w);
	assert_string_equal(registry_probe(w->registry, "vault-1")->organization, "acme");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		json_t *in = json_pack("[o]", json(cases[i].monitor));
		struct probe *probe = NULL;
		struct problems p = {0};
		char names[200] = "";
		struct plan *made;

		if (registry_plan(w->registry, in, NULL, "", &made, &p) == -1)
			fail_msg("%s: %s", p.item[0].path, p.item[0].message);
		while ((probe = registry_next_probe(w->registry, probe))) {
			if (registry_eligible(w->registry, probe, &made->item[0].m))
				strcat(strcat(names, probe->name), " ");
		}
		if (strcmp(names, cases[i].probes) != 0)
			fail_msg("%s: %s", cases[i].monitor, names);
		registry_plan_free(made);
		json_decref(in);
	}
}

static void test_private_things_are_refused_to_others(void **state)
{
	static const struct {
		char what;
		const char *text, *path, *says;
	} cases[] = {
		/* as if it did not exist */
		{'m', "[{\"name\": \"m\", \"ping\": \"a.example\", \"regions\": [\"vault\"]}]",
			"monitors[0].regions[0]", "'vault' is not a registered region"},
		{'m', "[{\"name\": \"m\", \"ping\": \"a.example\", \"regions\": [\"vaul\"]}]",
			"monitors[0].regions[0]", "'quorate region list' shows them"},
		{'m', "[{\"name\": \"m\", \"ping\": \"a.example\", \"regions\": [\"@inside\"]}]",
			"monitors[0].regions[0]", "no registered region is in the set '@inside'"},
		/* fixed for good */
		{'p',
			"{\"name\": \"tokyo-acme\", \"region\": \"tokyo\", \"organization\": "
			"\"beta\"}",
			"organization", "private to 'acme', and stays so"},
		{'p', "{\"name\": \"tokyo-1\", \"region\": \"tokyo\", \"organization\": \"beta\"}",
			"organization", "shared, and stays so"},
		{'p', "{\"name\": \"new\", \"region\": \"vault\", \"organization\": \"beta\"}",
			"organization", "region 'vault' is private to 'acme'"},
		{'p', "{\"name\": \"new\", \"region\": \"tokyo\", \"organization\": \"A B\"}",
			"organization", "lower-case"},
	};
	struct world *w = *state;

	private_places(w);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char token[TOKEN_TEXT_SIZE];
		struct problems p = {0};
		struct plan *made;
		int result = cases[i].what == 'm' ? plan(w, cases[i].text, &made, &p)
						  : add_probe(w, cases[i].text, token, &p);

		assert_int_equal(result, -1);
		if (strcmp(p.item[0].path, cases[i].path) != 0 ||
			!strstr(p.item[0].message, cases[i].says))
			fail_msg(
				"%s gave %s: %s", cases[i].text, p.item[0].path, p.item[0].message);
	}
}

static void test_a_name_of_another_organization_is_taken(void **state)
{
	struct world *w = *state;
	struct problems p;
	struct plan *made;

	commit(w, "[{\"name\": \"m\", \"ping\": \"a.example\", \"external_id\": \"e\"}]");
	assert_int_equal(plan(w,
				 "[{\"name\": \"m\", \"ping\": \"b.example\", \"organization\": "
				 "\"acme\"}]",
				 &made, &p),
		-1);
	assert_string_equal(p.item[0].path, "monitors[0].name");
	assert_int_equal(plan(w,
				 "[{\"name\": \"n\", \"ping\": \"b.example\", \"external_id\": "
				 "\"e\", \"organization\": \"acme\"}]",
				 &made, &p),
		-1);
	assert_string_equal(p.item[0].path, "monitors[0].external_id");
}

#define EVERYWHERE "\"ipv4\": true, \"ipv6\": true"

static void test_what_nobody_would_check_is_refused(void **state)
{
	static const char inner[] = "[{\"name\": \"m\", \"tcp\": \"10.0.0.5:80\"}]";
	struct world *w = *state;
	struct problems p;
	struct plan *made;

	three_regions(w);
	announce(w, "tokyo-1", "{" EVERYWHERE "}");
	announce(w, "osaka-1", "{" EVERYWHERE ", \"types\": [\"ping\"]}");
	/* virginia-1 was never seen: it may be able */
	assert_int_equal(plan(w, inner, &made, &p), 0);
	registry_plan_free(made);
	announce(w, "virginia-1", "{" EVERYWHERE ", \"ports\": [\"443\"]}");
	assert_int_equal(plan(w, inner, &made, &p), -1);
	assert_string_equal(p.item[0].path, "monitors[0].type"); /* osaka comes first */
	assert_string_equal(p.item[0].message,
		"no probe of its regions would check it: osaka-1 (osaka) runs no checks of type "
		"tcp, "
		"tokyo-1 (tokyo) may not contact 10.0.0.5, virginia-1 (virginia) may not contact "
		"10.0.0.5; what opens it is in their probe.yml: types: [tcp]");
	/* paused: nobody is asked yet */
	assert_int_equal(plan(w,
				 "[{\"name\": \"m\", \"tcp\": \"10.0.0.5:80\", \"enabled\": "
				 "false}]",
				 &made, &p),
		0);
	registry_plan_free(made);
	/* one that allows it is enough, and the only voter */
	announce(w, "tokyo-1", "{" EVERYWHERE ", \"allow\": [\"10.0.0.0/8\"]}");
	commit(w, inner);
	assert_true(registry_eligible(
		w->registry, registry_probe(w->registry, "tokyo-1"), monitor(w, "m")));
	assert_false(registry_eligible(
		w->registry, registry_probe(w->registry, "virginia-1"), monitor(w, "m")));
	/* what is registered stays when its probes think otherwise */
	announce(w, "tokyo-1", "{" EVERYWHERE "}");
	assert_int_equal(plan(w, inner, &made, &p), 0);
	registry_plan_free(made);
	assert_int_equal(plan(w, "[{\"name\": \"m\", \"tcp\": \"10.0.0.5:80\", \"memo\": \"x\"}]",
				 &made, &p),
		0);
	registry_plan_free(made);
}

static void test_an_announcement_is_kept(void **state)
{
	struct world *w = *state;
	struct problems p = {0};
	struct registry *again;
	struct probe *probe;

	three_regions(w);
	/* while the probe is being changed: the change must not bring the old one back */
	assert_int_equal(registry_drain_probe(w->registry, "tokyo-1", true, &p, on_done, w), 0);
	announce(w, "tokyo-1", "{" EVERYWHERE ", \"allow\": [\"10.0.0.0/8\"], \"per_second\": 7}");
	settle(w);
	probe = registry_probe(w->registry, "tokyo-1");
	assert_true(probe->drained);
	assert_int_equal(probe->announced.per_second, 7);
	assert_int_equal(probe->policy.n_allow, 1);
	assert_int_equal(add_region(w, "{\"name\": \"later\"}", &p), 0);
	settle(w); /* what was to be written eventually stands before it */
	again = registry_open(w->store, 1000);
	assert_int_equal(registry_probe(again, "tokyo-1")->announced.per_second, 7);
	assert_int_equal(registry_probe(again, "tokyo-1")->policy.n_allow, 1);
	assert_true(registry_probe(again, "tokyo-1")->drained);
	registry_close(again);
}

static void test_a_revoked_probe_has_no_secret(void **state)
{
	struct world *w = *state;
	struct problems p = {0};
	struct probe_secrets secrets = {.valid_ms = 60000};
	json_t *in = json("{\"name\": \"tokyo-2\", \"region\": \"tokyo\"}");
	struct join_request request = {.probe = (char[]){"tokyo-2"},
		.secret = secrets.join,
		.token = (char[]){"qpt_11111111111111111111"}};
	struct id id;

	three_regions(w);
	assert_int_equal(registry_admit_probe(w->registry, in, &secrets, &p, on_done, w), 0);
	settle(w);
	id = registry_probe(w->registry, "tokyo-2")->id;
	assert_int_equal(registry_revoke_probe(w->registry, "tokyo-2", &p, on_done, w), 0);
	settle(w);
	assert_null(registry_probe(w->registry, "tokyo-2")->token_hash);
	assert_false(registry_token_fits(registry_probe(w->registry, "tokyo-2"), secrets.token));
	assert_int_equal(registry_join_probe(w->registry, &request, on_done, w), JOIN_REFUSED);
	/* and may have others */
	assert_int_equal(registry_renew_probe(w->registry, "tokyo-2", &secrets, &p, on_done, w), 0);
	settle(w);
	assert_int_equal(registry_join_probe(w->registry, &request, on_done, w), JOIN_TAKEN);
	settle(w);
	assert_true(id_equal(&id, &registry_probe(w->registry, "tokyo-2")->id));
	json_decref(in);
}

static void test_a_key_of_one_organization_is_no_admin(void **state)
{
	struct world *w = *state;
	char secret[KEY_TEXT_SIZE];
	struct problems p = {0};
	json_t *in = json("{\"name\": \"k\", \"role\": \"admin\", \"organization\": \"acme\"}");

	assert_int_equal(registry_add_key(w->registry, in, secret, &p, on_done, w), -1);
	assert_string_equal(p.item[0].path, "role");
	json_object_set_new(in, "role", json_string("editor"));
	memset(&p, 0, sizeof(p));
	assert_int_equal(registry_add_key(w->registry, in, secret, &p, on_done, w), 0);
	settle(w);
	assert_string_equal(registry_key(w->registry, secret)->organization, "acme");
	json_decref(in);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_tokens_fit_their_probe_only),
		TEST(test_renewal_keeps_the_probe_and_voids_the_token),
		TEST(test_objects_refused),
		TEST(test_plan_creates_updates_and_leaves_alone),
		TEST(test_revision_rises_with_what_a_check_could_notice),
		TEST(test_domain_is_the_coarsest_that_suffices),
		TEST(test_domain_asked_for),
		TEST(test_policy_before_probes),
		TEST(test_parents),
		TEST(test_plans_refused_and_nothing_kept),
		TEST(test_two_changes_of_one_monitor_do_not_overtake),
		TEST(test_a_region_in_use_stays),
		TEST(test_everything_is_there_again_after_a_restart),
		TEST(test_a_pause_ends_by_its_time_or_by_hand),
		TEST(test_a_pause_goes_with_its_monitor),
		TEST(test_private_probe_serves_its_organization),
		TEST(test_private_things_are_refused_to_others),
		TEST(test_a_name_of_another_organization_is_taken),
		TEST(test_what_nobody_would_check_is_refused),
		TEST(test_an_announcement_is_kept),
		TEST(test_a_revoked_probe_has_no_secret),
		TEST(test_a_key_of_one_organization_is_no_admin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
