// SPDX-License-Identifier: MIT
/* See the header. Members that are missing (an old alert, one for a customer) leave their sentences
 * out; nothing here is an error. */
#include "coordinator/alert_story.h"

#include "coordinator/rule_words.h"
#include "proto/base/buf.h"
#include "proto/base/clock.h"
#include "quorate/verdict.h"

#include <stdlib.h>
#include <string.h>

#define WORDS_MAX_BYTES ((size_t)16 * 1024)

static const char *text_of(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

static int int_of(const json_t *object, const char *name)
{
	return (int)json_integer_value(json_object_get(object, name));
}

static bool is(const json_t *object, const char *name, const char *text)
{
	const char *value = text_of(object, name);

	return value && strcmp(value, text) == 0;
}

/* What does not fit is cut: names and reasons have ceilings of their own. */
#define say(words, ...) ((void)!buf_printf((words), __VA_ARGS__))

/* ---- who said what */

static bool is_one_of(const json_t *vote, const json_t *other)
{
	const char *a = text_of(vote, "reason"), *b = text_of(other, "reason");

	return a && b && strcmp(a, b) == 0 && is(other, "verdict", "down") &&
	       is(other, "fate", "counted");
}

static bool was_named_before(const json_t *votes, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (is_one_of(json_array_get(votes, i), json_array_get(votes, k)))
			return true;
	return false;
}

/* "tokyo-1, osaka-1 (tcp.refused); paris-1 (tcp.timeout)": the counted votes that say down. */
static void say_who(struct buf *words, const json_t *votes)
{
	const char *between = ": ";
	json_t *vote, *other;
	size_t i, k;

	json_array_foreach (votes, i, vote) {
		if (!is_one_of(vote, vote) || was_named_before(votes, i))
			continue;
		json_array_foreach (votes, k, other) {
			if (k < i || !is_one_of(vote, other))
				continue;
			say(words, "%s%s", between,
				text_of(other, "probe") ? text_of(other, "probe") : "?");
			between = ", ";
		}
		say(words, " (%s)", text_of(vote, "reason"));
		between = "; ";
	}
}

/* ---- why it opened */

static void say_reason(struct buf *words, const json_t *reason)
{
	const char *text = text_of(reason, "text"), *code = text_of(reason, "code");

	if (text)
		say(words, ". Seen: %s", text);
	if (code)
		say(words, " (%s)", code);
}

static void say_rounds(struct buf *words, int rounds)
{
	if (rounds == 1)
		say(words, ", confirmed by a round of checks");
	else if (rounds > 1)
		say(words, ", in each of %d rounds", rounds);
	else
		say(words, ", by scheduled checks");
}

static void why_down(struct buf *words, const json_t *e)
{
	const json_t *quorum = json_object_get(e, "quorum");

	say(words, "it is DOWN: %d of %d seats said down, %d are needed",
		int_of(json_object_get(quorum, "counted"), "down"), int_of(quorum, "seats"),
		int_of(quorum, "down"));
	say_rounds(words, int_of(quorum, "rounds"));
	say_who(words, json_object_get(e, "votes"));
	say_reason(words, json_object_get(e, "reason"));
}

static void why_regional(struct buf *words, const json_t *e)
{
	const json_t *quorum = json_object_get(e, "quorum");

	say(words, "%d of %d seats kept saying down, fewer than the %d that make it DOWN",
		int_of(json_object_get(quorum, "counted"), "down"), int_of(quorum, "seats"),
		int_of(quorum, "down"));
	say_who(words, json_object_get(e, "votes"));
	say_reason(words, json_object_get(e, "reason"));
}

static void why_undetermined(struct buf *words, const json_t *e)
{
	const json_t *quorum = json_object_get(e, "quorum"),
		     *counted = json_object_get(quorum, "counted");

	say(words,
		"nobody could tell: of %d seats %d said up (%d are needed), %d said down (%d are "
		"needed), %d were silent",
		int_of(quorum, "seats"), int_of(counted, "up") + int_of(counted, "warning"),
		int_of(quorum, "up"), int_of(counted, "down"), int_of(quorum, "down"),
		int_of(counted, "absent") + int_of(counted, "split"));
}

static void why_threshold(struct buf *words, const json_t *e)
{
	const json_t *quorum = json_object_get(e, "quorum");

	say(words, "%d or more of %d seats saw it cross its threshold", int_of(quorum, "down"),
		int_of(quorum, "seats"));
	say_reason(words, json_object_get(e, "reason"));
}

/* The reason says it all. */
static void why_told(struct buf *words, const json_t *e)
{
	const char *text = text_of(json_object_get(e, "reason"), "text");

	say(words, "%s", text ? text : "no reason is kept");
}

static void (*const why[])(struct buf *words, const json_t *e) = {
	[ALERT_DOWN] = why_down,
	[ALERT_SLOW] = why_threshold,
	[ALERT_CERTIFICATE] = why_threshold,
	[ALERT_LOSS] = why_threshold,
	[ALERT_VALUE] = why_threshold,
	[ALERT_FAILURES] = why_told,
	[ALERT_REGIONAL] = why_regional,
	[ALERT_UNDETERMINED] = why_undetermined,
	[ALERT_FLAPPING] = why_told,
	[ALERT_PROBE] = why_told,
};

static void say_why(struct buf *words, const json_t *e)
{
	const char *kind = text_of(e, "kind");

	for (int i = 0; kind && i < ALERT_KIND_COUNT; i++)
		if (strcmp(kind, alert_kind_names[i]) == 0)
			why[i](words, e);
}

/* ---- the story */

static void add(json_t *story, const char *at, const struct buf *words)
{
	if (at)
		json_array_append_new(
			story, json_pack("{s:s, s:s}", "at", at, "words", buf_text(words)));
}

static void tell_opening(json_t *story, const json_t *alert, const json_t *opening)
{
	int64_t held_ms = json_integer_value(json_object_get(alert, "held_ms"));
	struct buf words;

	buf_init(&words, WORDS_MAX_BYTES);
	say(&words, "the first check that showed it began");
	add(story, text_of(alert, "started_at"), &words);
	buf_clear(&words);
	buf_init(&words, WORDS_MAX_BYTES);
	say(&words, "opened: %s %s", text_of(opening, "severity"), text_of(opening, "kind"));
	if (held_ms >= 1000)
		say(&words, ", after it had been held back for %lld s",
			(long long)(held_ms / 1000));
	add(story, text_of(alert, "opened_at"), &words);
	buf_clear(&words);
}

static void tell_change(json_t *story, const json_t *alert)
{
	struct buf words;

	buf_init(&words, WORDS_MAX_BYTES);
	say(&words, "changed, now %s %s, because ", text_of(alert, "severity"),
		text_of(alert, "kind"));
	say_why(&words, alert);
	add(story, text_of(alert, "changed_at"), &words);
	buf_clear(&words);
}

static void tell_act(
	json_t *story, const json_t *alert, const char *at, const char *by, const char *what)
{
	const char *who = by ? text_of(alert, by) : NULL;
	struct buf words;

	buf_init(&words, WORDS_MAX_BYTES);
	say(&words, "%s%s%s", what, who ? " by " : "", who ? who : "");
	add(story, text_of(alert, at), &words);
	buf_clear(&words);
}

static void tell_comments(json_t *story, const json_t *alert)
{
	json_t *comment;
	size_t i;

	json_array_foreach (json_object_get(alert, "comments"), i, comment) {
		struct buf words;
		buf_init(&words, WORDS_MAX_BYTES);
		say(&words, "%s: %s", text_of(comment, "by"), text_of(comment, "text"));
		add(story, text_of(comment, "at"), &words);
		buf_clear(&words);
	}
}

static void tell_reminders(json_t *story, const json_t *alert)
{
	int n = int_of(alert, "reminders");
	struct buf words;

	buf_init(&words, WORDS_MAX_BYTES);
	if (n == 1)
		say(&words, "the reminder was sent");
	else
		say(&words, "the last of %d reminders was sent", n);
	add(story, text_of(alert, "reminded_at"), &words);
	buf_clear(&words);
}

static void say_recovery(struct buf *words, const json_t *alert)
{
	const json_t *quorum = json_object_get(json_object_get(alert, "recovery"), "quorum"),
		     *counted = json_object_get(quorum, "counted");

	say(words, "closed, because it was over");
	if (!quorum || !is(alert, "kind", alert_kind_names[ALERT_DOWN]))
		return;
	say(words, ": %d of %d seats said up, %d are needed, and %d said down",
		int_of(counted, "up") + int_of(counted, "warning"), int_of(quorum, "seats"),
		int_of(quorum, "up"), int_of(counted, "down"));
	say_rounds(words, int_of(quorum, "rounds"));
}

static void tell_close(json_t *story, const json_t *alert)
{
	const char *by = text_of(alert, "closed_by"), *because = text_of(alert, "closed_because");
	struct buf words;

	buf_init(&words, WORDS_MAX_BYTES);
	if (by)
		say(&words, "closed by hand, by %s, while its cause lasted", by);
	else if (because)
		say(&words, "closed, because %s", because);
	else
		say_recovery(&words, alert);
	add(story, text_of(alert, "closed_at"), &words);
	buf_clear(&words);
}

/* Times are all written alike, so that their order is that of their letters. */
static void sort(json_t *story)
{
	for (size_t i = 1; i < json_array_size(story); i++)
		for (size_t k = i; k > 0; k--) {
			json_t *a = json_array_get(story, k - 1), *b = json_array_get(story, k);
			if (strcmp(text_of(a, "at"), text_of(b, "at")) <= 0)
				break;
			json_incref(a);
			json_array_set(story, k - 1, b);
			json_array_set_new(story, k, a);
		}
}

/* ---- the whole */

/* What is kept of how it was when it opened; of one that never changed that is the alert's own. */
static json_t *evidence_of(const json_t *alert, const char *at)
{
	static const char *const members[] = {
		"kind", "severity", "reason", "quorum", "votes", NULL};
	json_t *out = json_object(), *value = json_object_get(alert, at);

	if (value)
		json_object_set(out, "at", value);
	for (int i = 0; members[i]; i++)
		if ((value = json_object_get(alert, members[i])))
			json_object_set(out, members[i], value);
	return out;
}

/* Of the decision that its seats voted on; other kinds go by other counts. */
static json_t *outlook_of(const json_t *opening)
{
	const json_t *quorum = json_object_get(opening, "quorum"),
		     *counted = json_object_get(quorum, "counted");
	struct quorum_rule rule = {
		int_of(quorum, "seats"), int_of(quorum, "down"), int_of(quorum, "up")};
	struct tally tally = {.down = int_of(counted, "down"),
		.up = int_of(counted, "up"),
		.warning = int_of(counted, "warning"),
		.split = int_of(counted, "split"),
		.absent = int_of(counted, "absent")};
	int sum = tally.down + tally.up + tally.warning + tally.split + tally.absent;

	if (!(is(opening, "kind", "down") || is(opening, "kind", "regional") ||
		    is(opening, "kind", "undetermined")) ||
		rule.seats < 1 || sum != rule.seats || rule.down < 1 || rule.down > rule.seats ||
		rule.up < 1 || rule.up > rule.seats)
		return json_array();
	return outlook_json(&rule, &tally);
}

static json_t *head_of(const json_t *alert)
{
	static const char *const members[] = {"id", "case", "organization", "kind", "state",
		"severity", "monitor", "probe", "reason", "started_at", "opened_at", "closed_at",
		"url", NULL};
	json_t *out = json_object(), *value;

	for (int i = 0; members[i]; i++)
		if ((value = json_object_get(alert, members[i])))
			json_object_set(out, members[i], value);
	return out;
}

void alert_keep_opening(json_t *alert)
{
	static const char *const kept[] = {"probe", "region", "seat", "verdict", "reason", "at",
		"age_ms", "fate", "why", NULL};
	json_t *opening, *slim, *vote, *out, *value;
	size_t i;

	if (json_object_get(alert, "opening"))
		return;
	opening = evidence_of(alert, "opened_at");
	slim = json_array();
	json_array_foreach (json_object_get(alert, "votes"), i, vote) {
		json_array_append_new(slim, out = json_object());
		for (int k = 0; kept[k]; k++)
			if ((value = json_object_get(vote, kept[k])))
				json_object_set(out, kept[k], value);
	}
	json_object_set_new(opening, "votes", slim);
	json_object_set_new(alert, "opening", opening);
}

json_t *alert_story(const json_t *alert)
{
	json_t *kept = json_object_get(alert, "opening"), *story = json_array(), *opening;
	bool changed = text_of(alert, "changed_at") != NULL;
	struct buf words;

	opening = kept ? json_incref(kept) : evidence_of(alert, "opened_at");
	tell_opening(story, alert, opening);
	tell_change(story, alert);
	tell_act(story, alert, "acknowledged_at", "acknowledged_by", "acknowledged");
	tell_comments(story, alert);
	tell_reminders(story, alert);
	tell_act(story, alert, "reopened_at", "reopened_by", "reopened");
	tell_close(story, alert);
	sort(story);
	buf_init(&words, WORDS_MAX_BYTES);
	say(&words, "It opened because ");
	say_why(&words, opening);
	say(&words, ".");
	json_t *out = json_pack("{s:o, s:s, s:o, s:o, s:o, s:o, s:O?}", "alert", head_of(alert),
		"sentence", buf_text(&words), "story", story, "outlook", outlook_of(opening),
		"opening", opening, "latest",
		changed ? evidence_of(alert, "changed_at") : json_null(), "closing",
		json_object_get(alert, "recovery"));
	buf_clear(&words);
	return out;
}
