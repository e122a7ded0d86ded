// SPDX-License-Identifier: MIT
/*
 * GET /api/v1/openapi.json: OpenAPI 3.1, written from the route table and the field tables, so that
 * it cannot differ from what the server does. Objects that have no field table are described here
 * by hand.
 */
#include "coordinator/api/handlers.h"

#include "coordinator/maintenance.h"

#include "proto/base/mem.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAINTAINED_JSON                                                                            \
	"{\"type\":\"object\",\"readOnly\":true,\"description\":\"The maintenance that it is in "  \
	"now; absent in none.\",\"properties\":{\"id\":{\"type\":\"string\",\"format\":"           \
	"\"uuid\"},\"from\":{\"type\":\"string\",\"format\":\"date-time\"},\"until\":{"            \
	"\"type\":\"string\",\"format\":\"date-time\"},\"reason\":{\"type\":[\"string\","          \
	"\"null\"]},\"by\":{\"type\":\"string\"},\"finds\":{\"type\":\"string\","                  \
	"\"description\":\"The state by its checks alone.\"},\"words\":{\"type\":\"string\"}}}"

/* Schemas that no field table makes, as JSON text. */
static const struct {
	const char *name, *text;
} by_hand[] = {
	{"problem", "{\"type\":\"object\",\"description\":\"RFC "
		    "9457.\",\"required\":[\"type\",\"title\",\"status\"],\"properties\":{"
		    "\"type\":{\"type\":\"string\"},\"title\":{\"type\":\"string\"},\"status\":{"
		    "\"type\":\"integer\"},"
		    "\"detail\":{\"type\":\"string\"},\"errors\":{\"type\":\"array\",\"items\":{"
		    "\"type\":\"object\",\"properties\":{"
		    "\"path\":{\"type\":\"string\"},\"message\":{\"type\":\"string\"}}}}}}"},
	{"alert", "{\"type\":\"object\",\"required\":[\"id\",\"case\",\"state\",\"severity\","
		  "\"kind\"],\"properties\":{"
		  "\"id\":{\"type\":\"string\",\"format\":\"uuid\"},\"case\":{\"type\":\"string\"},"
		  "\"state\":{\"enum\":[\"open\",\"acknowledged\",\"closed\"]},"
		  "\"severity\":{\"enum\":[\"critical\",\"warning\",\"unknown\"]},\"kind\":{"
		  "\"type\":\"string\"},"
		  "\"monitor\":{\"type\":[\"object\",\"null\"]},\"reason\":{\"type\":[\"object\","
		  "\"null\"],\"properties\":{\"code\":{\"type\":\"string\"},\"text\":{"
		  "\"type\":\"string\"},\"class\":{\"enum\":[\"ok\",\"down\",\"warning\","
		  "\"internal\"]},\"ja\":{\"type\":\"string\"}}},"
		  "\"started_at\":{\"type\":[\"string\",\"null\"],\"format\":\"date-time\"},"
		  "\"opened_at\":{\"type\":\"string\",\"format\":\"date-time\"},"
		  "\"acknowledged_at\":{\"type\":[\"string\",\"null\"],\"format\":\"date-time\"},"
		  "\"acknowledged_by\":{\"type\":[\"string\",\"null\"],\"description\":\"The "
		  "name of an API key.\"},"
		  "\"closed_at\":{\"type\":[\"string\",\"null\"],\"format\":\"date-time\"},"
		  "\"closed_by\":{\"type\":[\"string\",\"null\"],\"description\":\"Who closed it "
		  "by hand; null: the quorum did.\"},"
		  "\"closed_because\":{\"type\":\"string\",\"description\":\"When it was not "
		  "the quorum.\"},"
		  "\"reopened_at\":{\"type\":\"string\",\"format\":\"date-time\"},"
		  "\"reopened_by\":{\"type\":\"string\"},"
		  "\"holds_back\":{\"type\":\"array\",\"items\":{\"type\":\"string\"},"
		  "\"description\":\"Monitors that need this one and open no alert of their own "
		  "meanwhile: their names, the first 50.\"},"
		  "\"changed_at\":{\"type\":\"string\",\"format\":\"date-time\"},"
		  "\"opening\":{\"type\":\"object\",\"description\":\"What it was opened "
		  "with, once it changed: kind, severity, reason, quorum, votes.\"},"
		  "\"recovery\":{\"type\":\"object\",\"description\":\"The quorum and the "
		  "votes that closed it.\"},"
		  "\"reminded_at\":{\"type\":\"string\",\"format\":\"date-time\"},"
		  "\"reminders\":{\"type\":\"integer\",\"description\":\"How many were "
		  "sent.\"},"
		  "\"comments\":{\"type\":\"array\",\"maxItems\":20,\"items\":{\"type\":"
		  "\"object\",\"properties\":{\"at\":{\"type\":\"string\",\"format\":"
		  "\"date-time\"},\"by\":{\"type\":\"string\"},\"text\":{\"type\":"
		  "\"string\"}}}},"
		  "\"votes\":{\"type\":\"array\",\"items\":{\"type\":\"object\"}}}}"},
	{"apply", "{\"type\":\"object\",\"required\":[\"monitors\"],\"additionalProperties\":false,"
		  "\"properties\":{\"monitors\":{\"type\":\"array\","
		  "\"items\":{\"$ref\":\"#/components/schemas/"
		  "monitor\"}},\"dry_run\":{\"type\":\"boolean\",\"default\":false}}}"},
	{"applied", "{\"type\":\"object\",\"properties\":{\"items\":{\"type\":\"array\",\"items\":{"
		    "\"type\":\"object\",\"properties\":{"
		    "\"kind\":{\"enum\":[\"create\",\"update\",\"unchanged\"]},\"name\":{\"type\":"
		    "\"string\"},"
		    "\"id\":{\"type\":\"string\",\"format\":\"uuid\"},\"changes\":{\"type\":"
		    "\"array\",\"items\":{\"type\":\"object\","
		    "\"properties\":{\"path\":{\"type\":\"string\"},\"from\":{},\"to\":{}}}},"
		    "\"rule\":{\"$ref\":\"#/components/schemas/rule\"},"
		    "\"warnings\":{\"type\":\"array\",\"items\":{\"type\":\"object\","
		    "\"properties\":{\"path\":{\"type\":\"string\"},\"message\":{\"type\":"
		    "\"string\"}}}}}}}}}"},
	{"explanation",
		"{\"type\":\"object\",\"description\":\"The decision and everything behind it.\","
		"\"properties\":{\"rule\":{\"$ref\":\"#/components/schemas/rule\"},"
		"\"sentence\":{\"type\":\"string\"},"
		"\"votes\":{\"type\":\"array\",\"items\":{\"type\":\"object\"}},"
		"\"holding\":{\"type\":\"array\",\"description\":\"What keeps alerts or their "
		"confirmation waiting.\",\"items\":{\"type\":\"object\",\"properties\":{"
		"\"why\":{\"type\":\"string\"},\"until\":{\"type\":[\"string\",\"null\"],"
		"\"format\":\"date-time\",\"description\":\"null: something else than time ends "
		"it.\"},\"words\":{\"type\":\"string\"}}}},"
		"\"quarantine\":{\"type\":\"array\",\"description\":\"Who of its voters is "
		"under sentence, for operators.\",\"items\":{\"type\":\"object\",\"properties\":{"
		"\"probe\":{\"type\":\"string\"},\"region\":{\"type\":\"string\"},"
		"\"since\":{\"type\":\"string\",\"format\":\"date-time\"},"
		"\"set_aside\":{\"type\":\"boolean\",\"description\":\"Its votes do not count "
		"here.\"},\"replaced\":{\"type\":\"boolean\",\"description\":\"Another has its "
		"seat meanwhile.\"},\"words\":{\"type\":\"string\"}}}},"
		"\"self_test\":{\"type\":[\"object\",\"null\"],\"description\":\"The voters "
		"whose own network is not judged, for want of anchors; null: all are.\","
		"\"properties\":{\"not_judged\":{\"type\":\"array\",\"items\":{\"type\":"
		"\"string\"}},\"words\":{\"type\":\"string\"}}},"
		"\"outlook\":{\"type\":\"array\",\"items\":{\"$ref\":"
		"\"#/components/schemas/turn\"}},"
		"\"without_news\":{\"type\":[\"object\",\"null\"],\"description\":\"What the "
		"decision becomes, and when, if no newer result arrives.\",\"properties\":{\"to\":"
		"{\"type\":\"string\"},\"at\":{\"type\":\"string\",\"format\":"
		"\"date-time\"},\"words\":{\"type\":\"string\"}}},"
		"\"confirmation\":{\"type\":\"string\",\"description\":\"What a turn takes besides "
		"the votes.\"}}}"},
	{"turn", "{\"type\":\"object\",\"description\":\"The fewest seats that would have to say "
		 "something else for another decision.\",\"properties\":{\"to\":{\"enum\":["
		 "\"undetermined\",\"up\",\"degraded\",\"down\"]},\"seats\":{\"type\":"
		 "\"integer\"},\"say\":{\"enum\":[\"down\",\"up\",\"warning\",\"silent\"]},"
		 "\"of\":{\"type\":\"object\",\"description\":\"How many of those that say what "
		 "now.\",\"additionalProperties\":{\"type\":\"integer\"}},\"whoever\":{"
		 "\"type\":\"boolean\",\"description\":\"Any seats that do not say so yet; 'of' is "
		 "an example.\"},\"words\":{\"type\":\"string\"}}}"},
	{"story",
		"{\"type\":\"object\",\"description\":\"An alert explained.\",\"properties\":{"
		"\"alert\":{\"type\":\"object\"},\"sentence\":{\"type\":\"string\","
		"\"description\":\"Why it opened.\"},\"story\":{\"type\":\"array\",\"items\":{"
		"\"type\":\"object\",\"properties\":{\"at\":{\"type\":\"string\","
		"\"format\":\"date-time\"},\"words\":{\"type\":\"string\"}}}},"
		"\"opening\":{\"type\":\"object\"},\"latest\":{\"type\":[\"object\","
		"\"null\"]},\"closing\":{\"type\":[\"object\",\"null\"]},\"outlook\":{"
		"\"type\":\"array\",\"description\":\"What would have turned the decision when it "
		"opened.\",\"items\":{\"$ref\":\"#/components/schemas/turn\"}}}}"},
	{"rule",
		"{\"type\":\"object\",\"readOnly\":true,\"description\":\"The quorum with the "
		"seats that are registered now, what it bears, and in words.\",\"properties\":{"
		"\"seats\":{\"type\":\"integer\"},\"down\":{\"type\":\"integer\"},\"up\":{\"type\":"
		"\"integer\"},\"requested_seats\":{\"type\":\"integer\"},\"domain\":{\"enum\":["
		"\"region\",\"provider\",\"probe\"]},\"tolerates\":{\"type\":\"object\","
		"\"description\":\"The most seats that may be wrong: so many lying; or with none "
		"lying, so many with a broken path and so many silent at once.\",\"properties\":{"
		"\"lying\":{\"type\":\"integer\"},\"broken_path\":{\"type\":\"integer\"},"
		"\"silent\":{"
		"\"type\":\"integer\"}}},\"words\":{\"type\":\"string\"}}}"},
	{"deadletter", "{\"type\":\"object\",\"properties\":{\"channel\":{\"type\":\"string\"},"
		       "\"key\":{\"type\":\"string\"},"
		       "\"attempts\":{\"type\":\"integer\"},\"last_error\":{\"type\":[\"string\","
		       "\"null\"]}}}"},
	{"status", "{\"type\":\"object\",\"properties\":{\"status\":{\"type\":\"string\"},"
		   "\"version\":{\"type\":\"string\"},"
		   "\"monitors\":{\"type\":\"object\"},\"probes\":{\"type\":\"object\"},\"alerts\":"
		   "{\"type\":\"object\"},"
		   "\"margin\":{\"type\":\"object\",\"description\":\"Monitors by how many more "
		   "silent seats "
		   "their quorum bears; blind: it is out of reach.\",\"properties\":{"
		   "\"blind\":{\"type\":\"integer\"},\"none\":{\"type\":\"integer\"},"
		   "\"one\":{\"type\":\"integer\"},\"more\":{\"type\":\"integer\"}}},"
		   "\"sight_lost\":{\"type\":\"boolean\",\"description\":\"More than half of the "
		   "probes fell silent at once.\"},"
		   "\"hold\":{\"type\":\"boolean\"},\"door\":{\"type\":[\"object\",\"null\"]},"
		   "\"store\":{\"type\":\"object\"},\"outbox\":{"
		   "\"type\":\"object\"}}}"},
	{"health", "{\"type\":\"object\",\"required\":[\"status\"],\"properties\":{\"status\":{"
		   "\"type\":\"string\"}}}"},
	{"joined", "{\"type\":\"object\",\"required\":[\"probe\"],\"properties\":{\"probe\":{"
		   "\"type\":\"string\"}}}"},
	{"door", "{\"type\":\"object\",\"required\":[\"port\",\"pin\",\"next_pin\",\"own\","
		 "\"unaware\"],\"properties\":{\"port\":{\"type\":\"integer\"},\"pin\":{"
		 "\"type\":\"string\"},\"next_pin\":{\"type\":[\"string\",\"null\"]},\"own\":{"
		 "\"type\":\"boolean\"},\"unaware\":{\"type\":\"array\",\"items\":{\"type\":"
		 "\"string\"}}}}"},
	{"openapi", "{\"type\":\"object\"}"},
};

