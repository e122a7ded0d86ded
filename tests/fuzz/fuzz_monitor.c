// SPDX-License-Identifier: MIT
/*
 * Any JSON as a monitor, from people and from the wire: taken or refused with a sentence, and what is taken comes back
 * the same after being encoded. The same for results.
 */
#include "proto/base/mem.h"
#include "proto/monitor.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_problems(const struct problems *p)
{
	ensure(p->total > 0 && p->n > 0);
	for (size_t i = 0; i < p->n; i++) {
		json_t *text = json_string(p->item[i].message); /* NULL: not UTF-8 */

		ensure(text != NULL && p->item[i].message[0] != '\0');
		json_decref(text);
	}
}

static void try_monitor(const json_t *in, unsigned flags)
{
	struct problems problems = {.n = 0};
	struct monitor m, back;
	json_t *first, *second;

	if (monitor_decode(in, flags, "", &m, &problems) == -1) {
		check_problems(&problems);
		monitor_clear(&m);
		return;
	}
	first = monitor_encode(&m, flags);
	ensure(monitor_decode(first, flags, "", &back, &problems) == 0);
	second = monitor_encode(&back, flags);
	ensure(json_equal(first, second) && monitor_same_check(&m, &back));
	json_decref(first);
	json_decref(second);
	monitor_clear(&m);
	monitor_clear(&back);
}

static void try_result(const json_t *in)
{
	struct problems problems = {.n = 0};
	struct result r, back;
	json_t *first, *second;

	if (schema_decode(&result_schema, SCHEMA_WIRE, in, &r, &problems) == -1) {
		check_problems(&problems);
		result_clear(&r);
		return;
	}
	first = schema_encode(&result_schema, SCHEMA_WIRE, &r);
	ensure(schema_decode(&result_schema, SCHEMA_WIRE, first, &back, &problems) == 0);
	second = schema_encode(&result_schema, SCHEMA_WIRE, &back);
	ensure(json_equal(first, second));
	json_decref(first);
	json_decref(second);
	result_clear(&r);
	result_clear(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *in = json_loadb((const char *)data, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);

	if (in == NULL)
		return 0;
	try_monitor(in, SCHEMA_STRICT);
	try_monitor(in, SCHEMA_WIRE);
	try_result(in);
	json_decref(in);
	return 0;
}
