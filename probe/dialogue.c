// SPDX-License-Identifier: MIT
#include "probe/dialogue.h"

#include "proto/base/mem.h"
#include "proto/base/pattern.h"
#include "proto/base/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN_BYTES 80

void dialogue_init(struct dialogue *d, const struct list *steps, size_t max_bytes)
{
	memset(d, 0, sizeof(*d));
	d->steps = steps->item;
	d->n_steps = steps->n;
	d->max_bytes = max_bytes < DIALOGUE_MAX_BYTES ? max_bytes : DIALOGUE_MAX_BYTES;
	d->left_us = PATTERN_BUDGET_US;
	buf_init(&d->in, d->max_bytes);
}

void dialogue_clear(struct dialogue *d)
{
	pattern_free(d->pattern);
	d->pattern = NULL;
	buf_clear(&d->in);
}

/* ---- what came */

static void add(char *out, size_t *n, size_t room, const char *data, size_t more)
{
	size_t fits = room - *n < more ? room - *n : more;
	memcpy(out + *n, data, fits);
	*n += fits;
}

static void show_banner(struct dialogue *d, const char *data, size_t n)
{
	const char *end;
	if (d->banner_ended || n == 0)
		return;
	end = memchr(data, '\n', n);
	d->banner_ended = end != NULL;
	add(d->banner, &d->banner_bytes, sizeof(d->banner), data,
		end != NULL ? (size_t)(end - data) : n);
	while (end != NULL && d->banner_bytes > 0 && d->banner[d->banner_bytes - 1] == '\r')
		d->banner_bytes--;
}

/* Forgets the first N bytes of IN: they matched, or never will. */
static void drop(struct dialogue *d, size_t n)
{
	if (n == 0)
		return;
	memmove(d->in.data, d->in.data + n, d->in.size_bytes - n + 1); /* its NUL too */
	d->in.size_bytes -= n;
	d->looked = d->looked > n ? d->looked - n : 0;
}

static void drop_line(struct dialogue *d)
{
	const char *end = d->in.size_bytes > 0 ? memchr(d->in.data, '\n', d->in.size_bytes) : NULL;
	drop(d, end != NULL ? (size_t)(end - d->in.data) + 1 : d->in.size_bytes);
}

/* ---- failures */

static enum dialogue_state fail(struct dialogue *d, enum reason reason, const char *format, ...)
	PRINTF_LIKE(3, 4);

static enum dialogue_state fail(struct dialogue *d, enum reason reason, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	d->reason = reason;
	vsnprintf(d->detail, sizeof(d->detail), format, args);
	va_end(args);
	return DIALOGUE_FAILED;
}

/* The step as people wrote it. */
static void step_text(const struct dialogue *d, char out[2 * SHOWN_BYTES])
{
	const struct dialogue_step *step = &d->steps[d->at];
	char shown[SHOWN_BYTES];
	bool regex = step->expect_regex != NULL;
	snprintf(shown, sizeof(shown), "%s", regex ? step->expect_regex : step->expect);
	snprintf(out, 2 * SHOWN_BYTES, regex ? "/%s/" : "\"%s\"", utf8_trim(shown));
}

/* The first line of what came instead. */
static void instead_text(const struct dialogue *d, char out[SHOWN_BYTES])
{
	const char *end = memchr(d->excerpt, '\n', d->excerpt_bytes);
	size_t n = end != NULL ? (size_t)(end - d->excerpt) : d->excerpt_bytes;
	while (n > 0 && strchr("\r\n", d->excerpt[n - 1]) != NULL)
		n--;
	char *clean = utf8_clean(d->excerpt, n, SHOWN_BYTES - 1);
	snprintf(out, SHOWN_BYTES, "%s", clean);
	free(clean);
}

enum reason dialogue_give_up(struct dialogue *d, bool ended)
{
	char step[2 * SHOWN_BYTES], instead[SHOWN_BYTES];
	const char *end = ended ? "the connection ended" : "the time was over";
	if (d->at >= d->n_steps || d->steps[d->at].starttls ||
		(d->steps[d->at].expect == NULL && d->steps[d->at].expect_regex == NULL)) {
		(void)fail(d, ended ? REASON_TCP_CLOSED_EARLY : REASON_CONTENT_TIMEOUT,
			"%s in step %zu of the dialogue", end, d->at + 1);
		return d->reason;
	}
	step_text(d, step);
	instead_text(d, instead);
	if (d->excerpt_bytes == 0)
		(void)fail(d, ended ? REASON_TCP_CLOSED_EARLY : REASON_CONTENT_TIMEOUT,
			"%s before %s came (step %zu): nothing did", end, step, d->at + 1);
	else
		(void)fail(d, ended ? REASON_CONTENT_MISSING : REASON_CONTENT_TIMEOUT,
			"%s before %s came (step %zu); instead: \"%s\"", end, step, d->at + 1,
			instead);
	return d->reason;
}