static void add_member(json_t *schema, const char *name, const char *text)
{
	json_t *properties = json_object_get(schema, "properties");

	if (properties)
		json_object_set_new(properties, name, json_loads(text, 0, NULL));
}

static json_t *announced_schema(void)
{
	json_t *out = schema_describe(&capabilities_schema);

	json_object_set_new(out, "type", json_pack("[s, s]", "object", "null"));
	json_object_set_new(out, "readOnly", json_true());
	json_object_set_new(out, "description",
		json_string("What the probe last said of its machine and its local file."));
	return out;
}

static json_t *pause_described(void)
{
	json_t *out = schema_describe(&pause_schema);

	json_object_set_new(out, "readOnly", json_true());
	json_object_set_new(out, "description",
		json_string("Who paused it, and until when; absent while it is checked."));
	return out;
}

/* What answers have beyond the field table: only the server writes it. */
static void add_answers_only(json_t *schemas)
{
	json_t *monitor = json_object_get(schemas, "monitor"),
	       *probe = json_object_get(schemas, "probe"), *key = json_object_get(schemas, "key"),
	       *secret = json_object_get(schemas, "secret"),
	       *maintenance = json_object_get(schemas, "maintenance");

	add_member(monitor, "state", "{\"type\":\"string\",\"readOnly\":true}");
	add_member(monitor, "since",
		"{\"type\":[\"string\",\"null\"],\"format\":\"date-time\",\"readOnly\":true}");
	json_object_set_new(json_object_get(monitor, "properties"), "pause", pause_described());
	add_member(monitor, "maintenance", MAINTAINED_JSON);
	add_member(monitor, "rule", "{\"$ref\":\"#/components/schemas/rule\"}");
	add_member(monitor, "warnings",
		"{\"type\":\"array\",\"readOnly\":true,\"description\":\"In the answer to a "
		"change: what was taken and had better be otherwise.\",\"items\":{\"type\":"
		"\"object\",\"properties\":{\"path\":{\"type\":\"string\"},\"message\":{"
		"\"type\":\"string\"}}}}");
	add_member(maintenance, "on",
		"{\"type\":\"boolean\",\"readOnly\":true,\"description\":\"A window is under "
		"way.\"}");
	add_member(maintenance, "window",
		"{\"type\":[\"object\",\"null\"],\"readOnly\":true,\"description\":\"The one "
		"under way, else the next; null: all are over.\",\"properties\":{\"from\":{"
		"\"type\":\"string\",\"format\":\"date-time\"},\"to\":{\"type\":\"string\","
		"\"format\":\"date-time\"}}}");
	add_member(maintenance, "covers",
		"{\"type\":\"integer\",\"readOnly\":true,\"description\":\"How many monitors it "
		"is about.\"}");
	add_member(secret, "monitors",
		"{\"type\":\"integer\",\"readOnly\":true,\"description\":\"How many use it.\"}");
	add_member(secret, "used_by",
		"{\"type\":\"array\",\"readOnly\":true,\"description\":\"Their names, the first "
		"100; of one secret only.\",\"items\":{\"type\":\"string\"}}");
	add_member(probe, "standing",
		"{\"enum\":[\"never-seen\",\"voting\",\"lost\",\"drained\",\"twins\",\"revoked\","
		"\"quarantined\"],"
		"\"readOnly\":true}");
	add_member(probe, "heard_at",
		"{\"type\":[\"string\",\"null\"],\"format\":\"date-time\",\"readOnly\":true}");
	add_member(probe, "software", "{\"type\":[\"string\",\"null\"],\"readOnly\":true}");
	json_object_set_new(
		json_object_get(probe, "properties"), "capabilities", announced_schema());
	add_member(probe, "monitors", "{\"type\":\"integer\",\"readOnly\":true}");
	add_member(probe, "self_test",
		"{\"type\":\"string\",\"readOnly\":true,\"enum\":[\"not_judged\",\"ok\",\"failed\"]"
		","
		"\"description\":\"Whether its own network works, by the anchors of its probe.yml; "
		"while it failed its votes do not count.\"}");
	add_member(probe, "held_back",
		"{\"type\":\"boolean\",\"readOnly\":true,\"description\":\"It sends more than its "
		"limits, and is read and answered later.\"}");
	add_member(probe, "held_back_ms", "{\"type\":\"integer\",\"readOnly\":true}");
	add_member(probe, "refused_messages", "{\"type\":\"integer\",\"readOnly\":true}");
	add_member(probe, "token",
		"{\"type\":\"string\",\"readOnly\":true,\"description\":\"Told once.\"}");
	add_member(probe, "join",
		"{\"type\":\"string\",\"readOnly\":true,\"description\":\"Told once, and only when "
		"there is a door: the line for quorate-probe join.\"}");
	add_member(key, "secret",
		"{\"type\":\"string\",\"readOnly\":true,\"description\":\"Told once.\"}");
}

