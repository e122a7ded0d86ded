// SPDX-License-Identifier: MIT
/* Dialogues: steps against what a server says, whole and byte by byte. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "probe/dialogue.h"
#include "proto/base/clock.h"
#include "proto/base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEPS 4
#define EXPECT(t)                                                                                  \
	{                                                                                          \
		.expect = (char *)(uintptr_t)(t)                                                   \
	}
#define REGEX(t)                                                                                   \
	{                                                                                          \
		.expect_regex = (char *)(uintptr_t)(t)                                             \
	}
#define SEND(t)                                                                                    \
	{                                                                                          \
		.send = {.value = (char *)(uintptr_t)(t) }                                         \
	}
#define TLS                                                                                        \
	{                                                                                          \
		.starttls = true                                                                   \
	}

static const struct talk {
	struct dialogue_step steps[STEPS];
	size_t n;
	const char *server;
	enum dialogue_state state;
	const char *said;
	const char *code,
		*detail; /* of a failure; when it waits for more: of giving up at the end */
} talks[] = {
	{{EXPECT("220")}, 1, "220 hi\r\n", DIALOGUE_DONE, "", NULL, NULL},
	{{EXPECT("220"), SEND("QUIT\r\n"), EXPECT("221")}, 3, "220 hi\r\n221 bye\r\n",
		DIALOGUE_DONE, "QUIT\r\n", NULL, NULL},
	{{SEND("a"), SEND("b"), SEND("c\r\n")}, 3, "", DIALOGUE_DONE, "abc\r\n", NULL, NULL},
	{{EXPECT("a"), EXPECT("a"), EXPECT("b")}, 3, "xaab", DIALOGUE_DONE, "", NULL, NULL},
	{{EXPECT("b"), EXPECT("a")}, 2, "ab", DIALOGUE_WAIT, "", "tcp.closed_early",
		"before \"a\" came (step 2): nothing did"},
	{{EXPECT("220")}, 1, "554 go away\r\nbye\r\n", DIALOGUE_WAIT, "", "content.missing",
		"before \"220\" came (step 1); instead: \"554 go away\""},
	{{EXPECT("220")}, 1, "", DIALOGUE_WAIT, "", "tcp.closed_early", "nothing did"},
	/* a line matches; the others are passed over */
	{{REGEX("^220 "), SEND("EHLO x\r\n"), REGEX("^250 ")}, 3,
		"220-a\r\n220 b\r\n250-STARTTLS\r\n250 HELP\r\n", DIALOGUE_DONE, "EHLO x\r\n", NULL,
		NULL},
	{{REGEX("^220 .*b$"), REGEX("^250-STARTTLS$")}, 2, "220 b\r\n250-STARTTLS\r\n",
		DIALOGUE_DONE, "", NULL, NULL},
	{{REGEX("^SSH-2\\.0-")}, 1, "Welcome\r\nSSH-2.0-x\r\n", DIALOGUE_DONE, "", NULL, NULL},
	{{REGEX("^b")}, 1, "ab\r\nab", DIALOGUE_WAIT, "", "content.missing", "before /^b/ came"},
	{{REGEX("login: $"), SEND("me\r\n")}, 2, "Debian\r\n\r\nlogin: ", DIALOGUE_DONE, "me\r\n",
		NULL, NULL}, /* a prompt */
	{{REGEX("^x*$")}, 1, "", DIALOGUE_WAIT, "", "tcp.closed_early", "nothing did"},
	{{EXPECT("\xe5\x9c\xa8"), REGEX("庫$")}, 2, "在庫\n", DIALOGUE_DONE, "", NULL, NULL},
	/* TLS begins, and the rest comes after it */
	{{REGEX("^220 "), TLS}, 2, "220 go\r\n", DIALOGUE_TLS, "", NULL, NULL},
	{{REGEX("^220 "), TLS}, 2, "220 go\r\nmore\r\nmore", DIALOGUE_FAILED, "",
		"tls.starttls_unexpected", "more in plain text before TLS begins (step 2)"},
	{{{.send = {.secret = (char *)(uintptr_t) "not/here"}}}, 1, "", DIALOGUE_FAILED, "",
		"internal.error", "step 1: nothing to send"},
};

static enum dialogue_state feed(
	struct dialogue *d, const char *server, size_t n, size_t piece, struct buf *out)
{
	enum dialogue_state state = dialogue_take(d, NULL, 0, out);
	for (size_t at = 0; at < n && state == DIALOGUE_WAIT;) {
		size_t more = n - at < piece ? n - at : piece;
		char *copy = mem_alloc(more); /* of its exact size */
		memcpy(copy, server + at, more);
		state = dialogue_take(d, copy, more, out);
		free(copy);
		at += more;
	}
	return state;
}

