// SPDX-License-Identifier: MIT
/* Probes: registered here (the token is told once), and how each is doing. */
#include "coordinator/api/handlers.h"

#include "coordinator/json.h"
#include "proto/base/mem.h"
#include "quorate/duration.h"

#include <stdlib.h>
#include <string.h>

/* What the probe last said of itself; null: nothing yet. */
static json_t *announced_json(const struct probe *probe)
{
	if (probe->announced_wall_ms == UNSET)
		return json_null();
	return schema_encode(&capabilities_schema, SCHEMA_FULL, &probe->announced);
}

static json_t *probe_json(struct coordinator *c, const struct probe *probe)
{
	json_t *out = schema_encode(&probe_schema, SCHEMA_REDACT, probe);
	struct fleet_facts facts;

	fleet_facts(c->fleet, probe, &facts);
	json_object_set_new(out, "drained", json_boolean(probe->drained));
	json_object_set_new(out, "standing", json_string(standing_names[facts.standing]));
	json_object_set_new(out, "heard_at", json_time(facts.heard_wall_ms));
	json_set_text(out, "software", facts.software);
	json_object_set_new(out, "monitors", json_integer(facts.monitors));
	json_object_set_new(out, "results", json_integer(facts.results));
	json_object_set_new(out, "spooled", json_integer(facts.spooled));
	json_object_set_new(out, "dropped", json_integer(facts.dropped));
	json_set_text(out, "spool_error", facts.spool_error);
	json_object_set_new(out, "self_test", json_string(self_test_names[facts.self_test]));
	json_object_set_new(out, "held_back", json_boolean(facts.held));
	json_object_set_new(out, "held_back_ms", json_integer(facts.held_ms));
	json_object_set_new(out, "refused_messages", json_integer(facts.refused));
	json_object_set_new(out, "loop_lag_ms", json_integer(facts.loop_lag_us / 1000));
	json_object_set_new(out, "capabilities", announced_json(probe));
	return out;
}

void handle_probes_list(struct api_request *r)
{
	struct coordinator *c = r->coordinator;
	const char *region = api_query(r, "region");
	struct fleet_facts facts;
	json_t *items;
	int standing;

	if (!query_enum(r, "standing", standing_names, &standing))
		return;
	items = json_array();
	for (struct probe *p = NULL; (p = registry_next_probe(c->registry, p));) {
		fleet_facts(c->fleet, p, &facts);
		if (registry_sees(caller_organization(r), p->organization) &&
			(!region || strcmp(p->region, region) == 0) &&
			(standing < 0 || facts.standing == (enum standing)standing))
			json_array_append_new(items, probe_json(c, p));
	}
	reply_list(r, items, NULL);
}

static struct probe *find_probe(struct api_request *r)
{
	struct probe *probe = registry_probe(r->coordinator->registry, r->params[0]);

	if (probe && !registry_sees(caller_organization(r), probe->organization))
		probe = NULL;
	if (!probe)
		reply_not_found(r, "probe");
	return probe;
}

void handle_probe_get(struct api_request *r)
{
	const struct probe *probe = find_probe(r);

	if (probe)
		api_reply_json(r, 200, probe_json(r->coordinator, probe));
}

/* ---- a token, made before the commit and told after it */

static void free_secrets(void *context)
{
	explicit_bzero(context, sizeof(struct probe_secrets));
	free(context);
}

/* Where the registry puts them; NULL after answering what is wrong with ?valid=. */
static struct probe_secrets *new_secrets(struct api_request *r)
{
	const char *valid = api_query(r, "valid");
	struct problems problems = {0};
	struct probe_secrets *secrets;
	int64_t valid_ms = JOIN_VALID_MS;

	if (valid && (duration_parse(valid, &valid_ms) == -1 || valid_ms < JOIN_VALID_MIN_MS ||
			     valid_ms > JOIN_VALID_MAX_MS))
		problems_add(
			&problems, "valid", "'%s'; accepted: a duration from 1s to 30d", valid);
	else if (valid && !r->coordinator->join)
		problems_add(&problems, "valid",
			"this coordinator has no door, and so makes no join strings; see 'door' in "
			"quorate-coordinator(8)");
	if (problems.total) {
		reply_invalid(r, &problems);
		return NULL;
	}
	secrets = mem_alloc(sizeof(*secrets));
	secrets->valid_ms = r->coordinator->join ? valid_ms : 0;
	r->context = secrets;
	r->context_free = free_secrets;
	return secrets;
}

