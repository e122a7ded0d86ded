// SPDX-License-Identifier: MIT
/*
 * What a server says before it is trusted: the first byte chooses a protocol's STARTTLS or one of a few
 * dialogues, the second how long the pieces are in which the rest arrives. Whatever comes: bounded
 * memory, an end with a reason, and little said.
 */
#include "probe/dialogue.h"
#include "probe/starttls.h"
#include "proto/base/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define OUT_MAX 4096
#define TEXT(t) ((char *)(uintptr_t)(t))

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static const struct dialogue_step talks[][5] = {
	{{.expect = TEXT("220")}, {.send = {.value = TEXT("QUIT\r\n")}}, {.expect = TEXT("221")}},
	{{.expect_regex = TEXT("^220 ")}, {.send = {.value = TEXT("EHLO x\r\n")}},
		{.expect_regex = TEXT("^250[ -]STARTTLS$")}, {.starttls = true},
		{.expect = TEXT("x")}},
	{{.expect_regex = TEXT("(\\w+\\s?)+:$")}, {.expect = TEXT("aab")}},
	{{.expect_regex = TEXT("在庫|\xc3\xa9+")}, {.expect_regex = TEXT("^$")}},
};
static const size_t steps_of[] = {3, 5, 2, 2};

static void check_starttls(const struct starttls *s, enum starttls_state state)
{
	ensure(s->in.size_bytes <= STARTTLS_MAX_BYTES);
	ensure(state != STARTTLS_READY || s->in.size_bytes == 0);
	if (state != STARTTLS_FAILED)
		return;
	ensure(s->reason == REASON_TLS_STARTTLS_REFUSED ||
		s->reason == REASON_TLS_STARTTLS_UNEXPECTED);
	ensure(*s->detail != '\0' && memchr(s->detail, '\0', sizeof(s->detail)) != NULL);
}

static void run_starttls(enum starttls_protocol p, const uint8_t *data, size_t n, size_t piece)
{
	struct starttls s;
	struct buf out;
	buf_init(&out, OUT_MAX);
	starttls_init(&s, p, "host.test");
	enum starttls_state state = starttls_take(&s, NULL, 0, &out);
	for (size_t at = 0; at < n && state == STARTTLS_WAIT; at += piece) {
		size_t more = n - at < piece ? n - at : piece;
		uint8_t *copy =
			mem_alloc(more); /* of its exact size, so that a byte too far is seen */
		memcpy(copy, data + at, more);
		state = starttls_take(&s, copy, more, &out);
		free(copy);
		check_starttls(&s, state);
	}
	ensure(out.size_bytes < 512);
	starttls_clear(&s);
	buf_clear(&out);
}

static void run_dialogue(size_t talk, const uint8_t *data, size_t n, size_t piece)
{
	struct list steps = {.item = (void *)(uintptr_t)talks[talk], .n = steps_of[talk]};
	struct dialogue d;
	struct buf out;
	buf_init(&out, OUT_MAX);
	dialogue_init(&d, &steps, 5000);
	enum dialogue_state state = dialogue_take(&d, NULL, 0, &out);
	for (size_t at = 0; at < n && (state == DIALOGUE_WAIT || state == DIALOGUE_TLS);
		at += piece) {
		size_t more = n - at < piece ? n - at : piece;
		uint8_t *copy = mem_alloc(more);
		memcpy(copy, data + at, more);
		state = dialogue_take(&d, copy, more, &out);
		free(copy);
		ensure(d.in.size_bytes <= 5000 && d.looked <= d.in.size_bytes && d.at <= d.n_steps);
	}
	ensure(state != DIALOGUE_DONE || d.at == d.n_steps);
	if (state == DIALOGUE_WAIT || state == DIALOGUE_TLS)
		(void)dialogue_give_up(&d, n % 2 == 0);
	if (state != DIALOGUE_DONE)
		ensure(d.reason != REASON_OK && *d.detail != '\0' &&
			d.reason != REASON_INTERNAL_ERROR);
	dialogue_clear(&d);
	buf_clear(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
	if (size_bytes < 2)
		return 0;
	size_t which = data[0] % (STARTTLS_COUNT + ARRAY_LEN(talks));
	size_t piece = data[1] == 0 ? size_bytes : data[1];
	if (which < STARTTLS_COUNT)
		run_starttls((enum starttls_protocol)which, data + 2, size_bytes - 2, piece);
	else
		run_dialogue(which - STARTTLS_COUNT, data + 2, size_bytes - 2, piece);
	return 0;
}
