// SPDX-License-Identifier: MIT
/* What a site says again of the credentials that it was shown, in all the ways that were thought of.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "probe/redact.h"
#include "proto/base/mem.h"
#include "proto/monitor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOKEN "s3cr3t-T0ken/with+\"odd\"&<signs>"
#define LONG  "0123456789abcdefghijklmnopqrstuvwxyz"

/* A monitor whose header NAME is VALUE, the value of a secret when SECRET. */
static struct monitor with_header(const char *name, const char *value, bool secret)
{
	struct monitor m = {.type = CHECK_HTTP};
	struct pair *pair = mem_alloc(sizeof(*pair));

	*pair = (struct pair){.name = mem_strdup(name),
		.value = mem_strdup(value),
		.secret = secret ? mem_strdup("acme/x") : NULL};
	m.request.headers = (struct pairs){pair, 1};
	return m;
}

/* The excerpt TEXT after redaction; the caller frees it. */
static char *redact(const struct monitor *m, const char *text)
{
	struct result r = {.body_excerpt = mem_strdup(text)};
	char *out;

	redact_result(&r, m);
	out = r.body_excerpt;
	r.body_excerpt = NULL;
	result_clear(&r);
	return out;
}

static void check(const struct monitor *m, const char *text, const char *expected)
{
	char *shown = redact(m, text);

	if (strcmp(shown, expected) != 0)
		fail_msg("'%s' became '%s' instead of '%s'", text, shown, expected);
	free(shown);
}

