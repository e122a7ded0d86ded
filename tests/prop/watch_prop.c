// SPDX-License-Identifier: MIT
/*
 * Laws of the watch over random lives: votes, bursts answered or not, holds, exclusions, suspects,
 * new revisions and other voters, in any order. The test keeps its own book of what every voter
 * said in every round.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/prop/rng.h"
#include "tests/unit/watch_kit.h"

#define LIVES      1000
#define LIFE_STEPS 250

static uint64_t seed;

/* ---- a life: the same script for as many watches as a law compares */

enum event_type {
	TAKE_TIME,
	SCHEDULED,
	ROUND,
	HOLD,
	EXCLUDE,
	SUSPECT,
	LATE,
	REVISE,
	SEAT,
	BLOCK,
	ASK
};

struct event {
	enum event_type type;
	int64_t wait_ms;
	int voter, round, number; /* number: of a probe, an exclusion */
	int verdict;
	int severity;
	bool on;
};

struct life {
	struct watch_rule rule;
	int per_seat;
	struct event event[LIFE_STEPS];
};

static int random_verdict(struct rng *r, int mood)
{
	int dice = rng_below(r, 20);

	if (dice == 0)
		return VERDICT_NONE;
	if (dice < 3)
		return VERDICT_WARNING;
	return dice < 3 + mood ? VERDICT_DOWN : VERDICT_UP;
}

static struct event random_event(struct rng *r, const struct life *l, int mood)
{
	static const enum event_type types[] = {TAKE_TIME, TAKE_TIME, SCHEDULED, SCHEDULED,
		SCHEDULED, SCHEDULED, ROUND, ROUND, ROUND, ROUND, ROUND, ROUND};
	static const int64_t waits_ms[] = {1, 20, 300, 500, 3000, 10000, 60000, 130000};
	int rare = rng_below(r, 60);
	enum event_type type = types[rng_below(r, ARRAY_LEN(types))];

	if (rare < 8)
		type = (enum event_type)(HOLD + rare);
	return (struct event){
		.type = type,
		.wait_ms = rng_ms(r, waits_ms[rng_below(r, type == TAKE_TIME ? 8 : 4)] + 1),
		.voter = rng_below(r, l->rule.quorum.seats * l->per_seat),
		.round = rng_below(r, l->rule.rounds + 1),
		.number = rng_below(r, 7),
		.verdict = random_verdict(r, mood),
		.severity = rng_below(r, 6) ? 0 : rng_below(r, 4),
		.on = rng_below(r, 2),
	};
}

static struct life random_life(struct rng *r)
{
	static const int64_t intervals_ms[] = {1000, 10000, 60000, 300000};
	static const int64_t afters_ms[] = {0, 0, 0, 30000}, recovers_ms[] = {0, 0, 45000};
	struct life l = {.per_seat = rng_below(r, 3) ? 1 : 1 + rng_below(r, 3)};
	int n = 1 + rng_below(r, 5), mood = 0;

	l.rule = (struct watch_rule){
		.quorum = {n, 1 + rng_below(r, n), 1 + rng_below(r, n)},
		.revision = 1,
		.interval_ms = intervals_ms[rng_below(r, 4)],
		.timeout_ms = 100 + rng_ms(r, 10000),
		.rounds = rng_below(r, 4),
		.gap_ms = rng_ms(r, 4000),
		.after_ms = afters_ms[rng_below(r, 4)],
		.recovered_after_ms = recovers_ms[rng_below(r, 3)],
		.flap_changes = rng_below(r, 3) ? 0 : 2 + rng_below(r, 4),
		.flap_window_ms = 600000,
		.counts_as_down = (unsigned)rng_below(r, 3) == 0,
		.failures = {rng_below(r, 3) ? 600000 : 0, 10, rng_below(r, 2) ? 40 : -1},
	};
	l.rule.undetermined_after_ms = watch_undetermined_after_ms(l.rule.interval_ms, -1);
	for (int i = 0; i < LIFE_STEPS; i++) {
		if (i % 40 == 0)
			mood = rng_below(r, 3) * 8;
		l.event[i] = random_event(r, &l, mood);
	}
	return l;
}

