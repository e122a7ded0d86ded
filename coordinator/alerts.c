// SPDX-License-Identifier: MIT
/*
 * Alerts as documents. One document per alert, in memory while it is open; every transition gives
 * it a new event, which is committed in one transaction with the document and the outgoing
 * messages, and published afterwards. Sequences rise by one within a run; a start leaves a gap, so
 * that an event which a broken disk forgot never shares its number with another.
 */
#include "coordinator/alerts_internal.h"

#include "coordinator/json.h"
#include "proto/base/clock.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"
#include "proto/fence.h"
#include "proto/base/rand.h"
#include "quorate/monitor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEQUENCE_STRIDE 1000
#define HELD_NAMES_MAX  50 /* so that a message stays small */

/* ---- names */

static void make_key(char key[ALERT_KEY_BYTES], enum alert_kind kind, const struct id *subject)
{
	char text[ID_TEXT_SIZE];

	snprintf(key, ALERT_KEY_BYTES, "%s:%s", alert_kind_names[kind], id_format(subject, text));
}

static struct open_alert *find_in(
	struct open_alert *table, enum alert_kind kind, const struct id *subject)
{
	struct open_alert *alert;
	char key[ALERT_KEY_BYTES];

	make_key(key, kind, subject);
	HASH_FIND_STR(table, key, alert);
	return alert;
}

static struct open_alert *find_open(
	const struct alerts *a, enum alert_kind kind, const struct id *subject)
{
	return find_in(a->open, kind, subject);
}

/* Six characters that cannot be mistaken for each other on the phone. */
static void make_case(const struct alerts *a, char case_id[ALERT_CASE_SIZE])
{
	static const char letters[] = "23456789ABCDEFGHJKMNPQRSTVWXYZ";
	const struct open_alert *other;

	do {
		for (int i = 0; i < ALERT_CASE_SIZE - 1; i++)
			case_id[i] = i == 3 ? '-' : letters[rand_below(sizeof(letters) - 1)];
		case_id[ALERT_CASE_SIZE - 1] = '\0';
		HASH_FIND(hh_case, a->cases, case_id, ALERT_CASE_SIZE - 1, other);
	} while (other);
}

static int index_of(const char *const *names, const char *name)
{
	for (int i = 0; name && names[i]; i++) {
		if (strcmp(names[i], name) == 0)
			return i;
	}
	return -1;
}

/* A hushed alert is an object of its own beside its row: a start has to know of it. */
static void keep_hush(struct store_batch *b, struct open_alert *alert)
{
	if (alert->hushed)
		store_put(b, STORE_HUSHED, &alert->id, alert->case_id, alert->document);
	else if (alert->kept)
		store_remove(b, STORE_HUSHED, &alert->id);
	alert->kept = alert->hushed;
}

/* The alert as it is now, into B. */
static void put_alert(struct store_batch *b, struct open_alert *alert)
{
	const char *monitor = NULL,
		   *opened = json_string_value(json_object_get(alert->document, "opened_at"));
	const char *state = json_string_value(json_object_get(alert->document, "state"));
	int64_t opened_wall_ms = 0;

	(void)json_unpack(alert->document, "{s:{s:s}}", "monitor", "id", &monitor);
	if (time_parse(opened, &opened_wall_ms) == -1)
		opened_wall_ms = clock_wall_ms();
	store_put_alert(b, &alert->id, alert->case_id, strcmp(state, "closed") != 0, opened_wall_ms,
		alert_kind_names[alert->kind], monitor, alert->document);
	keep_hush(b, alert);
}

static void commit(struct alerts *a, struct open_alert *alert, struct transition *t)
{
	struct store_batch *b = store_batch_new(a->store);

	t->kind = alert_kind_names[alert->kind];
	t->id = alert->id;
	t->data = alert->document;
	put_alert(b, alert);
	alert->told_wall_ms = 0;
	alerts_publish(a, b, t);
}

void alert_commit(
	struct alerts *a, struct open_alert *alert, const char *type, alert_done_fn done, void *arg)
{
	struct transition t = {.type = type, .done = done, .arg = arg};

	commit(a, alert, &t);
}

