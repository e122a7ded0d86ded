// SPDX-License-Identifier: MIT
/*
 * POST /api/v1/join: the one change that needs no key. A probe shows the secret of its join string
 * and says the token that it will use; whoever guesses learns nothing, not even which probes exist.
 */
#include "coordinator/api/handlers.h"

#include "proto/base/clock.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"

#include <stdlib.h>
#include <string.h>

static void reply_joined(struct api_request *r, const char *probe)
{
	api_reply_json(r, 200, json_pack("{s:s}", "probe", probe));
}

static void joined_cb(void *arg, enum store_error error, const struct id *id UNUSED)
{
	struct api_request *r = arg;

	if (error == STORE_OK)
		reply_joined(r, r->context);
	else
		reply_store_error(r);
}

static void refuse(
	struct api_request *r, const char *probe, int status, const char *type, const char *detail)
{
	if (log_ratelimit("join.refused", 10000) >= 0)
		log_warning("join.refused client=%s name=%s why=%s", r->client_text,
			log_quote(probe), type);
	api_problem(r, status, type, detail, NULL);
}

static void answer(struct api_request *r, const char *probe, enum join_outcome outcome)
{
	switch (outcome) {
	case JOIN_TAKEN:
		break; /* joined_cb */
	case JOIN_AGAIN:
		reply_joined(r, probe);
		break;
	case JOIN_REFUSED:
		refuse(r, probe, 403, "join-refused",
			"no probe of this name waits for this secret; 'quorate probe add NAME' or "
			"'quorate probe token NAME' prints a join string");
		break;
	case JOIN_USED:
		refuse(r, probe, 409, "join-used",
			"this join string was used already, with another token; 'quorate probe "
			"token NAME' prints a new one");
		break;
	case JOIN_EXPIRED:
		refuse(r, probe, 410, "join-expired",
			"this join string is too old; 'quorate probe token NAME' prints a new one");
		break;
	case JOIN_BUSY:
		api_set_header(r, "Retry-After", "1");
		refuse(r, probe, 503, "busy", "the probe is being changed just now; try again");
		break;
	}
}

void handle_join(struct api_request *r)
{
	struct problems problems = {0};
	struct join_request request;
	enum join_outcome outcome;

	if (!join_gate_admit(&r->coordinator->join_gate, &r->client, clock_now_ms())) {
		api_set_header(r, "Retry-After", "1");
		if (log_ratelimit("join.too_many", 10000) >= 0)
			log_warning("join.too_many client=%s", r->client_text);
		api_problem(r, 429, "too-many", "too many probes join just now; try again", NULL);
		return;
	}
	if (schema_decode(&join_request_schema, SCHEMA_STRICT, r->body, &request, &problems) ==
		-1) {
		reply_invalid(r, &problems);
	} else {
		r->context = mem_strdup(request.probe);
		r->context_free = free;
		outcome = registry_join_probe(r->coordinator->registry, &request, joined_cb, r);
		answer(r, request.probe, outcome);
	}
	join_request_clear(&request);
}
