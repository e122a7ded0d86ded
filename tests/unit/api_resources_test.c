// SPDX-License-Identifier: MIT
/* The API's resources. */
#include "tests/unit/api_kit.h"

#define SHOP                                                                                       \
	"{\"name\":\"shop "                                                                        \
	"front\",\"external_id\":\"acme/1\",\"type\":\"http\",\"target\":\"https://"               \
	"shop.example.com/\",\"service\":\"shop\","                                                \
	"\"request\":{\"headers\":{\"Authorization\":\"s3cret\",\"Accept\":\"*/*\"}}}"

/* ---- monitors */

static void test_monitor_life(void **state UNUSED)
{
	char *location, *id, *path;
	json_t *m;

	add_region_and_probe();
	expect_status(201, ask("POST", "/api/v1/monitors", SHOP));
	assert_true(client_header_is(&c, "\r\nLocation: /api/v1/monitors/"));
	assert_true(client_header_is(&c, "\r\nETag: \"1-"));
	m = answer();
	assert_string_equal(text_of(m, "name"), "shop front");
	assert_string_equal(text_of(m, "type"), "http");
	assert_string_equal(text_of(m, "target"), "https://shop.example.com/");
	assert_string_equal(text_of(m, "state"), "up");
	assert_string_equal(text_of(m, "since"), "1970-01-01T00:00:00.000Z");
	assert_null(strstr(client_body(&c), "s3cret"));
	assert_null(json_object_get(m, "interval")); /* at its default */
	id = mem_strdup(text_of(m, "id"));
	json_decref(m);

	static const char *const names[] = {"shop%20front", "acme%2F1"};
	for (size_t i = 0; i < 2; i++) {
		path = mem_printf("/api/v1/monitors/%s?effective=true", names[i]);
		expect_status(200, ask("GET", path, NULL));
		free(path);
		m = answer();
		assert_string_equal(text_of(m, "id"), id);
		assert_non_null(json_object_get(m, "interval"));
		assert_non_null(strstr(client_body(&c), "\"status\":[\"2xx\",\"3xx\"]"));
		json_decref(m);
	}
	path = mem_printf("/api/v1/monitors/%s/explain", id);
	expect_status(200, ask("GET", path, NULL));
	assert_non_null(strstr(client_body(&c), "because"));
	free(path);
	location = mem_printf("/api/v1/monitors/%s", id);
	expect_status(204, ask("DELETE", location, NULL));
	expect_status(404, ask("GET", location, NULL));
	expect_status(404, ask("DELETE", location, NULL));
	assert_int_equal(count_items("/api/v1/monitors"), 0);
	free(location);
	free(id);
}

/* Every wrong input: a clear answer, and nothing stored. */
static void test_monitor_refusals(void **state UNUSED)
{
	static const struct {
		const char *body;
		int status;
		const char *says;
	} rows[] = {
		{"{\"name\":\"a\",\"type\":\"http\",\"target\":\"https://a.example/"
		 "\",\"colour\":1}",
			422, "\"path\":\"colour\""},
		{"{\"name\":\"a\",\"type\":\"http\",\"target\":\"https://a.example/"
		 "\",\"intervall\":\"60s\"}",
			422, "interval"},
		{"{\"name\":\"a\",\"type\":\"http\",\"target\":\"https://a.example/"
		 "\",\"interval\":60}",
			422, "interval"},
		{"{\"name\":\"a\",\"type\":\"http\",\"target\":\"https://a.example/"
		 "\",\"interval\":\"60\"}",
			422, "unit"},
		{"{\"name\":\"a\",\"type\":\"http\",\"target\":\"https://a.example/"
		 "\",\"interval\":\"2d\"}",
			422, "interval"},
		{"{\"name\":\"a\",\"type\":\"http\",\"target\":\"https://a.example/"
		 "\",\"interval\":\"1ms\"}",
			422, "interval"},
		{"{\"name\":\"a\",\"type\":\"http\",\"target\":\"ftp://a.example/\"}", 422,
			"\"path\":\"target\""},
		{"{\"name\":\"a\",\"type\":\"http\",\"target\":\"javascript:alert(1)\"}", 422,
			"\"path\":\"target\""},
		{"{\"name\":\"a\",\"type\":\"smtp\",\"target\":\"a:1\"}", 422, "\"path\":\"type\""},
		{"{\"name\":\"a\",\"type\":\"tcp\",\"target\":\"a.example\"}", 422,
			"\"path\":\"target\""},
		{"{\"name\":5,\"type\":\"tcp\",\"target\":\"a.example:1\"}", 422,
			"\"path\":\"name\""},
		{"{\"name\":\"\",\"type\":\"tcp\",\"target\":\"a.example:1\"}", 422,
			"\"path\":\"name\""},
		{"{\"type\":\"tcp\",\"target\":\"a.example:1\"}", 422, "\"path\":\"name\""},
		{"{\"name\":\"a\",\"type\":\"tcp\",\"target\":\"a.example:1\",\"regions\":["
		 "\"tokio\"]}",
			422, "tokyo"},
		{"{\"name\":\"a\",\"type\":\"tcp\",\"target\":\"a.example:1\",\"quorum\":{"
		 "\"seats\":99}}",
			422, "quorum.seats"},
		{"{\"name\":\"a\",\"type\":\"http\",\"target\":\"https://a.example/"
		 "\",\"request\":{\"headers\":{\"A\":\"[redacted]\"}}}",
			422, "request.headers.A"},
		{"[]", 422, "urn:quorate:problem:invalid"},
		{"\"text\"", 400, "not valid JSON"},
		{"{", 400, "line 1, column 1"},
		{"", 400, "needs a JSON body"},
		{"{\"name\":\"shop front\",\"type\":\"tcp\",\"target\":\"a.example:1\"}", 422,
			"'shop front' is the name of another monitor"},
		{"{\"name\":\"else\",\"external_id\":\"acme/"
		 "1\",\"type\":\"tcp\",\"target\":\"a.example:1\"}",
			422, "'acme/1' belongs to another"},
	};

	add_region_and_probe();
	expect_status(201, ask("POST", "/api/v1/monitors", SHOP));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int status = ask("POST", "/api/v1/monitors", rows[i].body);

		if (status != rows[i].status || !strstr(client_body(&c), rows[i].says))
			fail_msg("row %zu %s: %d %s", i, rows[i].body, status, client_body(&c));
	}
	assert_int_equal(count_items("/api/v1/monitors"), 1);
}

static char *monitor_with_body(size_t size)
{
	char *text = mem_alloc(size + 1), *out;

	memset(text, 'b', size);
	out = mem_printf("{\"name\":\"big\",\"type\":\"http\",\"target\":\"https://a.example/"
			 "\",\"request\":{\"method\":\"POST\",\"body\":\"%s\"}}",
		text);
	free(text);
	return out;
}

static void test_monitor_body_ceilings(void **state UNUSED)
{
	static const struct {
		size_t size;
		int status;
	} rows[] = {{REQUEST_BODY_MAX_BYTES + 1, 422}, {70 * 1024, 422},
		{API_MONITOR_MAX_BYTES, 413}, {REQUEST_BODY_MAX_BYTES, 201}};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char *body = monitor_with_body(rows[i].size);

		assert_int_equal(count_items("/api/v1/monitors"), 0);
		expect_status(rows[i].status, ask("POST", "/api/v1/monitors", body));
		free(body);
	}
}