/* MASS_FLIP: that held it back, borrowed; NULL: none. */
static void commit_transition(
	struct alerts *a, struct open_alert *alert, const char *type, json_t *mass_flip)
{
	struct transition t = {.type = type, .mass_flip = mass_flip};

	commit(a, alert, &t);
}

bool alerts_hold_back(
	struct alerts *a, enum alert_kind kind, const struct id *subject, const char *name)
{
	struct open_alert *alert = find_open(a, kind, subject);
	struct store_batch *b;
	json_t *list;

	if (!alert)
		return false;
	list = json_object_get(alert->document, "holds_back");
	if (!list) {
		list = json_array();
		json_object_set_new(alert->document, "holds_back", list);
	}
	if (json_array_size(list) >= HELD_NAMES_MAX)
		return true;
	json_array_append_new(list, json_string(name));
	b = store_batch_new(a->store);
	put_alert(b, alert);
	store_submit(a->store, b, STORE_EVENTUALLY, NULL, NULL);
	return true;
}

/* ---- what is open, what was closed by hand */

void alert_log(const struct open_alert *alert, const char *type, const char *from, const char *by)
{
	const char *subject = NULL, *severity = NULL, *code = NULL;

	if (json_unpack(alert->document, "{s:{s:s}}", "monitor", "name", &subject) == -1)
		(void)json_unpack(alert->document, "{s:{s:s}}", "probe", "name", &subject);
	(void)json_unpack(
		alert->document, "{s:s, s:{s:s}}", "severity", &severity, "reason", "code", &code);
	log_info("%s case=%s kind=%s%s%s severity=%s of=%s reason=%s%s%s", type, alert->case_id,
		alert_kind_names[alert->kind], from ? " was=" : "", from ? from : "",
		severity ? severity : "none", log_quote(subject), code ? code : "none",
		by ? " by=" : "", by ? log_quote(by) : "");
}

void alert_hush(struct alerts *a, struct open_alert *alert)
{
	HASH_DEL(a->open, alert);
	HASH_ADD_STR(a->hushed, key, alert);
	alert->hushed = true;
}

void alert_unhush(struct alerts *a, struct open_alert *alert)
{
	HASH_DEL(a->hushed, alert);
	HASH_ADD_STR(a->open, key, alert);
	alert->hushed = false;
}

static void free_open(struct alerts *a, struct open_alert *alert)
{
	if (alert->hushed)
		HASH_DEL(a->hushed, alert);
	else
		HASH_DEL(a->open, alert);
	HASH_DELETE(hh_case, a->cases, alert);
	json_decref(alert->document);
	free(alert);
}

static struct open_alert *add_open(struct alerts *a, enum alert_kind kind, const struct id *subject,
	const struct id *id, const char *case_id, json_t *take)
{
	struct open_alert *alert = mem_alloc(sizeof(*alert));

	alert->kind = kind;
	alert->id = *id;
	snprintf(alert->case_id, sizeof(alert->case_id), "%s", case_id);
	alert->subject = *subject;
	alert->document = take;
	make_key(alert->key, kind, subject);
	HASH_ADD_STR(a->open, key, alert);
	HASH_ADD(hh_case, a->cases, case_id, strlen(alert->case_id), alert);
	return alert;
}

/* What an alert that was closed by hand was about is over: the next one opens as ever. */
static void end_hush(struct alerts *a, enum alert_kind kind, const struct id *subject)
{
	struct open_alert *alert = find_in(a->hushed, kind, subject);
	struct store_batch *b;

	if (!alert)
		return;
	log_info("alert.over case=%s kind=%s msg=\"closed by hand earlier\"", alert->case_id,
		alert_kind_names[kind]);
	b = store_batch_new(a->store);
	store_remove(b, STORE_HUSHED, &alert->id);
	store_submit(a->store, b, STORE_EVENTUALLY, NULL, NULL);
	free_open(a, alert);
}

