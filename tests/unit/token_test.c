// SPDX-License-Identifier: MIT
/* The token file: what is accepted, what is refused, and that the refusal says what to do but not
 * the secret. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "probe/token.h"
#include "quorate/limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECRET "abcdefghijklmnop-SECRET"

static char path[64] = "/tmp/qtoken-XXXXXX";

static int set_up(void **state)
{
	(void)state;
	strcpy(path, "/tmp/qtoken-XXXXXX");
	int fd = mkstemp(path);
	assert_int_not_equal(fd, -1);
	close(fd);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	return unlink(path);
}

static void fill(const char *text, size_t size_bytes, mode_t mode)
{
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, size_bytes, f), size_bytes);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static void contents_are_judged(void **state)
{
	(void)state;
	char longest[TOKEN_MAX_BYTES + 2], too_long[TOKEN_MAX_BYTES + 3];
	memset(longest, 'x', sizeof longest);
	strcpy(longest + TOKEN_MAX_BYTES, "\n");
	memset(too_long, 'x', sizeof too_long);
	strcpy(too_long + TOKEN_MAX_BYTES + 1, "\n");
	const struct {
		const char *text;
		size_t token_bytes; /* 0: refused */
	} table[] = {
		{SECRET "\n", strlen(SECRET)},
		{SECRET "\r\n", strlen(SECRET)},
		{SECRET, strlen(SECRET)},
		{SECRET "\nsecond line\n", strlen(SECRET)},
		{"0123456789abcdef", 16},
		{"0123456789abcde", 0},
		{longest, TOKEN_MAX_BYTES},
		{too_long, 0},
		{"", 0},
		{"\n" SECRET, 0},
		{"with a space inside", 0},
		{"with\ta tab inside..", 0},
		{"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9", 0},
	};
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		char why[TOKEN_WHY_SIZE] = "", *token = NULL;
		fill(table[i].text, strlen(table[i].text), 0600);
		int expected = table[i].token_bytes ? 0 : -1;
		if (token_read(path, &token, why) != expected)
			fail_msg("row %zu: %s", i, why);
		if (expected == 0) {
			assert_int_equal(strlen(token), table[i].token_bytes);
		} else {
			assert_null(token);
			assert_non_null(strstr(why, path));
			assert_null(strstr(why, "SECRET"));
		}
		token_free(token);
	}
}

static void others_must_have_no_access(void **state)
{
	(void)state;
	const struct {
		mode_t mode;
		int expected;
	} table[] = {{0600, 0}, {0400, 0}, {0700, 0}, {0640, -1}, {0604, -1}, {0620, -1},
		{0602, -1}, {0644, -1}};
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		char why[TOKEN_WHY_SIZE] = "", *token = NULL, command[128];
		fill(SECRET, strlen(SECRET), table[i].mode);
		if (token_read(path, &token, why) != table[i].expected)
			fail_msg("mode %o: %s", (unsigned)table[i].mode, why);
		snprintf(command, sizeof command, "chmod 600 %s", path);
		if (table[i].expected)
			assert_non_null(strstr(why, command));
		token_free(token);
	}
}

static void what_is_no_file_is_refused(void **state)
{
	(void)state;
	char why[TOKEN_WHY_SIZE] = "", *token = NULL;
	assert_int_equal(token_read("/tmp", &token, why), -1);
	assert_non_null(strstr(why, "not a regular file"));
	assert_int_equal(token_read("/nonexistent/token", &token, why), -1);
	assert_non_null(strstr(why, "/nonexistent/token"));
	assert_null(token);
}

/* systemd's access list shows as a group bit; what others can read is refused even there. */
static void what_was_handed_over_may_be_readable_by_a_group(void **state)
{
	(void)state;
	char *token = NULL, why[TOKEN_WHY_SIZE];
	fill(SECRET "\n", strlen(SECRET) + 1, 0440);
	assert_int_equal(token_read(path, &token, why), -1);
	setenv("CREDENTIALS_DIRECTORY", "/tmp", 1);
	assert_int_equal(token_read(strrchr(path, '/') + 1, &token, why), 0);
	assert_string_equal(token, SECRET);
	token_free(token);
	assert_int_equal(chmod(path, 0444), 0);
	assert_int_equal(token_read(path, &token, why), -1);
	unsetenv("CREDENTIALS_DIRECTORY");
}

/* What monitors name: longer than a token, and of any lines. */
static void values_of_secrets(void **state)
{
	(void)state;
	char longest[SECRET_VALUE_MAX_BYTES + 2], too_long[SECRET_VALUE_MAX_BYTES + 3];
	memset(longest, 'x', sizeof longest);
	strcpy(longest + SECRET_VALUE_MAX_BYTES, "\n");
	memset(too_long, 'x', sizeof too_long);
	strcpy(too_long + SECRET_VALUE_MAX_BYTES + 1, "\n");
	const struct {
		const char *text;
		size_t bytes; /* 0: refused */
	} table[] = {{"Bearer abc\n", 10}, {"two\nlines\n\n", 10}, {"abcd", 4}, {"abc\n", 0},
		{"\n", 0}, {"pass\xff", 0}, {longest, SECRET_VALUE_MAX_BYTES}, {too_long, 0}};
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		char why[TOKEN_WHY_SIZE], *value = NULL;
		fill(table[i].text, strlen(table[i].text), 0600);
		int result = secret_value_read("secret file", path, &value, why);
		if (result != (table[i].bytes ? 0 : -1))
			fail_msg("case %zu: %s", i, result ? why : value);
		if (result == 0)
			assert_int_equal(strlen(value), table[i].bytes);
		else
			assert_non_null(strstr(why, path));
		token_free(value);
	}
	char why[TOKEN_WHY_SIZE], *value = NULL;
	fill("with\0NUL", 8, 0600);
	assert_int_equal(secret_value_read("secret file", path, &value, why), -1);
	fill("password", 8, 0640);
	assert_int_equal(secret_value_read("secret file", path, &value, why), -1);
	assert_non_null(strstr(why, "chmod 600"));
	assert_null(strstr(why, "password"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(values_of_secrets, set_up, tear_down),
		cmocka_unit_test_setup_teardown(contents_are_judged, set_up, tear_down),
		cmocka_unit_test_setup_teardown(others_must_have_no_access, set_up, tear_down),
		cmocka_unit_test(what_is_no_file_is_refused),
		cmocka_unit_test_setup_teardown(
			what_was_handed_over_may_be_readable_by_a_group, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
