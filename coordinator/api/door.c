// SPDX-License-Identifier: MIT
/*
 * The door's own keys: the one that is, the one that will be, and which probes do not know that one
 * yet. Rotating before they do would shut them out until they join anew, and so has to be asked for
 * twice.
 */
#include "coordinator/api/handlers.h"

#include "proto/base/buf.h"
#include "proto/base/mem.h"

#include <stdlib.h>
#include <string.h>

#define NAMES_MAX_BYTES 400

/* Probes that came in once, may come again, and do not keep NEXT_PIN. */
static json_t *unaware_json(struct registry *registry, const char *next_pin)
{
	json_t *out = json_array();

	for (const struct probe *p = NULL; (p = registry_next_probe(registry, p));)
		if (p->joined_wall_ms != UNSET && p->token_hash &&
			!(p->known_pin && strcmp(p->known_pin, next_pin) == 0))
			json_array_append_new(out, json_string(p->name));
	return out;
}

/* NULL after having answered: there is no key of ours. */
static json_t *door_json(struct api_request *r)
{
	struct coordinator *c = r->coordinator;
	char *pins[DOOR_PINS];

	if (!c->door) {
		api_problem(r, 404, "not-found",
			"this coordinator has no door; see 'door' in quorate-coordinator(8)", NULL);
		return NULL;
	}
	if (door_pins(c->door, pins) == 0)
		return json_pack("{s:i, s:s, s:n, s:b, s:[]}", "port", door_port(c->door), "pin",
			door_pin(c->door), "next_pin", "own", 0, "unaware");
	return json_pack("{s:i, s:s, s:s, s:b, s:o}", "port", door_port(c->door), "pin", pins[0],
		"next_pin", pins[1], "own", 1, "unaware", unaware_json(c->registry, pins[1]));
}

void handle_door_get(struct api_request *r)
{
	json_t *out = door_json(r);

	if (out)
		api_reply_json(r, 200, out);
}

static void refuse_unaware(struct api_request *r, const json_t *unaware)
{
	struct buf names;
	char *detail;
	size_t i;
	json_t *name;

	buf_init(&names, NAMES_MAX_BYTES);
	json_array_foreach ((json_t *)(uintptr_t)unaware, i, name)
		if (buf_printf(&names, "%s%s", i ? ", " : "", json_string_value(name)))
			break;
	detail = mem_printf("%zu probes do not know the next key, and would have to join anew: "
			    "%s%s. A connected one learns it within seconds; ?force=true leaves "
			    "the others behind",
		json_array_size(unaware), buf_text(&names),
		i < json_array_size(unaware) ? ", …" : "");
	api_problem(r, 409, "probes-unaware", detail, NULL);
	free(detail);
	buf_clear(&names);
}

void handle_door_rotate(struct api_request *r)
{
	struct coordinator *c = r->coordinator;
	const json_t *unaware;
	json_t *before;
	bool force;

	if (!query_bool(r, "force", &force) || !(before = door_json(r)))
		return;
	unaware = json_object_get(before, "unaware");
	if (!json_is_true(json_object_get(before, "own")))
		api_problem(r, 409, "not-ours",
			"the door has a certificate of yours ('door.certificate'): renew it in its "
			"file and send SIGHUP",
			NULL);
	else if (json_array_size(unaware) > 0 && !force)
		refuse_unaware(r, unaware);
	else if (door_rotate(c->door, &c->conf) == -1)
		api_problem(r, 503, "door",
			"the new key could not be put in its place; the log says why", NULL);
	else {
		coordinator_set_join(c);
		fleet_tell_pins(c->fleet);
		api_reply_json(r, 200, door_json(r));
	}
	json_decref(before);
}
