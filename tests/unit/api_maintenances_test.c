// SPDX-License-Identifier: MIT
/* Maintenances through the API: what is answered, what is refused, and who sees which. */
#include "tests/unit/api_kit.h"

#define PATH "/api/v1/maintenances"

static void add_monitor(const char *name, const char *organization)
{
	char *body =
		mem_printf("{\"name\":\"%s\",\"type\":\"tcp\",\"target\":\"%s.example.com:443\","
			   "\"organization\":\"%s\",\"labels\":{\"team\":\"web\"}}",
			name, name, organization);

	expect_status(201, ask("POST", "/api/v1/monitors", body));
	free(body);
}

static void two_monitors(void)
{
	add_region_and_probe();
	add_monitor("shop", "acme");
	add_monitor("own", "default");
}

/* Its path; the caller frees it. */
static char *plan(const char *body)
{
	json_t *mt;
	char *path;

	expect_status(201, ask("POST", PATH, body));
	mt = answer();
	path = mem_printf(PATH "/%s", text_of(mt, "id"));
	json_decref(mt);
	return path;
}

/* The member NAME of what is at PATH, as JSON text; the caller frees it. */
static char *member(const char *path, const char *name)
{
	json_t *mt;
	char *text;

	expect_status(200, ask("GET", path, NULL));
	mt = answer();
	text = json_dumps(json_object_get(mt, name), JSON_ENCODE_ANY | JSON_COMPACT);
	json_decref(mt);
	return text ? text : mem_strdup("(none)");
}

static void expect_member(const char *path, const char *name, const char *want)
{
	char *text = member(path, name);

	assert_string_equal(text, want);
	free(text);
}

static void test_life(void **state UNUSED)
{
	char *path, *end;

	two_monitors();
	path = plan("{\"monitors\":[\"shop\"],\"for\":\"2h\",\"reason\":\"new rack\"}");
	expect_member(path, "monitors", "[\"shop\"]");
	expect_member(path, "covers", "1");
	expect_member(path, "on", "true");
	expect_member(path, "by", "\"admin\"");
	expect_member(path, "reason", "\"new rack\"");
	assert_int_equal(count_items(PATH), 1);
	end = mem_printf("%s/end", path);
	expect_status(200, ask("POST", end, NULL));
	assert_non_null(strstr(client_body(&c), "\"on\":false"));
	assert_non_null(strstr(client_body(&c), "\"window\":null"));
	assert_non_null(strstr(client_body(&c), "\"ended_at\":\""));
	expect_status(409, ask("POST", end, NULL));
	assert_non_null(strstr(client_body(&c), "it is over already"));
	expect_status(204, ask("DELETE", path, NULL));
	expect_status(404, ask("DELETE", path, NULL));
	expect_status(404, ask("GET", path, NULL));
	expect_status(404, ask("POST", end, NULL));
	assert_int_equal(count_items(PATH), 0);
	free(end);
	free(path);
}

static void test_one_that_comes_again(void **state UNUSED)
{
	char *path, *end;

	two_monitors();
	path = plan(
		"{\"services\":[\"none\"],\"every\":[\"monday\",\"last-friday\"],\"at\":\"02:00\","
		"\"zone\":\"Asia/Tokyo\",\"for\":\"2h\",\"from\":\"2099-01-01T00:00:00Z\"}");
	expect_member(path, "covers", "0");
	expect_member(path, "every", "[\"monday\",\"last-friday\"]");
	/* Friday the 30th is January's last one; Monday the 5th at 02:00 in Tokyo comes first. */
	expect_member(path, "window",
		"{\"from\":\"2099-01-04T17:00:00.000Z\",\"to\":\"2099-01-04T19:00:00.000Z\"}");
	end = mem_printf("%s/end", path);
	expect_status(409, ask("POST", end, NULL));
	assert_non_null(strstr(client_body(&c), "no window of it is under way; remove it"));
	free(end);
	free(path);
}

/* What people know is the monitor's name; but only one that is about it alone is meant. */
static void test_ended_by_the_monitors_name(void **state UNUSED)
{
	char *both, *alone;

	two_monitors();
	both = plan("{\"monitors\":[\"shop\",\"own\"],\"for\":\"2h\"}");
	expect_status(404, ask("POST", PATH "/shop/end", NULL));
	assert_non_null(strstr(client_body(&c), "'quorate maintenance list' shows their ids"));
	alone = plan("{\"monitors\":[\"shop\"],\"for\":\"2h\"}");
	expect_status(200, ask("POST", PATH "/shop/end", NULL));
	expect_member(alone, "on", "false");
	expect_member(both, "on", "true");
	expect_status(404, ask("POST", PATH "/shop/end", NULL));
	expect_status(404, ask("POST", PATH "/nobody/end", NULL));
	free(alone);
	free(both);
}