static void test_put(void **state UNUSED)
{
	char etag[64];
	json_t *m;

	expect_status(201, ask("POST", "/api/v1/monitors", SHOP));
	expect_status(200, ask("GET", "/api/v1/monitors/acme%2F1", NULL));
	assert_int_equal(sscanf(strstr(c.in + c.taken, "ETag: ") + 6, "%60[^\r]", etag), 1);
	char *match = mem_printf("If-Match: \"x\", %s\r\n", etag);

	/* What was read can be written back: the secret stays. */
	m = answer();
	json_object_set_new(m, "memo", json_string("new"));
	char *body = json_dumps(m, 0);
	expect_status(200, ask_as(ROLE_EDITOR, "PUT", "/api/v1/monitors/acme%2F1", match, body));
	assert_string_equal(registry_monitor_by_name(co.registry, "shop front")
				    ->m.request.headers.item[0]
				    .value,
		"s3cret");
	assert_string_equal(registry_monitor_by_name(co.registry, "shop front")->m.memo, "new");
	/* The memo is no business of a check, so the revision stays; the ETag changes all the same.
	 */
	assert_int_equal(registry_monitor_by_name(co.registry, "shop front")->m.revision, 1);
	expect_status(412, ask_as(ROLE_EDITOR, "PUT", "/api/v1/monitors/acme%2F1", match, body));
	expect_status(412, ask_as(ROLE_EDITOR, "DELETE", "/api/v1/monitors/acme%2F1", match, NULL));
	expect_status(200, ask_as(ROLE_EDITOR, "PUT", "/api/v1/monitors/acme%2F1",
				   "If-Match: *\r\n", body)); /* unchanged */
	expect_status(
		200, ask_as(ROLE_EDITOR, "PUT", "/api/v1/monitors/acme%2F1", "If-Match: \"1\"\r\n",
			     "{\"name\":\"renamed\",\"external_id\":\"acme/"
			     "1\",\"type\":\"tcp\",\"target\":\"a.example:1\"}"));
	assert_true(client_header_is(&c, "ETag: \"2-"));
	expect_status(412, ask_as(ROLE_EDITOR, "PUT", "/api/v1/monitors/renamed",
				   "If-Match: \"1\"\r\n", body));
	assert_null(registry_monitor_by_name(co.registry, "shop front"));
	expect_status(422, ask("PUT", "/api/v1/monitors/renamed", "{\"name\":\"renamed\"}"));
	expect_status(404, ask("PUT", "/api/v1/monitors/nobody", body));
	free(body);
	free(match);
	json_decref(m);
}

static void test_pages_and_filters(void **state UNUSED)
{
	char body[160], path[128], cursor[ID_TEXT_SIZE] = "";
	size_t seen = 0, pages = 0;

	for (int i = 0; i < 7; i++) {
		snprintf(body, sizeof(body),
			"{\"name\":\"Monitor "
			"%d\",\"type\":\"tcp\",\"target\":\"a.example:%d\",\"service\":\"s%d\"}",
			i, i + 1, i % 2);
		expect_status(201, ask("POST", "/api/v1/monitors", body));
	}
	do {
		snprintf(path, sizeof(path), "/api/v1/monitors?limit=3%s%s",
			cursor[0] ? "&cursor=" : "", cursor);
		expect_status(200, ask("GET", path, NULL));
		json_t *list = answer();
		seen += json_array_size(json_object_get(list, "items"));
		snprintf(cursor, sizeof(cursor), "%s",
			json_is_null(json_object_get(list, "next_cursor"))
				? ""
				: text_of(list, "next_cursor"));
		json_decref(list);
	} while (++pages < 10 && cursor[0]);
	assert_int_equal(seen, 7);
	assert_int_equal(pages, 3);
	assert_int_equal(count_items("/api/v1/monitors?service=s0"), 4);
	assert_int_equal(count_items("/api/v1/monitors?name=monitor%206"), 1);
	assert_int_equal(count_items("/api/v1/monitors?state=down"), 0);
	assert_int_equal(count_items("/api/v1/monitors?state=up&limit=7"), 7);
	expect_status(400, ask("GET", "/api/v1/monitors?state=sideways", NULL));
	assert_non_null(strstr(client_body(&c), "'sideways'; accepted: pending, up, degraded, "
						"down, undetermined, paused, maintenance"));
	expect_status(400, ask("GET", "/api/v1/monitors?limit=0", NULL));
	expect_status(400, ask("GET", "/api/v1/monitors?limit=501", NULL));
	expect_status(400, ask("GET", "/api/v1/monitors?limit=5x", NULL));
	expect_status(400, ask("GET", "/api/v1/monitors?cursor=x", NULL));
	expect_status(400, ask("GET", "/api/v1/monitors?effective=yes", NULL));
	expect_status(400, ask("GET", "/api/v1/monitors?colour=red", NULL));
}

/* ---- apply */

static void test_apply(void **state UNUSED)
{
	const char *two = "{\"monitors\":[" SHOP
			  ",{\"name\":\"b\",\"type\":\"tcp\",\"target\":\"b.example:1\"}]}";
	json_t *out, *item;

	char *dry = mem_printf("{\"dry_run\":true,%s", two + 1);
	expect_status(200, ask("POST", "/api/v1/apply", dry));
	assert_non_null(strstr(client_body(&c), "\"kind\":\"create\""));
	assert_int_equal(count_items("/api/v1/monitors"), 0);
	expect_status(200, ask("POST", "/api/v1/apply", two));
	assert_int_equal(count_items("/api/v1/monitors"), 2);
	expect_status(200, ask("POST", "/api/v1/apply", two));
	assert_non_null(strstr(client_body(&c), "\"kind\":\"unchanged\""));
	assert_null(strstr(client_body(&c), "\"kind\":\"create\""));

	char *body =
		mem_printf("{\"monitors\":[{\"name\":\"shop "
			   "front\",\"external_id\":\"acme/1\",\"type\":\"http\",\"target\":"
			   "\"https://shop.example.com/"
			   "\",\"service\":\"shop\",\"interval\":\"30s\",\"request\":{\"headers\":"
			   "{\"Authorization\":\"other\",\"Accept\":\"*/*\"}}}],\"dry_run\":%s}",
			"true");
	expect_status(200, ask("POST", "/api/v1/apply", body));
	out = answer();
	item = json_array_get(json_object_get(out, "items"), 0);
	assert_string_equal(text_of(item, "kind"), "update");
	assert_string_equal(text_of(item, "name"), "shop front");
	assert_non_null(
		strstr(client_body(&c), "{\"path\":\"interval\",\"from\":\"1m\",\"to\":\"30s\"}"));
	assert_non_null(strstr(client_body(&c), "\"path\":\"request.headers.Authorization\","
						"\"from\":\"[redacted]\",\"to\":\"[redacted]\""));
	assert_null(strstr(client_body(&c), "other"));
	assert_null(strstr(client_body(&c), "headers.Accept"));
	json_decref(out);
	free(body);
	free(dry);
}