/* ---- living it */

#define BOOK_MAX 2000

struct book_line {
	int64_t number;
	uint32_t key;
	int verdict;
	int64_t started_at_ms;
};

struct living {
	struct kit k;
	struct rng noise; /* extra looks between the wanted ones; state 0: none */
	uint32_t next_key;
	int64_t highest_round;
	int asks; /* that were taken */
	int open[ALERT_KIND_COUNT], explained[ALERT_KIND_COUNT];
	struct book_line book[BOOK_MAX];
	int n_book;
	char *log; /* every action, with its instant relative to the start */
	size_t log_used;
	int64_t start_ms;
};

#define LOG_BYTES 200000

static void write_log(struct living *v, const struct watch_action *a)
{
	int n = snprintf(v->log + v->log_used, LOG_BYTES - v->log_used,
		"%lld %d %d %d %d%d %d>%d %lld %d %lld %lld %d\n",
		(long long)(v->k.now_ms - v->start_ms), a->type, a->kind, a->severity, a->explained,
		a->promoted, a->from, a->to,
		(long long)(a->started_at_ms ? a->started_at_ms - v->start_ms : -1), a->rounds,
		(long long)a->first_round, (long long)a->gap_ms, a->reason);

	assert_true(n > 0 && v->log_used + (size_t)n < LOG_BYTES);
	v->log_used += (size_t)n;
}

/* Whether more than half of the voters of at least q seats said down in round NUMBER, by our book.
 */
static bool booked_down(const struct living *v, int64_t number)
{
	const struct watch *w = v->k.w;
	int seats = 0;

	for (int seat = 0; seat < w->rule.quorum.seats; seat++) {
		int voters = 0, down = 0;
		for (int i = 0; i < w->n_voters; i++) {
			if (w->voter[i].seat != seat ||
				w->voter[i].excluded == EXCLUDED_REPLACED) /* holds no seat */
				continue;
			voters++;
			for (int line = v->n_book - 1; line >= 0; line--)
				if (v->book[line].number == number &&
					v->book[line].key == w->voter[i].key) {
					down += v->book[line].verdict == VERDICT_DOWN &&
						w->voter[i].excluded == EXCLUDED_NOT;
					break;
				}
		}
		seats += 2 * down > voters;
	}
	return seats >= w->rule.quorum.down;
}

static bool is_booked(const struct living *v, int64_t number)
{
	for (int line = 0; line < v->n_book; line++)
		if (v->book[line].number == number)
			return true;
	return false;
}

static void check_open_down(const struct living *v, const struct watch_action *a)
{
	struct tally tally;

	assert_true(v->k.w->down);
	if (v->k.w->rule.after_ms > 0 || v->k.w->decided_at_ms != v->k.now_ms)
		return; /* confirmed earlier; checked in the lives without "after" */
	for (int r = 0; r < a->rounds; r++)
		assert_true(booked_down(v, a->first_round + r));
	/* without rounds only where none are wanted, or the last burst's were answered by nobody */
	for (int r = 0; a->rounds == 0 && r < v->k.w->rule.rounds; r++)
		assert_false(is_booked(v, v->highest_round - r));
	if (a->rounds == 0)
		assert_int_equal(watch_explain(v->k.w, v->k.now_ms, NULL, &tally), DECISION_DOWN);
}

static void check_alert(struct living *v, const struct watch_action *a)
{
	int *open = a->explained ? &v->explained[a->kind] : &v->open[a->kind];

	assert_false(v->k.w->held);
	if (a->type == WATCH_OPEN) {
		assert_true(a->explained || v->k.w->block == BLOCK_NONE);
		assert_int_equal(*open, 0);
		assert_true(a->severity != SEVERITY_NONE);
		assert_true(a->started_at_ms > 0 && a->started_at_ms <= v->k.now_ms);
		if (a->kind == ALERT_DOWN)
			check_open_down(v, a);
		*open = 1;
	} else {
		assert_int_equal(*open, 1);
		*open = a->type == WATCH_CHANGE;
	}
	assert_true(!a->explained || a->kind == ALERT_REGIONAL || a->kind == ALERT_UNDETERMINED);
	assert_true(!a->promoted || (a->kind == ALERT_REGIONAL && a->type == WATCH_CLOSE));
}

