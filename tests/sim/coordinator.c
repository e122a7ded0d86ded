// SPDX-License-Identifier: MIT
/*
 * The coordinator of the world: drives assign, watch and court as the real one does (verdicts.c,
 * court_session.c, electorate.c). What outlives its restart is what the real one stores: open
 * alerts, and sentences of quarantine.
 */
#include "tests/sim/world_parts.h"

#include "coordinator/core/parents.h"

#include <stdlib.h>
#include <string.h>

/* ---- the coordinator: watches */

static void order(struct world *wo, int monitor, int probe, int64_t first_round, int rounds)
{
	world_push(wo, (struct event){.at_ms = wo->now_ms + wo->probe[probe].link_ms,
			       .type = EV_ORDER,
			       .probe = probe,
			       .monitor = monitor,
			       .round = first_round,
			       .rounds = rounds});
}

static void carry_out(struct world *wo, int monitor, const struct watch_action *a)
{
	struct sim_monitor *mo = &wo->monitor[monitor];

	switch (a->type) {
	case WATCH_ORDER_BURST:
		world_tell(wo, "%s: burst %lld+%d for %s", mo->m->name, (long long)a->first_round,
			a->rounds, mo->w->burst.goal == BURST_UP ? "up" : "down");
		wo->out->bursts[monitor]++;
		for (int i = 0; i < mo->n_seated; i++)
			order(wo, monitor, (int)mo->w->voter[i].key - 1, a->first_round, a->rounds);
		return;
	case WATCH_STATE:
		world_tell(wo, "%s: %s -> %s", mo->m->name, monitor_state_names[a->from],
			monitor_state_names[a->to]);
		record_state(wo, monitor, a->to);
		return;
	default:
		break;
	}
	world_tell(wo, "%s: %s %s %s%s%s", mo->m->name,
		a->type == WATCH_OPEN     ? "open"
		: a->type == WATCH_CHANGE ? "change"
					  : "close",
		alert_kind_names[a->kind], severity_names[a->severity],
		a->explained ? " explained" : "", a->promoted ? " promoted" : "");
	if (mo->w->held)
		world_broken(wo, "an alert action under hold");
	if (a->type == WATCH_OPEN && !a->explained && wo->now_ms < mo->maintenance_until_ms)
		world_broken(wo, "an alert opens in maintenance");
	if (a->explained) {
		wo->out->explained[monitor][a->kind] += a->type == WATCH_OPEN;
		if (a->kind == ALERT_UNDETERMINED)
			mo->undetermined_explained = a->type == WATCH_OPEN;
	} else if (a->type == WATCH_OPEN) {
		record_open(wo, a->kind, monitor, SCN_ALL, a->severity);
	} else if (a->type == WATCH_CHANGE) {
		record_change(wo, a->kind, monitor, SCN_ALL, a->severity);
	} else {
		record_close(wo, a->kind, monitor, SCN_ALL, a->promoted);
	}
}

_Static_assert(SCN_MONITORS_MAX <= 64, "a bit per monitor in ancestors_of()");

/* MONITOR's parents, theirs, and so on; every one once. */
static int ancestors_of(const struct world *wo, int monitor, int out[SCN_MONITORS_MAX])
{
	uint64_t seen = UINT64_C(1) << monitor;
	int n = 0;

	for (int done = -1; done < n; done++) {
		const struct scn_monitor *m = wo->monitor[done < 0 ? monitor : out[done]].m;
		for (int p = 0; p < m->n_parents; p++) {
			if (!(seen & (UINT64_C(1) << m->parent[p])))
				out[n++] = m->parent[p];
			seen |= UINT64_C(1) << m->parent[p];
		}
	}
	return n;
}

/* Has everyone evaluated, in this instant, whom a change of MONITOR concerns. */
static void tell_children(struct world *wo, int monitor)
{
	int ancestor[SCN_MONITORS_MAX];

	for (int i = 0; i < wo->s->n_monitors; i++)
		for (int n = ancestors_of(wo, i, ancestor); n > 0; n--)
			if (ancestor[n - 1] == monitor)
				wo->monitor[i].next_ms = wo->now_ms;
}

static void look_at_blocks(struct world *wo, int monitor)
{
	const struct watch *parent[SCN_MONITORS_MAX] = {NULL};
	int ancestor[SCN_MONITORS_MAX], n = ancestors_of(wo, monitor, ancestor);
	struct sim_monitor *mo = &wo->monitor[monitor];
	bool was_in = mo->w->block == BLOCK_MAINTENANCE;

	for (int i = 0; i < n; i++)
		parent[i] = wo->monitor[ancestor[i]].w;
	watch_block(mo->w,
		wo->now_ms < mo->maintenance_until_ms ? BLOCK_MAINTENANCE
						      : parents_judge(mo->w, parent, n, NULL),
		wo->now_ms);
	if (was_in && mo->w->block != BLOCK_MAINTENANCE)
		mo->looked_again = false;
}

