// SPDX-License-Identifier: MIT
/*
 * A watch on virtual time for tests: votes in, actions out as text. The log of a step is the
 * actions joined by "; ": burst 1+2              rounds 1 and 2 ordered up>down state open down
 * critical     open, change, close KIND SEVERITY; "explained" or "promoted" after it
 */
#ifndef QUORATE_TESTS_WATCH_KIT_H
#define QUORATE_TESTS_WATCH_KIT_H

#include "coordinator/core/watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const kit_states[] = {
	"pending", "up", "degraded", "down", "undetermined", "paused", "maintenance"};
static const char *const kit_kinds[] = {"down", "slow", "certificate", "loss", "value", "failures",
	"regional", "undetermined", "flapping", "probe"};
static const char *const kit_severities[] = {"none", "unknown", "warning", "critical"};

struct kit {
	struct watch *w;
	struct watch_actions actions;
	int64_t now_ms;
	int64_t next_ms;  /* what the last evaluation by tick returned */
	int64_t check_ms; /* how long a check takes */
	char log[2048];
};

static inline void kit_say(struct kit *k, const char *text)
{
	size_t used = strlen(k->log);

	snprintf(k->log + used, sizeof(k->log) - used, "%s%s", used > 0 ? "; " : "", text);
}

static inline void kit_note(struct kit *k)
{
	static const char *const verbs[] = {"", "", "open", "change", "close"};

	for (int i = 0; i < k->actions.n; i++) {
		const struct watch_action *a = &k->actions.item[i];
		char text[128];
		if (a->type == WATCH_ORDER_BURST)
			snprintf(text, sizeof(text), "burst %lld+%d", (long long)a->first_round,
				a->rounds);
		else if (a->type == WATCH_STATE)
			snprintf(text, sizeof(text), "%s>%s", kit_states[a->from],
				kit_states[a->to]);
		else
			snprintf(text, sizeof(text), "%s %s%s%s%s%s", verbs[a->type],
				kit_kinds[a->kind], a->type == WATCH_CLOSE ? "" : " ",
				a->type == WATCH_CLOSE ? "" : kit_severities[a->severity],
				a->explained ? " explained" : "", a->promoted ? " promoted" : "");
		kit_say(k, text);
	}
	k->actions.n = 0;
}

static inline struct watch_rule kit_rule(int n, int q, int u)
{
	return (struct watch_rule){
		.quorum = {n, q, u},
		.revision = 1,
		.interval_ms = 60000,
		.timeout_ms = 10000,
		.rounds = 2,
		.gap_ms = 3000,
		.undetermined_after_ms = watch_undetermined_after_ms(60000, -1),
	};
}

/* N voters with keys 1 … N in seats 0 … N-1. */
static inline void kit_init(struct kit *k, const struct watch_rule *rule, int n_voters)
{
	memset(k, 0, sizeof(*k));
	k->w = malloc(watch_size(n_voters));
	if (!k->w)
		abort();
	watch_init(k->w, rule, n_voters);
	for (int i = 0; i < n_voters; i++)
		watch_seat(k->w, i, i % rule->quorum.seats, (uint32_t)i + 1);
	k->now_ms = 1000000;
	k->next_ms = INT64_MAX;
	k->check_ms = 100;
}

static inline void kit_clear(struct kit *k)
{
	free(k->w);
	k->w = NULL;
}

/* The log since the last call. */
static inline const char *kit_log(struct kit *k)
{
	static char log[sizeof(k->log)];

	memcpy(log, k->log, sizeof(log));
	k->log[0] = 0;
	return log;
}

/* Evaluates at AT_MS only. */
static inline const char *kit_tick(struct kit *k, int64_t at_ms)
{
	k->now_ms = at_ms;
	k->next_ms = watch_tick(k->w, at_ms, &k->actions);
	kit_note(k);
	return kit_log(k);
}

/* Evaluates whenever the watch asked for it, up to and with AT_MS. */
static inline const char *kit_run(struct kit *k, int64_t at_ms)
{
	k->next_ms = watch_tick(k->w, k->now_ms, &k->actions);
	kit_note(k);
	while (k->next_ms <= at_ms) {
		k->now_ms = k->next_ms;
		k->next_ms = watch_tick(k->w, k->now_ms, &k->actions);
		kit_note(k);
	}
	k->now_ms = at_ms;
	return kit_log(k);
}

