// SPDX-License-Identifier: MIT
/* Log lines: form, levels, quoting, rate limit. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "proto/base/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int saved = -1, pipes[2];
static char line[8192];

static int capture(void **state)
{
	(void)state;
	unsetenv("JOURNAL_STREAM");
	saved = dup(STDERR_FILENO);
	return pipe(pipes) == 0 && dup2(pipes[1], STDERR_FILENO) != -1 ? 0 : -1;
}

static int release(void **state)
{
	(void)state;
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(pipes[0]);
	close(pipes[1]);
	log_set_level(LOG_LEVEL_INFO);
	return 0;
}

/* What was written since the last call. */
static const char *written(void)
{
	ssize_t n;

	if (write(STDERR_FILENO, "|", 1) != 1) /* so that there is something to read */
		return "";
	n = read(pipes[0], line, sizeof(line) - 1);
	line[n > 0 ? n - 1 : 0] = '\0';
	return line;
}

static void a_line_is_logfmt(void **state)
{
	(void)state;
	log_warning("probe.lost name=%s silent_ms=%d", log_quote("to\"kyo"), 5);
	assert_non_null(strstr(
		written(), "Z level=warning msg=probe.lost name=\"to\\\"kyo\" silent_ms=5\n"));
	assert_int_equal(strncmp(line, "<4>ts=", 6), 0);
	setenv("JOURNAL_STREAM", "8:1", 1);
	log_error("a");
	assert_string_equal(written(), "<3>level=error msg=a\n");
	errno = ENOENT;
	log_errno("open path=%s", log_quote("/x"));
	assert_string_equal(written(),
		"<3>level=error msg=open path=\"/x\" errno=\"No such file or directory\"\n");
	unsetenv("JOURNAL_STREAM");
}

static void levels_are_held(void **state)
{
	enum log_level level;

	(void)state;
	log_debug("no");
	assert_string_equal(written(), "");
	assert_int_equal(log_level_parse("debug", &level), 0);
	log_set_level(level);
	log_debug("yes");
	assert_non_null(strstr(written(), "msg=yes"));
	log_set_level(LOG_LEVEL_ERROR);
	log_warning("no");
	assert_string_equal(written(), "");
	assert_int_equal(log_level_parse("loud", &level), -1);
}

static void nobody_can_forge_a_line(void **state)
{
	char *longest = malloc(5000);

	(void)state;
	log_info("a=%s", "x\nlevel=error msg=forged");
	written();
	assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
	memset(longest, 'x', 4999);
	longest[4999] = '\0';
	log_info("%s", longest);
	assert_in_range(strlen(written()), 1000, 2048);
	assert_int_equal(line[strlen(line) - 1], '\n');
	free(longest);
}

static void quotes_are_safe_and_short(void **state)
{
	static const char *const cases[][2] = {{"a", "\"a\""}, {NULL, "\"\""},
		{"a\tb\n", "\"a\\x09b\\x0a\""}, {"\\\"", "\"\\\\\\\"\""}, {"あ", "\"あ\""},
		{"\xff", "\"\\xff\""}, {"\xc2\x9b", "\"\\xc2\\x9b\""}, {"\x7f", "\"\\x7f\""}};
	char many[500];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_string_equal(log_quote(cases[i][0]), cases[i][1]);
	memset(many, '\x01', sizeof(many) - 1);
	many[sizeof(many) - 1] = '\0';
	assert_in_range(strlen(log_quote(many)), 100, 207);
	assert_ptr_not_equal(log_quote("a"), log_quote("b"));
}

static void repeats_are_counted(void **state)
{
	(void)state;
	assert_int_equal(log_ratelimit("a", 3600000), 0);
	assert_int_equal(log_ratelimit("a", 3600000), -1);
	assert_int_equal(log_ratelimit("a", 3600000), -1);
	assert_int_equal(log_ratelimit("b", 3600000), 0);
	assert_int_equal(log_ratelimit("a", 0), 2);
	assert_int_equal(log_ratelimit("a", 0), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, capture, release)
	const struct CMUnitTest tests[] = {TEST(a_line_is_logfmt), TEST(levels_are_held),
		TEST(nobody_can_forge_a_line), TEST(quotes_are_safe_and_short),
		TEST(repeats_are_counted)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