static void test_apply_refusals(void **state UNUSED)
{
	static const struct {
		const char *body, *says;
	} rows[] = {
		{"[]", "an object"},
		{"{}", "\"path\":\"monitors\",\"message\":\"missing"},
		{"{\"monitors\":{}}", "not a list"},
		{"{\"monitors\":[],\"dry_run\":1}", "dry_run"},
		{"{\"monitors\":[],\"force\":true}", "unknown option"},
		{"{\"monitors\":[7]}", "monitors[0]"},
		{"{\"monitors\":[" SHOP ",{\"name\":\"b\"}]}", "monitors[1]"},
		{"{\"monitors\":[" SHOP "," SHOP "]}", "monitors[1]"},
		{"{\"monitors\":[{\"name\":\"x\",\"type\":\"http\",\"target\":\"http://x/"
		 "\",\"request\":{\"body\":\"[redacted]\"}}]}",
			"monitors[0].request.body"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int status = ask("POST", "/api/v1/apply", rows[i].body);

		if (status != 422 || !strstr(client_body(&c), rows[i].says))
			fail_msg("row %zu: %d %s", i, status, client_body(&c));
		assert_int_equal(count_items("/api/v1/monitors"), 0); /* all or nothing */
	}
}

/* ---- regions, probes, keys */

static void test_regions(void **state UNUSED)
{
	add_region_and_probe();
	expect_status(200, ask("GET", "/api/v1/regions/tokyo", NULL));
	assert_non_null(strstr(client_body(&c), "\"title\":\"Tokyo\""));
	expect_status(422, ask("POST", "/api/v1/regions", "{\"name\":\"tokyo\"}"));
	expect_status(422, ask("POST", "/api/v1/regions", "{\"name\":\"Not A Name\"}"));
	expect_status(422, ask("POST", "/api/v1/regions", "{}"));
	expect_status(404, ask("GET", "/api/v1/regions/osaka", NULL));
	expect_status(404, ask("DELETE", "/api/v1/regions/osaka", NULL));
	expect_status(422, ask("DELETE", "/api/v1/regions/tokyo", NULL)); /* a probe is in it */
	assert_int_equal(count_items("/api/v1/regions"), 1);
	expect_status(204, ask("DELETE", "/api/v1/probes/tokyo-1", NULL));
	expect_status(204, ask("DELETE", "/api/v1/regions/tokyo", NULL));
	assert_int_equal(count_items("/api/v1/regions"), 0);
}

static void test_probes(void **state UNUSED)
{
	char first[TOKEN_TEXT_SIZE], second[TOKEN_TEXT_SIZE];
	json_t *p;

	add_region_and_probe();
	p = answer();
	snprintf(first, sizeof(first), "%s", text_of(p, "token"));
	assert_int_equal(strncmp(first, "qpt_", 4), 0);
	assert_string_equal(text_of(p, "standing"), "voting");
	json_decref(p);
	expect_status(200, ask("GET", "/api/v1/probes/tokyo-1", NULL));
	assert_null(strstr(client_body(&c), "token"));
	p = answer();
	assert_string_equal(text_of(p, "region"), "tokyo");
	assert_string_equal(text_of(p, "heard_at"), "1970-01-01T00:00:01.000Z");
	assert_string_equal(text_of(p, "software"), "quorate-probe/0");
	assert_int_equal(json_integer_value(json_object_get(p, "monitors")), 2);
	json_decref(p);
	expect_status(200, ask("POST", "/api/v1/probes/tokyo-1/token", NULL));
	p = answer();
	snprintf(second, sizeof(second), "%s", text_of(p, "token"));
	json_decref(p);
	assert_int_equal(strncmp(second, "qpt_", 4), 0);
	assert_string_not_equal(first, second);
	expect_status(404, ask("POST", "/api/v1/probes/nobody/token", NULL));
	expect_status(
		422, ask("POST", "/api/v1/probes", "{\"name\":\"tokyo-1\",\"region\":\"tokyo\"}"));
	expect_status(422, ask("POST", "/api/v1/probes", "{\"name\":\"x\",\"region\":\"tokio\"}"));
	assert_non_null(strstr(client_body(&c), "tokyo"));
	assert_int_equal(count_items("/api/v1/probes"), 1);
	assert_int_equal(count_items("/api/v1/probes?region=osaka"), 0);
	assert_int_equal(count_items("/api/v1/probes?standing=lost"), 0);
	expect_status(204, ask("DELETE", "/api/v1/probes/tokyo-1", NULL));
	expect_status(404, ask("DELETE", "/api/v1/probes/tokyo-1", NULL));
}

/* Registers or renews a probe and keeps its join string's secret. */
static void get_secret(const char *path, const char *body, char *secret, size_t room)
{
	struct problems problems = {0};
	struct join_string j;
	json_t *out;

	expect_status(body ? 201 : 200, ask("POST", path, body));
	out = answer();
	if (join_string_decode(text_of(out, "join"), strlen(text_of(out, "join")), &j, &problems) ==
		-1)
		fail_msg("%s: %s", text_of(out, "join"), problems.item[0].message);
	assert_string_equal(j.addresses.item[0], "c.example.net:443");
	snprintf(secret, room, "%s", j.secret);
	json_decref(out);
	join_string_clear(&j);
}

static int try_join(const char *probe, const char *secret, const char *token)
{
	char *body = mem_printf(
		"{\"probe\":\"%s\",\"secret\":\"%s\",\"token\":\"%s\"}", probe, secret, token);
	int status =
		client_ask(&c, "POST", "/api/v1/join", "Content-Type: application/json\r\n", body);

	free(body);
	return status;
}

#define TOKEN "qpt_made_by_the_probe_itself"

static void test_join(void **state UNUSED)
{
	struct strings none = {0};
	char secret[JOIN_TEXT_SIZE], old[JOIN_TEXT_SIZE], *wrong_answer;
	const struct probe *probe;

	add_region_and_probe();
	assert_null(strstr(client_body(&c), "\"join\"")); /* there is no door */
	expect_status(422, ask("POST", "/api/v1/probes/tokyo-1/token?valid=2h", NULL));
	assert_non_null(strstr(client_body(&c), "no door"));

	char pin[] = "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", *item = pin;
	co.join = join_place_new(
		&none, "https://c.example.net", 443, &(struct strings){.item = &item, .n = 1});
	expect_status(422, ask("POST", "/api/v1/probes/tokyo-1/token?valid=0s", NULL));
	expect_status(422, ask("POST", "/api/v1/probes/tokyo-1/token?valid=31d", NULL));
	expect_status(422, ask("POST", "/api/v1/probes/tokyo-1/token?valid=5", NULL));
	get_secret("/api/v1/probes/tokyo-1/token", NULL, old, sizeof(old));
	get_secret("/api/v1/probes/tokyo-1/token?valid=2h", NULL, secret, sizeof(secret));
	get_secret(
		"/api/v1/probes", "{\"name\":\"tokyo-2\",\"region\":\"tokyo\"}", old, sizeof(old));

	/* nobody learns which probes exist */
	expect_status(403, try_join("nobody", secret, TOKEN));
	wrong_answer = mem_strdup(client_body(&c));
	expect_status(403, try_join("tokyo-1", "qj_wrong_wrong_wrong_wrong", TOKEN));
	assert_string_equal(client_body(&c), wrong_answer);
	expect_status(403, try_join("tokyo-1", old, TOKEN)); /* another probe's */
	assert_string_equal(client_body(&c), wrong_answer);
	free(wrong_answer);

	/* what is no request at all; a secret is never shown again */
	expect_status(422, try_join("tokyo-1", secret, "short"));
	expect_status(422, try_join("tokyo-1", secret, "a token with spaces in it"));
	assert_null(strstr(client_body(&c), "spaces in it"));
	expect_status(
		422, client_ask(&c, "POST", "/api/v1/join", "Content-Type: application/json\r\n",
			     "{\"probe\":\"tokyo-1\"}"));
	expect_status(422,
		client_ask(&c, "POST", "/api/v1/join", "Content-Type: application/json\r\n", "[]"));

	/* once; again with the same token; never with another */
	expect_status(200, try_join("tokyo-1", secret, TOKEN));
	probe = registry_probe(co.registry, "tokyo-1");
	assert_true(registry_token_fits(probe, TOKEN));
	expect_status(200, try_join("tokyo-1", secret, TOKEN));
	expect_status(409, try_join("tokyo-1", secret, TOKEN "x"));
	assert_true(registry_token_fits(registry_probe(co.registry, "tokyo-1"), TOKEN));
	expect_status(200, ask("GET", "/api/v1/probes/tokyo-1", NULL));
	assert_null(strstr(client_body(&c), "join_"));
	assert_null(strstr(client_body(&c), "hash"));

	/* a new token voids the string before it */
	get_secret("/api/v1/probes/tokyo-1/token?valid=1s", NULL, old, sizeof(old));
	expect_status(403, try_join("tokyo-1", secret, TOKEN));
	registry_probe(co.registry, "tokyo-1")->join_expires_wall_ms = clock_wall_ms();
	expect_status(410, try_join("tokyo-1", old, TOKEN));
	assert_non_null(strstr(client_body(&c), "too old"));

	/* and strangers may not try for ever */
	int status = 0;
	for (int i = 0; i < 2 * JOIN_BURST && status != 429; i++)
		status = try_join("tokyo-1", "qj_wrong_wrong_wrong_wrong", TOKEN);
	assert_int_equal(status, 429);
	join_place_free(co.join);
	co.join = NULL;
}

static void test_drain(void **state UNUSED)
{
	add_region_and_probe();
	expect_status(403, ask_as(ROLE_EDITOR, "POST", "/api/v1/probes/tokyo-1/drain", "", NULL));
	expect_status(404, ask("POST", "/api/v1/probes/nobody/drain", NULL));
	expect_status(200, ask("POST", "/api/v1/probes/tokyo-1/drain", NULL));
	assert_non_null(strstr(client_body(&c), "\"drained\":true"));
	assert_true(registry_probe(co.registry, "tokyo-1")->drained);
	expect_status(200, ask("POST", "/api/v1/probes/tokyo-1/token", NULL));
	assert_true(registry_probe(co.registry, "tokyo-1")->drained); /* another matter */
	expect_status(200, ask("POST", "/api/v1/probes/tokyo-1/undrain", NULL));
	assert_non_null(strstr(client_body(&c), "\"drained\":false"));
}

static void test_keys(void **state UNUSED)
{
	char path[80];
	json_t *k;

	expect_status(201, ask("POST", "/api/v1/keys", "{\"name\":\"ci\",\"role\":\"editor\"}"));
	k = answer();
	assert_int_equal(strncmp(text_of(k, "secret"), "qk_", 3), 0);
	assert_null(json_object_get(k, "hash"));
	char *header = mem_printf("Authorization: Bearer %s\r\n", text_of(k, "secret"));
	snprintf(path, sizeof(path), "/api/v1/keys/%s", text_of(k, "id"));
	json_decref(k);
	assert_int_equal(client_ask(&c, "GET", "/api/v1/monitors", header, NULL), 200);
	assert_int_equal(count_items("/api/v1/keys"), 4);
	assert_null(strstr(client_body(&c), "hash"));
	assert_null(strstr(client_body(&c), "secret"));
	expect_status(204, ask("DELETE", path, NULL));
	assert_int_equal(client_ask(&c, "GET", "/api/v1/monitors", header, NULL), 401);
	expect_status(404, ask("DELETE", path, NULL));
	expect_status(404, ask("DELETE", "/api/v1/keys/x", NULL));
	expect_status(422, ask("POST", "/api/v1/keys", "{\"name\":\"ci\",\"role\":\"king\"}"));
	const struct api_key *admin = registry_key(co.registry, key_text[ROLE_ADMIN]);
	char id[ID_TEXT_SIZE];
	snprintf(path, sizeof(path), "/api/v1/keys/%s", id_format(&admin->id, id));
	expect_status(422, ask("DELETE", path, NULL)); /* the last admin */
	free(header);
}

/* Every route of the table: no key 401, a lower role 403, and nobody else is refused for his role.
 */
/* ---- secrets */

static void test_secrets(void **state UNUSED)
{
	json_t *s;

	expect_status(404, ask("GET", "/api/v1/secrets/acme%2Ftoken", NULL));
	expect_status(
		201, ask("PUT", "/api/v1/secrets/acme%2Ftoken", "{\"value\":\"open sesame\"}"));
	s = answer();
	assert_string_equal(text_of(s, "name"), "acme/token");
	assert_null(json_object_get(s, "value"));
	assert_int_equal(json_integer_value(json_object_get(s, "revision")), 1);
	assert_int_equal(json_integer_value(json_object_get(s, "monitors")), 0);
	assert_null(strstr(client_body(&c), "sesame"));
	json_decref(s);
	expect_status(
		200, ask("PUT", "/api/v1/secrets/acme%2Ftoken", "{\"value\":\"close sesame\"}"));
	assert_null(strstr(client_body(&c), "sesame"));
	expect_status(201, ask("PUT", "/api/v1/secrets/default%2Fplain", "{\"value\":\"1234\"}"));
	expect_status(200, ask("GET", "/api/v1/secrets/plain", NULL));
	assert_int_equal(count_items("/api/v1/secrets"), 2);
	assert_null(strstr(client_body(&c), "sesame"));
	expect_status(422, ask("PUT", "/api/v1/secrets/a%20b", "{\"value\":\"1234\"}"));
	expect_status(422, ask("PUT", "/api/v1/secrets/a", "{\"value\":\"sss\"}"));
	assert_null(strstr(client_body(&c), "sss"));
	expect_status(422, ask("PUT", "/api/v1/secrets/a", "{\"values\":\"s1234\"}"));
	expect_status(
		403, ask_as(ROLE_VIEWER, "PUT", "/api/v1/secrets/a", "", "{\"value\":\"1234\"}"));
	expect_status(200, ask_as(ROLE_VIEWER, "GET", "/api/v1/secrets", "", NULL));
	expect_status(403, ask_as(ROLE_VIEWER, "DELETE", "/api/v1/secrets/plain", "", NULL));
	expect_status(204, ask_as(ROLE_EDITOR, "DELETE", "/api/v1/secrets/plain", "", NULL));
	expect_status(404, ask("DELETE", "/api/v1/secrets/plain", NULL));
}

#define NAMED(secret)                                                                              \
	"{\"name\":\"named\",\"organization\":\"acme\",\"http\":\"https://a.example/\","           \
	"\"request\":{\"headers\":{"                                                               \
	"\"Authorization\":" secret "}}}"

static void test_a_secret_that_is_used(void **state UNUSED)
{
	json_t *s;

	expect_status(
		201, ask("PUT", "/api/v1/secrets/acme%2Ftoken", "{\"value\":\"open sesame\"}"));
	expect_status(422, ask("POST", "/api/v1/monitors", NAMED("{\"secret\":\"acme/tken\"}")));
	assert_non_null(strstr(client_body(&c), "did you mean 'acme/token'?"));
	expect_status(201, ask("POST", "/api/v1/monitors", NAMED("{\"secret\":\"acme/token\"}")));
	assert_non_null(strstr(client_body(&c), "\"Authorization\":{\"secret\":\"acme/token\"}"));
	assert_null(strstr(client_body(&c), "warnings"));
	expect_status(200, ask("GET", "/api/v1/secrets/acme%2Ftoken", NULL));
	s = answer();
	assert_int_equal(json_integer_value(json_object_get(s, "monitors")), 1);
	assert_string_equal(
		json_string_value(json_array_get(json_object_get(s, "used_by"), 0)), "named");
	json_decref(s);
	assert_int_equal(count_items("/api/v1/secrets"), 1);
	assert_non_null(strstr(client_body(&c), "\"monitors\":1"));
	expect_status(422, ask("DELETE", "/api/v1/secrets/acme%2Ftoken", NULL));
	assert_non_null(strstr(client_body(&c), "monitor 'named' uses the secret 'acme/token'"));
	/* from a name to a literal: the one is shown, the other is not */
	expect_status(200, ask("POST", "/api/v1/apply",
				   "{\"dry_run\":true,\"monitors\":[" NAMED("\"lite ral\"") "]}"));
	assert_non_null(strstr(
		client_body(&c), "\"from\":{\"secret\":\"acme/token\"},\"to\":\"[redacted]\""));
	assert_null(strstr(client_body(&c), "lite ral"));
	/* a marker where a name is stored stands for nothing */
	expect_status(422, ask("PUT", "/api/v1/monitors/named", NAMED("\"[redacted]\"")));
	expect_status(204, ask("DELETE", "/api/v1/monitors/named", NULL));
	expect_status(204, ask("DELETE", "/api/v1/secrets/acme%2Ftoken", NULL));
}

static void test_the_doors_keys(void **state UNUSED)
{
	static int door;
	struct probe *probe;
	json_t *shown;

	expect_status(404, ask("GET", "/api/v1/door", NULL));
	expect_status(404, ask("POST", "/api/v1/door/rotate", NULL));
	co.door = (struct door *)&door;
	co.conf.url = (char[]){"https://c.example.net"};
	add_region_and_probe();
	rotations = -1;
	expect_status(200, ask("GET", "/api/v1/door", NULL));
	assert_non_null(strstr(client_body(&c), "\"next_pin\":null"));
	expect_status(409, ask("POST", "/api/v1/door/rotate?force=true", NULL));
	assert_non_null(strstr(client_body(&c), "certificate of yours"));
	rotations = 0;
	/* who never came needs nothing; who did has to know the next key */
	expect_status(200, ask("GET", "/api/v1/door", NULL));
	assert_non_null(strstr(client_body(&c), "\"unaware\":[]"));
	probe = registry_probe(co.registry, "tokyo-1");
	registry_probe_joined(co.registry, probe, 1000);
	registry_probe_pinned(co.registry, probe, "sha256//key-0=");
	expect_status(409, ask("POST", "/api/v1/door/rotate", NULL));
	assert_non_null(strstr(client_body(&c), "join anew: tokyo-1"));
	assert_int_equal(rotations, 0);
	expect_status(400, ask("POST", "/api/v1/door/rotate?force=maybe", NULL));
	expect_status(403, ask_as(ROLE_EDITOR, "POST", "/api/v1/door/rotate", "", NULL));
	registry_probe_pinned(co.registry, probe, "sha256//key-1=");
	expect_status(200, ask("POST", "/api/v1/door/rotate", NULL));
	assert_int_equal(rotations, 1);
	shown = answer();
	assert_string_equal(json_string_value(json_object_get(shown, "pin")), "sha256//key-1=");
	assert_string_equal(
		json_string_value(json_array_get(json_object_get(shown, "unaware"), 0)), "tokyo-1");
	json_decref(shown);
	expect_status(200, ask("POST", "/api/v1/door/rotate?force=true", NULL));
	assert_int_equal(rotations, 2);
	/* a probe that was shut out is nobody to wait for */
	expect_status(200, ask("POST", "/api/v1/probes/tokyo-1/revoke", NULL));
	expect_status(200, ask("POST", "/api/v1/door/rotate", NULL));
	join_place_free(co.join);
	co.join = NULL;
	co.door = NULL;
	co.conf.url = NULL;
	rotations = 0;
}

static void test_warnings_about_literals(void **state UNUSED)
{
	json_t *m, *warning, *applied;
	char *text;

	expect_status(201, ask("POST", "/api/v1/monitors", SHOP));
	m = answer();
	warning = json_array_get(json_object_get(m, "warnings"), 0);
	assert_int_equal(json_array_size(json_object_get(m, "warnings")), 1); /* not about Accept */
	assert_string_equal(text_of(warning, "path"), "request.headers.Authorization");
	assert_non_null(strstr(text_of(warning, "message"), "{secret: NAME}"));
	/* what was answered can be sent back, and keeps the literal */
	text = json_dumps(m, 0);
	expect_status(200, ask("PUT", "/api/v1/monitors/acme%2F1", text));
	assert_string_equal(
		registry_monitor_find(co.registry, "acme/1")->m.request.headers.item[0].value,
		"s3cret");
	free(text);
	json_decref(m);
	expect_status(
		200, ask("POST", "/api/v1/apply", "{\"dry_run\":true,\"monitors\":[" SHOP "]}"));
	applied = answer();
	m = json_array_get(json_object_get(applied, "items"), 0);
	assert_string_equal(text_of(m, "kind"), "unchanged");
	assert_int_equal(json_array_size(json_object_get(m, "warnings")), 1);
	assert_null(strstr(client_body(&c), "s3cret"));
	json_decref(applied);
}

static void test_roles(void **state UNUSED)
{
	for (size_t i = 0; i < api_routes_n; i++) {
		const struct route *route = &api_routes[i];

		if (strcmp(route->pattern, "/api/v1/alerts/stream") == 0)
			continue;
		for (int role = -1; role <= ROLE_ADMIN; role++) {
			const char *headers = role < 0 ? "" : key_header[role];
			int status = client_ask(&c, route->method, route->pattern, headers, NULL);
			int want = route->role < 0 || role >= route->role ? 0
				   : role < 0                             ? 401
									  : 403;

			if (want ? status != want : status == 401 || status == 403)
				fail_msg("%s %s as %d: %d", route->method, route->pattern, role,
					status);
		}
	}
}

/* ---- alerts and their stream */

static void raise_alert(const char *name, enum alert_kind kind)
{
	struct alert_facts facts = {.kind = kind,
		.severity = SEVERITY_CRITICAL,
		.reason_code = "tcp.refused",
		.reason_text = "refused",
		.started_wall_ms = clock_wall_ms()};
	char id[ID_TEXT_SIZE];
	const struct monitor *m = &registry_monitor_by_name(co.registry, name)->m;

	facts.subject = m->id;
	facts.monitor = json_pack("{s:s, s:s}", "id", id_format(&m->id, id), "name", m->name);
	assert_non_null(alerts_raise(co.alerts, &facts));
	json_decref(facts.monitor);
}

static void resolve_alert(const char *name, enum alert_kind kind)
{
	struct alert_facts facts = {.kind = kind,
		.started_wall_ms = UNSET,
		.subject = registry_monitor_by_name(co.registry, name)->m.id};

	alerts_resolve(co.alerts, &facts);
}

static void test_alerts(void **state UNUSED)
{
	char path[128], id[ID_TEXT_SIZE], case_id[32];
	json_t *list;

	expect_status(201, ask("POST", "/api/v1/monitors", SHOP));
	expect_status(201, ask("POST", "/api/v1/monitors",
				   "{\"name\":\"b\",\"type\":\"tcp\",\"target\":\"b.example:1\"}"));
	raise_alert("shop front", ALERT_DOWN);
	raise_alert("shop front", ALERT_SLOW);
	raise_alert("b", ALERT_DOWN);
	resolve_alert("b", ALERT_DOWN);
	assert_true(client_wait(
		&c, count_items("/api/v1/alerts?state=closed") == 1)); /* all are committed */
	assert_int_equal(count_items("/api/v1/alerts?state=open"), 2);
	assert_int_equal(count_items("/api/v1/alerts?state=closed"), 1);
	assert_int_equal(count_items("/api/v1/alerts"), 3);
	assert_int_equal(count_items("/api/v1/alerts?kind=down"), 2);
	assert_int_equal(count_items("/api/v1/alerts?state=open&kind=slow"), 1);
	assert_int_equal(count_items("/api/v1/alerts?monitor=b"), 1);
	assert_int_equal(count_items("/api/v1/alerts?state=open&monitor=b"), 0);
	assert_int_equal(count_items("/api/v1/alerts?monitor=acme%2F1&state=any"), 2);
	expect_status(400, ask("GET", "/api/v1/alerts?monitor=nobody", NULL));
	expect_status(400, ask("GET", "/api/v1/alerts?state=ajar", NULL));
	expect_status(400, ask("GET", "/api/v1/alerts?kind=odd", NULL));

	static const char *const states[] = {"any", "open"};
	for (size_t i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "/api/v1/alerts?limit=1&state=%s", states[i]);
		expect_status(200, ask("GET", path, NULL));
		list = answer();
		snprintf(path, sizeof(path), "/api/v1/alerts?limit=2&state=%s&cursor=%s", states[i],
			text_of(list, "next_cursor"));
		json_decref(list);
		assert_int_equal(count_items(path), i == 0 ? 2 : 1);
		assert_non_null(strstr(client_body(&c), "\"next_cursor\":null"));
	}
	expect_status(200, ask("GET", "/api/v1/alerts?state=closed", NULL));
	list = answer();
	const json_t *closed = json_array_get(json_object_get(list, "items"), 0);
	snprintf(id, sizeof(id), "%s", text_of(closed, "id"));
	snprintf(case_id, sizeof(case_id), "%s", text_of(closed, "case"));
	json_decref(list);
	snprintf(path, sizeof(path), "/api/v1/alerts/%s", id);
	expect_status(200, ask("GET", path, NULL));
	for (char *p = case_id; *p; p++)
		*p = (char)(*p >= 'A' && *p <= 'Z' ? *p | 0x20 : *p);
	snprintf(path, sizeof(path), "/api/v1/alerts/%s", case_id); /* as people type it */
	expect_status(200, ask("GET", path, NULL));
	assert_non_null(strstr(client_body(&c), id));
	snprintf(
		path, sizeof(path), "/api/v1/alerts/%s/explain?audience=customer&lang=ja", case_id);
	expect_status(200, ask("GET", path, NULL)); /* of a closed one, from the store */
	assert_non_null(strstr(client_body(&c), "\"sentence\":\"It opened because it is DOWN"));
	assert_non_null(strstr(client_body(&c), "closed, because it was over"));
	assert_null(strstr(client_body(&c), "\"url\""));
	expect_status(400, ask("GET", "/api/v1/alerts/K7F-2QX?audience=press", NULL));
	assert_non_null(strstr(client_body(&c), "accepted: operator, customer"));
	expect_status(400, ask("GET", "/api/v1/alerts/K7F-2QX/explain?lang=fr", NULL));
	expect_status(400, ask("GET", "/api/v1/monitors/b/explain?lang=fr", NULL));
	expect_status(200, ask("GET", "/api/v1/monitors/b/explain?audience=customer", NULL));
	assert_non_null(strstr(client_body(&c), "because"));
	assert_null(strstr(client_body(&c), "\"id\"")); /* not listed, so not shown */
	expect_status(404, ask("GET", "/api/v1/alerts/K7F-2QX/explain", NULL));
	expect_status(404, ask("GET", "/api/v1/alerts/K7F-2QX", NULL));
	assert_int_equal(count_items("/api/v1/deadletters"), 0);
}