static inline struct vote kit_vote(const struct kit *k, int verdict)
{
	return (struct vote){
		.verdict = verdict,
		.reason = verdict == VERDICT_DOWN      ? REASON_TCP_REFUSED
			  : verdict == VERDICT_NONE    ? REASON_INTERNAL_ERROR
			  : verdict == VERDICT_WARNING ? REASON_SLOW_RESPONSE
						       : REASON_OK,
		.started_at_ms = k->now_ms - k->check_ms,
		.ended_at_ms = k->now_ms,
		.revision = k->w->rule.revision,
	};
}

/* Probe KEY's check ended now: 'U' up, 'W' warning, 'D' down, 'n' could not look. */
static inline int kit_verdict(char letter)
{
	return letter == 'U'   ? VERDICT_UP
	       : letter == 'W' ? VERDICT_WARNING
	       : letter == 'D' ? VERDICT_DOWN
			       : VERDICT_NONE;
}

static inline const char *kit_says(struct kit *k, uint32_t key, int64_t round, char letter)
{
	struct vote vote = kit_vote(k, kit_verdict(letter));

	watch_vote(k->w, key, round, &vote, k->now_ms, &k->actions);
	kit_note(k);
	return kit_log(k);
}

/* One letter per probe, in the order of keys; '-': no answer. */
static inline void kit_say_all(struct kit *k, int64_t round, const char *letters)
{
	for (uint32_t i = 0; letters[i]; i++) {
		struct vote vote = kit_vote(k, kit_verdict(letters[i]));
		if (letters[i] == '-')
			continue;
		watch_vote(k->w, i + 1, round, &vote, k->now_ms, &k->actions);
		kit_note(k);
	}
}

/* The same, and the log. */
static inline const char *kit_all(struct kit *k, int64_t round, const char *letters)
{
	kit_say_all(k, round, letters);
	return kit_log(k);
}

/* The two rounds of a burst that begins with number FIRST, answered alike: 200 ms from now, and 3 s
 * later. */
static inline const char *kit_rounds(struct kit *k, int64_t first, const char *letters)
{
	k->now_ms += 200;
	kit_say_all(k, first, letters);
	k->now_ms += 3000;
	return kit_all(k, first + 1, letters);
}

/* ---- where stories begin; with cmocka */

static inline void kit_start(struct kit *k, int n, int q, int u)
{
	struct watch_rule rule = kit_rule(n, q, u);

	kit_init(k, &rule, n);
}

/* Three seats, all up. */
static inline void kit_start_up(struct kit *k)
{
	kit_start(k, 3, 2, 2);
	assert_string_equal(kit_all(k, 0, "UUU"), "pending>up");
}

/* Its first burst confirms it after 20 s, called for by probe 1. */
static inline const char *kit_goes_down(struct kit *k)
{
	k->now_ms += 20000;
	assert_string_equal(kit_says(k, 1, 0, 'D'), "burst 1+2");
	return kit_rounds(k, 1, "DDD");
}

/* Probe KEY says up, and the burst that begins with number FIRST confirms it. */
static inline const char *kit_comes_up(struct kit *k, uint32_t key, int64_t first)
{
	char order[32];

	snprintf(order, sizeof(order), "burst %lld+2", (long long)first);
	assert_string_equal(kit_says(k, key, 0, 'U'), order);
	return kit_rounds(k, first, "UUU");
}

/* Three seats, confirmed down; the next burst is number 3. */
static inline void kit_start_down(struct kit *k)
{
	kit_start_up(k);
	assert_string_equal(kit_goes_down(k), "up>down; open down critical");
}

/* Three seats, confirmed down while BLOCK keeps its alert from opening; the next burst is number 3. */
static inline void kit_start_blocked(struct kit *k, enum watch_block block)
{
	kit_start_up(k);
	watch_block(k->w, block, k->now_ms);
	assert_string_equal(kit_goes_down(k), "up>down");
}

/* Everybody says LETTERS every ten seconds until UNTIL_MS, in the rounds of a burst too. */
static inline void kit_keep(struct kit *k, const char *letters, int64_t until_ms)
{
	while (k->now_ms < until_ms) {
		kit_run(k, k->now_ms + 10000 < until_ms ? k->now_ms + 10000 : until_ms);
		for (int r = 0; k->w->burst.goal != BURST_NONE && r < k->w->burst.rounds; r++)
			kit_all(k, k->w->burst.first_round + r, letters);
		kit_all(k, 0, letters);
	}
}

static inline bool kit_dissents(const struct kit *k, int voter, int64_t now_ms)
{
	enum stance stance[VOTERS_MAX];
	struct tally tally;

	watch_stances(k->w, now_ms, stance, &tally);
	return stance[voter] == STANCE_DISSENTS;
}

#endif
