// SPDX-License-Identifier: MIT
/*
 * Time, the link and the probes. Events lie in a heap, ordered by instant and then by the order in
 * which they were made, so that a run is the same every time. Instants begin at EPOCH_MS, as a
 * monotonic clock would.
 */
#include "tests/sim/world_parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void world_broken(struct world *wo, const char *format, ...)
{
	va_list args;

	if (wo->out->broken[0])
		return;
	va_start(args, format);
	vsnprintf(wo->out->broken, sizeof(wo->out->broken), format, args);
	va_end(args);
}

void world_tell(struct world *wo, const char *format, ...)
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

void world_push(struct world *wo, struct event e)
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
	world_push(wo, (struct event){
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
			.verdict = VERDICT_NONE, .reason = REASON_INTERNAL_RESOURCES};
	if (p->busy)
		return (struct scn_view){
			.verdict = VERDICT_NONE, .reason = REASON_INTERNAL_OVERLOAD};
	if (p->lies)
		return p->lie;
	if (p->flaps && p->checks % 2 == 0)
		return (struct scn_view){.verdict = VERDICT_DOWN, .reason = REASON_TCP_RESET};
	struct scn_view view = pair->has_sight ? pair->sight : wo->monitor[monitor].view;
	if (view.every > 0 && random_below(wo, view.every) != 0)
		return (struct scn_view){.verdict = VERDICT_UP, .reason = REASON_OK};
	return view;
}

/* The check E will be late: the coordinator hears of it. */
static void suspect(struct world *wo, const struct event *e)
{
	struct event late = *e;

	late.type = EV_SUSPECT;
	late.at_ms = e->started_at_ms + SUSPECT_MS + wo->probe[e->probe].link_ms;
	world_push(wo, late);
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
		world_push(wo, again);
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
	if (wo->probe[e.probe].busy)
		latency_ms = m->interval_ms / 2; /* it waited to be started, and gave up */
	end.started_at_ms = wo->now_ms + jitter_ms;
	if (e.round == 0 && latency_ms > 2 * SUSPECT_MS && !wo->probe[e.probe].busy)
		suspect(wo, &end);
	end.at_ms = end.ended_at_ms = end.started_at_ms + latency_ms;
	world_push(wo, end);
}

static void end_check(struct world *wo, struct event e)
{
	struct sim_pair *pair = &wo->pair[e.monitor][e.probe];

	if (wo->probe[e.probe].stopped) { /* it ends when the probe goes on */
		e.at_ms = wo->now_ms + STOPPED_LOOK_MS;
		world_push(wo, e);
		return;
	}
	e.ended_at_ms = wo->now_ms;
	tilt_spoil(wo, &e);
	e.type = EV_ARRIVE;
	e.link_ms = wo->probe[e.probe].link_ms;
	e.at_ms = wo->now_ms + e.link_ms;
	if (!wo->probe[e.probe].cut && wo->coordinator_up) {
		world_push(wo, e);
		return;
	}
	pair->has_newest = true;
	pair->newest = e;
}

/* A new session: the newest result of every assigned monitor goes first, if it is not late. */
void world_reconnect(struct world *wo, int probe)
{
	int64_t link_ms = wo->probe[probe].link_ms;

	world_push(wo,
		(struct event){.at_ms = wo->now_ms + link_ms, .type = EV_HEARD, .probe = probe});
	for (int i = 0; i < wo->s->n_monitors; i++) {
		struct sim_pair *pair = &wo->pair[i][probe];
		int64_t half_ms = wo->monitor[i].m->interval_ms / 2;
		if (pair->has_newest && wo->now_ms - pair->newest.ended_at_ms <=
						(half_ms < LATE_MS ? half_ms : LATE_MS)) {
			pair->newest.at_ms = wo->now_ms + link_ms;
			world_push(wo, pair->newest);
		}
		pair->has_newest = false;
		coordinator_tell(wo, i, probe);
	}
}