static void ask_parents(struct world *wo, int monitor)
{
	struct watch *parent[SCN_MONITORS_MAX] = {NULL};
	int ancestor[SCN_MONITORS_MAX], n = ancestors_of(wo, monitor, ancestor);
	bool asked[SCN_MONITORS_MAX];

	for (int i = 0; i < n; i++)
		parent[i] = wo->monitor[ancestor[i]].w;
	parents_ask(wo->monitor[monitor].w, parent, n, asked);
	for (int i = 0; i < n; i++)
		if (asked[i])
			wo->monitor[ancestor[i]].next_ms = wo->now_ms;
}

/* ---- the coordinator: mass flips, of one organization */

static void doubt(struct world *wo, int monitor)
{
	struct sim_monitor *mo = &wo->monitor[monitor];

	watch_doubt(mo->w, wo->now_ms);
	mo->looked_again = false;
	mo->next_ms = wo->now_ms + 1;
}

static void follow_doubt(struct world *wo, int monitor)
{
	struct sim_monitor *mo = &wo->monitor[monitor];

	if (mo->looked_again || mo->m->rounds == 0 || !watch_wants_look(mo->w, wo->now_ms))
		return;
	mo->looked_again = true;
	for (int i = 0; i < mo->n_seated; i++)
		order(wo, monitor, (int)mo->seats[i].key - 1, mo->w->next_round, 1);
	mo->w->next_round++;
}

static void follow_flip(struct world *wo, int monitor)
{
	struct sim_monitor *mo = &wo->monitor[monitor];
	bool turned = mo->w->turning && !mo->turning && !mo->w->held &&
		      mo->w->block != BLOCK_MAINTENANCE &&
		      wo->now_ms - mo->turned_at_ms >= FLIP_WINDOW_S * 1000;

	mo->turning = mo->w->turning;
	wo->mass = flip_is_mass(flip_count(&wo->flip, wo->now_ms), wo->s->n_monitors);
	if (!turned)
		return;
	mo->turned_at_ms = wo->now_ms;
	flip_note(&wo->flip, wo->now_ms);
	if (wo->mass) {
		doubt(wo, monitor);
		return;
	}
	wo->mass = flip_is_mass(flip_count(&wo->flip, wo->now_ms), wo->s->n_monitors);
	for (int i = 0; wo->mass && i < wo->s->n_monitors; i++)
		if (wo->monitor[i].w->turning)
			doubt(wo, i);
}

void coordinator_evaluate(struct world *wo, int monitor, struct watch_actions *actions)
{
	struct sim_monitor *mo = &wo->monitor[monitor];
	bool was_down = mo->w->down, was_looking = watch_is_looking(mo->w);

	look_at_blocks(wo, monitor);
	mo->w->held = wo->now_ms < mo->hold_until_ms;
	mo->next_ms = watch_tick(mo->w, wo->now_ms, actions);
	if (mo->w->held)
		mo->next_ms = mo->hold_until_ms;
	if (wo->now_ms < mo->maintenance_until_ms && mo->next_ms > mo->maintenance_until_ms)
		mo->next_ms = mo->maintenance_until_ms;
	for (int i = 0; i < actions->n; i++)
		carry_out(wo, monitor, &actions->item[i]);
	follow_doubt(wo, monitor);
	follow_flip(wo, monitor);
	ask_parents(wo, monitor);
	if (was_down != mo->w->down || was_looking != watch_is_looking(mo->w))
		tell_children(wo, monitor);
}

void coordinator_hold(struct world *wo, int64_t at_most_ms)
{
	wo->hold_from_ms = wo->now_ms;
	for (int i = 0; i < wo->s->n_monitors; i++) {
		struct sim_monitor *mo = &wo->monitor[i];
		int64_t fresh_ms = watch_fresh_ms(&mo->w->rule);
		struct watch_actions actions = {0};
		mo->hold_until_ms = wo->now_ms + (fresh_ms < at_most_ms ? fresh_ms : at_most_ms);
		coordinator_evaluate(wo, i, &actions);
	}
}

/* ---- the coordinator: electorates */

static bool is_seated(const struct assigned *seats, int n, const struct assigned *seat)
{
	for (int i = 0; i < n; i++)
		if (seats[i].key == seat->key && seats[i].seat == seat->seat)
			return true;
	return false;
}

void coordinator_tell(struct world *wo, int monitor, int probe)
{
	world_push(wo, (struct event){.at_ms = wo->now_ms + wo->probe[probe].link_ms,
			       .type = EV_ASSIGN,
			       .probe = probe,
			       .monitor = monitor});
}