static void run(const struct talk *c, size_t i, size_t piece)
{
	struct dialogue d;
	struct buf out;
	struct list steps = {.item = (void *)(uintptr_t)c->steps, .n = c->n};
	buf_init(&out, 8192);
	dialogue_init(&d, &steps, 1000);
	enum dialogue_state state = feed(&d, c->server, strlen(c->server), piece, &out);
	if (state != c->state)
		fail_msg("talk %zu: state %d (%s)", i, (int)state, d.detail);
	assert_string_equal(buf_text(&out), c->said);
	if (state == DIALOGUE_WAIT)
		(void)dialogue_give_up(&d, true);
	if (c->code != NULL && (strcmp(reason_code(d.reason), c->code) != 0 ||
				       strstr(d.detail, c->detail) == NULL))
		fail_msg("talk %zu: %s, %s", i, reason_code(d.reason), d.detail);
	dialogue_clear(&d);
	buf_clear(&out);
}

static void steps_are_taken(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(talks); i++)
		run(&talks[i], i, SIZE_MAX);
}

static void byte_by_byte(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(talks); i++)
		if (talks[i].code == NULL || strstr(talks[i].code, "starttls") == NULL)
			run(&talks[i], i, 1);
}

static void time_that_is_over_is_told(void **state)
{
	struct dialogue_step steps[] = {EXPECT("220")};
	struct list list = {steps, 1};
	struct dialogue d;
	struct buf out;
	(void)state;
	buf_init(&out, 100);
	dialogue_init(&d, &list, 1000);
	assert_int_equal(feed(&d, "421 busy", 8, 3, &out), DIALOGUE_WAIT);
	assert_int_equal(dialogue_give_up(&d, false), REASON_CONTENT_TIMEOUT);
	assert_string_equal(
		d.detail, "the time was over before \"220\" came (step 1); instead: \"421 busy\"");
	assert_int_equal(d.excerpt_bytes, 8);
	dialogue_clear(&d);
	buf_clear(&out);
}

static void more_than_the_ceiling_is_not_read(void **state)
{
	struct dialogue_step steps[] = {EXPECT("needle"), REGEX("needle$")};
	char *hay = mem_alloc(4000);
	struct buf out;
	(void)state;
	memset(hay, 'x', 4000);
	buf_init(&out, 100);
	for (size_t i = 0; i < 2; i++) {
		for (size_t piece = 1; piece <= 4000; piece = piece * 7 + 1) {
			struct list list = {&steps[i], 1};
			struct dialogue d;
			dialogue_init(&d, &list, 1000);
			assert_int_equal(feed(&d, hay, 4000, piece, &out), DIALOGUE_FAILED);
			assert_string_equal(reason_code(d.reason), "content.missing");
			assert_non_null(
				strstr(d.detail, "not among the first 1000 bytes (step 1)"));
			assert_true(d.in.room_bytes <= 2048);
			dialogue_clear(&d);
		}
	}
	/* just within it */
	memcpy(hay + 994, "needle", 6);
	for (size_t piece = 1; piece <= 4000; piece = piece * 7 + 1) {
		struct list list = {&steps[0], 1};
		struct dialogue d;
		dialogue_init(&d, &list, 1000);
		assert_int_equal(feed(&d, hay, 1000, piece, &out), DIALOGUE_DONE);
		dialogue_clear(&d);
	}
	buf_clear(&out);
	free(hay);
}

/* One byte at a time without a line's end, against a pattern that takes long: the budget holds. */
static void a_pattern_gives_up(void **state)
{
	struct dialogue_step steps[] = {REGEX("(a+)+[bc]$")};
	struct list list = {steps, 1};
	char hay[2000];
	struct dialogue d;
	struct buf out;
	int64_t began_us = clock_now_us();
	(void)state;
	memset(hay, 'a', sizeof(hay));
	buf_init(&out, 100);
	dialogue_init(&d, &list, 65536);
	assert_int_equal(feed(&d, hay, sizeof(hay), 1, &out), DIALOGUE_FAILED);
	assert_string_equal(reason_code(d.reason), "content.pattern");
	assert_true(clock_now_us() - began_us < 2000000);
	dialogue_clear(&d);
	buf_clear(&out);
}

static void the_banner_is_the_first_line(void **state)
{
	struct dialogue_step steps[] = {EXPECT("second")};
	struct list list = {steps, 1};
	(void)state;
	for (size_t piece = 1; piece < 20; piece++) {
		struct dialogue d;
		struct buf out;
		buf_init(&out, 100);
		dialogue_init(&d, &list, 1000);
		assert_int_equal(
			feed(&d, "220 first\r\nsecond\r\n", 19, piece, &out), DIALOGUE_DONE);
		assert_int_equal(d.banner_bytes, 9);
		assert_memory_equal(d.banner, "220 first", 9);
		dialogue_clear(&d);
		buf_clear(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(steps_are_taken),
		cmocka_unit_test(byte_by_byte),
		cmocka_unit_test(time_that_is_over_is_told),
		cmocka_unit_test(more_than_the_ceiling_is_not_read),
		cmocka_unit_test(a_pattern_gives_up),
		cmocka_unit_test(the_banner_is_the_first_line),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