static void take_order(struct world *wo, const struct event *e)
{
	const struct sim_probe *p = &wo->probe[e->probe];

	if (p->cut || p->stopped || p->deaf)
		return;
	for (int r = 0; r < e->rounds; r++) {
		struct event one = *e;
		one.type = EV_CHECK;
		one.round = e->round + r;
		one.at_ms = wo->now_ms + r * wo->monitor[e->monitor].m->gap_ms;
		world_push(wo, one);
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
		.started_at_ms = e->started_at_ms + e->link_ms, /* received - age - duration */
		.ended_at_ms = e->ended_at_ms + e->link_ms,
		.revision = e->revision,
	};
	vote.severity[THRESHOLD_SLOW] = (uint8_t)e->view.slow;
	coordinator_heard(wo, e->probe);
	mo->w->held = wo->now_ms < mo->hold_until_ms;
	watch_vote(mo->w, (uint32_t)e->probe + 1, e->round, &vote, wo->now_ms, &actions);
	coordinator_evaluate(wo, e->monitor, &actions);
}

static void suspected(struct world *wo, const struct event *e)
{
	const struct sim_probe *p = &wo->probe[e->probe];
	struct watch_actions actions = {0};
	struct watch *w = wo->monitor[e->monitor].w;

	if (!wo->coordinator_up || p->cut || p->stopped)
		return;
	if (watch_suspicion(w, (uint32_t)e->probe + 1, e->revision, wo->now_ms))
		coordinator_evaluate(wo, e->monitor, &actions);
}

static void heartbeat(struct world *wo, struct event e)
{
	e.at_ms += HEARTBEAT_MS;
	world_push(wo, e);
	if (wo->probe[e.probe].cut || wo->probe[e.probe].stopped)
		return;
	world_push(wo, (struct event){.at_ms = wo->now_ms + wo->probe[e.probe].link_ms,
			       .type = EV_HEARD,
			       .probe = e.probe});
}

/* ---- time */

static void take_event(struct world *wo, const struct event *e)
{
	switch (e->type) {
	case EV_STEP:
		steps_take(wo, &wo->s->step[e->step]);
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
	case EV_SUSPECT:
		suspected(wo, e);
		break;
	case EV_ORDER:
		take_order(wo, e);
		break;
	case EV_HEARTBEAT:
		heartbeat(wo, *e);
		break;
	case EV_HEARD:
		if (wo->coordinator_up)
			coordinator_heard(wo, e->probe);
		break;
	case EV_ASSIGN:
		take_assignment(wo, e);
		break;
	case EV_START:
		coordinator_start(wo);
		for (int i = 0; i < wo->s->probes; i++)
			if (!wo->probe[i].cut && !wo->probe[i].stopped)
				world_reconnect(wo, i);
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
			coordinator_evaluate(wo, i, &actions);
			if (wo->monitor[i].next_ms <= wo->now_ms)
				world_broken(wo, "the next look is not in the future");
		}
	if (wo->coordinator_up && wo->court_at_ms <= wo->now_ms) {
		wo->court_at_ms += COURT_MS;
		coordinator_hold_court(wo);
	}
}

static void begin(struct world *wo, uint64_t seed)
{
	for (int i = 0; i < wo->s->n_monitors; i++)
		wo->monitor[i] = (struct sim_monitor){
			.m = &wo->s->monitor[i],
			.hash = 0xd1342543de82ef95U * ((uint64_t)i + 1 + 1000 * seed),
			.revision = 1,
			.view = {.verdict = VERDICT_UP, .reason = REASON_OK},
		};
	for (int i = 0; i < wo->s->n_steps; i++)
		world_push(wo, (struct event){.at_ms = EPOCH_MS + wo->s->step[i].at_ms,
				       .type = EV_STEP,
				       .step = i});
	for (int i = 0; i < wo->s->probes; i++) {
		wo->probe[i].link_ms = LINK_MS;
		tilt_begin(wo, i);
		world_push(wo, (struct event){.at_ms = EPOCH_MS + 1000 + i * 700,
				       .type = EV_HEARTBEAT,
				       .probe = i});
	}
	world_push(wo, (struct event){.at_ms = EPOCH_MS, .type = EV_START});
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
	coordinator_stop(wo);
	free(wo->heap);
	free(wo);
}
