// SPDX-License-Identifier: MIT
/* What came of a run, written down for the expectations. */
#include "tests/sim/world_parts.h"

static struct record *find_open(struct world *wo, enum alert_kind kind, int monitor, int probe)
{
	for (int i = 0; i < wo->out->n_records; i++) {
		struct record *r = &wo->out->record[i];
		if (r->kind == kind && r->monitor == monitor && r->probe == probe &&
			r->closed_at_ms == INT64_MAX)
			return r;
	}
	return NULL;
}

void record_open(
	struct world *wo, enum alert_kind kind, int monitor, int probe, enum severity severity)
{
	if (find_open(wo, kind, monitor, probe))
		world_broken(wo, "a second alert %s while one is open", alert_kind_names[kind]);
	if (wo->out->n_records == WORLD_RECORDS_MAX) {
		world_broken(wo, "more than %d alerts", WORLD_RECORDS_MAX);
		return;
	}
	wo->out->record[wo->out->n_records++] = (struct record){
		.kind = kind,
		.monitor = monitor,
		.probe = probe,
		.opened_at_ms = wo->now_ms - EPOCH_MS,
		.closed_at_ms = INT64_MAX,
		.severity = severity,
		.severities = 1U << severity,
	};
}

void record_change(
	struct world *wo, enum alert_kind kind, int monitor, int probe, enum severity severity)
{
	struct record *r = find_open(wo, kind, monitor, probe);

	if (!r) {
		world_broken(wo, "a change of no alert %s", alert_kind_names[kind]);
		return;
	}
	r->severity = severity;
	r->severities |= 1U << severity;
}

void record_close(struct world *wo, enum alert_kind kind, int monitor, int probe, bool promoted)
{
	struct record *r = find_open(wo, kind, monitor, probe);

	if (!r) {
		world_broken(wo, "a close of no alert %s", alert_kind_names[kind]);
		return;
	}
	r->closed_at_ms = wo->now_ms - EPOCH_MS;
	r->promoted = promoted;
}

void record_state(struct world *wo, int monitor, enum monitor_state state)
{
	int *n = &wo->out->n_states[monitor];

	if (*n == WORLD_STATES_MAX)
		world_broken(wo, "more than %d states", WORLD_STATES_MAX);
	else
		wo->out->state[monitor][(*n)++] =
			(struct state_record){wo->now_ms - EPOCH_MS, state};
}

/* Of those that hold one; shadows do not. */
void record_seats(struct world *wo, int monitor)
{
	struct sim_monitor *mo = &wo->monitor[monitor];
	struct outcome *out = wo->out;

	for (int probe = 0; probe < wo->s->probes; probe++) {
		bool is = false;
		for (int i = 0; i < mo->n_seated; i++)
			is |= (int)mo->seats[i].key == probe + 1;
		if (is == mo->seated[probe])
			continue;
		mo->seated[probe] = is;
		if (out->n_seats == WORLD_STANDINGS_MAX)
			world_broken(wo, "more than %d changes of seats", WORLD_STANDINGS_MAX);
		else
			out->seat[out->n_seats++] =
				(struct standing_record){wo->now_ms - EPOCH_MS, monitor, probe, is};
	}
}
