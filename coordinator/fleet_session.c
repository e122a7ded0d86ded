// SPDX-License-Identifier: MIT
/*
 * Who is who on the link. Identity comes from the session alone, which a probe's token opens: a message is believed for its
 * session's probe and nobody else; a second log-in of the same probe ends the first's session.
 */
#include "coordinator/fleet_internal.h"

#include "proto/base/clock.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"
#include "proto/base/rand.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The poller learns that its session is over, or its message was of no use. */
void session_say_stale(struct link_held *held)
{
	struct orders orders = {.stale_session = true};
	size_t size_bytes;
	char *text = message_encode(MESSAGE_ORDERS, &orders, &size_bytes);

	link_reply(held, text, size_bytes);
	free(text);
}

void session_end(struct member *m)
{
	if (!m->session[0])
		return;
	HASH_DELETE(hh_session, m->fleet->sessions, m);
	explicit_bzero(m->session, sizeof(m->session));
	timer_stop(&m->answer);
	timer_stop(&m->silence);
	if (m->poll)
		session_say_stale(m->poll);
	m->poll = NULL;
	m->fleet->counts.sessions--;
}

void session_silent(void *arg)
{
	struct member *m = arg;
	struct fleet *f = m->fleet;
	const struct probe *probe = registry_probe_by_key(f->c->registry, m->key);

	log_warning("probe.silent name=%s silent_ms=%d msg=\"no heartbeat: its session is over\"",
		log_quote(probe ? probe->name : NULL), SESSION_SILENT_MS);
	f->counts.silent_sessions++;
	session_end(m);
	door_cut(f->c->door, m->key, DOOR_END_SILENT);
}

/* ---- hello */

void session_reply(struct link_held *held, enum message_type type, const void *message)
{
	size_t size_bytes;
	char *text = message_encode(type, message, &size_bytes);

	link_reply(held, text, size_bytes);
	free(text);
}

static void refuse(
	struct link_held *held, const char *code, const char *detail, const struct hello *hello)
{
	char code_text[32], detail_text[256];
	struct refused refused = {.code = code_text, .detail = detail_text};

	snprintf(code_text, sizeof(code_text), "%s", code);
	snprintf(detail_text, sizeof(detail_text), "%s", detail);
	if (log_ratelimit("probe.refused", 10000) >= 0)
		log_warning("probe.refused name=%s code=%s", log_quote(hello->probe), code);
	session_reply(held, MESSAGE_REFUSED, &refused);
}

static void begin_session(struct member *m, struct hello *take)
{
	session_end(m);
	if (!id_equal(&m->hello.boot, &take->boot)) {
		memset(m->window, 0, sizeof(m->window));
		m->window_top = 0;
	}
	schema_clear(&hello_schema, &m->hello);
	m->hello = *take;
	memset(take, 0, sizeof(*take));
	explicit_bzero(m->hello.token, strlen(m->hello.token));
	rand_hex(m->session, (SESSION_TEXT_SIZE - 1) / 2);
	memcpy(m->session_index, m->session, SESSION_INDEX_BYTES);
	HASH_ADD(hh_session, m->fleet->sessions, session_index, SESSION_INDEX_BYTES, m);
	m->fleet->counts.sessions++;
	m->seen = true;
	m->reset = m->snapshot = true;
	timer_set(&m->silence, SESSION_SILENT_MS);
	order_log_forget(&m->orders, m->orders.revision);
	free(m->bursts.item);
	m->bursts = (struct list){0};
}

/*
 * Whether BOOT was here before another boot took its place. A probe that is started again and again
 * is a new boot each time and never comes back; two programs with one token come back in turn.
 */
static bool comes_back(struct member *m, const struct id *boot)
{
	bool back = false;

	if (id_equal(&m->boot, boot))
		return false;
	for (int i = 0; i < PAST_BOOTS; i++)
		back |= id_equal(&m->past[i], boot);
	m->past[m->next_past++ % PAST_BOOTS] = m->boot;
	m->boot = *boot;
	return back;
}

/* Of two with one token neither is believed; REFUSED to both, until one has given up for a while. */
static bool has_twins(struct fleet *f, struct member *m, const struct probe *probe,
	const struct hello *hello, struct link_held *held)
{
	if (comes_back(m, &hello->boot)) {
		f->counts.takeovers++;
		verdicts_takeover(f->c->verdicts, probe);
	}
	if (!verdicts_twins(f->c->verdicts, probe->key))
		return false;
	session_end(m); /* their connections may stay: nothing that comes on them is believed */
	refuse(held, "twins",
		"another program uses this probe's token too, so that neither is believed; "
		"'quorate "
		"probe token NAME' makes a new one",
		hello);
	return true;
}

void session_pins(struct member *m, struct strings *out, char *room[DOOR_PINS])
{
	size_t n = door_pins(m->fleet->c->door, room);

	if (!m->session[0] || n == 0 || (m->pins_told && strcmp(m->pins_told, room[n - 1]) == 0))
		return;
	mem_set(&m->pins_told, room[n - 1]);
	*out = (struct strings){.item = room, .n = n};
}

void session_hello(struct fleet *f, struct link_held *held, struct hello *hello, size_t size_bytes)
{
	struct probe *probe = registry_probe(f->c->registry, hello->probe);
	struct welcome welcome = {.heartbeat_ms = HEARTBEAT_MS, .now_wall_ms = clock_wall_ms()};
	char *pins[DOOR_PINS];
	struct member *m;

	if (hello->version != LINK_VERSION) {
		refuse(held, "version",
			"this coordinator speaks version 1 of the link; upgrade the older side",
			hello);
		return;
	}
	if (!probe || !registry_token_fits(probe, hello->token)) {
		refuse(held, "unauthorized",
			"no probe of this name is registered with this token; 'quorate probe add "
			"NAME' registers one, "
			"'quorate probe token NAME' makes a new token",
			hello);
		return;
	}
	m = fleet_member(f, probe->key);
	if (!limits_admit(m, size_bytes)) {
		refuse(held, "busy", limits_words, hello);
		return;
	}
	if (has_twins(f, m, probe, hello, held))
		return;
	begin_session(m, hello);
	m->pipe = link_pipe(held);
	mem_set(&m->token_hash, probe->token_hash);
	m->heard_wall_ms = welcome.now_wall_ms;
	log_info("probe.joined name=%s software=%s", probe->name, log_quote(m->hello.software));
	welcome.session = m->session;
	welcome.probe_id = probe->id;
	mem_set(&m->pins_told, NULL);
	session_pins(m, &welcome.pins, pins);
	session_reply(held, MESSAGE_WELCOME, &welcome);
	if (probe->joined_wall_ms == UNSET)
		registry_probe_joined(f->c->registry, probe, welcome.now_wall_ms);
	if (registry_announce(f->c->registry, probe, &m->hello.capabilities, welcome.now_wall_ms)) {
		log_info("probe.announced name=%s", probe->name);
		verdicts_capable(f->c->verdicts, probe);
	}
	verdicts_heard(f->c->verdicts, probe);
}

/* The member whose session this is, compared in constant time; NULL: a stale or invented one. */
struct member *session_member(struct fleet *f, const char *session)
{
	struct member *m;

	if (!session || strlen(session) != SESSION_TEXT_SIZE - 1)
		return NULL;
	HASH_FIND(hh_session, f->sessions, session, SESSION_INDEX_BYTES, m);
	return m && bytes_equal(m->session, session, SESSION_TEXT_SIZE - 1) ? m : NULL;
}
