// SPDX-License-Identifier: MIT
/* What a scenario expects. */
#include "tests/sim/scn_reader.h"

#include "quorate/verdict.h"

#include <stdio.h>

static void read_relation(struct reader *r, struct scn_expect *e)
{
	e->relation = EXACTLY;
	if (reader_accept(r, "at")) {
		e->relation = reader_accept(r, "least") ? AT_LEAST : AT_MOST;
		if (e->relation == AT_MOST)
			reader_need(r, "most");
	} else {
		reader_need(r, "exactly");
	}
	e->number = reader_number(r);
}

/* [MONITOR | probe N] */
static void read_subject(struct reader *r, struct scn_expect *e)
{
	if (reader_accept(r, "of") ||
		(r->i < r->n && reader_find_monitor(r->s, r->word[r->i]) != SCN_ALL)) {
		if (reader_accept(r, "probe"))
			e->probe = reader_probe(r);
		else
			e->monitor = reader_monitor(r);
	}
}

static void read_counted(struct reader *r, struct scn_expect *e)
{
	read_relation(r, e);
	if (reader_accept(r, "bursts") || reader_accept(r, "burst")) {
		e->what = EXPECT_BURSTS;
	} else {
		e->what = EXPECT_ALERTS;
		if (reader_accept(r, "explained"))
			e->what = EXPECT_EXPLAINED;
		else if (!reader_accept(r, "alerts"))
			reader_need(r, "alert");
		e->kinds = reader_kinds(r);
	}
	read_subject(r, e);
	if (e->what == EXPECT_ALERTS && reader_accept(r, "open")) {
		reader_need(r, "at");
		e->what = EXPECT_OPEN;
		e->at_ms = reader_duration(r);
	}
}

/* alert|close KINDS [subject] within D */
static void read_within(struct reader *r, struct scn_expect *e, enum scn_expectation what)
{
	e->what = what;
	e->kinds = reader_kinds(r);
	read_subject(r, e);
	reader_need(r, "within");
	e->within_ms = reader_duration(r);
}

/* quarantine PROBE from MONITOR|all at D; seat PROBE on MONITOR|all at D */
static bool read_standing(struct reader *r, struct scn_expect *e, bool wanted)
{
	if (reader_accept(r, "quarantine"))
		e->what = EXPECT_QUARANTINE;
	else if (reader_accept(r, "seat"))
		e->what = EXPECT_SEAT;
	else
		return false;
	e->number = wanted;
	e->probe = reader_probe(r);
	reader_need(r, e->what == EXPECT_SEAT ? "on" : "from");
	e->monitor = reader_monitor(r);
	reader_need(r, "at");
	e->at_ms = reader_duration(r);
	return true;
}

static void read_expectation(struct reader *r, struct scn_expect *e)
{
	if (read_standing(r, e, true))
		return;
	if (reader_accept(r, "no")) {
		if (read_standing(r, e, false))
			return;
		reader_need(r, "alert");
		e->kinds = reader_kinds(r);
		read_subject(r, e);
	} else if (reader_accept(r, "alert")) {
		read_within(r, e, EXPECT_OPENS);
	} else if (reader_accept(r, "close")) {
		read_within(r, e, EXPECT_CLOSES);
	} else if (reader_accept(r, "state")) {
		e->what = EXPECT_STATE;
		e->monitor = reader_monitor(r);
		e->state = reader_one_of(r, monitor_state_names, reader_next(r));
		reader_need(r, "at");
		e->at_ms = reader_duration(r);
	} else if (reader_accept(r, "severity")) {
		e->what = EXPECT_SEVERITY;
		e->severity = reader_one_of(r, severity_names, reader_next(r));
		e->kinds = r->i < r->n ? reader_kinds(r) : ~0U;
	} else if (reader_accept(r, "promoted")) {
		e->what = EXPECT_PROMOTED;
		e->monitor = reader_monitor(r);
	} else {
		read_counted(r, e);
	}
}

void scn_read_expect(struct reader *r, const char *text)
{
	struct scn_expect *e = &r->s->expect[r->s->n_expects++];

	if (r->s->n_expects == SCN_EXPECTS_MAX)
		reader_fail(r, "too many expectations");
	*e = (struct scn_expect){.line = r->line,
		.monitor = SCN_ALL,
		.probe = SCN_ALL,
		.after_ms = r->last_at_ms,
		.what = EXPECT_ALERTS};
	snprintf(e->text, sizeof(e->text), "%s", text);
	read_expectation(r, e);
}