static bool is_suspect(const struct sim_probe *p)
{
	return p->court.slot.open || p->shaded;
}

static struct watch *seat_watch(struct world *wo, struct sim_monitor *mo)
{
	struct watch_rule rule = {
		.revision = mo->revision,
		.interval_ms = mo->m->interval_ms,
		.timeout_ms = mo->m->timeout_ms,
		.rounds = mo->m->rounds,
		.gap_ms = mo->m->gap_ms,
		.after_ms = mo->m->after_ms,
		.recovered_after_ms = mo->m->recovered_after_ms,
		.flap_changes = mo->m->flap_changes,
		.flap_window_ms = mo->m->flap_window_ms,
		.counts_as_down = mo->m->counts_as_down,
		.failures = mo->m->failures,
		.undetermined_after_ms = watch_undetermined_after_ms(
			mo->m->interval_ms, mo->m->undetermined_after_ms),
	};
	struct watch *w = malloc(watch_size(mo->n_voters));

	if (!w)
		abort();
	if (quorum_resolve(&mo->m->policy, mo->n_seats, &rule.quorum) == -1)
		world_broken(wo, "the quorum does not fit %d seats", mo->n_seats);
	watch_init(w, &rule, mo->n_voters);
	for (int i = 0; i < mo->n_voters; i++)
		watch_seat(w, i, mo->seats[i].seat, mo->seats[i].key);
	if (mo->w)
		watch_carry(w, mo->w);
	for (int i = 0; i < mo->n_voters; i++)
		watch_suspect(w, mo->seats[i].key, is_suspect(&wo->probe[mo->seats[i].key - 1]));
	free(mo->w);
	return w;
}

void coordinator_seat(struct world *wo, int monitor, bool revised)
{
	struct sim_monitor *mo = &wo->monitor[monitor];
	struct candidate c[SCN_PROBES_MAX];
	struct assigned old[VOTERS_MAX];
	int n_old = mo->w ? mo->n_voters : 0, old_seats = mo->n_seats;

	memcpy(old, mo->seats, sizeof(old));
	for (int i = 0; i < wo->s->probes; i++)
		c[i] = (struct candidate){
			.key = (uint32_t)i + 1,
			.hash = 0x9e3779b97f4a7c15U * (uint64_t)(i + 1),
			.domain = (uint64_t)(i % wo->s->regions) + 1000,
			.available = wo->probe[i].available,
			.barred = quarantine_since(wo, i, monitor) != 0,
		};
	mo->n_voters = assign_seats(mo->hash, c, (size_t)wo->s->probes, (int)mo->m->policy.seats,
		(int)mo->m->policy.per_seat, old, n_old, mo->seats, &mo->n_seats);
	mo->n_voters = quarantine_reseat(wo, monitor, c, mo->n_voters);
	for (mo->n_seated = 0; mo->n_seated < mo->n_voters && !mo->seats[mo->n_seated].shadow;)
		mo->n_seated++;
	mo->w = seat_watch(wo, mo);
	record_seats(wo, monitor);
	quarantine_apply(wo, monitor);
	for (int i = 0; i < mo->n_voters; i++)
		if (revised || old_seats != mo->n_seats || !is_seated(old, n_old, &mo->seats[i])) {
			world_tell(wo, "%s: probe %u on seat %d of %d", mo->m->name,
				mo->seats[i].key, mo->seats[i].seat, mo->n_seats);
			coordinator_tell(wo, monitor, (int)mo->seats[i].key - 1);
		}
	for (int i = 0; i < n_old; i++)
		if (watch_find(mo->w, old[i].key) < 0)
			coordinator_tell(
				wo, monitor, (int)old[i].key - 1); /* finds that it is not */
}

/* ---- the coordinator: court */

static struct court_facts facts_of(struct world *wo, int probe)
{
	struct court_facts f = {.held = wo->now_ms < wo->hold_from_ms + HOLD_MS};
	enum stance stance[VOTERS_MAX];
	struct tally tally;

	for (int i = 0; i < wo->s->n_monitors; i++) {
		struct sim_monitor *mo = &wo->monitor[i];
		int voter = watch_find(mo->w, (uint32_t)probe + 1);
		if (voter < 0)
			continue;
		f.monitors++;
		watch_stances(mo->w, wo->now_ms, stance, &tally);
		f.dissents += stance[voter] == STANCE_DISSENTS;
		f.undetermined += mo->undetermined_explained && mo->w->voter[voter].suspect &&
				  !wo->probe[probe].shaded;
		if (mo->m->interval_ms > f.dissent_after_ms)
			f.dissent_after_ms = mo->m->interval_ms;
	}
	return f;
}