static enum dialogue_state too_much(struct dialogue *d)
{
	char step[2 * SHOWN_BYTES], instead[SHOWN_BYTES];
	step_text(d, step);
	instead_text(d, instead);
	return fail(d, REASON_CONTENT_MISSING,
		"%s is not among the first %zu bytes (step %zu); instead: \"%s\"", step,
		d->max_bytes, d->at + 1, instead);
}

/* ---- steps */

/* To the next step; what matched, up to END of IN, has been read. */
static void step_forward(struct dialogue *d, size_t end)
{
	pattern_free(d->pattern);
	d->pattern = NULL;
	d->looked = 0;
	drop(d, end);
	d->at++;
	d->came = d->in.size_bytes;
	d->excerpt_bytes = 0;
	if (d->in.size_bytes > 0)
		add(d->excerpt, &d->excerpt_bytes, sizeof(d->excerpt), d->in.data,
			d->in.size_bytes);
}

static enum dialogue_state wait_for_text(struct dialogue *d, const char *text)
{
	size_t n = strlen(text);
	const char *from = buf_text(&d->in) + d->looked;
	const char *found = memmem(from, d->in.size_bytes - d->looked, text, n);
	if (found == NULL) {
		d->looked = d->in.size_bytes >= n ? d->in.size_bytes - n + 1 : 0;
		return DIALOGUE_WAIT;
	}
	step_forward(d, (size_t)(found - d->in.data) + n);
	return DIALOGUE_DONE;
}

/* One line, or the unfinished last one, which ends at END. 1: it matches, 0: it does not, -1: nobody
 * knows. */
static int line_matches(struct dialogue *d, size_t from, size_t end)
{
	while (end > from && d->in.data[end - 1] == '\r')
		end--;
	switch (pattern_find(d->pattern, d->in.data + from, end - from, &d->left_us, NULL, 0)) {
	case PATTERN_FOUND:
		return 1;
	case PATTERN_ABSENT:
		return 0;
	default:
		return -1;
	}
}

static enum dialogue_state wait_for_line(struct dialogue *d)
{
	size_t from = 0;
	int rc = 0;
	while (rc == 0 && from < d->in.size_bytes) {
		const char *newline = memchr(d->in.data + from, '\n', d->in.size_bytes - from);
		size_t end = newline != NULL ? (size_t)(newline - d->in.data) : d->in.size_bytes;
		rc = line_matches(d, from, end);
		if (rc == 1)
			from = newline != NULL ? end + 1 : end;
		else if (newline == NULL)
			break;
		else
			from = end + 1;
	}
	if (rc == -1)
		return fail(d, REASON_CONTENT_PATTERN,
			"the regular expression of step %zu takes too long on what came",
			d->at + 1);
	if (rc == 1) {
		step_forward(d, from);
		return DIALOGUE_DONE;
	}
	drop(d, from); /* whole lines that do not match */
	return DIALOGUE_WAIT;
}

static enum dialogue_state expect_regex(struct dialogue *d, const char *regex)
{
	char why[PATTERN_WHY_SIZE];
	if (d->pattern == NULL)
		d->pattern = pattern_new(regex, why);
	if (d->pattern == NULL) /* the coordinator has seen that it is one */
		return fail(d, REASON_INTERNAL_ERROR, "step %zu: %s", d->at + 1, why);
	return wait_for_line(d);
}

/* One step: DONE when it is behind us. */
static enum dialogue_state take_step(struct dialogue *d, struct buf *out)
{
	const struct dialogue_step *step = &d->steps[d->at];
	enum dialogue_state state;
	if (step->starttls) {
		drop_line(d); /* the rest of the line in which a text was found */
		step_forward(d, 0);
		if (d->in.size_bytes > 0)
			return fail(d, REASON_TLS_STARTTLS_UNEXPECTED,
				"the server says more in plain text before TLS begins (step %zu)",
				d->at);
		return DIALOGUE_TLS;
	}
	if (step->expect == NULL && step->expect_regex == NULL) {
		const char *text = step->send.value;
		if (text == NULL || buf_add(out, text, strlen(text)) != 0)
			return fail(
				d, REASON_INTERNAL_ERROR, "step %zu: nothing to send", d->at + 1);
		d->at++;
		return DIALOGUE_DONE;
	}
	state = step->expect != NULL ? wait_for_text(d, step->expect)
				     : expect_regex(d, step->expect_regex);
	return state == DIALOGUE_WAIT && d->came >= d->max_bytes ? too_much(d) : state;
}

enum dialogue_state dialogue_take(struct dialogue *d, const void *data, size_t n, struct buf *out)
{
	enum dialogue_state state = DIALOGUE_DONE;
	size_t room =
		d->max_bytes - (d->in.size_bytes < d->max_bytes ? d->in.size_bytes : d->max_bytes);
	show_banner(d, data, n);
	d->received += n;
	d->came += n;
	add(d->excerpt, &d->excerpt_bytes, sizeof(d->excerpt), n > 0 ? data : "", n);
	if (n > 0 && buf_add(&d->in, data, n < room ? n : room) != 0)
		return fail(d, REASON_INTERNAL_ERROR, "no room for what came");
	while (state == DIALOGUE_DONE && d->at < d->n_steps)
		state = take_step(d, out);
	return state;
}
