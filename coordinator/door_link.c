// SPDX-License-Identifier: MIT
/*
 * A link at the door: the preface says who it is and for which stream, then the door greets nanomsg at our own end in
 * its place, and only then answers "accepted". From there on bytes pass unread; sessions are the fleet's.
 *
 * One connection per probe and stream: a newer one replaces the older, whose peer may have been gone for a while without
 * a word. But not one that has only just come, so that two programs with one token do not chase each other for ever.
 *
 * `quorate-probe doctor` asks with a preface of its own: it is judged as the others, and told what we know, but is no
 * link. It joins nothing and replaces nothing, so that a running probe does not notice.
 */
#include "coordinator/door_internal.h"

#include "proto/base/clock.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"
#include "proto/messages.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>

#define PREFACE_MS       5000
#define GREETING_MS      2000
#define REPLACE_AFTER_MS 2000
#define METER_PARTS      8

/* How long a living probe may say nothing: a poll that is held, and the time to ask again. Longer than a session may be
 * without a heartbeat, whose end says more. */
#define SILENT_MS (ORDERS_HOLD_MS + HEARTBEAT_MS)

/* ---- refusing */

static const struct {
	enum door_end end;
	const char *code, *detail;
} refusals[] = {
	{DOOR_END_MALFORMED, "malformed",
		"the first line is no preface of the link; is this another program's port?"},
	{DOOR_END_VERSION, "version",
		"this coordinator speaks version 1 of the link; upgrade the older side"},
	{DOOR_END_UNAUTHORIZED, "unauthorized",
		"no probe of this name is registered with this token; 'quorate probe token NAME' "
		"makes a new token"},
	{DOOR_END_BUSY, "busy",
		"the coordinator cannot take this connection now, or has only just taken another "
		"one of this probe"},
};

static void refuse(struct visitor *v, enum door_end why)
{
	char code[16], detail[160], line[PREFACE_MAX_BYTES + 1];
	struct preface_answer answer = {.code = code, .detail = detail};
	int size, skipped = log_ratelimit("door.refused", 10000);

	for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
		if (refusals[i].end != why)
			continue;
		snprintf(code, sizeof(code), "%s", refusals[i].code);
		snprintf(detail, sizeof(detail), "%s", refusals[i].detail);
	}
	if (skipped >= 0)
		log_warning("door.refused probe=%s address=%s code=%s skipped=%d",
			log_quote(v->probe), visitor_address(v), code, skipped);
	size = preface_answer_encode(&answer, line, sizeof(line));
	ensure(size > 0);
	visitor_leave(v, line, (size_t)size, why);
}

/* ---- joining nanomsg's end */

static void replace_older(struct visitor *newer)
{
	struct visitor *v, *next;

	DL_FOREACH_SAFE (newer->door->visitors, v, next)
		if (v != newer && v->probe_key == newer->probe_key && v->stream == newer->stream)
			visitor_end(v, DOOR_END_REPLACED);
}

/* ---- linked */

void link_hold(struct visitor *v, int64_t wait_ms)
{
	splice_hold(&v->splice, true);
	timer_set(&v->hold, wait_ms);
}

void link_go_on(struct visitor *v)
{
	v->heard_at_ms = clock_now_ms();
	splice_hold(&v->splice, false);
}

void link_look(struct visitor *v)
{
	int64_t now_ms = clock_now_ms(), left_ms = v->heard_at_ms + SILENT_MS - now_ms;

	if (timer_is_set(&v->hold)) /* it is we who do not listen */
		left_ms = SILENT_MS;
	if (left_ms > 0)
		timer_set(&v->deadline, left_ms);
	else
		visitor_end(v, DOOR_END_SILENT);
}

/* Counts what goes by, and holds back a probe that sends more than it may. */
static bool meter(void *arg, struct evbuffer *in)
{
	struct visitor *v = arg;
	struct evbuffer_iovec part[METER_PARTS];
	size_t size = evbuffer_get_length(in);
	int64_t messages = 0, more = 0;
	int n = evbuffer_peek(in, -1, NULL, part, METER_PARTS);

	if (size == 0)
		return true;
	if (n > METER_PARTS) {
		evbuffer_pullup(in, -1);
		n = evbuffer_peek(in, -1, NULL, part, METER_PARTS);
	}
	for (int i = 0; i < n && more != -1; i++, messages += more)
		more = frames_count(&v->frames, part[i].iov_base, part[i].iov_len);
	if (more == -1) {
		visitor_end(v, DOOR_END_MALFORMED);
		return false;
	}
	v->heard_at_ms = clock_now_ms();
	fleet_charge(v->door->c->fleet, v->probe_key, messages, (int64_t)size);
	return true;
}

static void accept_link(struct visitor *v)
{
	struct preface_answer yes = {.accepted = true, .facts = {.now_wall_ms = UNSET}};
	struct fleet *f = v->door->c->fleet;
	char line[PREFACE_MAX_BYTES + 1];
	int size = preface_answer_encode(&yes, line, sizeof(line));

	ensure(size > 0);
	replace_older(v);
	bufferevent_write(v->near, line, (size_t)size);
	v->linked_at_ms = v->heard_at_ms = clock_now_ms();
	log_info("door.linked probe=%s stream=%s address=%s", log_quote(v->probe),
		link_stream_names[v->stream], visitor_address(v));
	fleet_link_opened(f, v->probe_key);
	if (!visitor_splice(v, VISITOR_LINKED, meter))
		return;
	timer_set(&v->deadline, SILENT_MS);
	if (fleet_wait_ms(f, v->probe_key) > 0) /* it does not get rid of a debt by coming again */
		link_hold(v, fleet_wait_ms(f, v->probe_key));
}

