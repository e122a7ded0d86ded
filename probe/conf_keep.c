// SPDX-License-Identifier: MIT
/* SIGHUP: what of a file that was read again has to wait for the next start. */
#include "probe/conf.h"

#include "proto/base/log.h"

#include <string.h>

static void warn_fixed(const char *key, const char *now, const char *wanted)
{
	if (strcmp(now, wanted) != 0)
		log_warning("probe.conf key=%s note=\"takes effect at the next start\"", key);
}

static void keep_coordinator(struct coordinator_conf *wanted, struct coordinator_conf *now)
{
	json_t *a = schema_encode(&coordinator_conf_schema, SCHEMA_STRICT, wanted);
	json_t *b = schema_encode(&coordinator_conf_schema, SCHEMA_STRICT, now);
	warn_fixed("coordinator", "", json_equal(a, b) ? "" : "changed");
	json_decref(a);
	json_decref(b);
	struct coordinator_conf read = *wanted;
	*wanted = *now;
	*now = read;
}

void probe_conf_keep(struct probe_conf *wanted, struct probe_conf *now)
{
	char **pairs[][2] = {{&wanted->name, &now->name},
		{&wanted->report_address, &now->report_address},
		{&wanted->orders_address, &now->orders_address},
		{&wanted->token_file, &now->token_file}, {&wanted->state_dir, &now->state_dir}};
	static const char *const keys[] = {
		"name", "link.report", "link.orders", "token_file", "state_dir"};
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		warn_fixed(keys[i], *pairs[i][1], *pairs[i][0]);
		char *text =
			*pairs[i][0]; /* the agent borrows the old ones: they stay where they are */
		*pairs[i][0] = *pairs[i][1];
		*pairs[i][1] = text;
	}
	keep_coordinator(&wanted->coordinator, &now->coordinator);
}
