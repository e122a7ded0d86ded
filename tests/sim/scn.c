// SPDX-License-Identifier: MIT
/* Reads scenarios: one statement a line, '#' begins a comment. An unknown word is an error with its
 * place. */
#include "tests/sim/scn_reader.h"

#include "quorate/duration.h"
#include "quorate/verdict.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct share share(struct reader *r)
{
	const char *word = reader_next(r);
	size_t length = strlen(word);

	if (strcmp(word, "majority") == 0)
		return (struct share){SHARE_MAJORITY, 0};
	if (length > 1 && word[length - 1] == '%')
		return (struct share){SHARE_PERCENT, atoi(word)};
	r->i--;
	return (struct share){SHARE_NUMBER, reader_number(r)};
}

/* up | down REASON (the part after the dot: refused, timeout …) | slow warning|critical */
static struct scn_view now_and_then(struct reader *r, struct scn_view view)
{
	if (reader_accept(r, "one")) {
		reader_need(r, "in");
		view.every = reader_number(r);
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
	const char *word = reader_next(r);

	if (strcmp(word, "up") == 0)
		return (struct scn_view){.verdict = VERDICT_UP, .reason = REASON_OK};
	if (strcmp(word, "slow") == 0)
		return (struct scn_view){.verdict = VERDICT_WARNING,
			.reason = REASON_SLOW_RESPONSE,
			.slow = reader_one_of(r, severity_names, reader_next(r))};
	if (strcmp(word, "down") != 0)
		reader_fail(r, "unknown word '%s'", word);
	word = r->i < r->n ? reader_next(r) : "refused";
	for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
		if (strcmp(word, reasons[i].word) == 0)
			return now_and_then(r, (struct scn_view){.verdict = VERDICT_DOWN,
						       .reason = reasons[i].reason,
						       .hangs = reasons[i].hangs});
	reader_fail(r, "unknown reason '%s'", word);
	return (struct scn_view){0};
}

/* ---- the world */

static void read_probes(struct reader *r)
{
	r->s->probes = r->s->regions = reader_number(r);
	if (reader_accept(r, "in"))
		r->s->regions = reader_number(r);
	reader_need(r, "regions");
	if (r->s->probes > SCN_PROBES_MAX || r->s->regions < 1)
		reader_fail(r, "1 to %d probes", SCN_PROBES_MAX);
}

static void read_option(struct reader *r, struct scn_monitor *m)
{
	static const char *const names[] = {"interval", "timeout", "after", "gap", "rounds",
		"seats", "per_seat", "down", "up", "undetermined_after", "recovered_after",
		"flapping", "failures", "slow_is_down", "parent", "organization", "network",
		"canary", NULL};

	switch (reader_one_of(r, names, reader_next(r))) {
	case 0:
		m->interval_ms = reader_duration(r);
		break;
	case 1:
		m->timeout_ms = reader_duration(r);
		break;
	case 2:
		m->after_ms = reader_duration(r);
		break;
	case 3:
		m->gap_ms = reader_duration(r);
		break;
	case 4:
		m->rounds = reader_number(r);
		break;
	case 5:
		m->policy.seats = reader_number(r);
		break;
	case 6:
		m->policy.per_seat = reader_number(r);
		break;
	case 7:
		m->policy.down = share(r);
		break;
	case 8:
		m->policy.up = share(r);
		break;
	case 9:
		m->undetermined_after_ms = reader_duration(r);
		break;
	case 10:
		m->recovered_after_ms = reader_duration(r);
		break;
	case 11:
		m->flap_changes = reader_number(r);
		m->flap_window_ms = reader_duration(r);
		break;
	case 12:
		m->failures.window_ms = reader_duration(r);
		m->failures.warning = share(r).value;
		m->failures.critical = share(r).value;
		break;
	case 13:
		m->counts_as_down = 1U << THRESHOLD_SLOW;
		break;
	case 14:
		if (m->n_parents == SCN_PARENTS_MAX)
			reader_fail(r, "at most %d parents", SCN_PARENTS_MAX);
		else
			m->parent[m->n_parents++] = reader_monitor(r);
		break;
	case 15:
		m->organization = reader_number(r);
		if (m->organization < 1 || m->organization >= SCN_ORGS_MAX)
			reader_fail(r, "organizations are 1 to %d", SCN_ORGS_MAX - 1);
		break;
	case 16:
		m->network = reader_number(r);
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
	int n = many ? reader_number(r) : 1;
	const char *name = many ? "" : reader_next(r);

	while (r->i < r->n && !r->failed)
		read_option(r, &m);
	for (int i = 0; i < n && !r->failed; i++) {
		if (r->s->n_monitors == SCN_MONITORS_MAX) {
			reader_fail(r, "at most %d monitors", SCN_MONITORS_MAX);
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
	bool back = reader_accept(r, "back");

	if (!back)
		reader_need(r, "ahead");
	return back ? -reader_duration(r) : reader_duration(r);
}

static void read_at_probe(struct reader *r, struct scn_step *step)
{
	static const char *const words[] = {"sees", "lies", "flaps", "honest", "cut", "back",
		"stop", "cont", "blind", "sighted", "excluded", "included", "deaf", "hears", "link",
		"clock", "busy", "idle", NULL};
	static const enum scn_what whats[] = {AT_SIGHT, AT_LIES, AT_FLAPS, AT_HONEST, AT_CUT,
		AT_BACK, AT_STOP, AT_CONT, AT_BLIND, AT_SIGHTED, AT_EXCLUDED, AT_INCLUDED, AT_DEAF,
		AT_HEARS, AT_LINK, AT_CLOCK, AT_BUSY, AT_IDLE};

	step->probe = reader_probe(r);
	step->what = whats[reader_one_of(r, words, reader_next(r))];
	if (step->what == AT_LIES)
		step->view = view(r);
	if (step->what == AT_LINK)
		step->duration_ms = reader_duration(r);
	if (step->what == AT_CLOCK)
		step->duration_ms = jump(r);
	if (step->what != AT_SIGHT)
		return;
	step->monitor = reader_monitor(r);
	if (reader_accept(r, "again"))
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
		reader_fail(r, "too many steps");
	*step = (struct scn_step){
		.at_ms = reader_duration(r), .probe = SCN_ALL, .monitor = SCN_ALL};
	if (step->at_ms < r->last_at_ms)
		reader_fail(r, "steps must be in the order of time");
	r->last_at_ms = step->at_ms;
	switch (reader_one_of(r, words, reader_next(r))) {
	case 0:
		step->what = AT_TARGET;
		step->monitor = reader_monitor(r);
		step->view = view(r);
		break;
	case 1:
		read_at_probe(r, step);
		break;
	case 2:
		step->what = reader_accept(r, "hold") ? AT_HOLD : AT_RESTART;
		if (step->what == AT_RESTART)
			reader_need(r, "restart");
		if (step->what == AT_HOLD || reader_accept(r, "for"))
			step->duration_ms = reader_duration(r);
		break;
	case 3:
		step->what = AT_REVISE;
		step->monitor = reader_monitor(r);
		reader_need(r, "revise");
		break;
	case 4:
		step->what = AT_MAINTENANCE;
		step->monitor = reader_monitor(r);
		reader_need(r, "for");
		step->duration_ms = reader_duration(r);
		break;
	}
}

/* ---- lines */

static void read_line(struct reader *r, const char *text)
{
	static const char *const words[] = {
		"probes", "monitor", "monitors", "latency", "at", "expect", "end", NULL};

	switch (reader_one_of(r, words, reader_next(r))) {
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
		r->s->latency_ms = reader_duration(r);
		break;
	case 4:
		read_at(r);
		break;
	case 5:
		scn_read_expect(r, text);
		break;
	case 6:
		r->s->end_ms = reader_duration(r);
		break;
	}
	if (!r->failed && r->i < r->n)
		reader_fail(r, "unknown word '%s'", r->word[r->i]);
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
		reader_fail(&r, "a scenario has probes, monitors and expectations");
	if (out->end_ms == 0)
		out->end_ms = r.last_at_ms + 600000;
	return r.failed ? -1 : 0;
}
