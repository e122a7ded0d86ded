// SPDX-License-Identifier: MIT
/* The table of reasons, as functions. */
#include "quorate/reason.h"
#include "proto/base/mem.h"

#include <string.h>

static const struct {
	const char *code;
	enum reason_class class;
	const char *en, *ja;
} table[] = {
#define REASON_ROW(e, code, class, en, ja) {code, REASON_CLASS_##class, en, ja},
	REASON_TABLE(REASON_ROW)
#undef REASON_ROW
};

const char *const reason_class_names[] = {"ok", "down", "warning", "internal", NULL};

static void check_range(enum reason reason)
{
	ensure((unsigned)reason < REASON_COUNT);
}

const char *reason_code(enum reason reason)
{
	check_range(reason);
	return table[reason].code;
}

enum reason_class reason_class(enum reason reason)
{
	check_range(reason);
	return table[reason].class;
}

const char *reason_text_en(enum reason reason)
{
	check_range(reason);
	return table[reason].en;
}

const char *reason_text_ja(enum reason reason)
{
	check_range(reason);
	return table[reason].ja;
}

enum reason reason_find(const char *code)
{
	int i = 0;

	while (i < REASON_COUNT && strcmp(table[i].code, code) != 0)
		i++;
	return (enum reason)i;
}