static void test_pausing(void **state UNUSED)
{
	static const struct {
		const char *body, *says;
	} refused[] = {
		{"{\"for\":\"2\"}", "needs a unit"},
		{"{\"for\":\"400d\"}", "for: "},
		{"{\"fro\":\"2h\"}", "did you mean 'for'?"},
		{"{\"until\":\"2001-01-01T00:00:00Z\"}", "until: that is over"},
		{"{\"until\":\"9001-01-01T00:00:00Z\"}", "at most 366 days"},
		{"{\"for\":\"2h\",\"until\":\"2101-01-01T00:00:00Z\"}", "one of them"},
		{"{\"reason\":\"\"}", "reason: "},
	};
	const char *path = "/api/v1/monitors/acme%2F1/pause";
	int64_t until_wall_ms;
	json_t *m;
	char *text;

	expect_status(201, ask("POST", "/api/v1/monitors", SHOP));
	expect_status(403, ask_as(ROLE_VIEWER, "POST", path, "", NULL));
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		expect_status(422, ask("POST", path, refused[i].body));
		if (!strstr(client_body(&c), refused[i].says))
			fail_msg("%s: %s", refused[i].body, client_body(&c));
	}
	expect_status(200, ask_as(ROLE_EDITOR, "POST", path, "Content-Type: application/json\r\n",
				   "{\"for\":\"2h\",\"reason\":\"rack 7\"}"));
	m = answer();
	assert_string_equal(text_of(json_object_get(m, "pause"), "by"), "editor");
	assert_string_equal(text_of(json_object_get(m, "pause"), "reason"), "rack 7");
	assert_int_equal(
		time_parse(text_of(json_object_get(m, "pause"), "until"), &until_wall_ms), 0);
	assert_in_range(until_wall_ms - clock_wall_ms(), 7190000, 7200000);
	/* what was answered can be sent back, and ends nothing */
	text = json_dumps(m, 0);
	expect_status(200, ask("PUT", "/api/v1/monitors/acme%2F1", text));
	assert_non_null(strstr(client_body(&c), "\"pause\""));
	free(text);
	json_decref(m);
	expect_status(200, ask("POST", path, NULL)); /* without an end, instead */
	assert_null(strstr(client_body(&c), "\"until\""));
	expect_status(200, ask("POST", "/api/v1/monitors/acme%2F1/resume", NULL));
	assert_null(strstr(client_body(&c), "\"pause\""));
	expect_status(200, ask("POST", "/api/v1/monitors/acme%2F1/resume", NULL));
	expect_status(404, ask("POST", "/api/v1/monitors/nobody/pause", NULL));
	expect_status(201, ask("POST", "/api/v1/monitors",
				   "{\"name\":\"off\",\"type\":\"tcp\",\"target\":\"b.example:"
				   "1\",\"enabled\":false}"));
	expect_status(409, ask("POST", "/api/v1/monitors/off/resume", NULL));
	assert_non_null(strstr(client_body(&c), "disabled by its definition"));
}

