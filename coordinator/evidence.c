// SPDX-License-Identifier: MIT
/* What people are shown: votes with their fates, the rule in words, what was seen. Reads the
 * watches, changes nothing. */
#include "coordinator/verdicts_internal.h"

#include "coordinator/holding.h"
#include "coordinator/json.h"
#include "coordinator/rule_words.h"
#include "proto/base/clock.h"
#include "quorate/duration.h"

#include <stdio.h>
#include <string.h>

#define REFUSALS_MAX 20

int64_t wall_of(int64_t at_ms)
{
	return clock_wall_ms() - (clock_now_ms() - at_ms);
}

json_t *evidence_monitor(const struct monitor *m)
{
	char id[ID_TEXT_SIZE];

	return json_pack("{s:s, s:s, s:s, s:s, s:s?, s:s?}", "id", id_format(&m->id, id), "name",
		m->name, "type", check_kind_names[m->type], "target", m->target, "service",
		m->service, "external_id", m->external_id);
}

/* The newest result of probe KEY, parsed; NULL: none. A new reference. */
static json_t *result_of(const struct watched *wd, uint32_t key)
{
	for (int i = 0; i < VOTERS_MAX; i++) {
		if (wd->evidence[i].text && wd->evidence[i].key == key)
			return json_loads(wd->evidence[i].text, 0, NULL);
	}
	return NULL;
}

/* ---- votes */

static const char *const shown_members[] = {"detail", "address", "status", "value", "duration_ms",
	"phases", "certificate", "ping", "hops", NULL};

/* Why a vote did not count, in words; NULL for one that did. */
static const char *fate_why(
	const struct watch_voter *voter, const struct vote *vote, enum fate fate)
{
	switch (fate) {
	case FATE_COUNTED:
		return NULL;
	case FATE_SAME_SEAT:
		return "its seat is counted once already";
	case FATE_OUTVOTED:
		return "the other voters of its seat say otherwise";
	case FATE_STALE:
		return "too old";
	case FATE_ABSENT:
		return "nothing received";
	case FATE_OUTDATED:
		return "made for an earlier revision of the monitor";
	default:
		if (voter->excluded == EXCLUDED_REPLACED)
			return "quarantine, and another has its seat";
		if (voter->excluded != EXCLUDED_NOT)
			return exclusion_names[voter->excluded];
		if (vote->present && vote->reason == REASON_INTERNAL_SELF_TEST)
			return exclusion_names[EXCLUDED_SELF_TEST];
		return vote->present ? reason_text_en((enum reason)vote->reason) : "excluded";
	}
}

static json_t *one_vote(const struct watched *wd, int i, const struct ballot *ballot,
	enum fate fate, int64_t now_ms)
{
	const struct watch_voter *voter = &wd->w->voter[i];
	const struct probe *probe = registry_probe_by_key(wd->v->c->registry, voter->key);
	const struct vote *vote = &ballot->vote;
	json_t *out = json_pack("{s:s, s:s, s:i}", "probe", probe ? probe->name : "?", "region",
		probe ? probe->region : "?", "seat", ballot->seat);
	json_t *result = vote->present ? result_of(wd, voter->key) : NULL, *member;
	const char *why = fate_why(voter, vote, fate);

	json_object_set_new(out, "verdict",
		vote->present ? json_string(verdict_names[vote->verdict]) : json_null());
	json_object_set_new(out, "reason",
		vote->present ? json_string(reason_code((enum reason)vote->reason)) : json_null());
	json_object_set_new(
		out, "at", vote->present ? json_time(wall_of(vote->started_at_ms)) : json_null());
	json_object_set_new(out, "age_ms",
		vote->present ? json_integer(now_ms - vote->ended_at_ms) : json_null());
	json_object_set_new(out, "fate", json_string(fate_names[fate]));
	if (probe && probe->organization)
		json_object_set_new(out, "private_to", json_string(probe->organization));
	if (why)
		json_object_set_new(out, "why", json_string(why));
	for (int k = 0; shown_members[k]; k++) {
		if ((member = json_object_get(result, shown_members[k])))
			json_object_set(out, shown_members[k], member);
	}
	json_decref(result);
	return out;
}

static void count(const struct watched *wd, int64_t number, int64_t now_ms, struct ballot *ballots,
	enum fate *fates, struct tally *tally)
{
	const struct watch_rule *rule = &wd->w->rule;
	struct quorum_view view = {
		.revision = rule->revision, .now_ms = now_ms, .fresh_ms = watch_fresh_ms(rule)};

