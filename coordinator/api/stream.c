// SPDX-License-Identifier: MIT
/*
 * GET /api/v1/alerts/stream: alert events as server-sent events (HTML standard, section 9.2), from
 * now on, or after Last-Event-ID without a gap and without a repeat: first listen and keep what
 * comes, then replay the store page by page until it has no more, then send what was kept, then go
 * live. An event's id is its sequence.
 *
 * A replay waits for its reader (a timer looks at the backlog); a live event does not: who cannot
 * follow is cut off and comes back with Last-Event-ID.
 */
#include "coordinator/api/handlers.h"
#include "coordinator/api/server.h"

#include "proto/base/log.h"
#include "proto/base/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define REPLAY_PAGE          100
#define REPLAY_BACKLOG_BYTES 65536
#define REPLAY_WAIT_MS       20
#define KEPT_MAX             1000

struct follower {
	struct coordinator *coordinator;
	struct api_stream *stream; /* NULL: gone; freed when the query has come back */
	struct alert_listener *listener;
	struct timer wait;
	int64_t after; /* what the replay asks the store for: later than this */
	int64_t sent;  /* sequence of the last event sent; not the client's word, which may be of
			  another store */
	bool replaying, querying;
	json_t *kept; /* [[sequence, event]] that came during the replay */
};

static void follower_free(struct follower *f)
{
	timer_clear(&f->wait);
	json_decref(f->kept);
	free(f);
}

static void closed_cb(void *arg)
{
	struct follower *f = arg;

	alerts_unlisten(f->coordinator->alerts, f->listener);
	timer_stop(&f->wait);
	f->stream = NULL;
	if (!f->querying)
		follower_free(f);
}

/* Repeats are left out. When the reader is too slow the server cuts it off, and closed_cb follows.
 */
static void send_event(struct follower *f, int64_t sequence, const json_t *event)
{
	const char *type = json_string_value(json_object_get(event, "type"));
	char *text;

	if (sequence <= f->sent)
		return;
	text = json_dumps(event, JSON_COMPACT);
	if (text && api_stream_event(f->stream, sequence, type ? type : "message", text) == 0)
		f->sent = sequence;
	free(text);
}

static void send_kept(struct follower *f)
{
	json_t *pair;
	size_t i;

	json_array_foreach (f->kept, i, pair)
		send_event(f, json_integer_value(json_array_get(pair, 0)), json_array_get(pair, 1));
	json_array_clear(f->kept);
	f->replaying = false;
}

static void event_cb(void *arg, int64_t sequence, const json_t *event)
{
	struct follower *f = arg;

	if (!f->replaying)
		send_event(f, sequence, event);
	else if (json_array_size(f->kept) < KEPT_MAX)
		json_array_append_new(f->kept,
			json_pack("[I, O]", (json_int_t)sequence, (json_t *)(uintptr_t)event));
	/* else: the store has it, and the replay will find it */
}

static void replay_cb(void *arg, enum store_error error, const json_t *list);

static void replay(void *arg)
{
	struct follower *f = arg;

	if (api_stream_backlog(f->stream) > REPLAY_BACKLOG_BYTES) {
		timer_set(&f->wait, REPLAY_WAIT_MS);
		return;
	}
	f->querying = true;
	store_query_events(f->coordinator->store, f->after, REPLAY_PAGE, replay_cb, f);
}

static void replay_cb(void *arg, enum store_error error, const json_t *list)
{
	struct follower *f = arg;
	json_t *row;
	size_t i;

	f->querying = false;
	if (!f->stream) {
		follower_free(f);
		return;
	}
	if (error == STORE_FAILED ||
		!list) { /* the client comes back and asks again: better than a silent gap */
		if (log_ratelimit("api.stream.replay", 60000) >= 0)
			log_warning("api.stream.replay_failed msg=\"the store cannot be read\"");
		alerts_unlisten(f->coordinator->alerts, f->listener);
		api_stream_end(f->stream);
		follower_free(f);
		return;
	}
	json_array_foreach ((json_t *)(uintptr_t)list, i, row) {
		f->after = json_integer_value(json_object_get(row, "sequence"));
		send_event(f, f->after, json_object_get(row, "document"));
	}
	if (json_array_size(list) > 0 || json_array_size(f->kept) == KEPT_MAX) {
		if (json_array_size(f->kept) == KEPT_MAX) /* later ones were left to the store */
			json_array_clear(f->kept);
		timer_set(&f->wait, 0);
		return;
	}
	send_kept(f);
}

/* Returns -1 for nonsense; UNSET: from now on. */
static int read_last_id(struct api_request *r, int64_t *out)
{
	const char *text = api_query(r, "last_event_id");
	char *end;

	if (!text)
		text = api_header(r, "Last-Event-ID");
	*out = UNSET;
	if (!text || !*text)
		return 0;
	errno = 0;
	*out = strtoll(text, &end, 10);
	return errno == 0 && *end == '\0' && *out >= 0 ? 0 : -1;
}

void handle_alert_stream(struct api_request *r)
{
	struct coordinator *c = r->coordinator;
	struct follower *f;
	int64_t last;

	if (read_last_id(r, &last) == -1) {
		api_problem(r, 400, "bad-query",
			"Last-Event-ID (or ?last_event_id=): accepted: the id of an event of this "
			"stream, a whole number",
			NULL);
		return;
	}
	f = mem_alloc(sizeof(*f));
	f->stream = api_stream_begin(r, closed_cb, f);
	if (!f->stream) {
		free(f);
		return;
	}
	f->coordinator = c;
	f->kept = json_array();
	f->listener = alerts_listen(c->alerts, event_cb, f);
	timer_init(&f->wait, c->loop, replay, f);
	if (last == UNSET)
		return;
	f->after = last;
	f->replaying = true;
	replay(f);
}
