// SPDX-License-Identifier: MIT
/*
 * Events in a heap, ordered by instant and then by the order in which they were made, so that a run
 * is the same every time. The coordinator's instants begin at EPOCH_MS, as a monotonic clock would.
 */
#include "tests/sim/world.h"

#include "coordinator/core/assign.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EPOCH_MS     1000000000
#define LINK_MS      20 /* one way */
#define HEARTBEAT_MS 10000
#define GONE_MS      300000
#define HOLD_MS      30000
#define COURT_MS     1000
#define LATE_MS      10000

enum event_type {
	EV_STEP,
	EV_CHECK,
	EV_END,
	EV_ARRIVE,
	EV_ORDER,
	EV_HEARTBEAT,
	EV_HEARD,
	EV_ASSIGN,
	EV_START
};

struct event {
	int64_t at_ms;
	uint64_t order;
	enum event_type type;
	int probe, monitor;
	int64_t round, revision;
	int generation; /* of the scheduled chain: an older one has ended */
	int rounds;     /* EV_ORDER */
	int step;       /* EV_STEP */
	int64_t started_at_ms, ended_at_ms;
	struct scn_view view;
};

struct sim_probe {
	bool cut, stopped, blind, flaps, excluded, lies, available;
	enum probe_fault stored; /* with its open alert */
	struct scn_view lie;
	int checks;
	struct court court;
};

/* One monitor at one probe. */
struct sim_pair {
	int generation;
	int64_t revision; /* as the probe knows it */
	bool has_sight;
	struct scn_view sight;
	bool has_newest; /* a result that could not be sent */
	struct event newest;
};

struct sim_monitor {
	const struct scn_monitor *m;
	uint64_t hash;
	int64_t revision;
	struct scn_view view;
	struct watch *w;
	struct assigned seats[VOTERS_MAX];
	int n_voters, n_seats;
	int64_t next_ms, hold_until_ms;
	bool undetermined_explained;
};

struct world {
	const struct scn *s;
	struct outcome *out;
	bool verbose;
	int64_t now_ms;
	uint64_t random, order;
	struct event *heap;
	int n_events, room;
	bool coordinator_up;
	int64_t hold_from_ms, court_at_ms;
	struct sim_probe probe[SCN_PROBES_MAX];
	struct sim_monitor monitor[SCN_MONITORS_MAX];
	struct sim_pair pair[SCN_MONITORS_MAX][SCN_PROBES_MAX];
};

static void broken(struct world *wo, const char *format, ...) PRINTF_LIKE(2, 3);
static void tell(struct world *wo, const char *format, ...) PRINTF_LIKE(2, 3);

static void broken(struct world *wo, const char *format, ...)
{
	va_list args;

	if (wo->out->broken[0])
		return;
	va_start(args, format);
	vsnprintf(wo->out->broken, sizeof(wo->out->broken), format, args);
	va_end(args);
}

