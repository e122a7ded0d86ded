// SPDX-License-Identifier: MIT
/* Protocols of lines: replies with a code (smtp, lmtp, ftp, nntp) and with a word (pop3, imap,
 * sieve); and xmpp, whose lines are tags. */
#include "probe/starttls_internal.h"
#include "proto/base/mem.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LINE_MAX_BYTES 2048
#define SHOWN          "%.100s"

/* The next line, without its end, into LINE. 1: there is one, 0: not yet, -1: it is too long. */
static int next_line(struct starttls *s, char line[LINE_MAX_BYTES])
{
	const char *end = s->in.size_bytes > 0 ? memchr(s->in.data, '\n', s->in.size_bytes) : NULL;
	size_t n = end != NULL ? (size_t)(end - s->in.data) : s->in.size_bytes;
	if (n >= LINE_MAX_BYTES)
		return -1;
	if (end == NULL)
		return 0;
	memcpy(line, s->in.data, n);
	starttls_drop(s, n + 1);
	if (n > 0 && line[n - 1] == '\r')
		n--;
	line[n] = '\0'; /* a NUL inside cuts it: what follows is not read */
	return 1;
}

static enum starttls_state unexpected(struct starttls *s, const char *line)
{
	return starttls_fail(s, REASON_TLS_STARTTLS_UNEXPECTED,
		"\"" SHOWN "\" is no answer of %s to be expected here", line,
		starttls_names[s->protocol]);
}

static enum starttls_state refused(struct starttls *s, const char *line)
{
	return starttls_fail(
		s, REASON_TLS_STARTTLS_REFUSED, "the server refuses TLS: \"" SHOWN "\"", line);
}

static enum starttls_state not_offered(struct starttls *s)
{
	return starttls_fail(s, REASON_TLS_STARTTLS_REFUSED, "the server does not offer STARTTLS");
}

static enum starttls_state say(struct starttls *s, struct buf *out, const char *text)
{
	s->step++;
	return starttls_send(out, text, strlen(text));
}

typedef enum starttls_state (*line_fn)(struct starttls *s, const char *line, struct buf *out);

/* Lines to FN until one decides, or no whole one is left. */
static enum starttls_state each_line(struct starttls *s, struct buf *out, line_fn fn)
{
	char line[LINE_MAX_BYTES];
	enum starttls_state state = STARTTLS_WAIT;
	int rc = 0;
	while (state == STARTTLS_WAIT && (rc = next_line(s, line)) == 1)
		state = fn(s, line, out);
	if (rc == -1)
		return starttls_fail(s, REASON_TLS_STARTTLS_UNEXPECTED,
			"a line of more than %d bytes is no answer of %s", LINE_MAX_BYTES,
			starttls_names[s->protocol]);
	return state;
}

static bool begins(const char *line, const char *word)
{
	size_t n = strlen(word);
	return strncasecmp(line, word, n) == 0 && !isalnum((unsigned char)line[n]);
}

/* ---- replies with a code of three digits */

enum { GREETING, HELLO, ASK };

static const struct {
	const char *greeting; /* the digits that matter */
	const char *hello;    /* NULL: there is none */
	const char *ask, *go;
} coded[STARTTLS_COUNT] = {
	[STARTTLS_SMTP] = {"220", "EHLO probe.quorate.invalid\r\n", "STARTTLS\r\n", "220"},
	[STARTTLS_LMTP] = {"220", "LHLO probe.quorate.invalid\r\n", "STARTTLS\r\n", "220"},
	[STARTTLS_FTP] = {"220", NULL, "AUTH TLS\r\n", "234"},
	[STARTTLS_NNTP] = {"20", NULL, "STARTTLS\r\n", "382"},
};

static bool has_code(const char *line)
{
	return isdigit((unsigned char)line[0]) && isdigit((unsigned char)line[1]) &&
	       isdigit((unsigned char)line[2]) && strchr(" -", line[3]) != NULL;
}

static bool is_refusal(const char *line)
{
	return line[0] == '4' || line[0] == '5';
}

/* The last line of a reply. */
static enum starttls_state coded_reply(struct starttls *s, const char *line, struct buf *out)
{
	const char *greeting = coded[s->protocol].greeting, *hello = coded[s->protocol].hello;
	switch (s->step) {
	case GREETING:
		if (line[0] == '1') /* ftp: ready in some minutes */
			return STARTTLS_WAIT;
		if (strncmp(line, greeting, strlen(greeting)) != 0)
			return unexpected(s, line);
		if (hello != NULL)
			return say(s, out, hello);
		s->step = HELLO;
		return say(s, out, coded[s->protocol].ask);
	case HELLO:
		if (strncmp(line, "250", 3) != 0)
			return unexpected(s, line);
		return s->offered ? say(s, out, coded[s->protocol].ask) : not_offered(s);
	default:
		if (strncmp(line, coded[s->protocol].go, 3) == 0)
			return STARTTLS_READY;
		return is_refusal(line) ? refused(s, line) : unexpected(s, line);
	}
}

