// SPDX-License-Identifier: MIT
/*
 * The API's one table: what it can do, who may, what comes in and goes out. The server dispatches
 * by it, openapi.json is written from it, and the tests walk it. A path without captures stands
 * before one that would capture it.
 */
#include "coordinator/api/handlers.h"
#include "coordinator/api/server.h"
#include "quorate/limits.h"

#define OPEN             (-1) /* no key needed */
#define SMALL            ((size_t)16 * 1024)
#define API              "/api/v1"
#define MAINTENANCE_BODY ((size_t)256 * 1024)
/* JSON may take six bytes for one. */
#define SECRET_BODY ((size_t)6 * SECRET_VALUE_MAX_BYTES + 64)

/* OWN_x: a key of one organization may use it, and meets what is that one's. */
#define GET(path, who, fn, doc, out, params)                                                       \
	{                                                                                          \
		.method = "GET", .pattern = (path), .role = (who), .handle = (fn),                 \
		.summary = (doc), .gives = (out), .query = (params), .status = 200                 \
	}
#define OWN_GET(path, who, fn, doc, out, params)                                                   \
	{                                                                                          \
		.method = "GET", .pattern = (path), .role = (who), .by_organization = true,        \
		.handle = (fn), .summary = (doc), .gives = (out), .query = (params), .status = 200 \
	}
#define POST(path, who, fn, room, doc, in, out, code)                                              \
	{                                                                                          \
		.method = "POST", .pattern = (path), .role = (who), .handle = (fn),                \
		.body_max_bytes = (room), .summary = (doc), .takes = (in), .gives = (out),         \
		.status = (code)                                                                   \
	}
#define OWN_POST(path, who, fn, room, doc, in, out, code)                                          \
	{                                                                                          \
		.method = "POST", .pattern = (path), .role = (who), .by_organization = true,       \
		.handle = (fn), .body_max_bytes = (room), .summary = (doc), .takes = (in),         \
		.gives = (out), .status = (code)                                                   \
	}
/* What a person does with an alert: a comment may come with it. */
#define NOTE(path, fn, doc)                                                                        \
	{                                                                                          \
		.method = "POST", .pattern = (path), .role = ROLE_EDITOR, .handle = (fn),          \
		.body_max_bytes = SMALL, .body_optional = true, .summary = (doc),                  \
		.takes = "alert_note", .gives = "alert", .status = 200                             \
	}
#define DELETE(path, who, fn, doc)                                                                 \
	{                                                                                          \
		.method = "DELETE", .pattern = (path), .role = (who), .handle = (fn),              \
		.summary = (doc), .status = 204                                                    \
	}
#define OWN_DELETE(path, who, fn, doc)                                                             \
	{                                                                                          \
		.method = "DELETE", .pattern = (path), .role = (who), .by_organization = true,     \
		.handle = (fn), .summary = (doc), .status = 204                                    \
	}