static void greeting_read_cb(struct bufferevent *far, void *arg)
{
	struct visitor *v = arg;
	unsigned char greeting[GREETING_BYTES];

	if (evbuffer_get_length(bufferevent_get_input(far)) < sizeof(greeting))
		return;
	bufferevent_read(far, greeting, sizeof(greeting));
	if (greeting_is(greeting, GREETING_REP))
		accept_link(v);
	else
		refuse(v, DOOR_END_BUSY);
}

static void greeting_event_cb(struct bufferevent *far UNUSED, short what, void *arg)
{
	if (!(what & BEV_EVENT_CONNECTED))
		refuse(arg, DOOR_END_BUSY);
}

static void near_gone_cb(struct bufferevent *near UNUSED, short what UNUSED, void *arg)
{
	visitor_end(arg, DOOR_END_CLOSED);
}

static void join(struct visitor *v)
{
	unsigned char greeting[GREETING_BYTES];

	v->far = visitor_connect(v, v->door->endpoint[v->stream]);
	if (!v->far) {
		refuse(v, DOOR_END_BUSY);
		return;
	}
	visitor_set_phase(v, VISITOR_JOINING);
	timer_set(&v->deadline, GREETING_MS);
	bufferevent_disable(v->near, EV_READ);
	bufferevent_setcb(v->near, NULL, NULL, near_gone_cb, v);
	bufferevent_setcb(v->far, greeting_read_cb, NULL, greeting_event_cb, v);
	bufferevent_enable(v->far, EV_READ | EV_WRITE);
	greeting_make(greeting, GREETING_REQ);
	bufferevent_write(v->far, greeting, sizeof(greeting));
}

/* ---- a question */

static void answer_doctor(struct visitor *v, const struct probe *probe)
{
	struct fleet_facts facts;
	char standing[32], line[PREFACE_MAX_BYTES + 1];
	struct preface_answer yes = {.accepted = true};
	int size;

	fleet_facts(v->door->c->fleet, probe, &facts);
	snprintf(standing, sizeof(standing), "%s", standing_names[facts.standing]);
	yes.facts = (struct preface_facts){.now_wall_ms = clock_wall_ms(), .standing = standing};
	size = preface_answer_encode(&yes, line, sizeof(line));
	ensure(size > 0);
	visitor_leave(v, line, (size_t)size, DOOR_END_CLOSED);
}

/* ---- the preface */

static bool has_just_come(const struct door *d, uint32_t probe_key, enum link_stream stream)
{
	const struct visitor *v;

	DL_FOREACH (d->visitors, v)
		if (v->phase == VISITOR_LINKED && v->probe_key == probe_key &&
			v->stream == stream && clock_now_ms() - v->linked_at_ms < REPLACE_AFTER_MS)
			return true;
	return false;
}

/* What PREFACE is answered with: CLOSED, and *PROBE is known, or how it ends. */
static enum door_end judge(struct visitor *v, const struct preface *preface, struct probe **out)
{
	struct probe *probe = registry_probe(v->door->c->registry, preface->probe);

	*out = probe;
	v->probe = mem_strdup(preface->probe);
	if (preface->version != PREFACE_VERSION)
		return DOOR_END_VERSION;
	if (!probe || !registry_token_fits(probe, preface->token))
		return DOOR_END_UNAUTHORIZED;
	if (preface->stream == PREFACE_DOCTOR)
		return DOOR_END_CLOSED;
	v->stream = (enum link_stream)preface->stream;
	if (has_just_come(v->door, probe->key, v->stream))
		return DOOR_END_BUSY;
	v->probe_key = probe->key;
	v->token_hash = mem_strdup(probe->token_hash);
	return DOOR_END_CLOSED;
}

static void take_preface(struct visitor *v, const char *line, size_t size_bytes)
{
	struct problems problems = {0};
	struct preface preface;
	struct probe *probe = NULL;
	enum door_end end = DOOR_END_MALFORMED;

	if (preface_decode(line, size_bytes, &preface, &problems) == 0)
		end = judge(v, &preface, &probe);
	if (end != DOOR_END_CLOSED)
		refuse(v, end);
	else if (preface.stream == PREFACE_DOCTOR)
		answer_doctor(v, probe);
	else
		join(v);
	preface_clear(&preface);
}

static void preface_cb(struct bufferevent *near, void *arg)
{
	struct visitor *v = arg;
	struct evbuffer *in = bufferevent_get_input(near);
	char line[PREFACE_MAX_BYTES], *end;
	ev_ssize_t n = evbuffer_copyout(in, line, sizeof(line));

	end = n > 0 ? memchr(line, '\n', (size_t)n) : NULL;
	if (end) {
		evbuffer_drain(in, (size_t)(end + 1 - line));
		take_preface(v, line, (size_t)(end + 1 - line));
	} else if (n == (ev_ssize_t)sizeof(line)) {
		refuse(v, DOOR_END_MALFORMED);
	}
	explicit_bzero(line, sizeof(line)); /* the token */
}

void link_await_preface(struct visitor *v)
{
	visitor_set_phase(v, VISITOR_PREFACE);
	timer_set(&v->deadline, PREFACE_MS);
	bufferevent_setcb(v->near, preface_cb, NULL, near_gone_cb, v);
}
