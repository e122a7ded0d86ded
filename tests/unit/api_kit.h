// SPDX-License-Identifier: MIT
/*
 * The API through real sockets, with the real registry, alerts and memory store. What depends on
 * probes (verdicts, fleet) and on channels (notify) is faked here.
 */
#ifndef QUORATE_TESTS_API_KIT_H
#define QUORATE_TESTS_API_KIT_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/api_client.h"

#include "proto/base/log.h"

#include <inttypes.h>
#include <stdio.h>

/* ---- fakes */

const char *const standing_names[] = {
	"never-seen", "voting", "lost", "drained", "twins", "revoked", "quarantined", NULL};
static bool held;
static json_t *results; /* what verdicts_results gives */

enum monitor_state verdicts_state(
	struct verdicts *v UNUSED, const struct id *monitor UNUSED, int64_t *since_wall_ms)
{
	*since_wall_ms = 0;
	return STATE_UP;
}

json_t *verdicts_maintenance(struct verdicts *v UNUSED, const struct id *monitor UNUSED)
{
	return NULL;
}

json_t *verdicts_explain(struct verdicts *v UNUSED, const struct id *monitor)
{
	char id[ID_TEXT_SIZE];

	return json_pack("{s:s, s:s}", "sentence", "because", "id", id_format(monitor, id));
}

json_t *verdicts_results(struct verdicts *v UNUSED, const struct id *monitor UNUSED)
{
	return results ? json_incref(results) : json_array();
}

void verdicts_counts(struct verdicts *v UNUSED, struct verdict_counts *out)
{
	*out = (struct verdict_counts){
		.by_state[STATE_UP] = 3, .votes = 42, .held = held, .lag_us = 1500};
}

void fleet_facts(
	const struct fleet *f UNUSED, const struct probe *p UNUSED, struct fleet_facts *out)
{
	*out = (struct fleet_facts){.standing = STANDING_VOTING,
		.heard_wall_ms = 1000,
		.software = "quorate-probe/0",
		.monitors = 2};
}

void fleet_tell_pins(struct fleet *f UNUSED)
{
}

void fleet_counts(const struct fleet *f UNUSED, struct fleet_counts *out)
{
	*out = (struct fleet_counts){.sessions = 3, .results = 77};
}

const char *const door_end_names[] = {"closed", "full", "late", "plain", "front", "handshake",
	"malformed", "version", "unauthorized", "busy", "replaced", "cut", "silent"};

bool door_client(const struct door *d UNUSED, const struct sockaddr_un *peer UNUSED,
	struct in6_addr *client UNUSED)
{
	return false;
}

void door_counts(const struct door *d UNUSED, struct door_counts *out)
{
	*out = (struct door_counts){.links = 6, .accepted = 9, .ended[DOOR_END_LATE] = 2};
}

const char *door_pin(const struct door *d UNUSED)
{
	return "sha256//pin=";
}

static int rotations; /* of a door that has keys of its own; -1: it has none */

size_t door_pins(const struct door *d, char *pins[DOOR_PINS])
{
	static char now[DOOR_PIN_SIZE], next[DOOR_PIN_SIZE];

	if (!d || rotations < 0)
		return 0;
	snprintf(now, sizeof(now), "sha256//key-%d=", rotations);
	snprintf(next, sizeof(next), "sha256//key-%d=", rotations + 1);
	pins[0] = now;
	pins[1] = next;
	return DOOR_PINS;
}

int door_rotate(struct door *d UNUSED, const struct coordinator_conf *conf UNUSED)
{
	rotations++;
	return 0;
}

int door_port(const struct door *d UNUSED)
{
	return 443;
}

void notify_add(struct notify *n UNUSED, struct store_batch *b UNUSED, int64_t sequence UNUSED,
	const char *kind UNUSED, const json_t *body UNUSED)
{
}

void notify_release(struct notify *n UNUSED, int64_t sequence UNUSED)
{
}

void notify_counts(const struct notify *n UNUSED, struct notify_counts *out)
{
	*out = (struct notify_counts){.sent = 5, .dead = 1};
}

/* ---- fixture */

static struct coordinator co;
static struct client c;
static char key_text[3][KEY_TEXT_SIZE]; /* by role */
static char key_header[3][KEY_TEXT_SIZE + 32];
static int pending;

static inline void added_cb(void *arg UNUSED, enum store_error error, const struct id *id UNUSED)
{
	assert_int_equal(error, STORE_OK);
	pending--;
}

static inline void health_cb(
	void *arg UNUSED, enum store_part part UNUSED, const char *detail UNUSED)
{
}

static inline int set_up(void **state UNUSED)
{
	struct problems problems = {0};

	held = false;
	co = (struct coordinator){.loop = loop_new(), .started_wall_ms = clock_wall_ms()};
	co.conf.api_listen = mem_strdup("127.0.0.1:0");
	assert_int_equal(store_open(&co.store, co.loop, "memory:", health_cb, NULL), 0);
	co.registry = registry_open(co.store, 100000);
	co.alerts = alerts_new(co.store, NULL, "http://q");
	assert_int_equal(api_open(&co.api, &co), 0);
	client_open(&c, co.loop, api_port(co.api));
	for (int role = ROLE_VIEWER; role <= ROLE_ADMIN; role++, pending++) {
		json_t *in =
			json_pack("{s:s, s:s}", "name", role_names[role], "role", role_names[role]);

		assert_int_equal(registry_add_key(co.registry, in, key_text[role], &problems,
					 added_cb, NULL),
			0);
		json_decref(in);
		snprintf(key_header[role], sizeof(key_header[role]),
			"Authorization: Bearer %.*s\r\n", KEY_TEXT_SIZE - 1, key_text[role]);
	}
	assert_true(client_wait(&c, pending == 0));
	return 0;
}

static inline int tear_down(void **state UNUSED)
{
	client_close(&c);
	api_close(co.api);
	store_close(co.store);
	alerts_free(co.alerts);
	registry_close(co.registry);
	loop_free(co.loop);
	free(co.conf.api_listen);
	json_decref(results);
	results = NULL;
	return 0;
}

/* ---- asking */

static inline int ask_as(
	enum role role, const char *method, const char *path, const char *more, const char *body)
{
	char *headers = mem_printf(
		"%s%s%s", key_header[role], body ? "Content-Type: application/json\r\n" : "", more);
	int status = client_ask(&c, method, path, headers, body);

	free(headers);
	return status;
}

static inline int ask(const char *method, const char *path, const char *body)
{
	return ask_as(ROLE_ADMIN, method, path, "", body);
}

static inline void expect_status(int want, int got)
{
	if (want != got)
		fail_msg("wanted %d, got %d: %s", want, got, c.in + c.taken);
}

static inline json_t *answer(void)
{
	json_t *out = json_loads(client_body(&c), 0, NULL);

	assert_non_null(out);
	return out;
}

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "(none)";
}

static inline size_t count_items(const char *path)
{
	json_t *list;
	size_t n;

	expect_status(200, ask("GET", path, NULL));
	list = answer();
	n = json_array_size(json_object_get(list, "items"));
	json_decref(list);
	return n;
}

static inline void add_region_and_probe(void)
{
	expect_status(
		201, ask("POST", "/api/v1/regions",
			     "{\"name\":\"tokyo\",\"title\":\"Tokyo\",\"sets\":[\"japan\"]}"));
	expect_status(
		201, ask("POST", "/api/v1/probes", "{\"name\":\"tokyo-1\",\"region\":\"tokyo\"}"));
}

#endif