	watch_ballots(wd->w, number, ballots);
	quorum_count(&rule->quorum, &view, ballots, wd->w->n_voters, fates, tally);
}

json_t *evidence_votes(const struct watched *wd, int64_t number, int64_t now_ms)
{
	struct ballot ballots[VOTERS_MAX];
	enum fate fates[VOTERS_MAX];
	json_t *list = json_array();
	struct tally tally;

	count(wd, number, now_ms, ballots, fates, &tally);
	for (int i = 0; i < wd->w->n_voters; i++)
		json_array_append_new(list, one_vote(wd, i, &ballots[i], fates[i], now_ms));
	return list;
}

static json_t *json_tally(const struct tally *t)
{
	return json_pack("{s:i, s:i, s:i, s:i, s:i}", "down", t->down, "up", t->up, "warning",
		t->warning, "split", t->split, "absent", t->absent);
}

json_t *evidence_quorum(const struct watched *wd, int64_t number, int rounds, int64_t now_ms)
{
	const struct quorum_rule *rule = &wd->w->rule.quorum;
	struct ballot ballots[VOTERS_MAX];
	enum fate fates[VOTERS_MAX];
	struct tally tally;

	count(wd, number, now_ms, ballots, fates, &tally);
	return json_pack("{s:i, s:i, s:i, s:o, s:i, s:I}", "seats", rule->seats, "down", rule->down,
		"up", rule->up, "counted", json_tally(&tally), "rounds", rounds, "policy_revision",
		(json_int_t)wd->w->rule.revision);
}

json_t *evidence_observed(const struct watched *wd, int reason, char *text, size_t room)
{
	static const char *const members[] = {"address", "status", "value", "body_excerpt",
		"certificate", "ping", "dns", "hops", NULL};
	json_t *out = json_object(), *result = NULL, *member;

	snprintf(text, room, "%s", reason_text_en((enum reason)reason));
	for (int i = 0; i < wd->w->n_voters && !result; i++) {
		const struct vote *vote = &wd->w->voter[i].scheduled;
		if (vote->present && vote->reason == reason)
			result = result_of(wd, wd->w->voter[i].key);
	}
	for (int k = 0; members[k]; k++) {
		member = json_object_get(result, members[k]);
		json_object_set(out, members[k], member ? member : json_null());
	}
	if ((member = json_object_get(result, "detail")))
		snprintf(text, room, "%s", json_string_value(member));
	json_decref(result);
	return out;
}

/* ---- what shows over time */

static struct failure_sum count_failures(const struct watched *wd, int64_t now_ms)
{
	struct failure_sum all = {0, 0}, one;

	for (int i = 0; i < wd->w->n_voters; i++) {
		one = watch_failures(wd->w, i, now_ms);
		all.checks += one.checks;
		all.failed += one.failed;
	}
	return all;
}

void evidence_failures(const struct watched *wd, int64_t now_ms, char *text, size_t room)
{
	struct failure_sum all = count_failures(wd, now_ms);
	char window[DURATION_TEXT_SIZE];

	snprintf(text, room, "%d of %d checks failed in the last %s", all.failed, all.checks,
		duration_format(wd->w->rule.failures.window_ms, window));
}

void evidence_flapping(const struct watched *wd, int64_t now_ms, char *text, size_t room)
{
	char window[DURATION_TEXT_SIZE];

	snprintf(text, room, "changed %d times between up and down in the last %s",
		watch_changes(wd->w, now_ms), duration_format(wd->w->rule.flap_window_ms, window));
}

/* ---- explain */

static json_t *explain_failures(const struct watched *wd, int64_t now_ms)
{
	const struct failure_rule *rule = &wd->w->rule.failures;
	struct failure_sum all = count_failures(wd, now_ms);
	char window[DURATION_TEXT_SIZE], words[RULE_WORDS_SIZE];

	if (rule->window_ms == 0)
		return json_null();
	evidence_failures(wd, now_ms, words, sizeof(words));
	return json_pack("{s:s, s:i, s:i, s:s}", "window", duration_format(rule->window_ms, window),
		"checks", all.checks, "failed", all.failed, "words", words);
}

static json_t *explain_flapping(const struct watched *wd, int64_t now_ms)
{
	char words[RULE_WORDS_SIZE], calm[DURATION_TEXT_SIZE];
	size_t used;

	if (!wd->w->flapping)
		return json_null();
	evidence_flapping(wd, now_ms, words, sizeof(words));
	used = strlen(words);
	snprintf(words + used, sizeof(words) - used,
		": its flapping alert stands for all of them, until nothing has changed for %s",
		duration_format(watch_calm_ms(&wd->w->rule), calm));
	return json_pack("{s:i, s:s}", "changes", watch_changes(wd->w, now_ms), "words", words);
}