static json_t *schemas_json(void)
{
	const struct schema *tables[] = {&monitor_schema, &result_schema, &region_schema,
		&probe_schema, &api_key_schema, &join_request_schema, &secret_schema,
		&secret_value_schema, &alert_note_schema, &pause_request_schema,
		&maintenance_schema};
	static const char *const names[] = {"monitor", "result", "region", "probe", "key", "join",
		"secret", "secret_value", "alert_note", "pause_request", "maintenance"};
	json_t *out = json_object();

	for (size_t i = 0; i < ARRAY_LEN(tables); i++)
		json_object_set_new(out, names[i], schema_describe(tables[i]));
	for (size_t i = 0; i < ARRAY_LEN(by_hand); i++)
		json_object_set_new(out, by_hand[i].name, json_loads(by_hand[i].text, 0, NULL));
	add_answers_only(out);
	return out;
}

/* ---- one route */

static json_t *reference(const char *schema)
{
	char *ref = mem_printf("#/components/schemas/%s", schema);
	json_t *out = json_pack("{s:s}", "$ref", ref);

	free(ref);
	return out;
}

/* "[x]" is a list of x in an envelope with a cursor. */
static json_t *answer_schema(const char *gives)
{
	char name[32] = "";

	if (gives[0] != '[')
		return reference(gives);
	snprintf(name, sizeof(name), "%.*s", (int)strlen(gives) - 2, gives + 1);
	return json_pack("{s:s, s:[s, s], s:{s:{s:s, s:o}, s:{s:[s, s]}}}", "type", "object",
		"required", "items", "next_cursor", "properties", "items", "type", "array", "items",
		reference(name), "next_cursor", "type", "string", "null");
}