const struct route api_routes[] = {
	OWN_GET(API "/monitors", ROLE_VIEWER, handle_monitors_list,
		"Monitors with their state, in the order of their making.", "[monitor]",
		"name service state limit cursor effective"),
	OWN_POST(API "/monitors", ROLE_EDITOR, handle_monitors_create, API_MONITOR_MAX_BYTES,
		"Registers a monitor.", "monitor", "monitor", 201),
	OWN_GET(API "/monitors/{monitor}", ROLE_VIEWER, handle_monitor_get,
		"One monitor, by id, external_id or name.", "monitor", "effective"),
	{.method = "PUT",
		.pattern = API "/monitors/{monitor}",
		.role = ROLE_EDITOR,
		.by_organization = true,
		.handle = handle_monitor_put,
		.body_max_bytes = API_MONITOR_MAX_BYTES,
		.summary = "Replaces a monitor; If-Match guards against losing another's change.",
		.takes = "monitor",
		.gives = "monitor",
		.status = 200},
	OWN_DELETE(API "/monitors/{monitor}", ROLE_EDITOR, handle_monitor_delete,
		"Removes a monitor."),
	OWN_GET(API "/monitors/{monitor}/explain", ROLE_VIEWER, handle_monitor_explain,
		"The votes, their fates, the rule, the decision and what would change it.",
		"explanation", "audience lang"),
	{.method = "POST",
		.pattern = API "/monitors/{monitor}/pause",
		.role = ROLE_EDITOR,
		.by_organization = true,
		.handle = handle_monitor_pause,
		.body_max_bytes = SMALL,
		.body_optional = true,
		.summary = "Stops checking a monitor, for a while or until it is resumed; its open "
			   "alerts are closed.",
		.takes = "pause_request",
		.gives = "monitor",
		.status = 200},
	OWN_POST(API "/monitors/{monitor}/resume", ROLE_EDITOR, handle_monitor_resume, 0,
		"Ends a pause.", NULL, "monitor", 200),
	OWN_GET(API "/monitors/{monitor}/results", ROLE_VIEWER, handle_monitor_results,
		"The results, newest first.", "[result]", "from to limit cursor"),
	OWN_POST(API "/apply", ROLE_EDITOR, handle_apply, API_BODY_MAX_BYTES,
		"Creates and updates many monitors, all or nothing.", "apply", "applied", 200),
	OWN_GET(API "/regions", ROLE_VIEWER, handle_regions_list, "All regions.", "[region]", NULL),
	POST(API "/regions", ROLE_EDITOR, handle_regions_create, SMALL, "Registers a region.",
		"region", "region", 201),
	OWN_GET(API "/regions/{region}", ROLE_VIEWER, handle_region_get, "One region, by name.",
		"region", NULL),
	DELETE(API "/regions/{region}", ROLE_EDITOR, handle_region_delete,
		"Removes a region that no probe is in."),
	OWN_GET(API "/probes", ROLE_VIEWER, handle_probes_list,
		"All probes and how they are doing.", "[probe]", "region standing"),
	{.method = "POST",
		.pattern = API "/probes",
		.role = ROLE_ADMIN,
		.handle = handle_probes_create,
		.body_max_bytes = SMALL,
		.summary = "Registers a probe; the answer has its token, this once, and with a "
			   "door its join string, good for ?valid= (1h).",
		.takes = "probe",
		.gives = "probe",
		.query = "valid",
		.status = 201},
	OWN_GET(API "/probes/{probe}", ROLE_VIEWER, handle_probe_get, "One probe, by name.",
		"probe", NULL),
	{.method = "POST",
		.pattern = API "/probes/{probe}/token",
		.role = ROLE_ADMIN,
		.handle = handle_probe_token,
		.summary = "Gives a probe a new token, and with a door a join string; the old ones "
			   "are void, and its session ends.",
		.gives = "probe",
		.query = "valid",
		.status = 200},
	POST(API "/probes/{probe}/revoke", ROLE_ADMIN, handle_probe_revoke, 0,
		"Takes a probe's token and join string away: it is cut, and its votes count no "
		"more.",
		NULL, "probe", 200),
	POST(API "/probes/{probe}/drain", ROLE_ADMIN, handle_probe_drain, 0,
		"Takes a probe out of service: its seats go to others, its absence is no alert.",
		NULL, "probe", 200),
	POST(API "/probes/{probe}/undrain", ROLE_ADMIN, handle_probe_undrain, 0,
		"Puts a drained probe back into service.", NULL, "probe", 200),
	DELETE(API "/probes/{probe}", ROLE_ADMIN, handle_probe_delete, "Removes a probe."),
	GET(API "/door", ROLE_ADMIN, handle_door_get,
		"The keys of the door, now and next, and which probes do not know the next one "
		"yet.",
		"door", NULL),
	{.method = "POST",
		.pattern = API "/door/rotate",
		.role = ROLE_ADMIN,
		.handle = handle_door_rotate,
		.summary = "Changes to the next key; refused while probes do not know it, unless "
			   "?force=true.",
		.gives = "door",
		.query = "force",
		.status = 200},
	POST(API "/join", OPEN, handle_join, SMALL,
		"A probe trades the secret of its join string, once, for a token of its own "
		"making.",
		"join", "joined", 200),
	GET(API "/secrets", ROLE_VIEWER, handle_secrets_list,
		"All secrets, without their values, and how many monitors use each.", "[secret]",
		NULL),
	GET(API "/secrets/{secret}", ROLE_VIEWER, handle_secret_get,
		"One secret, by name (a slash in it as %2F), without its value; and who uses it.",
		"secret", NULL),
	{.method = "PUT",
		.pattern = API "/secrets/{secret}",
		.role = ROLE_EDITOR,
		.handle = handle_secret_put,
		.body_max_bytes = SECRET_BODY,
		.summary =
			"Gives a secret a value, and makes it when there is none (201); the voters "
			"of the monitors that use it are told at once.",
		.takes = "secret_value",
		.gives = "secret",
		.status = 200},
	DELETE(API "/secrets/{secret}", ROLE_EDITOR, handle_secret_delete,
		"Removes a secret that no monitor uses."),
	OWN_GET(API "/maintenances", ROLE_VIEWER, handle_maintenances_list,
		"All maintenances, with the window that is under way or next, in the order of "
		"their making.",
		"[maintenance]", NULL),
	OWN_POST(API "/maintenances", ROLE_EDITOR, handle_maintenances_create, MAINTENANCE_BODY,
		"Plans maintenance, once or again and again: what it is about is checked, and no "
		"alert of it opens.",
		"maintenance", "maintenance", 201),
	OWN_GET(API "/maintenances/{maintenance}", ROLE_VIEWER, handle_maintenance_get,
		"One maintenance, by id.", "maintenance", NULL),
	OWN_POST(API "/maintenances/{maintenance}/end", ROLE_EDITOR, handle_maintenance_end, 0,
		"Ends the window that is under way: its monitors are looked at again, and what is "
		"wrong is told. By id, or by the monitor that it is about alone.",
		NULL, "maintenance", 200),
	OWN_DELETE(API "/maintenances/{maintenance}", ROLE_EDITOR, handle_maintenance_delete,
		"Removes a maintenance with all its windows, the one under way included."),
	GET(API "/keys", ROLE_ADMIN, handle_keys_list, "All API keys, without their secrets.",
		"[key]", NULL),
	POST(API "/keys", ROLE_ADMIN, handle_keys_create, SMALL,
		"Makes an API key; the answer has its secret, this once.", "key", "key", 201),
	DELETE(API "/keys/{key}", ROLE_ADMIN, handle_key_delete, "Removes an API key, by id."),
	GET(API "/alerts", ROLE_VIEWER, handle_alerts_list, "Alerts, newest first.", "[alert]",
		"state kind monitor limit cursor"),
	GET(API "/alerts/stream", ROLE_VIEWER, handle_alert_stream,
		"Alert events as they happen (server-sent events).", "event-stream",
		"last_event_id"),
	GET(API "/alerts/{alert}", ROLE_VIEWER, handle_alert_get,
		"One alert, by id or case; ?audience=customer leaves out probes, people and other "
		"tenants.",
		"alert", "audience lang"),
	GET(API "/alerts/{alert}/explain", ROLE_VIEWER, handle_alert_explain,
		"Why an alert opened, what happened since, why it closed; from what is stored.",
		"story", "audience lang"),
	NOTE(API "/alerts/{alert}/ack", handle_alert_acknowledge,
		"Says that somebody is at it; the channels are told once."),
	NOTE(API "/alerts/{alert}/comment", handle_alert_comment,
		"Adds a comment to an alert that is open, or closed by hand while its cause "
		"lasts."),
	NOTE(API "/alerts/{alert}/close", handle_alert_close,
		"Closes an alert by hand; the next one opens when its cause ended and came back, "
		"or got worse."),
	NOTE(API "/alerts/{alert}/reopen", handle_alert_reopen,
		"Takes back a close by hand while the cause lasts, or an acknowledgement."),
	GET(API "/deadletters", ROLE_VIEWER, handle_deadletters,
		"Messages that could not be delivered, newest first.", "[deadletter]", "limit"),
	GET(API "/status", ROLE_VIEWER, handle_status,
		"How many monitors, probes and alerts are in which state, and how the coordinator "
		"is.",
		"status", NULL),
	GET(API "/openapi.json", OPEN, handle_openapi, "This document.", "openapi", NULL),
	GET("/metrics", ROLE_VIEWER, handle_metrics, "Metrics for Prometheus.", "text", NULL),
	GET("/healthz", OPEN, handle_healthz, "200 while the event loop turns.", "health", NULL),
	GET("/readyz", OPEN, handle_readyz,
		"200 when ready (\"ok\", or \"degraded: store\"), 503 \"starting\" during the hold "
		"after a start.",
		"health", NULL),
};
const size_t api_routes_n = ARRAY_LEN(api_routes);

int api_open(struct api **out, struct coordinator *coordinator)
{
	struct api_setup setup = api_setup_default;

	setup.routes = api_routes;
	setup.n_routes = api_routes_n;
	return api_open_with(out, coordinator, &setup);
}
