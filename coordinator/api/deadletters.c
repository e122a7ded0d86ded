// SPDX-License-Identifier: MIT
/* Messages that no channel would take, newest first: what the operator has to look at. */
#include "coordinator/api/handlers.h"

static void dead_cb(void *arg, enum store_error error, const json_t *list)
{
	if (error == STORE_FAILED || !list)
		api_problem(arg, 503, "store", "the store cannot be read now", NULL);
	else
		reply_list(arg, json_incref((json_t *)(uintptr_t)list), NULL);
}

void handle_deadletters(struct api_request *r)
{
	int64_t limit;

	if (query_int(r, "limit", 1, PAGE_MAX, PAGE_DEFAULT, &limit))
		store_query_dead(r->coordinator->store, (int)limit, dead_cb, r);
}
