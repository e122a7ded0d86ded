// SPDX-License-Identifier: MIT
/* Buffers and small allocations: growth, ceilings, ownership. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "proto/base/buf.h"
#include "proto/base/mem.h"

#include <stdlib.h>
#include <string.h>

static void holds_its_ceiling(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 10);
	assert_string_equal(buf_text(&b), "");
	assert_int_equal(buf_add(&b, "0123456789", 10), 0);
	assert_int_equal(buf_add(&b, "x", 1), -1);
	assert_int_equal(buf_printf(&b, "%d", 1), -1);
	assert_int_equal(buf_add(&b, "", 0), 0);
	assert_int_equal(buf_add(&b, "x", SIZE_MAX), -1);
	assert_string_equal(buf_text(&b), "0123456789");
	buf_reset(&b);
	assert_int_equal(buf_printf(&b, "%s", "01234567890"), -1);
	assert_string_equal(buf_text(&b), "");
	assert_int_equal(buf_printf(&b, "%s-%d", "a", 7), 0);
	assert_string_equal(buf_text(&b), "a-7");
	buf_clear(&b);
	assert_int_equal(buf_add(&b, "again", 5), 0);
	assert_string_equal(buf_text(&b), "again");
	buf_clear(&b);
}

static void grows_and_is_taken(void **state)
{
	struct buf b;
	char *text;

	(void)state;
	buf_init(&b, 100000);
	for (int i = 0; i < 100000; i++)
		assert_int_equal(buf_add(&b, "x", 1), 0);
	assert_int_equal(buf_add(&b, "x", 1), -1);
	text = buf_take(&b);
	assert_int_equal(strlen(text), 100000);
	free(text);
	assert_int_equal(b.size_bytes, 0);
	text = buf_take(&b);
	assert_string_equal(text, "");
	free(text);
}

static void holds_bytes(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 10);
	assert_int_equal(buf_add(&b, "a\0b", 3), 0);
	assert_int_equal(b.size_bytes, 3);
	assert_memory_equal(b.data, "a\0b", 4);
	buf_clear(&b);
}

static void memory_is_zeroed_and_replaced(void **state)
{
	char *text = mem_strdup("one"), *part;
	int *numbers = mem_array(4, sizeof(*numbers));

	(void)state;
	assert_int_equal(numbers[3], 0);
	numbers = mem_resize(numbers, 8, sizeof(*numbers));
	free(numbers);
	mem_set(&text, text + 1); /* a part of itself */
	assert_string_equal(text, "ne");
	mem_set(&text, NULL);
	assert_null(text);
	assert_null(mem_strdup(NULL));
	assert_null(mem_strndup(NULL, 3));
	part = mem_strndup("abc", 2);
	assert_string_equal(part, "ab");
	free(part);
	part = mem_printf("%d %s", 1, "x");
	assert_string_equal(part, "1 x");
	free(part);
	free(mem_alloc(0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(holds_its_ceiling),
		cmocka_unit_test(grows_and_is_taken), cmocka_unit_test(holds_bytes),
		cmocka_unit_test(memory_is_zeroed_and_replaced)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