/* The alert that is the last answer: its member NAME is TEXT. */
static void expect_member(const char *name, const char *text)
{
	json_t *alert = answer();

	assert_string_equal(text_of(alert, name), text);
	json_decref(alert);
}

static void test_people_and_alerts(void **state UNUSED)
{
	static const char *const verbs[] = {"ack", "comment", "close", "reopen"};
	char path[4][96], case_id[16], long_comment[COMMENT_MAX_BYTES + 32];
	json_t *list;

	expect_status(201, ask("POST", "/api/v1/monitors", SHOP));
	raise_alert("shop front", ALERT_DOWN);
	expect_status(200, ask("GET", "/api/v1/alerts?state=open", NULL));
	list = answer();
	snprintf(case_id, sizeof(case_id), "%s",
		text_of(json_array_get(json_object_get(list, "items"), 0), "case"));
	json_decref(list);
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		snprintf(path[i], sizeof(path[i]), "/api/v1/alerts/%s/%s", case_id, verbs[i]);
		expect_status(403, ask_as(ROLE_VIEWER, "POST", path[i], "", NULL));
	}

	expect_status(200, ask_as(ROLE_EDITOR, "POST", path[0], "", NULL)); /* no body needed */
	expect_member("acknowledged_by", "editor");
	expect_status(200, ask_as(ROLE_ADMIN, "POST", path[0], "", NULL));
	expect_member("acknowledged_by", "editor");
	expect_status(422, ask("POST", path[1], NULL));
	assert_non_null(strstr(client_body(&c), "comment: required"));
	expect_status(422, ask("POST", path[1], "{}"));
	expect_status(422, ask("POST", path[1], "{\"coment\":\"x\"}"));
	assert_non_null(strstr(client_body(&c), "did you mean 'comment'?"));
	expect_status(422, ask("POST", path[1], "{\"comment\":\"\"}"));
	expect_status(422, ask("POST", path[1], "{\"comment\":\"a\\u0007\"}"));
	expect_status(400, ask("POST", path[1], "{\"comment\":"));
	memset(long_comment, 'x', sizeof(long_comment));
	memcpy(long_comment, "{\"comment\":\"", 12);
	snprintf(long_comment + 12 + COMMENT_MAX_BYTES, 4, "\"}");
	expect_status(200, ask("POST", path[1], long_comment));
	memset(long_comment + 12, 'x', COMMENT_MAX_BYTES + 1);
	snprintf(long_comment + 13 + COMMENT_MAX_BYTES, 4, "\"}");
	expect_status(422, ask("POST", path[1], long_comment));

	expect_status(200, ask("POST", path[2], "{\"comment\":\"on\\ntwo lines\"}"));
	expect_member("closed_by", "admin");
	assert_int_equal(count_items("/api/v1/alerts?state=open"), 0);
	assert_int_equal(count_items("/api/v1/alerts?state=closed"), 1);
	expect_status(409, ask("POST", path[0], NULL));
	assert_non_null(strstr(client_body(&c), "closed by hand, by admin; reopen it first"));
	expect_status(200, ask("POST", path[3], NULL));
	expect_member("state", "open");

	resolve_alert("shop front", ALERT_DOWN);
	assert_true(client_wait(&c, count_items("/api/v1/alerts?state=closed") == 1));
	expect_status(200, ask("POST", path[2], NULL)); /* it is so */
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		if (i != 2)
			expect_status(409, ask("POST", path[i], "{\"comment\":\"late\"}"));
		assert_non_null(strstr(client_body(&c), case_id));
	}
	assert_non_null(strstr(client_body(&c), "(by the quorum), and it is over: a new alert"));
	expect_status(404, ask("POST", "/api/v1/alerts/K7F-2QX/ack", NULL));
}