static void check_actions(struct living *v)
{
	enum monitor_state from = STATE_PAUSED;

	for (int i = 0; i < v->k.actions.n; i++) {
		const struct watch_action *a = &v->k.actions.item[i];
		write_log(v, a);
		if (a->type == WATCH_ORDER_BURST) {
			assert_false(v->k.w->held);
			assert_true(a->first_round > v->highest_round);
			assert_int_equal(a->rounds, v->k.w->rule.rounds);
			v->highest_round = a->first_round + a->rounds - 1;
		} else if (a->type == WATCH_STATE) {
			assert_int_not_equal(a->from, a->to);
			assert_int_not_equal(a->to, STATE_PENDING);
			assert_true(a->to <= STATE_UNDETERMINED);
			assert_true(from == STATE_PAUSED);
			from = a->from;
		} else {
			check_alert(v, a);
		}
		if (a->promoted) {
			assert_true(i + 1 < v->k.actions.n);
			assert_int_equal(v->k.actions.item[i + 1].kind, ALERT_DOWN);
			assert_int_equal(v->k.actions.item[i + 1].type, WATCH_OPEN);
		}
	}
	v->k.actions.n = 0;
}

/* What holds after every evaluation. */
static void check_watch(struct living *v)
{
	const struct watch *w = v->k.w;

	for (int kind = 0; kind < ALERT_KIND_COUNT; kind++) {
		assert_int_equal(w->slot[kind].open, v->open[kind]);
		assert_int_equal(w->explained[kind], v->explained[kind]);
		assert_false(v->open[kind] && v->explained[kind]);
	}
	assert_true(
		!w->slot[ALERT_DOWN].open || w->down || w->held || w->rule.recovered_after_ms > 0);
	assert_false(w->slot[ALERT_DOWN].open && w->slot[ALERT_FLAPPING].open);
	assert_false(w->slot[ALERT_DOWN].open && w->slot[ALERT_UNDETERMINED].open);
	assert_false(w->slot[ALERT_DOWN].open && w->slot[ALERT_REGIONAL].open);
	assert_true(w->state != STATE_DOWN || w->down);
	assert_true(
		w->burst.goal == BURST_NONE || w->burst.goal == (w->down ? BURST_UP : BURST_DOWN));
}

static void look_at(struct living *v, int64_t at_ms)
{
	v->k.now_ms = at_ms;
	v->k.next_ms = watch_tick(v->k.w, at_ms, &v->k.actions);
	assert_true(v->k.next_ms > at_ms);
	check_actions(v);
	check_watch(v);
}

static void take_time(struct living *v, int64_t wait_ms)
{
	int64_t until_ms = v->k.now_ms + wait_ms;

	look_at(v, v->k.now_ms);
	while (v->k.next_ms <= until_ms) {
		int64_t next_ms = v->k.next_ms;
		while (v->noise.state && rng_below(&v->noise, 2) && v->k.now_ms + 1 < next_ms) {
			int64_t between_ms =
				v->k.now_ms + 1 + rng_ms(&v->noise, next_ms - v->k.now_ms - 1);
			look_at(v, between_ms); /* nobody asked for it: nothing comes of it */
			assert_int_equal(v->k.next_ms, next_ms);
		}
		look_at(v, next_ms);
	}
	v->k.now_ms = until_ms;
}

static struct vote vote_of(const struct living *v, const struct event *e)
{
	struct vote vote = kit_vote(&v->k, e->verdict);

	vote.severity[THRESHOLD_SLOW] = (uint8_t)e->severity;
	return vote;
}

/* A second answer to the same round counts if it started later (or if the first was the
 * predecessor's). */