/* What was closed by hand has become worse than it was then; of a probe: has another fault. */
static bool hush_is_outgrown(const struct alerts *a, const struct alert_facts *f)
{
	const struct open_alert *alert = find_in(a->hushed, f->kind, &f->subject);
	const char *severity = NULL, *code = NULL;

	if (!alert)
		return false;
	(void)json_unpack(
		alert->document, "{s:s, s:{s:s}}", "severity", &severity, "reason", "code", &code);
	if (f->kind == ALERT_PROBE && f->reason_code && code && strcmp(f->reason_code, code) != 0)
		return true;
	return (int)f->severity > index_of(severity_names, severity);
}

/* ---- transitions */

const char *alerts_raise(struct alerts *a, const struct alert_facts *f)
{
	struct open_alert *alert = find_open(a, f->kind, &f->subject);
	char text[ID_TEXT_SIZE], case_id[ALERT_CASE_SIZE];
	struct id id;

	if (alert)
		return alert->case_id;
	end_hush(a, f->kind, &f->subject);
	id = id_new();
	make_case(a, case_id);
	alert = add_open(a, f->kind, &f->subject, &id, case_id, json_object());
	json_object_set_new(alert->document, "id", json_string(id_format(&alert->id, text)));
	json_object_set_new(alert->document, "case", json_string(alert->case_id));
	json_object_set_new(alert->document, "organization",
		json_string(f->organization ? f->organization : ORGANIZATION_DEFAULT));
	json_object_set_new(alert->document, "state", json_string(alert_state_names[ALERT_OPEN]));
	alert_fill_document(a, alert, f);
	alert_log(alert, "alert.opened", NULL, NULL);
	commit_transition(a, alert, "alert.opened", f->mass_flip);
	return alert->case_id;
}

void alerts_change(struct alerts *a, const struct alert_facts *f)
{
	struct open_alert *alert = find_open(a, f->kind, &f->subject);

	if (hush_is_outgrown(a, f))
		(void)alerts_raise(a, f);
	if (!alert)
		return;
	alert_change_document(a, alert, f);
	alert_log(alert, "alert.changed", NULL, NULL);
	commit_transition(a, alert, "alert.changed", f->mass_flip);
}

void alerts_promote(struct alerts *a, enum alert_kind from, const struct alert_facts *f)
{
	struct open_alert *alert = find_open(a, from, &f->subject);

	end_hush(a, from, &f->subject);
	if (!alert || find_open(a, f->kind, &f->subject)) {
		alerts_raise(a, f);
		return;
	}
	HASH_DEL(a->open, alert);
	alert->kind = f->kind;
	make_key(alert->key, f->kind, &f->subject);
	HASH_ADD_STR(a->open, key, alert);
	alert_change_document(a, alert, f);
	alert_log(alert, "alert.changed", alert_kind_names[from], NULL);
	commit_transition(a, alert, "alert.changed", f->mass_flip);
}

static void close_alert(struct alerts *a, struct open_alert *alert, json_t *mass_flip)
{
	json_object_set_new(alert->document, "state", json_string(alert_state_names[ALERT_CLOSED]));
	json_object_set_new(alert->document, "closed_at", json_time(clock_wall_ms()));
	alert_log(alert, "alert.closed", NULL, NULL);
	commit_transition(a, alert, "alert.closed", mass_flip);
	free_open(a, alert);
}

void alerts_resolve(struct alerts *a, const struct alert_facts *f)
{
	struct open_alert *alert = find_open(a, f->kind, &f->subject);
	struct alert_facts kept = *f;

	end_hush(a, f->kind, &f->subject);
	if (!alert)
		return;
	/* A closed alert still tells what it was about: the evidence stays that of the failure, the
	 * recovery's stands beside it. */
	if (f->votes)
		json_object_set_new(alert->document, "recovery",
			json_pack("{s:O, s:O}", "quorum", f->quorum, "votes", f->votes));
	kept.votes = kept.quorum = NULL;
	kept.severity = (enum severity)index_of(
		severity_names, json_string_value(json_object_get(alert->document, "severity")));
	kept.reason_code = NULL;
	kept.observed = NULL;
	kept.started_wall_ms = UNSET;
	alert_fill_document(a, alert, &kept);
	close_alert(a, alert, f->mass_flip);
}

void alerts_withdraw(
	struct alerts *a, enum alert_kind kind, const struct id *subject, const char *why)
{
	struct open_alert *alert = find_open(a, kind, subject);