static json_t *explain_burst(const struct watched *wd, int64_t now_ms)
{
	const struct burst *b = &wd->w->burst;

	if (b->goal == BURST_NONE)
		return json_null();
	return json_pack("{s:s, s:i, s:I, s:I}", "goal", b->goal == BURST_DOWN ? "down" : "up",
		"rounds", b->rounds, "first_round", (json_int_t)b->first_round, "running_ms",
		(json_int_t)(now_ms - b->started_at_ms));
}

/* The decision in a sentence that can be read aloud. */
static json_t *explain_sentence(
	const struct watched *wd, enum decision decision, const struct tally *t)
{
	const struct quorum_rule *rule = &wd->w->rule.quorum;

	if (wd->w->n_voters == 0)
		return json_string(
			"No registered probe is eligible: nobody looks at this monitor.");
	switch (decision) {
	case DECISION_DOWN:
		return json_sprintf("DOWN: %d of %d seats say down, %d are needed.", t->down,
			rule->seats, rule->down);
	case DECISION_UP:
	case DECISION_DEGRADED:
		return json_sprintf("%s: %d of %d seats say up (%d of them with a warning), %d are "
				    "needed, and %d say down, fewer than %d.",
			decision == DECISION_UP ? "UP" : "DEGRADED", t->up + t->warning,
			rule->seats, t->warning, rule->up, t->down, rule->down);
	default:
		return json_sprintf("UNDETERMINED: %d of %d seats say down (%d are needed), %d say "
				    "up (%d are needed), %d are absent, %d split.",
			t->down, rule->seats, rule->down, t->up + t->warning, rule->up, t->absent,
			t->split);
	}
}

/* When the decision changes although nobody says anything new, and to what; null: it does not. */
static json_t *explain_silence(const struct watched *wd, enum decision decision, int64_t now_ms)
{
	int64_t first_ms = INT64_MAX;
	enum decision then = decision;

	for (int i = 0; i < wd->w->n_voters; i++) {
		const struct vote *vote = &wd->w->voter[i].scheduled;
		int64_t at_ms = vote->ended_at_ms + watch_fresh_ms(&wd->w->rule) + 1;
		struct tally tally;
		if (!vote->present || at_ms <= now_ms || at_ms >= first_ms ||
			watch_explain(wd->w, at_ms, NULL, &tally) == decision)
			continue;
		first_ms = at_ms;
		then = watch_explain(wd->w, at_ms, NULL, &tally);
	}
	if (first_ms == INT64_MAX)
		return json_null();
	return json_pack("{s:s, s:o, s:o}", "to", decision_names[then], "at",
		json_time(wall_of(first_ms)), "words",
		json_sprintf("without any newer result it is %s in %d s", decision_words[then],
			(int)((first_ms - now_ms + 999) / 1000)));
}

/* What it takes besides the votes. */
static json_t *explain_confirmation(const struct watch_rule *rule)
{
	char gap[DURATION_TEXT_SIZE];

	duration_format(rule->gap_ms, gap);
	if (rule->rounds == 0)
		return json_sprintf("a turn counts once scheduled checks have said so at two "
				    "looks, %s apart or more",
			gap);
	if (rule->rounds == 1)
		return json_string("a turn counts once one more round of checks has said the same");
	return json_sprintf("a turn counts once %d rounds of checks, started %s apart, have all "
			    "said the same",
		rule->rounds, gap);
}

/* The registered probes that the monitor's regions and organization take in and that would not check
 * it, with the reason: who wonders about an empty seat looks here. */
static json_t *explain_refusals(const struct verdicts *v, const struct monitor *m)
{
	struct registry *r = v->c->registry;
	json_t *out = json_array();
	char words[FENCE_WORDS_SIZE], remedy[FENCE_WORDS_SIZE];

	for (const struct probe *probe = NULL; (probe = registry_next_probe(r, probe));) {
		enum fence fence =
			registry_serves(r, probe, m) ? registry_fence(probe, m) : FENCE_OPEN;
		if (fence == FENCE_OPEN || json_array_size(out) == REFUSALS_MAX)
			continue;
		json_array_append_new(out, json_pack("{s:s, s:s, s:s, s:s}", "probe", probe->name,
						   "region", probe->region, "why",
						   fence_words(fence, &probe->announced, m, words),
						   "remedy", fence_remedy(fence, m, remedy)));
	}
	return out;
}