static json_t *success_json(const struct route *route)
{
	if (!route->gives)
		return json_pack("{s:s}", "description", "Done.");
	if (strcmp(route->gives, "text") == 0 || strcmp(route->gives, "event-stream") == 0)
		return json_pack("{s:s, s:{s:{s:{s:s}}}}", "description", "Text.", "content",
			route->gives[0] == 't' ? "text/plain" : "text/event-stream", "schema",
			"type", "string");
	return json_pack("{s:s, s:{s:{s:o}}}", "description", "Done.", "content",
		"application/json", "schema", answer_schema(route->gives));
}

static json_t *responses_json(const struct route *route)
{
	json_t *out = json_object();
	char status[8];

	snprintf(status, sizeof(status), "%d", route->status);
	json_object_set_new(out, status, success_json(route));
	json_object_set_new(out, "default",
		json_pack("{s:s, s:{s:{s:o}}}", "description", "What was wrong.", "content",
			"application/problem+json", "schema", reference("problem")));
	return out;
}

static json_t *parameter(const char *name, size_t size, const char *place)
{
	return json_pack("{s:s%, s:s, s:b, s:{s:s}}", "name", name, size, "in", place, "required",
		strcmp(place, "path") == 0, "schema", "type", "string");
}

static json_t *parameters_json(const struct route *route)
{
	json_t *out = json_array();

	for (const char *p = route->pattern; (p = strchr(p, '{')); p++)
		json_array_append_new(out, parameter(p + 1, strcspn(p + 1, "}"), "path"));
	for (const char *p = route->query; p && *p; p += strcspn(p, " "), p += strspn(p, " "))
		json_array_append_new(out, parameter(p, strcspn(p, " "), "query"));
	if (strcmp(route->gives ? route->gives : "", "event-stream") == 0)
		json_array_append_new(out, parameter("Last-Event-ID", 13, "header"));
	if (strcmp(route->pattern, "/api/v1/monitors/{monitor}") == 0 &&
		strcmp(route->method, "GET") != 0)
		json_array_append_new(out, parameter("If-Match", 8, "header"));
	return out;
}