void coordinator_mark(struct world *wo, int probe)
{
	bool suspect = is_suspect(&wo->probe[probe]);

	for (int i = 0; i < wo->s->n_monitors; i++) {
		struct watch_actions actions = {0};
		watch_suspect(wo->monitor[i].w, (uint32_t)probe + 1, suspect);
		quarantine_apply(wo, i);
		coordinator_evaluate(wo, i, &actions);
	}
}

static bool hear_probe(struct world *wo, int probe)
{
	struct sim_probe *p = &wo->probe[probe];
	struct court_facts facts = facts_of(wo, probe);

	enum quarantine_change change = quarantine_judge(wo, probe, facts.held);
	if (change != QUARANTINE_SAME)
		coordinator_mark(wo, probe);
	facts.quarantined = p->quarantined;
	struct court_action a = court_tick(&p->court, &facts, wo->now_ms);
	bool available = wo->now_ms - p->court.heard_at_ms <= GONE_MS;
	bool changed = available != p->available || change == QUARANTINE_RESEATS;

	p->available = available;
	if (a.step == ALERT_STEP_NONE)
		return changed;
	world_tell(wo, "probe %d: %s (%s) %s", probe + 1,
		a.step == ALERT_STEP_OPEN     ? "open"
		: a.step == ALERT_STEP_CHANGE ? "change"
					      : "close",
		probe_fault_names[a.fault], severity_names[a.severity]);
	p->stored = a.fault;
	if (a.step == ALERT_STEP_CHANGE) {
		record_change(wo, ALERT_PROBE, SCN_ALL, probe, a.severity);
		return changed;
	}
	if (a.step == ALERT_STEP_OPEN)
		record_open(wo, ALERT_PROBE, SCN_ALL, probe, a.severity);
	else
		record_close(wo, ALERT_PROBE, SCN_ALL, probe, false);
	coordinator_mark(wo, probe);
	return changed;
}

static void reseat_all(struct world *wo)
{
	for (int i = 0; i < wo->s->n_monitors; i++) {
		struct watch_actions actions = {0};
		coordinator_seat(wo, i, false);
		coordinator_evaluate(wo, i, &actions);
	}
}

void coordinator_hold_court(struct world *wo)
{
	bool changed = false;

	sight_look(wo);
	for (int i = 0; i < wo->s->probes; i++)
		changed |= hear_probe(wo, i);
	if (changed)
		reseat_all(wo);
}

void coordinator_heard(struct world *wo, int probe)
{
	struct sim_probe *p = &wo->probe[probe];

	court_heard(&p->court, wo->now_ms);
	if (p->available)
		return;
	p->available = true;
	reseat_all(wo);
}

/* ---- the coordinator: start and stop */

static enum probe_fault fault_of(const struct sim_probe *p)
{
	return p->stored == FAULT_QUARANTINE && !p->quarantined ? FAULT_DISSENT : p->stored;
}

static void restore(struct world *wo)
{
	for (int i = 0; i < wo->out->n_records; i++) {
		const struct record *r = &wo->out->record[i];
		if (r->closed_at_ms != INT64_MAX)
			continue;
		if (r->kind == ALERT_PROBE && r->probe == SCN_ALL)
			sight_restore(&wo->sight, r->severity, wo->now_ms);
		else if (r->kind == ALERT_PROBE)
			court_restore(&wo->probe[r->probe].court, fault_of(&wo->probe[r->probe]),
				r->severity, wo->now_ms);
		else
			watch_restore(wo->monitor[r->monitor].w, r->kind, r->severity, wo->now_ms);
	}
}

void coordinator_start(struct world *wo)
{
	wo->coordinator_up = true;
	wo->court_at_ms = wo->now_ms + COURT_MS;
	wo->sight = (struct sight){0};
	for (int i = 0; i < wo->s->probes; i++) {
		court_init(&wo->probe[i].court, wo->now_ms);
		quarantine_restart(wo, i);
		wo->probe[i].shaded = false;
		wo->probe[i].available = true;
	}
	for (int i = 0; i < wo->s->n_monitors; i++) {
		coordinator_seat(wo, i, true);
		record_state(wo, i, STATE_PENDING);
	}
	restore(wo);
	for (int i = 0; i < wo->s->probes; i++)
		coordinator_mark(wo, i);
	coordinator_hold(wo, HOLD_MS);
}

void coordinator_stop(struct world *wo)
{
	wo->coordinator_up = false;
	for (int i = 0; i < wo->s->n_monitors; i++) {
		struct sim_monitor *mo = &wo->monitor[i];
		free(mo->w);
		mo->w = NULL;
		mo->n_voters = mo->n_seats = 0;
		mo->undetermined_explained = false;
	}
}
