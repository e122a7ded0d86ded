// SPDX-License-Identifier: MIT
/* Reads scenarios: one statement a line, '#' begins a comment. An unknown word is an error with its
 * place. */
#include "tests/sim/scn.h"

#include "quorate/duration.h"
#include "quorate/verdict.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 24

struct reader {
	struct scn *s;
	int line;
	char *word[WORDS_MAX + 1]; /* NULL-ended */
	int n, i;
	int64_t last_at_ms;
	bool failed;
};

static void fail(struct reader *r, const char *format, ...) PRINTF_LIKE(2, 3);

static void fail(struct reader *r, const char *format, ...)
{
	va_list args;

	if (r->failed)
		return;
	r->failed = true;
	fprintf(stderr, "%s:%d: ", r->s->file, r->line);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

/* ---- words */

static const char *next(struct reader *r)
{
	if (r->i < r->n)
		return r->word[r->i++];
	fail(r, "the line ends too early");
	return "";
}

static bool accept(struct reader *r, const char *word)
{
	if (r->i >= r->n || strcmp(r->word[r->i], word) != 0)
		return false;
	r->i++;
	return true;
}

static void need(struct reader *r, const char *word)
{
	const char *found = next(r);

	if (strcmp(found, word) != 0)
		fail(r, "'%s': expected '%s'", found, word);
}

static int number(struct reader *r)
{
	const char *word = next(r);
	char *end;
	long n = strtol(word, &end, 10);

	if (end == word || *end || n < 0 || n > 100000)
		fail(r, "'%s' is no number", word);
	return (int)n;
}

static int64_t duration(struct reader *r)
{
	const char *word = next(r);
	int64_t ms = 0;

	if (duration_parse(word, &ms) == -1)
		fail(r, "'%s' is no duration (30s, 10m …)", word);
	return ms;
}

static int one_of(struct reader *r, const char *const *names, const char *word)
{
	for (int i = 0; names[i]; i++)
		if (strcmp(names[i], word) == 0)
			return i;
	fail(r, "unknown word '%s'", word);
	return 0;
}

static int find_monitor(const struct scn *s, const char *name)
{
	for (int i = 0; i < s->n_monitors; i++)
		if (strcmp(s->monitor[i].name, name) == 0)
			return i;
	return SCN_ALL;
}

static int monitor(struct reader *r)
{
	const char *name = next(r);
	int i = find_monitor(r->s, name);

	if (i == SCN_ALL && strcmp(name, "all") != 0)
		fail(r, "no monitor '%s'", name);
	return i;
}

static int probe(struct reader *r)
{
	int n = number(r);

	if (n < 1 || n > r->s->probes)
		fail(r, "no probe %d", n);
	return n - 1;
}

/* down|regional|… */
static unsigned kinds(struct reader *r)
{
	char text[64], *rest = text;
	unsigned set = 0;

	snprintf(text, sizeof(text), "%s", next(r));
	for (char *name; (name = strsep(&rest, "|"));)
		set |= 1U << one_of(r, alert_kind_names, name);
	return set;
}

static struct share share(struct reader *r)
{
	const char *word = next(r);
	size_t length = strlen(word);

	if (strcmp(word, "majority") == 0)
		return (struct share){SHARE_MAJORITY, 0};
	if (length > 1 && word[length - 1] == '%')
		return (struct share){SHARE_PERCENT, atoi(word)};
	r->i--;
	return (struct share){SHARE_NUMBER, number(r)};
}

/* up | down REASON (the part after the dot: refused, timeout …) | slow warning|critical */
static struct scn_view now_and_then(struct reader *r, struct scn_view view)
{
	if (accept(r, "one")) {
		need(r, "in");
		view.every = number(r);
	}
	return view;
}

static struct scn_view view(struct reader *r)
{
	static const struct {
		const char *word;
		int reason;
		bool hangs;
	} reasons[] = {
		{"refused", REASON_TCP_REFUSED, false},
		{"status", REASON_HTTP_STATUS, false},
		{"nxdomain", REASON_DNS_NXDOMAIN, false},
		{"timeout", REASON_HTTP_TIMEOUT, true},
	};
	const char *word = next(r);

	if (strcmp(word, "up") == 0)
		return (struct scn_view){.verdict = VERDICT_UP, .reason = REASON_OK};
	if (strcmp(word, "slow") == 0)
		return (struct scn_view){.verdict = VERDICT_WARNING,
			.reason = REASON_SLOW_RESPONSE,
			.slow = one_of(r, severity_names, next(r))};
	if (strcmp(word, "down") != 0)
		fail(r, "unknown word '%s'", word);
	word = r->i < r->n ? next(r) : "refused";
	for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
		if (strcmp(word, reasons[i].word) == 0)
			return now_and_then(r, (struct scn_view){.verdict = VERDICT_DOWN,
						       .reason = reasons[i].reason,
						       .hangs = reasons[i].hangs});
	fail(r, "unknown reason '%s'", word);
	return (struct scn_view){0};
}

/* ---- the world */

static void read_probes(struct reader *r)
{
	r->s->probes = r->s->regions = number(r);
	if (accept(r, "in"))
		r->s->regions = number(r);
	need(r, "regions");
	if (r->s->probes > SCN_PROBES_MAX || r->s->regions < 1)
		fail(r, "1 to %d probes", SCN_PROBES_MAX);
}

static void read_option(struct reader *r, struct scn_monitor *m)
{
	static const char *const names[] = {"interval", "timeout", "after", "gap", "rounds",
		"seats", "per_seat", "down", "up", "undetermined_after", "recovered_after",
		"flapping", "failures", "slow_is_down", "parent", "organization", "network",
		"canary", NULL};

	switch (one_of(r, names, next(r))) {
	case 0:
		m->interval_ms = duration(r);
		break;
	case 1:
		m->timeout_ms = duration(r);
		break;
	case 2:
		m->after_ms = duration(r);
		break;
	case 3:
		m->gap_ms = duration(r);
		break;
	case 4:
		m->rounds = number(r);
		break;
	case 5:
		m->policy.seats = number(r);
		break;
	case 6:
		m->policy.per_seat = number(r);
		break;
	case 7:
		m->policy.down = share(r);
		break;
	case 8:
		m->policy.up = share(r);
		break;
	case 9:
		m->undetermined_after_ms = duration(r);
		break;
	case 10:
		m->recovered_after_ms = duration(r);
		break;
	case 11:
		m->flap_changes = number(r);
		m->flap_window_ms = duration(r);
		break;
	case 12:
		m->failures.window_ms = duration(r);
		m->failures.warning = share(r).value;
		m->failures.critical = share(r).value;
		break;
	case 13:
		m->counts_as_down = 1U << THRESHOLD_SLOW;
		break;
	case 14:
		if (m->n_parents == SCN_PARENTS_MAX)
			fail(r, "at most %d parents", SCN_PARENTS_MAX);
		else
			m->parent[m->n_parents++] = monitor(r);
		break;
	case 15:
		m->organization = number(r);
		if (m->organization < 1 || m->organization >= SCN_ORGS_MAX)
			fail(r, "organizations are 1 to %d", SCN_ORGS_MAX - 1);
		break;
	case 16:
		m->network = number(r);
		break;
	case 17:
		m->organization = QUARANTINE_CANARIES;
		break;
	}
}

/* monitor NAME options | monitors N options (m1 … mN) */
static void read_monitors(struct reader *r, bool many)
{
	struct scn_monitor m = {
		.interval_ms = 60000,
		.timeout_ms = 10000,
		.gap_ms = 3000,
		.undetermined_after_ms = UNSET,
		.flap_changes = 6,
		.flap_window_ms = 3600000,
		.rounds = 2,
		.policy = {.seats = 5, .per_seat = 1},
		.organization = 1,
	};
	int n = many ? number(r) : 1;
	const char *name = many ? "" : next(r);

	while (r->i < r->n && !r->failed)
		read_option(r, &m);
	for (int i = 0; i < n && !r->failed; i++) {
		if (r->s->n_monitors == SCN_MONITORS_MAX) {
			fail(r, "at most %d monitors", SCN_MONITORS_MAX);
			return;
		}
		if (many)
			snprintf(m.name, sizeof(m.name), "m%d", i + 1);
		else
			snprintf(m.name, sizeof(m.name), "%s", name);
		r->s->monitor[r->s->n_monitors++] = m;
	}
}

/* ---- what happens */

/* ahead|back D */
static int64_t jump(struct reader *r)
{
	bool back = accept(r, "back");

	if (!back)
		need(r, "ahead");
	return back ? -duration(r) : duration(r);
}

static void read_at_probe(struct reader *r, struct scn_step *step)
{
	static const char *const words[] = {"sees", "lies", "flaps", "honest", "cut", "back",
		"stop", "cont", "blind", "sighted", "excluded", "included", "deaf", "hears", "link",
		"clock", "busy", "idle", NULL};
	static const enum scn_what whats[] = {AT_SIGHT, AT_LIES, AT_FLAPS, AT_HONEST, AT_CUT,
		AT_BACK, AT_STOP, AT_CONT, AT_BLIND, AT_SIGHTED, AT_EXCLUDED, AT_INCLUDED, AT_DEAF,
		AT_HEARS, AT_LINK, AT_CLOCK, AT_BUSY, AT_IDLE};

	step->probe = probe(r);
	step->what = whats[one_of(r, words, next(r))];
	if (step->what == AT_LIES)
		step->view = view(r);
	if (step->what == AT_LINK)
		step->duration_ms = duration(r);
	if (step->what == AT_CLOCK)
		step->duration_ms = jump(r);
	if (step->what != AT_SIGHT)
		return;
	step->monitor = monitor(r);
	if (accept(r, "again"))
		step->what = AT_INSIGHT;
	else
		step->view = view(r);
}

static void read_at(struct reader *r)
{
	static const char *const words[] = {
		"target", "probe", "coordinator", "monitor", "maintenance", NULL};
	struct scn_step *step = &r->s->step[r->s->n_steps++];

	if (r->s->n_steps == SCN_STEPS_MAX)
		fail(r, "too many steps");
	*step = (struct scn_step){.at_ms = duration(r), .probe = SCN_ALL, .monitor = SCN_ALL};
	if (step->at_ms < r->last_at_ms)
		fail(r, "steps must be in the order of time");
	r->last_at_ms = step->at_ms;
	switch (one_of(r, words, next(r))) {
	case 0:
		step->what = AT_TARGET;
		step->monitor = monitor(r);
		step->view = view(r);
		break;
	case 1:
		read_at_probe(r, step);
		break;
	case 2:
		step->what = accept(r, "hold") ? AT_HOLD : AT_RESTART;
		if (step->what == AT_RESTART)
			need(r, "restart");
		if (step->what == AT_HOLD || accept(r, "for"))
			step->duration_ms = duration(r);
		break;
	case 3:
		step->what = AT_REVISE;
		step->monitor = monitor(r);
		need(r, "revise");
		break;
	case 4:
		step->what = AT_MAINTENANCE;
		step->monitor = monitor(r);
		need(r, "for");
		step->duration_ms = duration(r);
		break;
	}
}

/* ---- what is expected */

static void read_relation(struct reader *r, struct scn_expect *e)
{
	e->relation = EXACTLY;
	if (accept(r, "at")) {
		e->relation = accept(r, "least") ? AT_LEAST : AT_MOST;
		if (e->relation == AT_MOST)
			need(r, "most");
	} else {
		need(r, "exactly");
	}
	e->number = number(r);
}

/* [MONITOR | probe N] */
static void read_subject(struct reader *r, struct scn_expect *e)
{
	if (accept(r, "of") || (r->i < r->n && find_monitor(r->s, r->word[r->i]) != SCN_ALL)) {
		if (accept(r, "probe"))
			e->probe = probe(r);
		else
			e->monitor = monitor(r);
	}
}

static void read_counted(struct reader *r, struct scn_expect *e)
{
	read_relation(r, e);
	if (accept(r, "bursts") || accept(r, "burst")) {
		e->what = EXPECT_BURSTS;
	} else {
		e->what = EXPECT_ALERTS;
		if (accept(r, "explained"))
			e->what = EXPECT_EXPLAINED;
		else if (!accept(r, "alerts"))
			need(r, "alert");
		e->kinds = kinds(r);
	}
	read_subject(r, e);
	if (e->what == EXPECT_ALERTS && accept(r, "open")) {
		need(r, "at");
		e->what = EXPECT_OPEN;
		e->at_ms = duration(r);
	}
}

/* alert|close KINDS [subject] within D */
static void read_within(struct reader *r, struct scn_expect *e, enum scn_expectation what)
{
	e->what = what;
	e->kinds = kinds(r);
	read_subject(r, e);
	need(r, "within");
	e->within_ms = duration(r);
}

/* quarantine PROBE from MONITOR|all at D; seat PROBE on MONITOR|all at D */
static bool read_standing(struct reader *r, struct scn_expect *e, bool wanted)
{
	if (accept(r, "quarantine"))
		e->what = EXPECT_QUARANTINE;
	else if (accept(r, "seat"))
		e->what = EXPECT_SEAT;
	else
		return false;
	e->number = wanted;
	e->probe = probe(r);
	need(r, e->what == EXPECT_SEAT ? "on" : "from");
	e->monitor = monitor(r);
	need(r, "at");
	e->at_ms = duration(r);
	return true;
}

static void read_expectation(struct reader *r, struct scn_expect *e)
{
	if (read_standing(r, e, true))
		return;
	if (accept(r, "no")) {
		if (read_standing(r, e, false))
			return;
		need(r, "alert");
		e->kinds = kinds(r);
		read_subject(r, e);
	} else if (accept(r, "alert")) {
		read_within(r, e, EXPECT_OPENS);
	} else if (accept(r, "close")) {
		read_within(r, e, EXPECT_CLOSES);
	} else if (accept(r, "state")) {
		e->what = EXPECT_STATE;
		e->monitor = monitor(r);
		e->state = one_of(r, monitor_state_names, next(r));
		need(r, "at");
		e->at_ms = duration(r);
	} else if (accept(r, "severity")) {
		e->what = EXPECT_SEVERITY;
		e->severity = one_of(r, severity_names, next(r));
		e->kinds = r->i < r->n ? kinds(r) : ~0U;
	} else if (accept(r, "promoted")) {
		e->what = EXPECT_PROMOTED;
		e->monitor = monitor(r);
	} else {
		read_counted(r, e);
	}
}

static void read_expect(struct reader *r, const char *text)
{
	struct scn_expect *e = &r->s->expect[r->s->n_expects++];

	if (r->s->n_expects == SCN_EXPECTS_MAX)
		fail(r, "too many expectations");
	*e = (struct scn_expect){.line = r->line,
		.monitor = SCN_ALL,
		.probe = SCN_ALL,
		.after_ms = r->last_at_ms,
		.what = EXPECT_ALERTS};
	snprintf(e->text, sizeof(e->text), "%s", text);
	read_expectation(r, e);
}

/* ---- lines */

static void read_line(struct reader *r, const char *text)
{
	static const char *const words[] = {
		"probes", "monitor", "monitors", "latency", "at", "expect", "end", NULL};

	switch (one_of(r, words, next(r))) {
	case 0:
		read_probes(r);
		break;
	case 1:
		read_monitors(r, false);
		break;
	case 2:
		read_monitors(r, true);
		break;
	case 3:
		r->s->latency_ms = duration(r);
		break;
	case 4:
		read_at(r);
		break;
	case 5:
		read_expect(r, text);
		break;
	case 6:
		r->s->end_ms = duration(r);
		break;
	}
	if (!r->failed && r->i < r->n)
		fail(r, "unknown word '%s'", r->word[r->i]);
}

static void split(struct reader *r, char *line)
{
	char *rest = line;

	line[strcspn(line, "#\n")] = 0;
	r->n = r->i = 0;
	for (char *word; (word = strsep(&rest, " \t"));)
		if (*word && r->n < WORDS_MAX)
			r->word[r->n++] = word;
	r->word[r->n] = NULL;
}

int scn_read(const char *file, struct scn *out)
{
	struct reader r = {.s = out};
	FILE *in = fopen(file, "r");
	char line[256], text[256];

	*out = (struct scn){.file = file, .latency_ms = 80};
	if (!in) {
		perror(file);
		return -1;
	}
	while (!r.failed && fgets(line, sizeof(line), in)) {
		r.line++;
		snprintf(text, sizeof(text), "%.*s", (int)strcspn(line, "#\n"), line);
		split(&r, line);
		if (r.n > 0)
			read_line(&r, text);
	}
	fclose(in);
	if (!r.failed && (out->probes == 0 || out->n_monitors == 0 || out->n_expects == 0))
		fail(&r, "a scenario has probes, monitors and expectations");
	if (out->end_ms == 0)
		out->end_ms = r.last_at_ms + 600000;
	return r.failed ? -1 : 0;
}
