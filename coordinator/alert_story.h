// SPDX-License-Identifier: MIT
/* Why an alert opened, what happened meanwhile, why it closed: from the alert's own document, so
 * that it works for those that are long closed. */
#ifndef QUORATE_ALERT_STORY_H
#define QUORATE_ALERT_STORY_H

#include <jansson.h>

/*
 * {"alert": {id, case, kind, state, severity, monitor, probe, …}, "story": [{"at", "words"}] in the
 * order of time, "sentence": why it opened, "opening": {quorum, votes, …}, "latest": the same as of
 * its last change, or null, "closing": the same of its recovery, or null, "outlook": what would
 * have turned the decision when it opened, as of a monitor}; a new reference. Of an alert made for
 * an audience it tells no more than that shows.
 */
json_t *alert_story(const json_t *alert);

/* ALERT is about to change: keeps in it, as "opening", what it was opened with, the votes without
 * their details; once. */
void alert_keep_opening(json_t *alert);

#endif