static void enter_book(struct living *v, struct book_line line, bool inherited)
{
	for (int i = v->n_book - 1; i >= 0; i--)
		if (v->book[i].number == line.number && v->book[i].key == line.key) {
			if (inherited || line.started_at_ms > v->book[i].started_at_ms)
				v->book[i] = line;
			return;
		}
	assert_true(v->n_book < BOOK_MAX);
	v->book[v->n_book++] = line;
}

static void say(struct living *v, const struct event *e, int64_t number)
{
	struct watch_voter *voter = &v->k.w->voter[e->voter];
	struct vote vote = vote_of(v, e);
	/* the only threshold of these lives may count as down */
	bool counts_as_down = v->k.w->rule.counts_as_down != 0 &&
			      e->severity == SEVERITY_CRITICAL && e->verdict != VERDICT_NONE;
	int verdict = counts_as_down ? VERDICT_DOWN : e->verdict;
	bool in_round = number > 0 && v->k.w->burst.goal != BURST_NONE &&
			number >= v->k.w->burst.first_round &&
			number < v->k.w->burst.first_round + v->k.w->burst.rounds;

	if (in_round)
		enter_book(v, (struct book_line){number, voter->key, verdict, vote.started_at_ms},
			voter->inherited);
	watch_vote(v->k.w, voter->key, number, &vote, v->k.now_ms, &v->k.actions);
	check_actions(v);
	check_watch(v);
}

/* Other voters or another revision: as the coordinator does it, by carrying into a new watch. */
static void renew(struct living *v, bool revise, int voter)
{
	struct watch_rule rule = v->k.w->rule;
	int n = v->k.w->n_voters;
	struct watch *w = malloc(watch_size(n));

	assert_non_null(w);
	rule.revision += revise;
	watch_init(w, &rule, n);
	for (int i = 0; i < n; i++)
		watch_seat(w, i, v->k.w->voter[i].seat,
			!revise && i == voter ? v->next_key : v->k.w->voter[i].key);
	watch_carry(w, v->k.w);
	v->next_key += !revise;
	free(v->k.w);
	v->k.w = w;
}

/* The book follows the place: what the predecessor said in a round stands. */
static void inherit_book(struct living *v, const struct watch_voter *voter)
{
	for (int i = 0, n = v->n_book; voter->excluded == EXCLUDED_NOT && i < n; i++) {
		struct book_line line = v->book[i];
		if (line.key != voter->key)
			continue;
		line.key = v->next_key;
		enter_book(v, line, false);
	}
}

static void live(struct living *v, const struct event *e)
{
	struct watch *w = v->k.w;

	take_time(v, e->wait_ms);
	switch (e->type) {
	case TAKE_TIME:
		break;
	case SCHEDULED:
		say(v, e, 0);
		break;
	case ROUND:
		say(v, e, w->burst.first_round + e->round);
		break;
	case HOLD:
		w->held = e->on;
		break;
	case EXCLUDE:
		watch_exclude(w, w->voter[e->voter].key, (enum exclusion)e->number);
		break;
	case SUSPECT:
		watch_suspect(w, w->voter[e->voter].key, e->on);
		break;
	case LATE:
		watch_suspicion(w, w->voter[e->voter].key, w->rule.revision, v->k.now_ms);
		break;
	case REVISE:
		renew(v, true, 0);
		break;
	case SEAT:
		inherit_book(v, &w->voter[e->voter]);
		renew(v, false, e->voter);
		break;
	case BLOCK:
		watch_block(w, (enum watch_block)(e->number % 4), v->k.now_ms);
		break;
	case ASK:
		v->asks += watch_ask(w, v->k.now_ms);
		break;
	}
	look_at(v, v->k.now_ms);
}

static struct living *born(const struct life *l, int64_t start_ms)
{
	struct living *v = calloc(1, sizeof(*v));

	assert_non_null(v);
	v->log = calloc(1, LOG_BYTES);
	assert_non_null(v->log);
	kit_init(&v->k, &l->rule, l->rule.quorum.seats * l->per_seat);
	v->k.now_ms = v->start_ms = start_ms;
	v->next_key = 100;
	return v;
}