static size_t count_text(const char *in, const char *text)
{
	size_t n = 0;

	for (; (in = strstr(in, text)); in++)
		n++;
	return n;
}

static void follow(struct client *f, const char *headers, const char *query)
{
	char *text = mem_printf("GET /api/v1/alerts/stream%s HTTP/1.1\r\n%s%s\r\n", query,
		key_header[ROLE_VIEWER], headers);

	client_open(f, co.loop, api_port(co.api));
	client_say(f, text);
	free(text);
	assert_true(client_wait(f, strstr(f->in, "retry: 1000")));
}

static void test_stream_replays_and_goes_live(void **state UNUSED)
{
	struct client live, late, by_query;
	char header[64], query[64];

	expect_status(201, ask("POST", "/api/v1/monitors", SHOP));
	follow(&live, "", "");
	for (int i = 0; i < 130; i++) { /* more than two pages of events */
		raise_alert("shop front", ALERT_DOWN);
		resolve_alert("shop front", ALERT_DOWN);
	}
	assert_true(client_wait(&live, count_text(live.in, "\nevent: alert.") >= 260));
	assert_int_equal(count_text(live.in, "\nevent: alert.opened\n"), 130);
	assert_int_equal(count_text(live.in, "\nevent: alert.closed\n"), 130);

	/* From after the third event on: no gap, no repeat, and while it replays two more come in.
	 */
	const char *at = live.in;
	for (int i = 0; i < 3; i++)
		at = strstr(at + 1, "id: ");
	int64_t third = strtoll(at + 4, NULL, 10);
	snprintf(header, sizeof(header), "Last-Event-ID: %" PRId64 "\r\n", third);
	follow(&late, header, "");
	raise_alert("shop front", ALERT_DOWN);
	snprintf(query, sizeof(query), "?last_event_id=%" PRId64, third);
	follow(&by_query, "", query);
	resolve_alert("shop front", ALERT_DOWN);
	struct client *both[] = {&late, &by_query};
	for (size_t i = 0; i < 2; i++) {
		struct client *f = both[i];
		int64_t before = third;

		assert_true(client_wait(f, count_text(f->in, "\nevent: alert.") >= 259));
		raise_alert(
			"shop front", i == 0 ? ALERT_SLOW : ALERT_LOSS); /* the last one is live */
		assert_true(client_wait(
			f, strstr(f->in, i == 0 ? "\"kind\":\"slow\"" : "\"kind\":\"loss\"")));
		assert_int_equal(count_text(f->in, "\nevent: alert."), 260 + i);
		for (at = f->in; (at = strstr(at, "\nid: ")); at++) {
			int64_t sequence = strtoll(at + 5, NULL, 10);

			assert_true(sequence > before);
			before = sequence;
		}
		client_close(f);
	}
	client_close(&live);
	expect_status(400, ask("GET", "/api/v1/alerts/stream?last_event_id=x", NULL));
	expect_status(400,
		ask_as(ROLE_VIEWER, "GET", "/api/v1/alerts/stream", "Last-Event-ID: -1\r\n", NULL));
}