	end_hush(a, kind, subject);
	if (!alert)
		return;
	json_object_set_new(alert->document, "closed_because", json_string(why));
	close_alert(a, alert, NULL);
}

const char *alerts_case(const struct alerts *a, enum alert_kind kind, const struct id *subject)
{
	const struct open_alert *alert = find_open(a, kind, subject);

	return alert ? alert->case_id : NULL;
}

typedef void (*each_fn)(void *arg, enum alert_kind kind, const struct id *subject,
	enum severity severity, const json_t *document);

static void each_in(struct open_alert *table, each_fn fn, void *arg)
{
	struct open_alert *alert, *next;

	HASH_ITER (hh, table, alert, next) {
		int severity = index_of(severity_names,
			json_string_value(json_object_get(alert->document, "severity")));
		fn(arg, alert->kind, &alert->subject,
			severity < 0 ? SEVERITY_WARNING : (enum severity)severity, alert->document);
	}
}

void alerts_each_lasting(const struct alerts *a, each_fn fn, void *arg)
{
	each_in(a->open, fn, arg);
	each_in(a->hushed, fn, arg);
}

/* ---- start and end */

static struct open_alert *load(struct alerts *a, const struct id *id, const json_t *document)
{
	const char *case_id = NULL, *kind_name = NULL, *subject_text = NULL;
	struct id subject;
	int kind;

	(void)json_unpack(
		(json_t *)(uintptr_t)document, "{s:s, s:s}", "case", &case_id, "kind", &kind_name);
	if (json_unpack((json_t *)(uintptr_t)document, "{s:{s:s}}", "monitor", "id",
		    &subject_text) == -1)
		(void)json_unpack(
			(json_t *)(uintptr_t)document, "{s:{s:s}}", "probe", "id", &subject_text);
	kind = index_of(alert_kind_names, kind_name);
	if (kind < 0 || !case_id || strlen(case_id) != ALERT_CASE_SIZE - 1 || !subject_text ||
		id_parse(subject_text, &subject) == -1) {
		log_error("alert.unreadable case=%s", log_quote(case_id));
		return NULL;
	}
	return add_open(a, (enum alert_kind)kind, &subject, id, case_id, json_deep_copy(document));
}

static void load_open(void *arg, const struct id *id, const json_t *document)
{
	(void)load(arg, id, document);
}

static void load_hushed(void *arg, const struct id *id, const json_t *document)
{
	struct open_alert *alert = load(arg, id, document);

	if (!alert)
		return;
	alert_hush(arg, alert);
	alert->kept = true;
}

struct alerts *alerts_new(struct store *store, struct notify *notify, const char *url)
{
	struct alerts *a = mem_alloc(sizeof(*a));

	a->store = store;
	a->notify = notify;
	a->url = mem_strdup(url);
	a->sequence = (store_last_sequence(store) / SEQUENCE_STRIDE + 1) * SEQUENCE_STRIDE;
	/* The hushed ones first: they pass through the table of the open ones. */
	if (store_each(store, STORE_HUSHED, load_hushed, a) == -1 ||
		store_each_open_alert(store, load_open, a) == -1) {
		alerts_free(a);
		return NULL;
	}
	return a;
}

void alerts_free(struct alerts *a)
{
	struct open_alert *alert, *next;

	HASH_ITER (hh, a->open, alert, next)
		free_open(a, alert);
	HASH_ITER (hh, a->hushed, alert, next)
		free_open(a, alert);
	alerts_publish_end(a);
	free(a->url);
	free(a);
}

/* ---- for the API */

static int newer_first(const struct open_alert *a, const struct open_alert *b)
{
	return id_compare(&b->id, &a->id);
}

json_t *alerts_open_list(struct alerts *a)
{
	json_t *list = json_array();

	HASH_SORT(a->open, newer_first);
	for (struct open_alert *alert = a->open; alert; alert = alert->hh.next)
		json_array_append_new(list, json_deep_copy(alert->document));
	return list;
}

size_t alerts_count_open(const struct alerts *a)
{
	return HASH_COUNT(a->open);
}