static void test_the_ways_in_which_a_value_comes_back(void **state)
{
	static const struct {
		const char *value, *text, *shown;
	} cases[] = {
		{TOKEN, "you said " TOKEN "!", "you said [redacted]!"},
		{TOKEN, "nothing of yours", "nothing of yours"},
		{TOKEN, TOKEN, "[redacted]"},
		{TOKEN, TOKEN TOKEN, "[redacted]"},
		{TOKEN, "S3CR3T-t0KEN/WITH+\"ODD\"&<SIGNS>", "[redacted]"},
		{"Bearer " TOKEN, "Bearer " TOKEN, "Bearer [redacted]"},
		{"Bearer " LONG, "Bearer authentication required",
			"Bearer authentication required"},
		{TOKEN, "?t=s3cr3t-T0ken%2Fwith%2B%22odd%22%26%3Csigns%3E&x", "?t=[redacted]&x"},
		{"two words", "?t=two+words", "?t=[redacted]"},
		{TOKEN, "{\"t\": \"s3cr3t-T0ken\\/with+\\\"odd\\\"\\u0026<signs>\"}",
			"{\"t\": \"[redacted]\"}"},
		{TOKEN, "<p>s3cr3t-T0ken/with+&quot;odd&#34;&amp;&lt;signs&#x3e;</p>",
			"<p>[redacted]</p>"},
		/* pieces: of six bytes or more anywhere, of three or more where the text ends */
		{LONG, "it began with 0123456 and went on", "it began with [redacted] and went on"},
		{LONG, "it ended with uvwxyz, you know", "it ended with [redacted], you know"},
		{LONG, "five are 01234 no more", "five are 01234 no more"},
		{LONG, "and the text ends in 0123", "and the text ends in [redacted]"},
		{LONG, "and the text ends in 01", "and the text ends in 01"},
		/* short ones: as a whole */
		{"pin4", "your pin4 is wrong", "your [redacted] is wrong"},
		{"pin4", "your pins are wrong", "your pins are wrong"},
		{"pin4", "your pin", "your [redacted]"},
		/* user and password, which is what a page would say of Basic dXNlcjpodW50ZXIy */
		{"Basic dXNlcjpodW50ZXIy", "hello user, your hunter2 is old",
			"hello user, your [redacted] is old"},
		{"Basic dXNlcjpodW50ZXIy", "dXNlcjpodW50ZXIy", "[redacted]"},
		{"Basic !!", "Basic !! what", "Basic !! what"},
		/* characters are whole, whatever a piece is */
		{"ééééé\xc3\xa8", "x\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xab!", "x[redacted]!"},
		{"12345\xc3\xa9x", "12345\xc3\xa8", "[redacted]"},
		/* broken encodings are no reason to fall over */
		{TOKEN, "%", "%"},
		{TOKEN, "100%zz \\ \\u12 &#; &#x; &", "100%zz \\ \\u12 &#; &#x; &"},
		{TOKEN, "\\", "\\"},
		{TOKEN, "", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct monitor m = with_header("X-Door", cases[i].value, true);
		check(&m, cases[i].text, cases[i].shown);
		monitor_clear(&m);
	}
}

/* What people wrote as it is: by the header's name. A body counts when it comes back as a whole. */
static void test_what_is_a_credential(void **state)
{
	struct monitor m;

	(void)state;
	m = with_header("authorization", LONG, false);
	check(&m, LONG, "[redacted]");
	monitor_clear(&m);
	m = with_header("Accept", "text/html, what else", false);
	check(&m, "no text/html, what else here", "no text/html, what else here");
	monitor_clear(&m);
	m = with_header("Accept", "text/html", false);
	m.request.body.value = mem_strdup("{\"status\": \"ok\"}");
	check(&m, "{\"status\": \"down\"}", "{\"status\": \"down\"}");
	check(&m, "got {\"status\": \"ok\"}", "got [redacted]");
	m.request.body.secret = mem_strdup("login");
	check(&m, "{\"status\": \"down\"}", "[redacted]down\"}");
	monitor_clear(&m);
	m = with_header("Authorization", "x", true);
	mem_set(&m.request.headers.item[0].value, NULL);
	check(&m, "a secret without a value hides nothing",
		"a secret without a value hides nothing");
	monitor_clear(&m);
}

/* Whatever text a result has, wherever it stands. */
static void test_every_text_of_a_result(void **state)
{
	struct monitor m = with_header("X", LONG, true);
	struct hop *hop = mem_alloc(sizeof(*hop));
	struct result r = {.detail = mem_strdup("status 500 from http://a/" LONG),
		.address = mem_strdup(LONG),
		.certificate.subject = mem_strdup("CN=" LONG),
		.hops = {hop, 1}};

	(void)state;
	hop->url = mem_strdup("http://a/" LONG "/b");
	hop->location = mem_strdup("http://b/?" LONG);
	redact_result(&r, &m);
	assert_string_equal(r.detail, "status 500 from http://a/[redacted]");
	assert_string_equal(r.address, "[redacted]");
	assert_string_equal(r.certificate.subject, "CN=[redacted]");
	assert_string_equal(hop->url, "http://a/[redacted]/b");
	assert_string_equal(hop->location, "http://b/?[redacted]");
	result_clear(&r);
	monitor_clear(&m);
}

/* A marker is longer than what it may hide: the coordinator's ceilings hold all the same. */
static void test_texts_keep_their_ceilings(void **state)
{
	struct monitor m = with_header("X", "pin4", true);
	char text[BODY_EXCERPT_MAX_BYTES + 1] = "";
	char *shown;

	(void)state;
	while (strlen(text) + 7 < sizeof(text))
		strcat(text, "pin4-é");
	shown = redact(&m, text);
	assert_null(strstr(shown, "pin4"));
	assert_true(strlen(shown) <= BODY_EXCERPT_MAX_BYTES);
	assert_true(strlen(shown) > BODY_EXCERPT_MAX_BYTES - 12);
	free(shown);
	monitor_clear(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_ways_in_which_a_value_comes_back),
		cmocka_unit_test(test_what_is_a_credential),
		cmocka_unit_test(test_every_text_of_a_result),
		cmocka_unit_test(test_texts_keep_their_ceilings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