/* A client that knew another store: it is not deaf for ever. */
static void test_stream_from_the_future(void **state UNUSED)
{
	struct client f;

	expect_status(201, ask("POST", "/api/v1/monitors", SHOP));
	follow(&f, "Last-Event-ID: 900000000000000\r\n", "");
	client_turn(&f);
	raise_alert("shop front", ALERT_DOWN);
	assert_true(client_wait(&f, strstr(f.in, "event: alert.opened")));
	client_close(&f);
}

/* ---- status, health, metrics, results */

static void test_status(void **state UNUSED)
{
	json_t *s;

	add_region_and_probe();
	expect_status(200, ask("GET", "/api/v1/status", NULL));
	s = answer();
	assert_string_equal(text_of(s, "status"), "ok");
	assert_string_equal(text_of(s, "version"), QUORATE_VERSION);
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(s, "monitors"), "up")), 3);
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(s, "probes"), "voting")), 1);
	assert_true(json_is_true(json_object_get(json_object_get(s, "store"), "ok")));
	assert_true(json_is_null(json_object_get(s, "door")));
	json_decref(s);
	co.door = (struct door *)&co; /* only the fakes look at it */
	expect_status(200, ask("GET", "/api/v1/status", NULL));
	s = answer();
	assert_string_equal(text_of(json_object_get(s, "door"), "pin"), "sha256//pin=");
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(s, "door"), "links")), 6);
	json_decref(s);
	co.door = NULL;
	assert_int_equal(client_ask(&c, "GET", "/healthz", "", NULL), 200);
	assert_string_equal(client_body(&c), "{\"status\":\"ok\"}\n");
	assert_int_equal(client_ask(&c, "GET", "/readyz", "", NULL), 200);
	co.store_problem[STORE_PART_STATE] = mem_strdup("disk full");
	assert_int_equal(client_ask(&c, "GET", "/readyz", "", NULL), 200);
	assert_string_equal(client_body(&c), "{\"status\":\"degraded: store\"}\n");
	free(co.store_problem[STORE_PART_STATE]);
	co.store_problem[STORE_PART_STATE] = NULL;
	held = true;
	assert_int_equal(client_ask(&c, "GET", "/readyz", "", NULL), 503);
	assert_string_equal(client_body(&c), "{\"status\":\"starting\"}\n");
}

