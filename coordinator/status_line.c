// SPDX-License-Identifier: MIT
/* For example "3 of 4 probes voting; 12 monitors: 11 up, 1 down; 1 alert open". */
#include "coordinator/status_line.h"

#include "coordinator/store/store.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* What does not fit is cut. */
static void add(char text[SERVICE_STATUS_SIZE], const char *format, ...) PRINTF_LIKE(2, 3);
static void add(char text[SERVICE_STATUS_SIZE], const char *format, ...)
{
	size_t n = strlen(text);
	va_list ap;

	va_start(ap, format);
	vsnprintf(text + n, SERVICE_STATUS_SIZE - n, format, ap);
	va_end(ap);
}

static const char *plural(int64_t n)
{
	return n == 1 ? "" : "s";
}

static void add_probes(char text[SERVICE_STATUS_SIZE], const struct coordinator *c)
{
	int64_t total = 0, voting = 0;
	struct fleet_facts facts;

	for (struct probe *p = NULL; (p = registry_next_probe(c->registry, p)); total++) {
		fleet_facts(c->fleet, p, &facts);
		voting += facts.standing == STANDING_VOTING;
	}
	add(text, "%" PRId64 " of %" PRId64 " probes voting", voting, total);
}

static void add_monitors(char text[SERVICE_STATUS_SIZE], const struct coordinator *c)
{
	int64_t total = (int64_t)registry_count_monitors(c->registry);
	struct verdict_counts counts;
	const char *sign = ":";

	verdicts_counts(c->verdicts, &counts);
	add(text, "; %" PRId64 " monitor%s", total, plural(total));
	for (int state = 0; state <= STATE_MAINTENANCE; state++) {
		if (counts.by_state[state] == 0)
			continue;
		add(text, "%s %" PRId64 " %s", sign, counts.by_state[state],
			monitor_state_names[state]);
		sign = ",";
	}
	if (counts.held)
		add(text, "; listening before it speaks");
}

void status_line(const struct coordinator *c, char text[SERVICE_STATUS_SIZE])
{
	size_t open = alerts_count_open(c->alerts);

	text[0] = '\0';
	add_probes(text, c);
	add_monitors(text, c);
	if (open)
		add(text, "; %zu alert%s open", open, plural((int64_t)open));
	for (int part = 0; part < STORE_PART_COUNT; part++)
		if (c->store_problem[part])
			add(text, "; store: %s: %s", store_part_names[part],
				c->store_problem[part]);
}
