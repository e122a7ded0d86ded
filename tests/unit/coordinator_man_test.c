// SPDX-License-Identifier: MIT
/* quorate-coordinator(8) says what the configuration's table says: every key, its default, every
 * signal and option. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "coordinator/conf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *page;

static int read_page(void **state UNUSED)
{
	FILE *file = fopen("coordinator/quorate-coordinator.8", "r");

	page = calloc(1, 1 << 17);
	if (!file || fread(page, 1, (1 << 17) - 1, file) == 0)
		return -1;
	return fclose(file);
}

static int free_page(void **state UNUSED)
{
	free(page);
	return 0;
}

/* What is said about the key NAME: from its item to the next one. */
static const char *find_item(const char *name, char *text, size_t size)
{
	char item[128];
	const char *begin, *end;

	snprintf(item, sizeof(item), "\n.It Cm %s\n", name);
	begin = strstr(page, item);
	if (!begin)
		fail_msg("%s is not in quorate-coordinator.8", name);
	begin += strlen(item);
	end = strstr(begin, "\n.It ");
	snprintf(text, size, "%.*s", (int)(end ? end - begin : (ptrdiff_t)strlen(begin)), begin);
	return text;
}

static void check_keys(const struct schema *schema, const char *prefix)
{
	char name[96], text[4096], value[96];

	for (size_t i = 0; i < schema->n_fields; i++) {
		const struct field *f = &schema->fields[i];
		snprintf(name, sizeof(name), "%s%s", prefix, f->name);
		if (f->type == FIELD_OBJECT) {
			snprintf(name, sizeof(name), "%s%s.", prefix, f->name);
			check_keys(f->sub, name);
			continue;
		}
		find_item(name, text, sizeof(text));
		if (!f->fallback)
			continue;
		snprintf(value, sizeof(value), "%s", f->fallback + (f->fallback[0] == '"'));
		value[strcspn(value, "\"")] = '\0';
		if (!strstr(text, value))
			fail_msg("the default of %s is %s; quorate-coordinator.8 says:\n%s", name,
				value, text);
	}
}

static void every_key_is_there(void **state UNUSED)
{
	check_keys(&coordinator_conf_schema, "");
	check_keys(&channel_conf_schema, "");
}

static bool is_key(const struct schema *schema, const char *prefix, const char *name)
{
	char full[96];

	for (size_t i = 0; i < schema->n_fields; i++) {
		snprintf(full, sizeof(full), "%s%s", prefix, schema->fields[i].name);
		if (strcmp(full, name) == 0)
			return true;
		strcat(full, ".");
		if (schema->fields[i].type == FIELD_OBJECT &&
			is_key(schema->fields[i].sub, full, name))
			return true;
	}
	return false;
}

static void nothing_else_is(void **state UNUSED)
{
	char name[96];

	for (const char *at = page; (at = strstr(at, "\n.It Cm ")); at++) {
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(at + 8, "\n"), at + 8);
		if (!is_key(&coordinator_conf_schema, "", name) &&
			!is_key(&channel_conf_schema, "", name))
			fail_msg("quorate-coordinator.8 has %s, the configuration has not", name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_key_is_there),
		cmocka_unit_test(nothing_else_is),
	};
	return cmocka_run_group_tests(tests, read_page, free_page);
}