static void buried(struct living *v)
{
	kit_clear(&v->k);
	free(v->log);
	free(v);
}

static struct living *lived(const struct life *l, int64_t start_ms, uint64_t noise)
{
	struct living *v = born(l, start_ms);

	v->noise.state = noise;
	for (int i = 0; i < LIFE_STEPS && v->n_book < BOOK_MAX / 2; i++)
		live(v, &l->event[i]);
	return v;
}

/* ---- laws */

/*
 * In every life: a down alert only after q seats said down in every round; open and close alternate
 * per kind; nothing under hold; nothing opens while a parent is down or asked; at most one of down, regional and undetermined; round numbers rise;
 * the next look is in the future.
 */
static bool tells(const struct living *v, enum alert_kind kind, enum severity severity)
{
	char text[32];

	snprintf(text, sizeof(text), " %d %d %d 00 ", WATCH_OPEN, kind, severity);
	return strstr(v->log, text) != NULL;
}

static void test_every_life_is_lawful(void **state)
{
	struct rng r = {seed};
	int downs = 0, regionals = 0, undetermined = 0, explained = 0, failures = 0, flapping = 0,
	    asks = 0;

	(void)state;
	for (int i = 0; i < LIVES; i++) {
		struct life l = random_life(&r);
		struct living *v = lived(&l, 1000000, 0);
		downs += tells(v, ALERT_DOWN, SEVERITY_CRITICAL);
		regionals += tells(v, ALERT_REGIONAL, SEVERITY_WARNING);
		undetermined += tells(v, ALERT_UNDETERMINED, SEVERITY_UNKNOWN);
		failures += tells(v, ALERT_FAILURES, SEVERITY_WARNING);
		flapping += tells(v, ALERT_FLAPPING, SEVERITY_CRITICAL);
		asks += v->asks;
		explained += strstr(v->log, " 10 ") != NULL;
		buried(v);
	}
	/* the lives are worth living */
	assert_in_range(downs, LIVES / 10, LIVES);
	assert_in_range(regionals, LIVES / 100, LIVES);
	assert_in_range(undetermined, LIVES / 100, LIVES);
	assert_in_range(explained, LIVES / 200, LIVES);
	assert_in_range(failures, LIVES / 500, LIVES);
	assert_in_range(flapping, LIVES / 500, LIVES);
	assert_in_range(asks, LIVES / 10, LIVES * LIFE_STEPS);
}

static void test_time_shift(void **state)
{
	struct rng r = {seed + 1};

	(void)state;
	for (int i = 0; i < LIVES / 5; i++) {
		struct life l = random_life(&r);
		struct living *a = lived(&l, 1000000, 0);
		struct living *b = lived(&l, 1000001 + rng_ms(&r, INT64_C(1) << 48), 0);
		assert_string_equal(a->log, b->log);
		buried(a);
		buried(b);
	}
}

/* Looking more often than asked changes nothing, then or later. */
static void test_idle_looks_change_nothing(void **state)
{
	struct rng r = {seed + 2};

	(void)state;
	for (int i = 0; i < LIVES / 5; i++) {
		struct life l = random_life(&r);
		struct living *a = lived(&l, 1000000, 0);
		struct living *b = lived(&l, 1000000, rng_next(&r) | 1);
		assert_string_equal(a->log, b->log);
		buried(a);
		buried(b);
	}
}

/* With all but f < q seats honest and up in every round and every interval: never down, whatever
 * the f say. */
static void test_a_minority_never_makes_it_down(void **state)
{
	struct rng r = {seed + 3};

	(void)state;
	for (int i = 0; i < LIVES / 5; i++) {
		struct life l = random_life(&r);
		struct living *v;
		l.per_seat = 1;
		v = born(&l, 1000000);
		for (int e = 0; e < LIFE_STEPS && v->n_book < BOOK_MAX / 2; e++) {
			struct event event = l.event[e];
			if (event.type > ROUND)
				continue;
			event.voter %= l.rule.quorum.seats;
			if (event.voter >= l.rule.quorum.down - 1) {
				event.verdict = VERDICT_UP;
				event.severity = SEVERITY_NONE;
			}
			live(v, &event);
			assert_false(v->k.w->down);
		}
		buried(v);
	}
}

