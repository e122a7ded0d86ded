// SPDX-License-Identifier: MIT
/* Join strings: what goes in comes out, and what is refused is refused without showing a secret. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/page_kit.h"

#include "proto/base/mem.h"
#include "proto/joinstring.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#define PIN    "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define SECRET "qj_0123456789abcdef"
#define WHOLE                                                                                      \
	"{\"addresses\":[\"c.example.net:443\"],\"pin\":[\"" PIN "\"],\"probe\":\"tokyo-1\","      \
	"\"secret\":\"" SECRET "\",\"expires\":\"2026-11-21T18:30:49Z\"}"

/* The line around JSON; a padding that base64url leaves out is left out. */
static char *line_of(const char *json)
{
	size_t n = strlen(json);
	char *text = mem_alloc((n + 2) / 3 * 4 + 1), *line;

	EVP_EncodeBlock((unsigned char *)text, (const unsigned char *)json, (int)n);
	text[strcspn(text, "=")] = '\0';
	for (char *c = text; *c; c++)
		*c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
	line = mem_printf("%s%s", JOIN_STRING_PREFIX, text);
	free(text);
	return line;
}

static void what_goes_in_comes_out(void **state)
{
	(void)state;
	/* every length modulo 3, and so every padding */
	for (size_t n = 16; n < 40; n++) {
		char secret[64] = "", *addresses[2] = {(char[]){"c.example.net:443"},
					      (char[]){"[2001:db8::1]:7443"}};
		char *pins[] = {(char[]){PIN}};
		memset(secret, '~', n);
		struct join_string in = {.addresses = {addresses, 2},
					   .pins = {pins, 1},
					   .probe = (char[]){"tokyo-1"},
					   .secret = secret,
					   .expires_wall_ms = 1795285849000},
				   out;
		struct problems p = {0};
		char *line = join_string_encode(&in), *typed = mem_printf(" %s\r\n", line);
		assert_int_equal(join_string_decode(typed, strlen(typed), &out, &p), 0);
		assert_int_equal(out.addresses.n, 2);
		assert_string_equal(out.addresses.item[1], addresses[1]);
		assert_int_equal(out.pins.n, 1);
		assert_string_equal(out.pins.item[0], PIN);
		assert_null(out.ca_name);
		assert_string_equal(out.probe, "tokyo-1");
		assert_string_equal(out.secret, secret);
		assert_int_equal(out.expires_wall_ms, in.expires_wall_ms);
		assert_null(strpbrk(line, " \n+/="));
		join_string_clear(&out);
		free(line);
		free(typed);
	}
}

static void a_line_that_would_be_too_long_is_not_made(void **state)
{
	(void)state;
	char *address = mem_alloc(JOIN_STRING_MAX_BYTES + 1), *addresses[] = {address};
	memset(address, 'a', JOIN_STRING_MAX_BYTES);
	struct join_string in = {
		.addresses = {addresses, 1}, .probe = (char[]){"p"}, .secret = (char[]){SECRET}};
	assert_null(join_string_encode(&in));
	free(address);
}

