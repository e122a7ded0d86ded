// SPDX-License-Identifier: MIT
/* What a join string says about this coordinator is put together once, at the start and at a reload. */
#include "coordinator/join.h"

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
	const struct strings *addresses, const char *url, int port, const char *pin)
{
	struct join_place *place = mem_alloc(sizeof(*place));

	for (size_t i = 0; i < addresses->n; i++)
		append(&place->addresses, mem_strdup(addresses->item[i]));
	if (addresses->n == 0)
		append(&place->addresses, host_of(url, port));
	if (pin)
		append(&place->pins, mem_strdup(pin));
	else
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

char *join_place_line(const struct join_place *place, const char *probe, const char *secret,
	int64_t expires_wall_ms)
{
	struct join_string j = {.addresses = place->addresses,
		.pins = place->pins,
		.ca_name = place->ca_name,
		.probe = mem_strdup(probe),
		.secret = mem_strdup(secret),
		.expires_wall_ms = expires_wall_ms};
	char *line = join_string_encode(&j);

	ensure(line); /* the configuration bounds its parts */
	explicit_bzero(j.secret, strlen(j.secret));
	free(j.probe);
	free(j.secret);
	return line;
}

/* Each visit adds to a debt that time pays off. */
bool join_gate_admit(struct join_gate *gate, int64_t now_ms)
{
	const int64_t visit_ms = 1000 / JOIN_PER_SECOND;

	if (gate->debt_until_ms < now_ms)
		gate->debt_until_ms = now_ms;
	if (gate->debt_until_ms - now_ms > (JOIN_BURST - 1) * visit_ms)
		return false;
	gate->debt_until_ms += visit_ms;
	return true;
}
