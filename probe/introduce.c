// SPDX-License-Identifier: MIT
/* The token is in `line` only while the preface is being sent; then the answer gathers there. */
#include "probe/introduce.h"

#include "proto/base/mem.h"

#include <stdlib.h>
#include <string.h>

struct introduction {
	struct dial *dial;
	struct watch_fd watch;
	introduced_fn done;
	void *arg;
	char line[PREFACE_MAX_BYTES + 1]; /* ours, then the answer */
	size_t line_bytes, sent_bytes;
};

static void say(struct introduction *i, const struct preface_answer *answer, const char *error)
{
	watch_fd_set(&i->watch, 0);
	i->done(i->arg, answer, error);
}

/* The answer is one line and nothing behind it: the coordinator speaks when it is asked. */
static void on_answer(struct introduction *i)
{
	struct preface_answer answer = {0};
	struct problems problems = {0};
	const char *newline = memchr(i->line, '\n', i->line_bytes);
	if (!newline && i->line_bytes < PREFACE_MAX_BYTES)
		return;
	if (!newline || newline + 1 != i->line + i->line_bytes ||
		preface_answer_decode(i->line, i->line_bytes, &answer, &problems))
		say(i, NULL, "the server's answer is not that of a coordinator");
	else
		say(i, &answer, NULL);
	preface_answer_clear(&answer);
}

/* Sends our line; 1: all of it is sent, 0: later, -1: over. */
static int send_line(struct introduction *i)
{
	while (i->sent_bytes < i->line_bytes) {
		ssize_t n =
			dial_send(i->dial, i->line + i->sent_bytes, i->line_bytes - i->sent_bytes);
		if (n <= 0)
			return (int)n;
		i->sent_bytes += (size_t)n;
	}
	explicit_bzero(i->line, sizeof i->line);
	i->line_bytes = i->sent_bytes = 0;
	return 1;
}

static void on_ready(void *arg, int fd UNUSED, int what UNUSED)
{
	struct introduction *i = arg;
	if (i->sent_bytes < i->line_bytes && (i->watch.what & WATCH_WRITE)) {
		int sent = send_line(i);
		if (sent == -1)
			say(i, NULL, "the connection broke during the preface");
		if (sent != 1)
			return;
		watch_fd_set(&i->watch, WATCH_READ);
	}
	ssize_t n = 1;
	while (n > 0 && i->line_bytes < PREFACE_MAX_BYTES) {
		n = dial_recv(i->dial, i->line + i->line_bytes, PREFACE_MAX_BYTES - i->line_bytes);
		if (n > 0)
			i->line_bytes += (size_t)n;
	}
	if (n == -1 && !memchr(i->line, '\n', i->line_bytes))
		say(i, NULL, "the server closed the connection at the preface");
	else
		on_answer(i);
}

struct introduction *introduction_start(struct loop *loop, struct dial *dial,
	enum preface_stream stream, const char *probe, const char *token, introduced_fn done,
	void *arg)
{
	struct introduction *i = mem_alloc(sizeof *i);
	*i = (struct introduction){.dial = dial, .done = done, .arg = arg};
	struct preface preface = {.version = PREFACE_VERSION, .stream = (int)stream};
	preface.probe = mem_strdup(probe);
	preface.token = mem_strdup(token);
	int n = preface_encode(&preface, i->line, sizeof i->line);
	preface_clear(&preface);
	ensure(n > 0); /* name and token are bounded far below */
	i->line_bytes = (size_t)n;
	watch_fd_init(&i->watch, loop, dial_fd(dial), on_ready, i);
	watch_fd_set(&i->watch, WATCH_WRITE);
	return i;
}

void introduction_free(struct introduction *i)
{
	if (!i)
		return;
	watch_fd_clear(&i->watch);
	explicit_bzero(i, sizeof *i);
	free(i);
}
