// SPDX-License-Identifier: MIT
/* What a join string says about this coordinator is put together once, at the start and at a reload. */
#include "coordinator/coordinator.h"

#include "coordinator/place.h"
#include "proto/base/mem.h"
#include "proto/joinstring.h"

#include <stdlib.h>
#include <string.h>

struct join_place {
	struct strings addresses, pins;
	char *ca_name;
};

static void append(struct strings *list, char *take)
{
	list->item = mem_resize(list->item, list->n + 1, sizeof(*list->item));
	list->item[list->n++] = take;
}

/* The host part of URL with PORT, or of HOST:PORT without it (PORT 0). */
static char *host_of(const char *text, int port)
{
	const char *scheme = strstr(text, "://"), *host = scheme ? scheme + 3 : text;
	size_t n = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/?#");

	if (port)
		return mem_printf("%.*s:%d", (int)n, host, port);
	return mem_strndup(host, n);
}

struct join_place *join_place_new(
	const struct strings *addresses, const char *url, int port, const struct strings *pins)
{
	struct join_place *place = mem_alloc(sizeof(*place));

	for (size_t i = 0; i < addresses->n; i++)
		append(&place->addresses, mem_strdup(addresses->item[i]));
	if (addresses->n == 0)
		append(&place->addresses, host_of(url, port));
	for (size_t i = 0; i < pins->n; i++)
		append(&place->pins, mem_strdup(pins->item[i]));
	if (pins->n == 0)
		place->ca_name = host_of(place->addresses.item[0], 0);
	return place;
}

static void clear_strings(struct strings *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->item[i]);
	free(list->item);
}

void join_place_free(struct join_place *place)
{
	if (!place)
		return;
	clear_strings(&place->addresses);
	clear_strings(&place->pins);
	free(place->ca_name);
	free(place);
}

char *join_place_line(const struct join_place *place, const struct join_who *who)
{
	struct join_string j = {.addresses = place->addresses,
		.pins = place->pins,
		.ca_name = place->ca_name,
		.probe = mem_strdup(who->probe),
		.organization = mem_strdup(who->organization),
		.secret = mem_strdup(who->secret),
		.expires_wall_ms = who->expires_wall_ms};
	char *line = join_string_encode(&j);

	ensure(line); /* the configuration bounds its parts */
	explicit_bzero(j.secret, strlen(j.secret));
	free(j.probe);
	free(j.organization);
	free(j.secret);
	return line;
}

void coordinator_set_join(struct coordinator *c)
{
	char *item[DOOR_PINS];
	struct strings pins = {.item = item, .n = door_pins(c->door, item)};

	if (!c->door)
		return;
	join_place_free(c->join);
	c->join = join_place_new(&c->conf.door_addresses, c->conf.url, door_port(c->door), &pins);
}

/* Each visit adds to a debt that time pays off. */
static bool admit(struct join_caller *c, int64_t burst, int64_t per_second, int64_t now_ms)
{
	const int64_t visit_ms = 1000 / per_second;

	if (c->debt_until_ms < now_ms)
		c->debt_until_ms = now_ms;
	if (c->debt_until_ms - now_ms > (burst - 1) * visit_ms)
		return false;
	c->debt_until_ms += visit_ms;
	return true;
}

/* The one of CLIENT's place; that of the smallest debt makes room for it. */
static struct join_caller *caller_from(struct join_gate *gate, const struct in6_addr *client)
{
	struct in6_addr place = place_of(client);
	struct join_caller *least = &gate->caller[0];

	for (size_t i = 0; i < JOIN_CALLERS_MAX; i++) {
		struct join_caller *c = &gate->caller[i];
		if (c->debt_until_ms && memcmp(&c->place, &place, sizeof(place)) == 0)
			return c;
		if (c->debt_until_ms < least->debt_until_ms)
			least = c;
	}
	*least = (struct join_caller){.place = place};
	return least;
}

/* Who is turned away himself takes nothing from what all have together. */
bool join_gate_admit(struct join_gate *gate, const struct in6_addr *client, int64_t now_ms)
{
	return admit(caller_from(gate, client), JOIN_BURST, JOIN_PER_SECOND, now_ms) &&
	       admit(&gate->all, JOIN_ALL_BURST, JOIN_ALL_PER_SECOND, now_ms);
}