static void tell(struct world *wo, const char *format, ...)
{
	va_list args;

	if (!wo->verbose)
		return;
	printf("%10.3f  ", (double)(wo->now_ms - EPOCH_MS) / 1000);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

static int64_t random_below(struct world *wo, int64_t limit)
{
	wo->random ^= wo->random << 13;
	wo->random ^= wo->random >> 7;
	wo->random ^= wo->random << 17;
	return limit > 0 ? (int64_t)(wo->random % (uint64_t)limit) : 0;
}

/* ---- the heap of events */

static bool before(const struct event *a, const struct event *b)
{
	return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->order < b->order;
}

static void push(struct world *wo, struct event e)
{
	if (wo->n_events == wo->room) {
		wo->room = wo->room ? 2 * wo->room : 256;
		wo->heap = realloc(wo->heap, (size_t)wo->room * sizeof(*wo->heap));
		if (!wo->heap)
			abort();
	}
	e.order = wo->order++;
	int i = wo->n_events++;
	for (; i > 0 && before(&e, &wo->heap[(i - 1) / 2]); i = (i - 1) / 2)
		wo->heap[i] = wo->heap[(i - 1) / 2];
	wo->heap[i] = e;
}

static struct event pop(struct world *wo)
{
	struct event top = wo->heap[0], last = wo->heap[--wo->n_events];
	int i = 0;

	for (int child; (child = 2 * i + 1) < wo->n_events; i = child) {
		if (child + 1 < wo->n_events && before(&wo->heap[child + 1], &wo->heap[child]))
			child++;
		if (!before(&wo->heap[child], &last))
			break;
		wo->heap[i] = wo->heap[child];
	}
	wo->heap[i] = last;
	return top;
}

/* ---- records */

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

static void record_open(
	struct world *wo, enum alert_kind kind, int monitor, int probe, enum severity severity)
{
	if (find_open(wo, kind, monitor, probe))
		broken(wo, "a second alert %s while one is open", alert_kind_names[kind]);
	if (wo->out->n_records == WORLD_RECORDS_MAX) {
		broken(wo, "more than %d alerts", WORLD_RECORDS_MAX);
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

static void record_change(
	struct world *wo, enum alert_kind kind, int monitor, int probe, enum severity severity)
{
	struct record *r = find_open(wo, kind, monitor, probe);

	if (!r) {
		broken(wo, "a change of no alert %s", alert_kind_names[kind]);
		return;
	}
	r->severity = severity;
	r->severities |= 1U << severity;
}

static void record_close(
	struct world *wo, enum alert_kind kind, int monitor, int probe, bool promoted)
{
	struct record *r = find_open(wo, kind, monitor, probe);

	if (!r) {
		broken(wo, "a close of no alert %s", alert_kind_names[kind]);
		return;
	}
	r->closed_at_ms = wo->now_ms - EPOCH_MS;
	r->promoted = promoted;
}

static void record_state(struct world *wo, int monitor, enum monitor_state state)
{
	int *n = &wo->out->n_states[monitor];

	if (*n == WORLD_STATES_MAX)
		broken(wo, "more than %d states", WORLD_STATES_MAX);
	else
		wo->out->state[monitor][(*n)++] =
			(struct state_record){wo->now_ms - EPOCH_MS, state};
}

/* ---- the coordinator: watches */

static void carry_out(struct world *wo, int monitor, const struct watch_action *a)
{
	struct sim_monitor *mo = &wo->monitor[monitor];

	switch (a->type) {
	case WATCH_ORDER_BURST:
		tell(wo, "%s: burst %lld+%d for %s", mo->m->name, (long long)a->first_round,
			a->rounds, mo->w->burst.goal == BURST_UP ? "up" : "down");
		wo->out->bursts[monitor]++;
		for (int i = 0; i < mo->w->n_voters; i++)
			push(wo, (struct event){.at_ms = wo->now_ms + LINK_MS,
					 .type = EV_ORDER,
					 .probe = (int)mo->w->voter[i].key - 1,
					 .monitor = monitor,
					 .round = a->first_round,
					 .rounds = a->rounds});
		return;
	case WATCH_STATE:
		tell(wo, "%s: %s -> %s", mo->m->name, monitor_state_names[a->from],
			monitor_state_names[a->to]);
		record_state(wo, monitor, a->to);
		return;
	default:
		break;
	}
	tell(wo, "%s: %s %s %s%s%s", mo->m->name,
		a->type == WATCH_OPEN     ? "open"
		: a->type == WATCH_CHANGE ? "change"
					  : "close",
		alert_kind_names[a->kind], severity_names[a->severity],
		a->explained ? " explained" : "", a->promoted ? " promoted" : "");
	if (mo->w->held)
		broken(wo, "an alert action under hold");
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

static void evaluate(struct world *wo, int monitor, struct watch_actions *actions)
{
	struct sim_monitor *mo = &wo->monitor[monitor];

	mo->w->held = wo->now_ms < mo->hold_until_ms;
	mo->next_ms = watch_tick(mo->w, wo->now_ms, actions);
	if (mo->w->held)
		mo->next_ms = mo->hold_until_ms;
	for (int i = 0; i < actions->n; i++)
		carry_out(wo, monitor, &actions->item[i]);
}

static void hold(struct world *wo, int64_t at_most_ms)
{
	wo->hold_from_ms = wo->now_ms;
	for (int i = 0; i < wo->s->n_monitors; i++) {
		struct sim_monitor *mo = &wo->monitor[i];
		int64_t fresh_ms = watch_fresh_ms(&mo->w->rule);
		struct watch_actions actions = {0};
		mo->hold_until_ms = wo->now_ms + (fresh_ms < at_most_ms ? fresh_ms : at_most_ms);
		evaluate(wo, i, &actions);
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

static void assign_probe(struct world *wo, int monitor, int probe)
{
	push(wo, (struct event){.at_ms = wo->now_ms + LINK_MS,
			 .type = EV_ASSIGN,
			 .probe = probe,
			 .monitor = monitor});
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
	};
	struct watch *w = malloc(watch_size(mo->n_voters));

	if (!w)
		abort();
	if (quorum_resolve(&mo->m->policy, mo->n_seats, &rule.quorum) == -1)
		broken(wo, "the quorum does not fit %d seats", mo->n_seats);
	watch_init(w, &rule, mo->n_voters);
	for (int i = 0; i < mo->n_voters; i++)
		watch_seat(w, i, mo->seats[i].seat, mo->seats[i].key);
	if (mo->w)
		watch_carry(w, mo->w);
	for (int i = 0; i < mo->n_voters; i++) {
		const struct sim_probe *p = &wo->probe[mo->seats[i].key - 1];
		watch_suspect(w, mo->seats[i].key, p->court.slot.open);
		watch_exclude(w, mo->seats[i].key, p->excluded ? EXCLUDED_CLOCK : EXCLUDED_NOT);
	}
	free(mo->w);
	return w;
}

static void seat(struct world *wo, int monitor, bool revised)
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
		};
	mo->n_voters = assign_seats(mo->hash, c, (size_t)wo->s->probes, (int)mo->m->policy.seats,
		(int)mo->m->policy.per_seat, old, n_old, mo->seats, &mo->n_seats);
	mo->w = seat_watch(wo, mo);
	for (int i = 0; i < mo->n_voters; i++)
		if (revised || old_seats != mo->n_seats || !is_seated(old, n_old, &mo->seats[i])) {
			tell(wo, "%s: probe %u on seat %d of %d", mo->m->name, mo->seats[i].key,
				mo->seats[i].seat, mo->n_seats);
			assign_probe(wo, monitor, (int)mo->seats[i].key - 1);
		}
	for (int i = 0; i < n_old; i++)
		if (watch_find(mo->w, old[i].key) < 0)
			assign_probe(wo, monitor, (int)old[i].key - 1); /* finds that it is not */
}

/* ---- the coordinator: court */

static struct court_facts facts_of(struct world *wo, int probe)
{
	struct court_facts f = {.held = wo->now_ms < wo->hold_from_ms + HOLD_MS};

	for (int i = 0; i < wo->s->n_monitors; i++) {
		struct sim_monitor *mo = &wo->monitor[i];
		int voter = watch_find(mo->w, (uint32_t)probe + 1);
		if (voter < 0)
			continue;
		f.monitors++;
		f.dissents += watch_dissents(mo->w, voter, wo->now_ms);
		f.undetermined += mo->undetermined_explained && mo->w->voter[voter].suspect;
		if (mo->m->interval_ms > f.dissent_after_ms)
			f.dissent_after_ms = mo->m->interval_ms;
	}
	return f;
}

static void mark_suspect(struct world *wo, int probe, bool suspect)
{
	for (int i = 0; i < wo->s->n_monitors; i++) {
		struct watch_actions actions = {0};
		watch_suspect(wo->monitor[i].w, (uint32_t)probe + 1, suspect);
		evaluate(wo, i, &actions);
	}
}

static bool hear_probe(struct world *wo, int probe)
{
	struct sim_probe *p = &wo->probe[probe];
	struct court_facts facts = facts_of(wo, probe);
	struct court_action a = court_tick(&p->court, &facts, wo->now_ms);
	bool available = wo->now_ms - p->court.heard_at_ms <= GONE_MS;
	bool changed = available != p->available;

	p->available = available;
	if (a.step == ALERT_STEP_NONE)
		return changed;
	tell(wo, "probe %d: %s (%s) %s", probe + 1,
		a.step == ALERT_STEP_OPEN     ? "open"
		: a.step == ALERT_STEP_CHANGE ? "change"
					      : "close",
		probe_fault_names[a.fault], severity_names[a.severity]);
	if (a.step == ALERT_STEP_CHANGE) {
		record_change(wo, ALERT_PROBE, SCN_ALL, probe, a.severity);
		return changed;
	}
	p->stored = a.fault;
	if (a.step == ALERT_STEP_OPEN)
		record_open(wo, ALERT_PROBE, SCN_ALL, probe, a.severity);
	else
		record_close(wo, ALERT_PROBE, SCN_ALL, probe, false);
	mark_suspect(wo, probe, a.step == ALERT_STEP_OPEN);
	return changed;
}

static void reseat_all(struct world *wo)
{
	for (int i = 0; i < wo->s->n_monitors; i++) {
		struct watch_actions actions = {0};
		seat(wo, i, false);
		evaluate(wo, i, &actions);
	}
}

static void hold_court(struct world *wo)
{
	bool changed = false;

	for (int i = 0; i < wo->s->probes; i++)
		changed |= hear_probe(wo, i);
	if (changed)
		reseat_all(wo);
}

static void heard(struct world *wo, int probe)
{
	struct sim_probe *p = &wo->probe[probe];

	court_heard(&p->court, wo->now_ms);
	if (p->available)
		return;
	p->available = true;
	reseat_all(wo);
}

/* ---- the coordinator: start and stop. What is stored: open alerts. */

static void restore(struct world *wo)
{
	for (int i = 0; i < wo->out->n_records; i++) {
		const struct record *r = &wo->out->record[i];
		if (r->closed_at_ms != INT64_MAX)
			continue;
		if (r->kind == ALERT_PROBE)
			court_restore(
				&wo->probe[r->probe].court, FAULT_LOST, r->severity, wo->now_ms);
		else
			watch_restore(wo->monitor[r->monitor].w, r->kind, r->severity, wo->now_ms);
	}
}

static void start_coordinator(struct world *wo)
{
	wo->coordinator_up = true;
	wo->court_at_ms = wo->now_ms + COURT_MS;
	for (int i = 0; i < wo->s->probes; i++) {
		court_init(&wo->probe[i].court, wo->now_ms);
		wo->probe[i].available = true;
	}
	for (int i = 0; i < wo->s->n_monitors; i++) {
		seat(wo, i, true);
		record_state(wo, i, STATE_PENDING);
	}
	restore(wo);
	for (int i = 0; i < wo->s->probes; i++)
		mark_suspect(wo, i, wo->probe[i].court.slot.open);
	hold(wo, HOLD_MS);
}

static void stop_coordinator(struct world *wo)
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

/* ---- the probes */

static bool assigned(const struct world *wo, int monitor, int probe)
{
	const struct sim_monitor *mo = &wo->monitor[monitor];

	for (int i = 0; i < mo->n_voters; i++)
		if ((int)mo->seats[i].key == probe + 1)
			return true;
	return false;
}

static int seat_of(const struct world *wo, int monitor, int probe)
{
	const struct sim_monitor *mo = &wo->monitor[monitor];

	for (int i = 0; i < mo->n_voters; i++)
		if ((int)mo->seats[i].key == probe + 1)
			return mo->seats[i].seat;
	return 0;
}

/* The probe learns of an assignment: a new chain of scheduled checks in its phase. */
static void take_assignment(struct world *wo, const struct event *e)
{
	struct sim_pair *pair = &wo->pair[e->monitor][e->probe];
	struct sim_monitor *mo = &wo->monitor[e->monitor];

	if (wo->probe[e->probe].cut || !wo->coordinator_up)
		return;
	pair->generation++;
	pair->revision = mo->revision;
	if (!assigned(wo, e->monitor, e->probe))
		return;
	int64_t phase_ms = assign_phase_ms(
		mo->hash, seat_of(wo, e->monitor, e->probe), mo->n_seats, mo->m->interval_ms);
	push(wo, (struct event){
			 .at_ms = wo->now_ms +
				  assign_next_in_ms(phase_ms, mo->m->interval_ms, wo->now_ms),
			 .type = EV_CHECK,
			 .probe = e->probe,
			 .monitor = e->monitor,
			 .generation = pair->generation,
		 });
}

static struct scn_view look(struct world *wo, int monitor, int probe)
{
	struct sim_probe *p = &wo->probe[probe];
	const struct sim_pair *pair = &wo->pair[monitor][probe];

	p->checks++;
	if (p->blind)
		return (struct scn_view){
			VERDICT_NONE, REASON_INTERNAL_RESOURCES, false, SEVERITY_NONE};
	if (p->lies)
		return p->lie;
	if (p->flaps && p->checks % 2 == 0)
		return (struct scn_view){VERDICT_DOWN, REASON_TCP_RESET, false, SEVERITY_NONE};
	return pair->has_sight ? pair->sight : wo->monitor[monitor].view;
}

static void check(struct world *wo, struct event e)
{
	const struct scn_monitor *m = wo->monitor[e.monitor].m;
	const struct sim_pair *pair = &wo->pair[e.monitor][e.probe];

	if (e.round == 0) {
		if (e.generation != pair->generation)
			return;
		struct event again = e;
		again.at_ms += m->interval_ms;
		push(wo, again);
	}
	if (wo->probe[e.probe].stopped)
		return;
	struct event end = e;
	int64_t jitter_ms = e.round == 0 ? random_below(wo, m->interval_ms / 50) : 0;
	int64_t latency_ms = wo->s->latency_ms / 2 + random_below(wo, wo->s->latency_ms);
	end.type = EV_END;
	end.revision = pair->revision;
	end.view = look(wo, e.monitor, e.probe);
	if (end.view.hangs || latency_ms > m->timeout_ms)
		latency_ms = m->timeout_ms;
	end.started_at_ms = wo->now_ms + jitter_ms;
	end.at_ms = end.ended_at_ms = end.started_at_ms + latency_ms;
	push(wo, end);
}

static void end_check(struct world *wo, struct event e)
{
	struct sim_pair *pair = &wo->pair[e.monitor][e.probe];

	if (wo->probe[e.probe].stopped)
		return;
	e.type = EV_ARRIVE;
	e.at_ms = wo->now_ms + LINK_MS;
	if (!wo->probe[e.probe].cut && wo->coordinator_up) {
		push(wo, e);
		return;
	}
	pair->has_newest = true;
	pair->newest = e;
}

/* A new session: the newest result of every assigned monitor goes first, if it is not late. */
static void reconnect(struct world *wo, int probe)
{
	push(wo, (struct event){.at_ms = wo->now_ms + LINK_MS, .type = EV_HEARD, .probe = probe});
	for (int i = 0; i < wo->s->n_monitors; i++) {
		struct sim_pair *pair = &wo->pair[i][probe];
		int64_t half_ms = wo->monitor[i].m->interval_ms / 2;
		if (pair->has_newest && wo->now_ms - pair->newest.ended_at_ms <=
						(half_ms < LATE_MS ? half_ms : LATE_MS)) {
			pair->newest.at_ms = wo->now_ms + LINK_MS;
			push(wo, pair->newest);
		}
		pair->has_newest = false;
		assign_probe(wo, i, probe);
	}
}

static void take_order(struct world *wo, const struct event *e)
{
	if (wo->probe[e->probe].cut || wo->probe[e->probe].stopped)
		return;
	for (int r = 0; r < e->rounds; r++) {
		struct event one = *e;
		one.type = EV_CHECK;
		one.round = e->round + r;
		one.at_ms = wo->now_ms + r * wo->monitor[e->monitor].m->gap_ms;
		push(wo, one);
	}
}

static void arrive(struct world *wo, const struct event *e)
{
	struct watch_actions actions = {0};
	struct sim_monitor *mo = &wo->monitor[e->monitor];

	if (!wo->coordinator_up) {
		wo->pair[e->monitor][e->probe].has_newest = true;
		wo->pair[e->monitor][e->probe].newest = *e;
		return;
	}
	struct vote vote = {
		.present = true,
		.verdict = e->view.verdict,
		.reason = e->view.reason,
		.started_at_ms = e->started_at_ms + LINK_MS, /* received - age - duration */
		.ended_at_ms = e->ended_at_ms + LINK_MS,
		.revision = e->revision,
	};
	vote.severity[THRESHOLD_SLOW] = (uint8_t)e->view.slow;
	heard(wo, e->probe);
	mo->w->held = wo->now_ms < mo->hold_until_ms;
	watch_vote(mo->w, (uint32_t)e->probe + 1, e->round, &vote, wo->now_ms, &actions);
	evaluate(wo, e->monitor, &actions);
}

static void heartbeat(struct world *wo, struct event e)
{
	e.at_ms += HEARTBEAT_MS;
	push(wo, e);
	if (wo->probe[e.probe].cut || wo->probe[e.probe].stopped)
		return;
	push(wo, (struct event){.at_ms = wo->now_ms + LINK_MS, .type = EV_HEARD, .probe = e.probe});
}

/* ---- what the scenario does to the world */

static void revise(struct world *wo, int monitor)
{
	struct watch_actions actions = {0};

	wo->monitor[monitor].revision++;
	if (!wo->coordinator_up)
		return;
	seat(wo, monitor, true);
	evaluate(wo, monitor, &actions);
}

static void take_probe_step(struct world *wo, const struct scn_step *step)
{
	struct sim_probe *p = &wo->probe[step->probe];

	switch (step->what) {
	case AT_LIES:
		p->lies = true;
		p->lie = step->view;
		break;
	case AT_FLAPS:
		p->flaps = true;
		break;
	case AT_HONEST:
		p->lies = p->flaps = false;
		break;
	case AT_CUT:
		p->cut = true;
		break;
	case AT_STOP:
		p->stopped = true;
		break;
	case AT_BACK:
	case AT_CONT:
		p->cut = p->stopped = false;
		if (wo->coordinator_up)
			reconnect(wo, step->probe);
		break;
	case AT_BLIND:
	case AT_SIGHTED:
		p->blind = step->what == AT_BLIND;
		break;
	default: /* excluded, included */
		p->excluded = step->what == AT_EXCLUDED;
		for (int i = 0; wo->coordinator_up && i < wo->s->n_monitors; i++)
			watch_exclude(wo->monitor[i].w, (uint32_t)step->probe + 1,
				p->excluded ? EXCLUDED_CLOCK : EXCLUDED_NOT);
	}
}

static void take_step_of(struct world *wo, const struct scn_step *step, int monitor)
{
	struct sim_monitor *mo = &wo->monitor[monitor];
	struct sim_pair *pair = step->probe == SCN_ALL ? NULL : &wo->pair[monitor][step->probe];

	if (step->what == AT_TARGET) {
		mo->view = step->view;
	} else if (step->what == AT_REVISE) {
		revise(wo, monitor);
	} else if (pair) {
		pair->has_sight = step->what == AT_SIGHT;
		pair->sight = step->view;
	}
}

static void take_step(struct world *wo, const struct scn_step *step)
{
	switch (step->what) {
	case AT_TARGET:
	case AT_SIGHT:
	case AT_INSIGHT:
	case AT_REVISE:
		for (int i = 0; i < wo->s->n_monitors; i++)
			if (step->monitor == SCN_ALL || step->monitor == i)
				take_step_of(wo, step, i);
		break;
	case AT_RESTART:
		tell(wo, "the coordinator stops");
		stop_coordinator(wo);
		push(wo, (struct event){.at_ms = wo->now_ms + step->duration_ms, .type = EV_START});
		break;
	case AT_HOLD:
		hold(wo, step->duration_ms);
		break;
	default:
		take_probe_step(wo, step);
	}
}

/* ---- time */

static void take_event(struct world *wo, const struct event *e)
{
	switch (e->type) {
	case EV_STEP:
		take_step(wo, &wo->s->step[e->step]);
		break;
	case EV_CHECK:
		check(wo, *e);
		break;
	case EV_END:
		end_check(wo, *e);
		break;
	case EV_ARRIVE:
		arrive(wo, e);
		break;
	case EV_ORDER:
		take_order(wo, e);
		break;
	case EV_HEARTBEAT:
		heartbeat(wo, *e);
		break;
	case EV_HEARD:
		if (wo->coordinator_up)
			heard(wo, e->probe);
		break;
	case EV_ASSIGN:
		take_assignment(wo, e);
		break;
	case EV_START:
		start_coordinator(wo);
		for (int i = 0; i < wo->s->probes; i++)
			if (!wo->probe[i].cut && !wo->probe[i].stopped)
				reconnect(wo, i);
		break;
	}
}

static int64_t next_at(const struct world *wo)
{
	int64_t at_ms = wo->n_events > 0 ? wo->heap[0].at_ms : INT64_MAX;

	if (!wo->coordinator_up)
		return at_ms;
	if (wo->court_at_ms < at_ms)
		at_ms = wo->court_at_ms;
	for (int i = 0; i < wo->s->n_monitors; i++)
		if (wo->monitor[i].next_ms < at_ms)
			at_ms = wo->monitor[i].next_ms;
	return at_ms;
}

static void take_time(struct world *wo)
{
	while (wo->n_events > 0 && wo->heap[0].at_ms <= wo->now_ms) {
		struct event e = pop(wo);
		take_event(wo, &e);
	}
	for (int i = 0; wo->coordinator_up && i < wo->s->n_monitors; i++)
		if (wo->monitor[i].next_ms <= wo->now_ms) {
			struct watch_actions actions = {0};
			evaluate(wo, i, &actions);
			if (wo->monitor[i].next_ms <= wo->now_ms)
				broken(wo, "the next look is not in the future");
		}
	if (wo->coordinator_up && wo->court_at_ms <= wo->now_ms) {
		wo->court_at_ms += COURT_MS;
		hold_court(wo);
	}
}

static void begin(struct world *wo, uint64_t seed)
{
	for (int i = 0; i < wo->s->n_monitors; i++)
		wo->monitor[i] = (struct sim_monitor){
			.m = &wo->s->monitor[i],
			.hash = 0xd1342543de82ef95U * ((uint64_t)i + 1 + 1000 * seed),
			.revision = 1,
			.view = {VERDICT_UP, REASON_OK, false, SEVERITY_NONE},
		};
	for (int i = 0; i < wo->s->n_steps; i++)
		push(wo, (struct event){.at_ms = EPOCH_MS + wo->s->step[i].at_ms,
				 .type = EV_STEP,
				 .step = i});
	for (int i = 0; i < wo->s->probes; i++)
		push(wo, (struct event){.at_ms = EPOCH_MS + 1000 + i * 700,
				 .type = EV_HEARTBEAT,
				 .probe = i});
	push(wo, (struct event){.at_ms = EPOCH_MS, .type = EV_START});
}

void world_play(const struct scn *s, uint64_t seed, bool verbose, struct outcome *out)
{
	struct world *wo = calloc(1, sizeof(*wo));

	if (!wo)
		abort();
	*out = (struct outcome){0};
	wo->s = s;
	wo->out = out;
	wo->verbose = verbose;
	wo->random = 88172645463325252U + seed * 0x9e3779b97f4a7c15U;
	begin(wo, seed);
	while ((wo->now_ms = next_at(wo)) <= EPOCH_MS + s->end_ms)
		take_time(wo);
	stop_coordinator(wo);
	free(wo->heap);
	free(wo);
}