/* Votes of nobody, of another revision or older than the held one: as if they had not been. */
static void test_votes_that_are_none(void **state)
{
	struct rng r = {seed + 4};

	(void)state;
	for (int i = 0; i < LIVES / 5; i++) {
		struct life l = random_life(&r);
		struct living *a = lived(&l, 1000000, 0), *b = born(&l, 1000000);
		for (int e = 0; e < LIFE_STEPS && b->n_book < BOOK_MAX / 2; e++) {
			struct vote vote = kit_vote(&b->k, 1 + rng_below(&r, 3));
			int voter = rng_below(&r, b->k.w->n_voters);
			live(b, &l.event[e]);
			if (b->k.w->voter[voter].inherited ||
				!b->k.w->voter[voter].scheduled.present)
				continue;
			vote.started_at_ms =
				b->k.w->voter[voter].scheduled.started_at_ms - rng_ms(&r, 2);
			vote.revision = b->k.w->rule.revision + 1 + rng_below(&r, 3);
			assert_false(watch_vote(b->k.w, b->k.w->voter[voter].key, 0, &vote,
				b->k.now_ms, &b->k.actions));
			vote.revision = b->k.w->rule.revision;
			assert_false(
				watch_vote(b->k.w, 99999, 0, &vote, b->k.now_ms, &b->k.actions));
			if (b->k.w->voter[voter].scheduled.revision == vote.revision)
				assert_false(watch_vote(b->k.w, b->k.w->voter[voter].key, 0, &vote,
					b->k.now_ms, &b->k.actions));
		}
		assert_string_equal(a->log, b->log);
		buried(a);
		buried(b);
	}
}

/* One voter of N says down about everything for hours: the bursts stay few, whatever the interval.
 */
static void test_no_burst_storms(void **state)
{
	struct rng r = {seed + 5};

	(void)state;
	for (int i = 0; i < 40; i++) {
		struct watch_rule rule = kit_rule(3 + rng_below(&r, 3), 2, 1);
		struct living *v;
		bool flaps = rng_below(&r, 2);
		int bursts = 0, intervals = 200;
		rule.interval_ms = 1000 + rng_ms(&r, 100000);
		rule.timeout_ms = rule.interval_ms / 2;
		struct life l = {.rule = rule, .per_seat = 1};
		v = born(&l, 1000000);
		for (int e = 0; e < intervals * rule.quorum.seats; e++) {
			int voter = e % rule.quorum.seats;
			bool lies = voter == 0 && (!flaps || (e / rule.quorum.seats) % 2);
			int64_t before = v->k.w->next_round;
			struct event event = {.type = SCHEDULED,
				.wait_ms = rule.interval_ms / rule.quorum.seats,
				.voter = voter,
				.verdict = lies ? VERDICT_DOWN : VERDICT_UP};
			live(v, &event);
			for (int n = 0; n < 2 * rule.quorum.seats; n++) {
				struct event answer = {.type = ROUND,
					.wait_ms = 1,
					.voter = n / 2,
					.round = n % 2,
					.verdict = n / 2 == 0 ? VERDICT_DOWN : VERDICT_UP};
				if (v->k.w->burst.goal != BURST_NONE)
					live(v, &answer);
			}
			bursts += v->k.w->next_round != before;
			v->n_book = 0;
		}
		assert_in_range(bursts, 3, 4 + intervals / 8);
		buried(v);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_life_is_lawful),
		cmocka_unit_test(test_time_shift),
		cmocka_unit_test(test_idle_looks_change_nothing),
		cmocka_unit_test(test_a_minority_never_makes_it_down),
		cmocka_unit_test(test_votes_that_are_none),
		cmocka_unit_test(test_no_burst_storms),
	};
	seed = rng_seed(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