static void test_refusals(void **state UNUSED)
{
	static const struct {
		const char *body, *path, *says;
	} rows[] = {
		{"{\"monitors\":[\"shop\"]}", "for", "how long"},
		{"{\"monitors\":[\"shp\"],\"for\":\"2h\"}", "monitors", "did you mean shop"},
		{"{\"for\":\"2h\"}", "monitors", "for what it is"},
		{"{\"monitors\":[\"shop\"],\"for\":\"2 hours\"}", "for", "2 hours"},
		{"{\"monitors\":[\"shop\"],\"until\":\"tomorrow\"}", "until", "unknown"},
		{"{\"monitors\":[\"shop\"],\"every\":\"someday\",\"at\":\"02:00\",\"for\":\"2h\"}",
			"every", "monday"},
		{"{\"monitors\":[\"shop\"],\"every\":\"day\",\"at\":\"25:00\",\"for\":\"2h\"}",
			"at", "02:00"},
		{"{\"monitors\":[\"shop\"],\"every\":\"day\",\"at\":\"02:00\",\"for\":\"2h\","
		 "\"zone\":\"JST\"}",
			"zone", "IANA"},
		{"{\"monitors\":[\"shop\"],\"for\":\"2h\",\"by\":3}", NULL,
			NULL}, /* not to be set */
	};

	two_monitors();
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int status = ask("POST", PATH, rows[i].body);
		char *path = mem_printf("\"path\":\"%s\"", rows[i].path ? rows[i].path : "");

		expect_status(rows[i].path ? 422 : 201, status);
		if (rows[i].path &&
			(!strstr(client_body(&c), path) || !strstr(client_body(&c), rows[i].says)))
			fail_msg("%s: %s", rows[i].body, client_body(&c));
		free(path);
	}
	expect_status(400, ask("POST", PATH, "{"));
	expect_status(422, ask("POST", PATH, "[]"));
	assert_int_equal(count_items(PATH), 1);
}

static void test_who_may(void **state UNUSED)
{
	char *path, *end;

	two_monitors();
	path = plan("{\"monitors\":[\"shop\"],\"for\":\"2h\"}");
	end = mem_printf("%s/end", path);
	expect_status(200, ask_as(ROLE_VIEWER, "GET", PATH, "", NULL));
	expect_status(200, ask_as(ROLE_VIEWER, "GET", path, "", NULL));
	expect_status(403,
		ask_as(ROLE_VIEWER, "POST", PATH, "", "{\"monitors\":[\"shop\"],\"for\":\"2h\"}"));
	expect_status(403, ask_as(ROLE_VIEWER, "POST", end, "", NULL));
	expect_status(403, ask_as(ROLE_VIEWER, "DELETE", path, "", NULL));
	expect_status(200, ask_as(ROLE_EDITOR, "POST", end, "", NULL));
	expect_status(204, ask_as(ROLE_EDITOR, "DELETE", path, "", NULL));
	free(end);
	free(path);
}

/* Asks with a key of acme's editor. */
static int ask_acme(const char *header, const char *method, const char *path, const char *body)
{
	char *headers =
		mem_printf("%s%s", header, body ? "Content-Type: application/json\r\n" : "");
	int status = client_ask(&c, method, path, headers, body);

	free(headers);
	return status;
}

static void test_a_key_of_one_organization(void **state UNUSED)
{
	char *header, *ours, *theirs, *end;
	json_t *out;

	two_monitors();
	theirs = plan("{\"monitors\":[\"own\"],\"for\":\"2h\"}");
	expect_status(
		201, ask("POST", "/api/v1/keys",
			     "{\"name\":\"acme\",\"role\":\"editor\",\"organization\":\"acme\"}"));
	out = answer();
	header = mem_printf("Authorization: Bearer %s\r\n", text_of(out, "secret"));
	json_decref(out);
	expect_status(
		422, ask_acme(header, "POST", PATH, "{\"monitors\":[\"own\"],\"for\":\"2h\"}"));
	expect_status(422,
		ask_acme(header, "POST", PATH, "{\"organization\":\"default\",\"for\":\"2h\"}"));
	expect_status(404, ask_acme(header, "GET", theirs, NULL));
	expect_status(404, ask_acme(header, "DELETE", theirs, NULL));
	end = mem_printf("%s/end", theirs);
	expect_status(404, ask_acme(header, "POST", end, NULL));
	expect_status(404, ask_acme(header, "POST", PATH "/own/end", NULL));
	expect_status(201,
		ask_acme(header, "POST", PATH, "{\"labels\":{\"team\":\"web\"},\"for\":\"2h\"}"));
	out = answer();
	assert_string_equal(text_of(out, "organization"), "acme");
	assert_int_equal(json_integer_value(json_object_get(out, "covers")), 1);
	ours = mem_printf(PATH "/%s", text_of(out, "id"));
	json_decref(out);
	expect_status(200, ask_acme(header, "GET", PATH, NULL));
	out = answer();
	assert_int_equal(json_array_size(json_object_get(out, "items")), 1);
	json_decref(out);
	assert_int_equal(count_items(PATH), 2); /* the admin's */
	expect_status(204, ask_acme(header, "DELETE", ours, NULL));
	free(end);
	free(ours);
	free(theirs);
	free(header);
}

#define API_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		API_TEST(test_life),
		API_TEST(test_one_that_comes_again),
		API_TEST(test_ended_by_the_monitors_name),
		API_TEST(test_refusals),
		API_TEST(test_who_may),
		API_TEST(test_a_key_of_one_organization),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
