// SPDX-License-Identifier: MIT
/*
 * How the coordinator is. /healthz: its loop turns. /readyz: 200 "ok"; 200 "degraded: store" while
 * the store cannot commit (votes are taken and alerts go out, changes are refused); 503 "starting"
 * during the hold after a start, when no alert is opened or closed yet. None of the two needs a key
 * or tells more than this.
 */
#include "coordinator/api/handlers.h"

#include "coordinator/json.h"
#include "proto/base/clock.h"

#include <string.h>

void handle_healthz(struct api_request *r)
{
	api_reply_json(r, 200, json_pack("{s:s}", "status", "ok"));
}

/* A disk that fills up is a warning: nothing is lost yet. */
static bool store_works(const struct coordinator *c)
{
	return !c->store_problem[STORE_PART_STATE] && !c->store_problem[STORE_PART_RESULTS];
}

void handle_readyz(struct api_request *r)
{
	struct coordinator *c = r->coordinator;
	struct verdict_counts counts;

	verdicts_counts(c->verdicts, &counts);
	if (counts.held)
		api_reply_json(r, 503, json_pack("{s:s}", "status", "starting"));
	else
		api_reply_json(r, 200,
			json_pack("{s:s}", "status", store_works(c) ? "ok" : "degraded: store"));
}

static json_t *monitors_json(struct coordinator *c, const struct verdict_counts *counts)
{
	json_t *out = json_pack("{s:I}", "total", (json_int_t)registry_count_monitors(c->registry));

	for (int state = 0; state <= STATE_MAINTENANCE; state++)
		json_object_set_new(
			out, monitor_state_names[state], json_integer(counts->by_state[state]));
	return out;
}

static json_t *margin_json(const struct verdict_counts *counts)
{
	return json_pack("{s:I, s:I, s:I, s:I}", "blind", (json_int_t)counts->blind, "none",
		(json_int_t)counts->margin_0, "one", (json_int_t)counts->margin_1, "more",
		(json_int_t)counts->margin_more);
}

static json_t *probes_json(struct coordinator *c)
{
	int64_t n[STANDING_COUNT] = {0}, total = 0, private = 0;
	struct fleet_facts facts;
	json_t *out = json_object();

	for (struct probe *p = NULL; (p = registry_next_probe(c->registry, p)); total++) {
		fleet_facts(c->fleet, p, &facts);
		n[facts.standing]++;
		private += p->organization != NULL;
	}
	json_object_set_new(out, "total", json_integer(total));
	json_object_set_new(out, "private", json_integer(private));
	for (int standing = 0; standing < STANDING_COUNT; standing++)
		json_object_set_new(out, standing_names[standing], json_integer(n[standing]));
	return out;
}

static json_t *store_json(struct coordinator *c)
{
	struct disk_space disk = store_disk(c->store);

	return json_pack("{s:b, s:s?, s:s?, s:s?, s:I, s:I, s:I}", "ok", store_works(c), "problem",
		c->store_problem[STORE_PART_STATE], "results_problem",
		c->store_problem[STORE_PART_RESULTS], "disk_problem",
		c->store_problem[STORE_PART_DISK], "disk_free_bytes", (json_int_t)disk.free_bytes,
		"disk_total_bytes", (json_int_t)disk.total_bytes, "results_queued",
		(json_int_t)store_results_queued(c->store));
}

static json_t *outbox_json(struct coordinator *c)
{
	struct notify_counts n;

	notify_counts(c->notify, &n);
	return json_pack("{s:I, s:I, s:I, s:I}", "pending", (json_int_t)n.pending, "sent",
		(json_int_t)n.sent, "failed_attempts", (json_int_t)n.failed_attempts, "dead",
		(json_int_t)n.dead);
}

static json_t *link_json(struct coordinator *c)
{
	struct fleet_counts n;

	fleet_counts(c->fleet, &n);
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "sessions",
		(json_int_t)n.sessions, "messages", (json_int_t)n.messages, "invalid_messages",
		(json_int_t)n.invalid_messages, "results", (json_int_t)n.results,
		"duplicate_results", (json_int_t)n.duplicate_results, "late_results",
		(json_int_t)n.late_results, "unstored_results", (json_int_t)n.unstored_results,
		"foreign_results", (json_int_t)n.foreign_results, "refused_messages",
		(json_int_t)n.refused_messages, "silent_sessions", (json_int_t)n.silent_sessions);
}

/* null without a door. */
static json_t *door_json(struct coordinator *c)
{
	struct door_counts n;
	json_t *ended;

	if (!c->door)
		return json_null();
	door_counts(c->door, &n);
	ended = json_object();
	for (int i = 0; i < DOOR_END_COUNT; i++)
		json_object_set_new(ended, door_end_names[i], json_integer(n.ended[i]));
	return json_pack("{s:i, s:s, s:I, s:I, s:I, s:I, s:o}", "port", door_port(c->door), "pin",
		door_pin(c->door), "strangers", (json_int_t)n.strangers, "links",
		(json_int_t)n.links, "api", (json_int_t)n.api, "accepted", (json_int_t)n.accepted,
		"ended", ended);
}

void handle_status(struct api_request *r)
{
	struct coordinator *c = r->coordinator;
	struct verdict_counts counts;
	const char *status = "ok";

	verdicts_counts(c->verdicts, &counts);
	if (counts.held)
		status = "starting";
	else if (!store_works(c))
		status = "degraded: store";
	api_reply_json(r, 200,
		json_pack("{s:s, s:s, s:o, s:o, s:o, s:b, s:o, s:{s:I}, s:b, s:I, s:o, s:o, s:o, "
			  "s:o, s:{s:I, "
			  "s:I, s:I, s:I, s:b}}",
			"status", status, "version", QUORATE_VERSION, "started_at",
			json_time(c->started_wall_ms), "monitors", monitors_json(c, &counts),
			"margin", margin_json(&counts), "sight_lost", counts.sight_lost, "probes",
			probes_json(c), "alerts", "open", (json_int_t)alerts_count_open(c->alerts),
			"hold", counts.held, "loop_lag_ms", (json_int_t)(counts.lag_us / 1000),
			"store", store_json(c), "outbox", outbox_json(c), "link", link_json(c),
			"door", door_json(c), "verdicts", "votes", (json_int_t)counts.votes,
			"bursts", (json_int_t)counts.bursts, "bursts_denied",
			(json_int_t)counts.bursts_denied, "transitions",
			(json_int_t)counts.transitions, "mass_flip", counts.mass_flip));
}
