// SPDX-License-Identifier: MIT
/*
 * Alerts, newest first. Open ones come from memory (they are true even while the store is broken),
 * closed ones and "any" from the store.
 */
#include "coordinator/alert_story.h"
#include "coordinator/api/handlers.h"
#include "coordinator/audience.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

enum { WANT_OPEN, WANT_CLOSED, WANT_ANY };
static const char *const state_words[] = {"open", "closed", "any", NULL};

/* A removed monitor's alerts are still there: an id need not be known. False after having answered.
 */
static bool monitor_filter(struct api_request *r, char id[ID_TEXT_SIZE], const char **out)
{
	const char *text = api_query(r, "monitor");
	struct registered *found;
	struct id parsed;

	*out = NULL;
	if (!text)
		return true;
	*out = id;
	found = registry_monitor_find(r->coordinator->registry, text);
	if (found)
		id_format(&found->m.id, id);
	else if (id_parse(text, &parsed) == 0)
		id_format(&parsed, id);
	else {
		api_problem(r, 400, "bad-query",
			"query parameter monitor: there is no monitor with this name or "
			"external_id",
			NULL);
		return false;
	}
	return true;
}

static bool alert_fits(const json_t *alert, const struct alert_filter *f)
{
	const char *kind = json_string_value(json_object_get(alert, "kind"));
	const char *monitor =
		json_string_value(json_object_get(json_object_get(alert, "monitor"), "id"));
	struct id id;

	if (f->kind && (!kind || strcmp(kind, f->kind) != 0))
		return false;
	if (f->monitor_id && (!monitor || strcmp(monitor, f->monitor_id) != 0))
		return false;
	if (id_is_zero(&f->before))
		return true;
	return id_parse(json_string_value(json_object_get(alert, "id")), &id) == 0 &&
	       id_compare(&id, &f->before) < 0;
}

/* At most LIMIT of LIST; the cursor is the id of the last one given when there are more. LIST may
 * hold one beyond. */
static void reply_page(
	struct api_request *r, const json_t *list, const struct alert_filter *f, int limit)
{
	json_t *items = json_array(), *alert;
	const char *cursor = NULL;
	size_t i;

	json_array_foreach ((json_t *)(uintptr_t)list, i, alert) {
		if (!alert_fits(alert, f))
			continue;
		if (json_array_size(items) == (size_t)limit) {
			cursor = json_string_value(
				json_object_get(json_array_get(items, (size_t)limit - 1), "id"));
			break;
		}
		json_array_append(items, alert);
	}
	reply_list(r, items, cursor);
}

static void list_cb(void *arg, enum store_error error, const json_t *list)
{
	static const struct alert_filter all = {.state = -1};
	struct api_request *r = arg;

	if (error == STORE_FAILED || !list)
		api_problem(r, 503, "store",
			"the store cannot be read now; ?state=open is answered from memory", NULL);
	else
		reply_page(r, list, &all, (int)(intptr_t)r->context);
}

void handle_alerts_list(struct api_request *r)
{
	struct alert_filter f = {0};
	char monitor_id[ID_TEXT_SIZE];
	int want, kind;
	int64_t limit;
	json_t *open;

	if (!query_enum(r, "state", state_words, &want) ||
		!query_enum(r, "kind", alert_kind_names, &kind) ||
		!query_int(r, "limit", 1, PAGE_MAX, PAGE_DEFAULT, &limit) ||
		!query_cursor(r, &f.before) || !monitor_filter(r, monitor_id, &f.monitor_id))
		return;
	f.kind = kind >= 0 ? alert_kind_names[kind] : NULL;
	if (want == WANT_OPEN) {
		open = alerts_open_list(r->coordinator->alerts);
		reply_page(r, open, &f, (int)limit);
		json_decref(open);
		return;
	}
	f.state = want == WANT_CLOSED ? 0 : -1;
	f.limit = (int)limit + 1; /* one more tells whether there is a next page */
	r->context = (void *)(intptr_t)limit;
	store_query_alerts(r->coordinator->store, &f, list_cb, r);
}

/* ---- one, by id or case */

static bool text_is(const json_t *alert, const char *member, const char *text)
{
	const char *value = json_string_value(json_object_get(alert, member));

	return value && strcasecmp(value, text) == 0;
}

static json_t *find_open(struct alerts *alerts, const char *text)
{
	json_t *open = alerts_open_list(alerts), *found = NULL, *alert;
	size_t i;

	json_array_foreach (open, i, alert)
		if (!found && (text_is(alert, "id", text) || text_is(alert, "case", text)))
			found = json_incref(alert);
	json_decref(open);
	return found;
}

/* How the one that was asked for is to be shown; packed into the request's context. */
enum { SHOW_CUSTOMER = 1, SHOW_JAPANESE = 2, SHOW_STORY = 4 };

static json_t *shown(const json_t *alert, int how)
{
	json_t *out = how & SHOW_CUSTOMER ? audience_alert(alert) : json_deep_copy(alert), *before;

	if (out && (how & SHOW_JAPANESE)) {
		before = out;
		out = audience_japanese(before);
		json_decref(before);
	}
	if (out && (how & SHOW_STORY)) {
		before = out;
		out = alert_story(before);
		json_decref(before);
	}
	return out;
}

/* One about a probe is not there for a customer. */
static void reply_alert(struct api_request *r, const json_t *alert)
{
	json_t *out = shown(alert, (int)(intptr_t)r->context);

	if (out)
		api_reply_json(r, 200, out);
	else
		reply_not_found(r, "alert");
}

static void one_cb(void *arg, enum store_error error, const json_t *list)
{
	struct api_request *r = arg;

	if (error == STORE_FAILED || !list)
		api_problem(r, 503, "store", "the store cannot be read now", NULL);
	else if (json_array_size(list) == 0)
		reply_not_found(r, "alert");
	else
		reply_alert(r, json_array_get(list, 0));
}

static void give_alert(struct api_request *r, int how)
{
	struct view view;
	json_t *open;

	if (!query_view(r, &view))
		return;
	how |= (view.customer ? SHOW_CUSTOMER : 0) | (view.japanese ? SHOW_JAPANESE : 0);
	r->context = (void *)(intptr_t)how;
	open = find_open(r->coordinator->alerts, r->params[0]);
	if (open)
		reply_alert(r, open);
	else
		alert_query(r, one_cb);
	json_decref(open);
}

void handle_alert_get(struct api_request *r)
{
	give_alert(r, 0);
}

void handle_alert_explain(struct api_request *r)
{
	give_alert(r, SHOW_STORY);
}

void alert_query(struct api_request *r, store_list_fn fn)
{
	char text[NAME_MAX_BYTES] = "";
	struct id id;

	if (strlen(r->params[0]) >= sizeof(text)) {
		reply_not_found(r, "alert");
		return;
	}
	/* Ids are stored in lower case, case ids in upper: people type either. */
	if (id_parse(r->params[0], &id) == 0)
		id_format(&id, text);
	else
		for (size_t i = 0; r->params[0][i]; i++)
			text[i] = (char)toupper((unsigned char)r->params[0][i]);
	store_query_alert(r->coordinator->store, text, fn, r);
}