static void set_join(json_t *out, const struct coordinator *c, const struct probe *probe,
	const struct probe_secrets *secrets)
{
	char *line;

	if (!c->join || secrets->valid_ms == 0)
		return;
	line = join_place_line(c->join, &(struct join_who){.probe = probe->name,
						.organization = probe->organization,
						.secret = secrets->join,
						.expires_wall_ms = secrets->expires_wall_ms});
	json_object_set_new(out, "join", json_string(line));
	explicit_bzero(line, strlen(line));
	free(line);
}

static struct probe *probe_by_id(struct registry *registry, const struct id *id)
{
	for (struct probe *p = NULL; (p = registry_next_probe(registry, p));)
		if (id_equal(&p->id, id))
			return p;
	return NULL;
}

static void answer_token(
	struct api_request *r, enum store_error error, const struct id *id, int status)
{
	struct probe *probe = error == STORE_OK ? probe_by_id(r->coordinator->registry, id) : NULL;
	const struct probe_secrets *secrets = r->context;
	char *location;
	json_t *out;

	if (!probe) {
		reply_store_error(r);
		return;
	}
	out = probe_json(r->coordinator, probe);
	json_object_set_new(out, "token", json_string(secrets->token));
	set_join(out, r->coordinator, probe, secrets);
	if (status == 201) {
		location = mem_printf("/api/v1/probes/%s", probe->name);
		api_set_header(r, "Location", location);
		free(location);
	}
	api_reply_json(r, status, out);
}

static void created_cb(void *arg, enum store_error error, const struct id *id)
{
	answer_token(arg, error, id, 201);
}

static void renewed_cb(void *arg, enum store_error error, const struct id *id)
{
	answer_token(arg, error, id, 200);
}

void handle_probes_create(struct api_request *r)
{
	struct probe_secrets *secrets = new_secrets(r);
	struct problems problems = {0};

	if (secrets && registry_admit_probe(r->coordinator->registry, r->body, secrets, &problems,
			       created_cb, r) == -1)
		reply_invalid(r, &problems);
}

void handle_probe_token(struct api_request *r)
{
	struct probe *probe = find_probe(r);
	struct probe_secrets *secrets = probe ? new_secrets(r) : NULL;
	struct problems problems = {0};

	if (secrets && registry_renew_probe(r->coordinator->registry, probe->name, secrets,
			       &problems, renewed_cb, r) == -1)
		reply_invalid(r, &problems);
}

/* ---- out of service and back */

static void changed_cb(void *arg, enum store_error error, const struct id *id)
{
	struct api_request *r = arg;
	const struct probe *probe =
		error == STORE_OK ? probe_by_id(r->coordinator->registry, id) : NULL;

	if (probe)
		api_reply_json(r, 200, probe_json(r->coordinator, probe));
	else
		reply_store_error(r);
}

static void set_drained(struct api_request *r, bool drained)
{
	struct problems problems = {0};

	if (find_probe(r) && registry_drain_probe(r->coordinator->registry, r->params[0], drained,
				     &problems, changed_cb, r) == -1)
		reply_invalid(r, &problems);
}

void handle_probe_drain(struct api_request *r)
{
	set_drained(r, true);
}

void handle_probe_undrain(struct api_request *r)
{
	set_drained(r, false);
}

void handle_probe_revoke(struct api_request *r)
{
	struct problems problems = {0};

	if (find_probe(r) && registry_revoke_probe(r->coordinator->registry, r->params[0],
				     &problems, changed_cb, r) == -1)
		reply_invalid(r, &problems);
}

static void removed_cb(void *arg, enum store_error error, const struct id *id UNUSED)
{
	if (error == STORE_OK)
		api_reply_empty(arg, 204);
	else
		reply_store_error(arg);
}

void handle_probe_delete(struct api_request *r)
{
	struct problems problems = {0};

	if (find_probe(r) && registry_remove_probe(r->coordinator->registry, r->params[0],
				     &problems, removed_cb, r) == -1)
		reply_invalid(r, &problems);
}
