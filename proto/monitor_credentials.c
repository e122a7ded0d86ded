// SPDX-License-Identifier: MIT
/* A monitor's credentials: which there are, which secrets they name, and which had better name one.
 */
#include "proto/monitor_internal.h"

#include <string.h>
#include <strings.h>

void monitor_each_credential(const struct monitor *m, const char *path, credential_fn fn, void *arg)
{
	schema_each_credential(&monitor_schema, (void *)(uintptr_t)m, path, fn, arg);
}

struct search {
	const char *name;
	bool found;
};

static void look(void *arg, const struct credential_place *at)
{
	struct search *search = arg;

	search->found |= at->secret != NULL && strcmp(secret_name_short(at->secret),
						       secret_name_short(search->name)) == 0;
}

bool monitor_uses_secret(const struct monitor *m, const char *name)
{
	struct search search = {.name = name};

	monitor_each_credential(m, "", look, &search);
	return search.found;
}

static void warn(void *arg, const struct credential_place *at)
{
	const char *const *name = at->field->sensitive;

	bool whole = (at->field->flags & FIELD_SECRET) != 0;

	if (at->secret != NULL || (at->member == NULL && !whole))
		return;
	while (!whole && name != NULL && *name != NULL && strcasecmp(*name, at->member) != 0)
		name++;
	if (whole || (name != NULL && *name != NULL))
		problems_add(arg, at->path,
			"a credential stands here as it is; better keep it apart: 'quorate secret "
			"set NAME', and {secret: NAME} here");
}

void monitor_warn(const struct monitor *m, const char *path, struct problems *warnings)
{
	monitor_each_credential(m, path, warn, warnings);
}
