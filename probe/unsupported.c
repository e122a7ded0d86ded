// SPDX-License-Identifier: MIT
#include "probe/unsupported.h"

#include "proto/base/mem.h"
#include "proto/monitor.h"

int unsupported_read(const json_t *in, struct monitor *out)
{
	static const char *const kept[] = {
		"id", "revision", "organization", "name", "interval", "timeout"};
	struct problems problems = {0};
	json_t *rest = json_pack("{ssss}", "type", "tcp", "target", "unknown:1");
	for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
		json_t *value = json_object_get(in, kept[i]);
		if (value != NULL)
			json_object_set(rest, kept[i], value);
	}
	int error = monitor_decode(rest, SCHEMA_WIRE, "", out, &problems);
	json_decref(rest);
	return error;
}

char *unsupported_words(const struct problems *problems)
{
	return mem_printf("this probe, of version %s, does not know all of the monitor: %s: %s",
		QUORATE_VERSION, problems->item[0].path, problems->item[0].message);
}
