// SPDX-License-Identifier: MIT
/*
 * A dialogue: what is expected of a server and sent to it, step by step. Pure: bytes in, bytes out;
 * the connection is the caller's.
 *
 * A text is looked for in all that came since the step before it matched. A regular expression is
 * matched against each line of that (without its end), and against an unfinished last one as it
 * grows, since a prompt has no end; lines that do not match are passed over, as a reply of several
 * lines has many. What came is read once: the search costs what came, and regular expressions have a
 * budget of time for the whole dialogue.
 */
#ifndef QUORATE_PROBE_DIALOGUE_H
#define QUORATE_PROBE_DIALOGUE_H

#include "proto/base/buf.h"
#include "quorate/limits.h"
#include "quorate/monitor.h"
#include "quorate/reason.h"

#define DIALOGUE_BANNER_BYTES 100

enum dialogue_state {
	DIALOGUE_WAIT, /* for more of the server */
	DIALOGUE_TLS,  /* TLS begins here, once OUT is sent; then go on */
	DIALOGUE_DONE,
	DIALOGUE_FAILED
};

struct pattern;

struct dialogue {
	const struct dialogue_step *steps; /* borrowed */
	size_t n_steps, at;
	size_t max_bytes; /* that may come for one expectation */
	struct buf in;
	size_t looked;                      /* bytes of IN that need no other look */
	size_t came;                        /* bytes for this expectation */
	size_t received;                    /* in all */
	struct pattern *pattern;            /* of this step */
	int64_t left_us;                    /* for regular expressions */
	char banner[DIALOGUE_BANNER_BYTES]; /* the beginning of the first line that came */
	size_t banner_bytes;
	bool banner_ended;
	char excerpt[BODY_EXCERPT_MAX_BYTES]; /* the beginning of what came for this expectation */
	size_t excerpt_bytes;
	enum reason reason; /* of DIALOGUE_FAILED */
	char detail[RESULT_DETAIL_MAX_BYTES];
};

void dialogue_init(struct dialogue *d, const struct list *steps, size_t max_bytes);
void dialogue_clear(struct dialogue *d);
/* What the server said goes in, what is to be sent is added to OUT. Begins, and goes on after
 * DIALOGUE_TLS, with N = 0. */
enum dialogue_state dialogue_take(struct dialogue *d, const void *data, size_t n, struct buf *out);
/* The server says no more (ENDED: it closed the connection; else: the time is over): the reason, and
 * d->detail. */
enum reason dialogue_give_up(struct dialogue *d, bool ended);

#endif