static json_t *operation_json(const struct route *route)
{
	json_t *out = json_pack("{s:s, s:o, s:o}", "summary", route->summary, "parameters",
		parameters_json(route), "responses", responses_json(route));

	if (route->takes)
		json_object_set_new(out, "requestBody",
			json_pack("{s:b, s:{s:{s:o}}}", "required", !route->body_optional,
				"content", "application/json", "schema", reference(route->takes)));
	json_object_set_new(
		out, "security", route->role < 0 ? json_array() : json_pack("[{s:[]}]", "key"));
	if (route->role >= 0)
		json_object_set_new(out, "x-quorate-role", json_string(role_names[route->role]));
	if (route->by_organization)
		json_object_set_new(out, "x-quorate-by-organization", json_true());
	return out;
}

static json_t *paths_json(const struct route *routes, size_t n)
{
	json_t *out = json_object(), *path;
	char method[16];

	for (size_t i = 0; i < n; i++) {
		size_t size = strlen(routes[i].method);

		for (size_t k = 0; k <= size && k < sizeof(method); k++)
			method[k] = (char)tolower((unsigned char)routes[i].method[k]);
		path = json_object_get(out, routes[i].pattern);
		if (!path) {
			path = json_object();
			json_object_set_new(out, routes[i].pattern, path);
		}
		json_object_set_new(path, method, operation_json(&routes[i]));
	}
	return out;
}

json_t *openapi_document(const struct route *routes, size_t n)
{
	return json_pack("{s:s, s:{s:s, s:s, s:s}, s:o, s:{s:o, s:{s:{s:s, s:s, s:s}}}}", "openapi",
		"3.1.0", "info", "title", "quorate", "version", QUORATE_VERSION, "description",
		"A distributed blackbox probe network.", "paths", paths_json(routes, n),
		"components", "schemas", schemas_json(), "securitySchemes", "key", "type", "http",
		"scheme", "bearer", "description", "An API key, qk_…");
}

void handle_openapi(struct api_request *r)
{
	api_reply_json(r, 200, openapi_document(api_routes, api_routes_n));
}