static void json_rules(void **state)
{
	static const struct {
		const char *from, *to; /* in WHOLE */
		const char *problem;   /* NULL: accepted */
	} table[] = {
		{"", "", NULL},
		{"\"probe\"", "\"later\":7,\"probe\"", NULL}, /* from a newer coordinator */
		{"c.example.net:443", "192.0.2.1:1", NULL},
		{"c.example.net:443", "[::1]:65535", NULL},
		{"\"pin\":[\"" PIN "\"]", "\"ca_name\":\"c.example.net\"", NULL},
		{"c.example.net:443", "c.example.net", "host and port"},
		{"c.example.net:443", "c.example.net:0", "host and port"},
		{"c.example.net:443", "c.example.net:65536", "host and port"},
		{"c.example.net:443", "c.example.net:+44", "host and port"},
		{"c.example.net:443", ":443", "host and port"},
		{"c.example.net:443", "2001:db8::1:443", "host and port"},
		{"c.example.net:443", "[x]:443", "host and port"},
		{"c.example.net:443", "https://c:443", "host and port"},
		{"c.example.net:443", "c/../x:443", "host and port"},
		{"c.example.net:443", "-oProxy:443", "host and port"},
		{"c.example.net:443", "c@d:443", "host and port"},
		{"[\"c.example.net:443\"]", "[]", "at least one"},
		{"[\"" PIN "\"]", "[]", "neither pin nor ca_name"},
		{PIN, "sha256//AAAA", "sha256//"}, {"sha256//A", "sha257//A", "sha256//"},
		{"AAA=", "AA;=", "sha256//"}, /* libcurl takes several, divided by ';' */
		{"AAA=", "AAAA", "sha256//"}, {"\"" SECRET "\"", "\"short\"", "16"},
		{SECRET, "qj_0123456789 abcdef", "printable"}, {"tokyo-1", "", "1"},
		{"2026-11-21T18:30:49Z", "tomorrow", "2026"},
		{"\"secret\":\"" SECRET "\",", "", "required"},
		{"\"probe\":", "\"secret\":\"a\",\"probe\":", "damaged"}, /* given twice */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const char *at = strstr(WHOLE, table[i].from);
		assert_non_null(at);
		char *json = mem_printf("%.*s%s%s", (int)(at - WHOLE), WHOLE, table[i].to,
			at + strlen(table[i].from));
		char *line = line_of(json);
		struct problems p = {0};
		struct join_string out;
		int result = join_string_decode(line, strlen(line), &out, &p);
		if (!table[i].problem && result == -1)
			fail_msg("%s: %s: %s", table[i].to, p.item[0].path, p.item[0].message);
		if (table[i].problem && result == 0)
			fail_msg("row %zu was accepted: %s", i, json);
		if (table[i].problem && !strstr(p.item[0].message, table[i].problem))
			fail_msg("row %zu: %s", i, p.item[0].message);
		for (size_t k = 0; k < p.n; k++)
			assert_null(strstr(p.item[k].message, "qj_0"));
		join_string_clear(&out);
		free(line);
		free(json);
	}
}

static void lines_that_are_none(void **state)
{
	static const struct {
		const char *text, *problem;
	} table[] = {
		{"", "there is no join string"},
		{" \n ", "there is no join string"},
		{"qpt_0123456789abcdef0123", "begins with quorate-join-1:"},
		{"quorate-join-2:AAAA", "begins with quorate-join-1:"},
		{"quorate-join-1:", "damaged"},
		{"quorate-join-1:A", "damaged"},
		{"quorate-join-1:AAAA", "damaged"},
		{"quorate-join-1:e30=", "damaged"}, /* padding */
		{"quorate-join-1:e3 0", "damaged"},
		{"quorate-join-1:e\xff\xff\xff", "damaged"},
		{"quorate-join-1:W10", ""}, /* [] */
		{"quorate-join-1:e30", "required"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct join_string out;
		struct problems p = {0};
		assert_int_equal(
			join_string_decode(table[i].text, strlen(table[i].text), &out, &p), -1);
		if (!strstr(p.item[0].message, table[i].problem))
			fail_msg("row %zu: %s", i, p.item[0].message);
		join_string_clear(&out);
	}
	char *line = mem_alloc(JOIN_STRING_MAX_BYTES + 2);
	struct join_string out;
	struct problems p = {0};
	memset(line, 'A', JOIN_STRING_MAX_BYTES + 1);
	memcpy(line, JOIN_STRING_PREFIX, strlen(JOIN_STRING_PREFIX));
	assert_int_equal(join_string_decode(line, JOIN_STRING_MAX_BYTES + 1, &out, &p), -1);
	assert_non_null(strstr(p.item[0].message, "longer"));
	join_string_clear(&out);
	free(line);
}

/* A NUL in the middle ends nothing. */
static void bytes_not_texts(void **state)
{
	static const char bytes[] = "quorate-join-1:e3\0w";
	struct join_string out;
	struct problems p = {0};

	(void)state;
	assert_int_equal(join_string_decode(bytes, sizeof(bytes) - 1, &out, &p), -1);
	assert_non_null(strstr(p.item[0].message, "damaged"));
	join_string_clear(&out);
}

static void the_specification_lists_every_field(void **state)
{
	(void)state;
	char *page = read_page("proto/README.md");
	section_fits(page, &join_string_schema);
	section_fits(page, &join_request_schema);
	free(page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_specification_lists_every_field),
		cmocka_unit_test(what_goes_in_comes_out),
		cmocka_unit_test(a_line_that_would_be_too_long_is_not_made),
		cmocka_unit_test(json_rules),
		cmocka_unit_test(lines_that_are_none),
		cmocka_unit_test(bytes_not_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
