// SPDX-License-Identifier: MIT
/* What the API's resources share, and their handlers: one file per resource, listed in routes.c. */
#ifndef QUORATE_API_HANDLERS_H
#define QUORATE_API_HANDLERS_H

#include "coordinator/api/api.h"

#define PAGE_DEFAULT 100
#define PAGE_MAX     500

/* ---- respond.c: queries and answers. Those that return bool answer the request themselves when
 * they return false. */

/* ?NAME= as a whole number; FALLBACK when absent. */
bool query_int(struct api_request *r, const char *name, int64_t min, int64_t max, int64_t fallback,
	int64_t *out);
/* ?NAME= as one of NAMES (NULL-ended); -1 when absent. */
/* RFC 3339. */
bool query_time(struct api_request *r, const char *name, int64_t fallback, int64_t *out_wall_ms);
bool query_enum(struct api_request *r, const char *name, const char *const *names, int *out);
/* ?NAME=true or false; false when absent. */
bool query_bool(struct api_request *r, const char *name, bool *out);
/* ?audience=operator or customer, ?lang=en or ja: how an alert or an explanation is to be shown. */
struct view {
	bool customer, japanese;
};
bool query_view(struct api_request *r, struct view *out);
/* ?cursor= as an id; zero when absent. */
void refuse_cursor(struct api_request *r, const char *text);
bool query_cursor(struct api_request *r, struct id *out);

/* {"items": ITEMS, "next_cursor": CURSOR or null} with status 200; takes ITEMS. */
void reply_list(struct api_request *r, json_t *items, const char *cursor);
/* 422 with what is wrong; nothing was stored. */
void reply_invalid(struct api_request *r, const struct problems *problems);
/* 404 for the WHAT ("monitor") named in the address. */
void reply_not_found(struct api_request *r, const char *what);
/* 503: the change was not stored. */
void reply_store_error(struct api_request *r);
/* The alert that is not in memory, as people name it: FN gets it as a list of one or none. */
void alert_query(struct api_request *r, store_list_fn fn);
/* The only organization that the caller's key is for; NULL: all. Before the handler returns. */
const char *caller_organization(const struct api_request *r);
/* Sets NAME to TEXT, null for NULL. */
void json_set_text(json_t *object, const char *name, const char *text);

/* ---- monitors.c */
void handle_monitors_list(struct api_request *r);
void handle_monitors_create(struct api_request *r);
void handle_monitor_get(struct api_request *r);
void handle_monitor_put(struct api_request *r);
void handle_monitor_delete(struct api_request *r);
void handle_monitor_explain(struct api_request *r);
/* As answers show it; a new reference. */
json_t *monitor_json(struct coordinator *c, const struct registered *entry, bool effective);
/* The monitor named in the address; answers 404 itself. */
struct registered *find_monitor(struct api_request *r);
/*
 * A monitor as R's sender gave it, made ready for the registry: where IN says "[redacted]", what
 * STORED (may be NULL) has there; a marker that stands for nothing is a problem. The organization is
 * the key's, else what IN says, else STORED's. PATH as in schema_decode_at. A new reference.
 */
json_t *monitor_input(const struct api_request *r, const json_t *in, const struct monitor *stored,
	const char *path, struct problems *problems);

/* "warnings" of OUT: what stands in M as it is and would better be a secret; nothing without any. */
void monitor_set_warnings(json_t *out, const struct monitor *m);

/* ---- door.c */
void handle_door_get(struct api_request *r);
void handle_door_rotate(struct api_request *r);

/* ---- monitor_pause.c */
extern const struct schema pause_request_schema; /* {"for", "until", "reason"} */
void handle_monitor_pause(struct api_request *r);
void handle_monitor_resume(struct api_request *r);

/* ---- maintenances.c */
void handle_maintenances_list(struct api_request *r);
void handle_maintenances_create(struct api_request *r);
void handle_maintenance_get(struct api_request *r);
void handle_maintenance_end(struct api_request *r);
void handle_maintenance_delete(struct api_request *r);

/* ---- join.c */
void handle_join(struct api_request *r);

/* ---- results.c, apply.c, regions.c, probes.c, keys.c, secrets.c, alerts.c, alert_people.c, stream.c,
 * deadletters.c */
extern const struct schema alert_note_schema; /* {"comment"} */
void handle_monitor_results(struct api_request *r);
void handle_apply(struct api_request *r);
void handle_regions_list(struct api_request *r);
void handle_regions_create(struct api_request *r);
void handle_region_get(struct api_request *r);
void handle_region_delete(struct api_request *r);
void handle_probes_list(struct api_request *r);
void handle_probes_create(struct api_request *r);
void handle_probe_get(struct api_request *r);
void handle_probe_token(struct api_request *r);
void handle_probe_revoke(struct api_request *r);
void handle_probe_drain(struct api_request *r);
void handle_probe_undrain(struct api_request *r);
void handle_probe_delete(struct api_request *r);
void handle_keys_list(struct api_request *r);
void handle_keys_create(struct api_request *r);
void handle_key_delete(struct api_request *r);
void handle_secrets_list(struct api_request *r);
void handle_secret_get(struct api_request *r);
void handle_secret_put(struct api_request *r);
void handle_secret_delete(struct api_request *r);
void handle_alerts_list(struct api_request *r);
void handle_alert_get(struct api_request *r);
void handle_alert_explain(struct api_request *r);
void handle_alert_acknowledge(struct api_request *r);
void handle_alert_comment(struct api_request *r);
void handle_alert_close(struct api_request *r);
void handle_alert_reopen(struct api_request *r);
void handle_alert_stream(struct api_request *r);
void handle_deadletters(struct api_request *r);

/* ---- status.c, metrics.c, openapi.c */
void handle_status(struct api_request *r);
void handle_healthz(struct api_request *r);
void handle_readyz(struct api_request *r);
void handle_metrics(struct api_request *r);
void handle_openapi(struct api_request *r);
/* The document; a new reference. */
json_t *openapi_document(const struct route *routes, size_t n);

#endif