static enum starttls_state coded_line(struct starttls *s, const char *line, struct buf *out)
{
	bool goes_on = s->reply[0] != '\0';
	if (goes_on && (strncmp(line, s->reply, 3) != 0 || !has_code(line)))
		return STARTTLS_WAIT; /* of a reply of several lines, in ftp without a code */
	if (!has_code(line))
		return unexpected(s, line);
	if (s->step == HELLO && line[3] != '\0' && begins(line + 4, "STARTTLS"))
		s->offered = true;
	if (line[3] == '-') {
		memcpy(s->reply, line, 3);
		return STARTTLS_WAIT;
	}
	s->reply[0] = '\0';
	return coded_reply(s, line, out);
}

enum starttls_state starttls_coded(struct starttls *s, struct buf *out)
{
	return each_line(s, out, coded_line);
}

/* ---- replies with a word */

static enum starttls_state pop3_line(struct starttls *s, const char *line, struct buf *out)
{
	bool ok = begins(line, "+OK");
	if (s->step == 0)
		return ok ? say(s, out, "STLS\r\n") : unexpected(s, line);
	if (ok)
		return STARTTLS_READY;
	return begins(line, "-ERR") ? refused(s, line) : unexpected(s, line);
}

enum starttls_state starttls_pop3(struct starttls *s, struct buf *out)
{
	return each_line(s, out, pop3_line);
}

static enum starttls_state imap_line(struct starttls *s, const char *line, struct buf *out)
{
	if (s->step == 0 && begins(line, "* OK"))
		return say(s, out, "q1 STARTTLS\r\n");
	if (begins(line, "* PREAUTH") || begins(line, "* BYE")) /* it is too late, or too early */
		return refused(s, line);
	if (s->step == 0)
		return unexpected(s, line);
	if (strncmp(line, "* ", 2) == 0)
		return STARTTLS_WAIT;
	if (begins(line, "q1 OK"))
		return STARTTLS_READY;
	return begins(line, "q1 NO") || begins(line, "q1 BAD") ? refused(s, line)
							       : unexpected(s, line);
}

enum starttls_state starttls_imap(struct starttls *s, struct buf *out)
{
	return each_line(s, out, imap_line);
}

static enum starttls_state sieve_line(struct starttls *s, const char *line, struct buf *out)
{
	if (line[0] == '"') {
		s->offered = s->offered || strncasecmp(line, "\"STARTTLS\"", 10) == 0;
		return STARTTLS_WAIT;
	}
	if (begins(line, "NO") || begins(line, "BYE"))
		return refused(s, line);
	if (!begins(line, "OK"))
		return unexpected(s, line);
	if (s->step > 0)
		return STARTTLS_READY;
	return s->offered ? say(s, out, "STARTTLS\r\n") : not_offered(s);
}

enum starttls_state starttls_sieve(struct starttls *s, struct buf *out)
{
	return each_line(s, out, sieve_line);
}

/* ---- xmpp: as much of its XML as leads to TLS */

static enum starttls_state xmpp_open(struct starttls *s, struct buf *out)
{
	char *text =
		mem_printf("<?xml version='1.0'?><stream:stream to='%s' version='1.0' "
			   "xmlns='jabber:%s' xmlns:stream='http://etherx.jabber.org/streams'>",
			s->host, s->protocol == STARTTLS_XMPP ? "client" : "server");
	enum starttls_state state = say(s, out, text);
	free(text);
	return state;
}

/* Behind the first TEXT in what came; 0: it is not there. */
static size_t end_of(const struct starttls *s, const char *text)
{
	const char *at = s->in.size_bytes > 0
				 ? memmem(s->in.data, s->in.size_bytes, text, strlen(text))
				 : NULL;
	return at != NULL ? (size_t)(at - s->in.data) + strlen(text) : 0;
}

static enum starttls_state xmpp_features(struct starttls *s, struct buf *out)
{
	size_t end = end_of(s, "</stream:features>");
	if (end_of(s, "<stream:error") > 0 && end_of(s, "</stream:error>") > 0)
		return starttls_fail(s, REASON_TLS_STARTTLS_UNEXPECTED,
			"the server ends the stream with an error: " SHOWN,
			s->in.data + end_of(s, "<stream:error") - strlen("<stream:error"));
	if (end == 0)
		end = end_of(s, "<stream:features/>");
	if (end == 0)
		return STARTTLS_WAIT;
	if (end_of(s, "<starttls") == 0)
		return not_offered(s);
	starttls_drop(s, end);
	return say(s, out, "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
}

static enum starttls_state xmpp_answer(struct starttls *s)
{
	size_t tag = end_of(s, "<proceed"), end;
	if (end_of(s, "<failure") > 0 || end_of(s, "<stream:error") > 0)
		return refused(s, s->in.data);
	const char *close = tag > 0 ? memchr(s->in.data + tag, '>', s->in.size_bytes - tag) : NULL;
	if (close == NULL)
		return STARTTLS_WAIT;
	end = close[-1] == '/' ? (size_t)(close - s->in.data) + 1 : end_of(s, "</proceed>");
	starttls_drop(s, end);
	return end > 0 ? STARTTLS_READY : STARTTLS_WAIT;
}

enum starttls_state starttls_xmpp(struct starttls *s, struct buf *out)
{
	if (s->step == 0)
		return xmpp_open(s, out);
	enum starttls_state state = s->step == 1 ? xmpp_features(s, out) : STARTTLS_WAIT;
	return state == STARTTLS_WAIT && s->step > 1 ? xmpp_answer(s) : state;
}