static bool has_line(const char *line)
{
	const char *at = strstr(client_body(&c), line);

	return at && at[-1] == '\n' && at[strlen(line)] == '\n';
}

static void test_metrics(void **state UNUSED)
{
	const char *body;

	add_region_and_probe();
	expect_status(
		201, ask("POST", "/api/v1/monitors",
			     "{\"name\":\"a "
			     "\\\"b\\\\c\",\"type\":\"http\",\"target\":\"https://a.example/\"}"));
	results = json_loads("[{\"probe\":\"tokyo-1\",\"region\":\"tokyo\",\"verdict\":\"up\","
			     "\"status\":200,\"phases\":{\"resolve_us\":1000,"
			     "\"total_us\":250000},\"certificate\":{\"not_after\":\"2030-01-01T00:"
			     "00:00.000Z\"}}]",
		0, NULL);
	assert_non_null(results);
	co.door = (struct door *)&co;
	expect_status(200, ask_as(ROLE_VIEWER, "GET", "/metrics", "", NULL));
	co.door = NULL;
	assert_true(has_line("quorate_door_connections{kind=\"link\"} 6"));
	assert_true(has_line("quorate_door_ended_total{why=\"late\"} 2"));
	assert_true(client_header_is(&c, "Content-Type: text/plain; version=0.0.4; charset=utf-8"));
#define LABELS "monitor=\"a \\\"b\\\\c\",probe=\"tokyo-1\",region=\"tokyo\""
	assert_true(has_line("probe_success{" LABELS "} 1"));
	assert_true(has_line("probe_duration_seconds{" LABELS "} 0.25"));
	assert_true(has_line("quorate_check_reason{" LABELS ",reason=\"ok\",class=\"ok\"} 1"));
	assert_true(has_line("probe_dns_lookup_time_seconds{" LABELS "} 0.001"));
	assert_true(has_line("probe_http_duration_seconds{" LABELS ",phase=\"resolve\"} 0.001"));
	assert_true(has_line("probe_http_status_code{" LABELS "} 200"));
	assert_true(has_line("probe_ssl_earliest_cert_expiry{" LABELS "} 1893456000"));
	assert_true(has_line(
		"quorate_monitor_state{monitor=\"a \\\"b\\\\c\",type=\"http\",state=\"up\"} 1"));
	assert_true(has_line(
		"quorate_monitor_state{monitor=\"a \\\"b\\\\c\",type=\"http\",state=\"down\"} 0"));
	assert_true(has_line("quorate_monitors{state=\"up\"} 3"));
	assert_true(has_line("quorate_votes_total 42"));
	assert_true(has_line("quorate_link_sessions 3"));
	assert_true(has_line("quorate_outbox_dead 1"));
	assert_true(has_line("quorate_store_ok{what=\"state\"} 1"));
	assert_true(has_line("quorate_api_connections 1"));
	/* The format: each family once, with its type, and its samples right behind. */
	for (const char *line = client_body(&c); *line; line = strchr(line, '\n') + 1) {
		if (strncmp(line, "# TYPE ", 7) != 0)
			continue;
		size_t n = strcspn(line + 7, " ");
		char *type_line = mem_printf("# TYPE %.*s ", (int)n, line + 7);
		assert_int_equal(count_text(client_body(&c), type_line), 1);
		body = strchr(line, '\n') + 1;
		assert_memory_equal(body, line + 7, n);
		free(type_line);
	}
}

static void test_many_monitors_are_scraped_in_turns(void **state UNUSED)
{
	char body[128];

	for (int i = 0; i < 205; i++) {
		snprintf(body, sizeof(body),
			"{\"name\":\"m%03d\",\"type\":\"tcp\",\"target\":\"a%d.example:1\"}", i, i);
		expect_status(201, ask("POST", "/api/v1/monitors", body));
	}
	expect_status(200, ask("GET", "/metrics", NULL));
	assert_int_equal(count_text(client_body(&c), ",state=\"up\"} 1\n"), 205);
}

static void test_results(void **state UNUSED)
{
	struct store_batch *b = store_batch_new(co.store);
	struct store_result row = {.started_wall_ms = 1000,
		.verdict = VERDICT_UP,
		.document = "{\"verdict\":\"up\",\"status\":204}"};
	json_t *list;

	add_region_and_probe();
	expect_status(201, ask("POST", "/api/v1/monitors", SHOP));
	row.probe = registry_probe(co.registry, "tokyo-1")->id;
	row.monitor = registry_monitor_by_name(co.registry, "shop front")->m.id;
	for (row.sequence = 1; row.sequence <= 3; row.sequence++, row.started_wall_ms += 1000)
		store_add_result(b, &row);
	store_submit(co.store, b, STORE_EVENTUALLY, NULL, NULL);
	assert_true(client_wait(&c, store_results_queued(co.store) == 0));
	expect_status(200, ask("GET", "/api/v1/monitors/shop%20front/results?limit=2", NULL));
	list = answer();
	const json_t *item = json_array_get(json_object_get(list, "items"), 0);
	assert_int_equal(json_array_size(json_object_get(list, "items")), 2);
	assert_string_equal(text_of(item, "probe"), "tokyo-1");
	assert_string_equal(text_of(item, "region"), "tokyo");
	assert_string_equal(text_of(item, "started_at"), "1970-01-01T00:00:03.000Z");
	assert_int_equal(json_integer_value(json_object_get(item, "status")), 204);
	assert_true(json_is_false(json_object_get(item, "late")));
	json_decref(list);
	expect_status(404, ask("GET", "/api/v1/monitors/nobody/results", NULL));
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_monitor_life),
		TEST(test_monitor_refusals),
		TEST(test_monitor_body_ceilings),
		TEST(test_put),
		TEST(test_pages_and_filters),
		TEST(test_apply),
		TEST(test_apply_refusals),
		TEST(test_regions),
		TEST(test_probes),
		TEST(test_join),
		TEST(test_drain),
		TEST(test_keys),
		TEST(test_secrets),
		TEST(test_a_secret_that_is_used),
		TEST(test_the_doors_keys),
		TEST(test_warnings_about_literals),
		TEST(test_roles),
		TEST(test_alerts),
		TEST(test_people_and_alerts),
		TEST(test_pausing),
		TEST(test_stream_replays_and_goes_live),
		TEST(test_stream_from_the_future),
		TEST(test_status),
		TEST(test_metrics),
		TEST(test_many_monitors_are_scraped_in_turns),
		TEST(test_results),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