static json_t *explain_alerts(const struct verdicts *v, const struct id *monitor)
{
	json_t *out = json_array();

	for (enum alert_kind kind = 0; kind < ALERT_KIND_COUNT; kind++) {
		const char *case_id = alerts_case(v->c->alerts, kind, monitor);
		if (case_id)
			json_array_append_new(out, json_string(case_id));
	}
	return out;
}

static json_t *explain_hushed(const struct verdicts *v, const struct id *monitor)
{
	json_t *out = json_array();

	for (enum alert_kind kind = 0; kind < ALERT_KIND_COUNT; kind++) {
		const char *case_id = alerts_hushed_case(v->c->alerts, kind, monitor);
		if (case_id)
			json_array_append_new(out, json_string(case_id));
	}
	return out;
}

/* Who wonders why nobody looks gets an answer, too. */
static json_t *paused_sentence(const struct registered *entry)
{
	const struct pause *p = &entry->pause;
	char until[TIME_TEXT_SIZE] = "somebody resumes it";

	if (p->at_wall_ms == UNSET)
		return json_string("PAUSED by its definition (enabled: false): nobody checks it.");
	if (p->until_wall_ms != UNSET)
		time_format(p->until_wall_ms, until);
	return json_sprintf("PAUSED by %s until %s: nobody checks it.%s%s", p->by, until,
		p->reason ? " Reason: " : "", p->reason ? p->reason : "");
}

static json_t *explain_paused(struct verdicts *v, const struct registered *entry)
{
	int64_t since_wall_ms;
	enum monitor_state state = verdicts_state(v, &entry->m.id, &since_wall_ms);

	return json_pack("{s:o, s:s, s:o, s:[], s:[], s:b, s:o}", "monitor",
		evidence_monitor(&entry->m), "state", monitor_state_names[state], "since",
		json_time(since_wall_ms), "votes", "alerts", "held", false, "sentence",
		paused_sentence(entry));
}

static json_t *explain_maintenance(struct verdicts *v, const struct id *monitor)
{
	json_t *out = verdicts_maintenance(v, monitor);

	return out ? out : json_null();
}

json_t *verdicts_explain(struct verdicts *v, const struct id *monitor)
{
	struct watched *wd = verdicts_find(v, monitor);
	const struct registered *entry = registry_monitor(v->c->registry, monitor);
	int64_t now_ms = clock_now_ms(), since_wall_ms;
	enum monitor_state state;
	enum decision decision;
	struct tally tally;

	if (!entry)
		return NULL;
	if (!wd)
		return explain_paused(v, entry);
	decision = watch_explain(wd->w, now_ms, NULL, &tally);
	state = verdicts_state(v, monitor, &since_wall_ms);
	return json_pack(
		"{s:o, s:s, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, "
		"s:o, s:o, s:o, s:o, s:o, s:b, s:o}",
		"monitor", evidence_monitor(&entry->m), "state", monitor_state_names[state],
		"since", json_time(since_wall_ms), "rule",
		rule_json(&wd->w->rule.quorum, &entry->m), "decision", decision_names[decision],
		"tally", json_tally(&tally), "votes", evidence_votes(wd, 0, now_ms), "quarantine",
		quarantine_explain(wd), "self_test", self_tests_explain(wd), "refusals",
		explain_refusals(v, &entry->m), "burst", explain_burst(wd, now_ms), "failures",
		explain_failures(wd, now_ms), "flapping", explain_flapping(wd, now_ms), "held_back",
		family_explain(wd), "maintenance", explain_maintenance(v, monitor), "holding",
		holding_explain(wd, now_ms), "outlook",
		wd->w->n_voters ? outlook_json(&wd->w->rule.quorum, &tally) : json_array(),
		"without_news", explain_silence(wd, decision, now_ms), "confirmation",
		explain_confirmation(&wd->w->rule), "alerts", explain_alerts(v, monitor),
		"closed_by_hand", explain_hushed(v, monitor), "held", wd->w->held, "sentence",
		explain_sentence(wd, decision, &tally));
}

json_t *verdicts_results(struct verdicts *v, const struct id *monitor)
{
	struct watched *wd = verdicts_find(v, monitor);
	json_t *list = json_array(), *result;

	for (int i = 0; wd && i < wd->w->n_voters; i++) {
		const struct probe *probe =
			registry_probe_by_key(v->c->registry, wd->w->voter[i].key);
		if (!probe || !(result = result_of(wd, probe->key)))
			continue;
		json_object_set_new(result, "probe", json_string(probe->name));
		json_object_set_new(result, "region", json_string(probe->region));
		json_array_append_new(list, result);
	}
	return list;
}
