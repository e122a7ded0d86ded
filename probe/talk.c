// SPDX-License-Identifier: MIT
/*
 * One connection as a machine of four phases, turned by the loop:
 *
 *   STARTTLS   the server is asked for TLS in its own protocol (starttls.c)
 *   HANDSHAKE  TLS
 *   DIALOGUE   what is expected and sent (dialogue.c); a step of it may lead to HANDSHAKE
 *   CONSENT    whether a server that asked for a certificate takes us without one
 *
 * feed() gives what came to the phase, which says what is NEXT once all of its own words are sent.
 */
#include "probe/talk.h"

#include "probe/certs.h"
#include "probe/dialogue.h"
#include "probe/net.h"
#include "probe/starttls.h"
#include "probe/talk_internal.h"
#include "proto/base/clock.h"
#include "proto/base/mem.h"
#include "proto/base/utf8.h"

#include <openssl/err.h>
#include <openssl/sslerr.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OUT_MAX_BYTES ((size_t)DIALOGUE_STEPS_MAX * SEND_MAX_BYTES)
#define READ_BYTES    4096

/* In TLS 1.3 our side of the handshake is done before the server has seen that we have no certificate. Who takes us
 * says so at once, by a ticket or a word of its own, or never. */
#define CONSENT_WAIT_US 1000000

enum phase { PHASE_STARTTLS, PHASE_HANDSHAKE, PHASE_DIALOGUE, PHASE_CONSENT };
enum next { NEXT_READ, NEXT_TLS, NEXT_END };
enum turn { TURN_ON, TURN_WAIT }; /* WAIT: for the loop, or it is over */

struct talk {
	struct check *check;
	int fd;
	struct watch_fd watch;
	char host[NET_HOST_SIZE]; /* that the certificate must be for */
	char at[NET_ADDRESS_SIZE];
	enum phase phase;
	enum next next;
	SSL *ssl; /* NULL: no TLS yet */
	struct cert_check cert;
	struct starttls starttls;
	struct dialogue dialogue;
	struct buf out; /* what is to be sent */
	size_t sent;
	int64_t tls_at_us;    /* STARTTLS, or the handshake, began; 0: not yet */
	int64_t ready_at_us;  /* the dialogue began */
	int64_t first_at_us;  /* its first byte came; 0: none yet */
	int64_t done_at_us;   /* PHASE_CONSENT began */
	bool consented;       /* the server spoke after the handshake */
	struct timer silence; /* of a server in PHASE_CONSENT */
};

bool talk_is_wanted(const struct monitor *m)
{
	return m->type == CHECK_TLS || m->request.tls || m->request.starttls >= 0 ||
	       m->request.dialogue.n > 0;
}

/* ---- the end */

/* Waiting for a server's consent is nobody's response time. */
static int64_t ended_at_us(const struct talk *t)
{
	return t->phase == PHASE_CONSENT ? t->done_at_us : clock_now_us();
}

static void measure(struct talk *t)
{
	struct phases *p = &t->check->result.phases;
	int64_t now_us = ended_at_us(t);
	if (t->tls_at_us != 0 && p->tls_us == UNSET)
		p->tls_us = now_us - t->tls_at_us;
	if (t->phase < PHASE_DIALOGUE || t->dialogue.n_steps == 0)
		return;
	p->first_byte_us = (t->first_at_us != 0 ? t->first_at_us : now_us) - t->ready_at_us;
	if (t->first_at_us != 0)
		p->transfer_us = now_us - t->first_at_us;
}

static void keep_certificate(struct talk *t)
{
	struct certificate *kept = &t->check->result.certificate;
	const struct certificate empty = *kept;
	if (!t->cert.seen)
		return;
	*kept = t->cert.facts;
	t->cert.facts = empty;
	t->cert.seen = false;
}

/* Evidence and finding, from whatever phase. */
static enum turn conclude(struct talk *t, enum reason reason, const char *detail)
{
	struct result *r = &t->check->result;
	measure(t);
	keep_certificate(t);
	check_judge_days(t->check);
	if (t->dialogue.n_steps > 0)
		r->bytes = (int64_t)t->dialogue.received;
	if (reason != REASON_OK && t->dialogue.excerpt_bytes > 0 && r->body_excerpt == NULL)
		r->body_excerpt = utf8_clean(
			t->dialogue.excerpt, t->dialogue.excerpt_bytes, BODY_EXCERPT_MAX_BYTES);
	check_judge_response(t->check, ended_at_us(t) - t->check->started_at_us,
		reason == REASON_OK, t->dialogue.n_steps > 0 ? "the dialogue" : "the connection");
	check_end(t->check, reason, "%s", detail);
	return TURN_WAIT;
}

static char *success_text(const struct talk *t)
{
	const struct result *r = &t->check->result;
	const struct certificate *c = &t->cert.facts;
	long long took_us = r->phases.connect_us;
	char *banner =
		utf8_clean(t->dialogue.banner, t->dialogue.banner_bytes, DIALOGUE_BANNER_BYTES);
	char *said = *banner != '\0' ? mem_printf("; it says \"%s\"", banner) : mem_strdup("");
	char *text = t->ssl == NULL
			     ? mem_printf("connected to %s in %lld.%03lld ms%s", t->at,
				       took_us / 1000, took_us % 1000, said)
			     : mem_printf("%s with %s; the certificate is valid for %lld more "
					  "days%s",
				       c->tls_version != NULL ? c->tls_version : "TLS", t->at,
				       (long long)c->days, said);
	free(said);
	free(banner);
	return text;
}

static enum turn succeed(struct talk *t)
{
	char *text = success_text(t);
	(void)conclude(t, REASON_OK, text);
	free(text);
	return TURN_WAIT;
}

/* The connection ended, by ERROR (of errno; 0: in good order). */
static enum turn hung_up(struct talk *t, int error)
{
	char detail[RESULT_DETAIL_MAX_BYTES];
	enum reason reason = error != 0 ? net_reason(error, NULL) : REASON_TCP_CLOSED_EARLY;
	if (error == 0 && t->phase == PHASE_DIALOGUE) {
		reason = dialogue_give_up(&t->dialogue, true);
		return conclude(t, reason, t->dialogue.detail);
	}
	if (error == 0)
		snprintf(
			detail, sizeof(detail), "%s closed the connection before TLS began", t->at);
	else
		snprintf(detail, sizeof(detail), "%s: %s", t->at, reason_text_en(reason));
	return conclude(t, reason, detail);
}

/* ---- TLS */

static enum turn secured(struct talk *t)
{
	char detail[RESULT_DETAIL_MAX_BYTES];
	cert_check_connected(&t->cert, t->ssl);
	t->check->result.phases.tls_us = clock_now_us() - t->tls_at_us;
	check_trace(t->check, "%s stands; the certificate is %s's, for %lld more days",
		t->cert.facts.tls_version,
		t->cert.facts.subject != NULL ? t->cert.facts.subject : "?",
		(long long)t->cert.facts.days);
	enum reason reason = talk_judge_tls(t->check, &t->cert, t->ssl, detail);
	if (reason != REASON_OK)
		return conclude(t, reason, detail);
	t->phase = PHASE_DIALOGUE;
	t->ready_at_us = clock_now_us();
	return TURN_ON;
}

/* What OpenSSL's RC means: wait, or the connection is over. ERROR: errno of the call. */
static enum turn tls_stopped(struct talk *t, int rc, int error)
{
	char detail[RESULT_DETAIL_MAX_BYTES];
	int why = SSL_get_error(t->ssl, rc);
	unsigned long last = ERR_peek_last_error();
	bool alert = t->cert.alert_received != UNSET;
	if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) {
		watch_fd_set(&t->watch, why == SSL_ERROR_WANT_READ ? WATCH_READ : WATCH_WRITE);
		return TURN_WAIT;
	}
	if (why == SSL_ERROR_SYSCALL && error != 0)
		return hung_up(t, error);
	if (t->phase == PHASE_DIALOGUE && !alert) /* with a farewell or without one */
		return hung_up(t, 0);
	enum reason reason = cert_check_failure(&t->cert, last, detail);
	if (t->cert.alert_received == TLS1_AD_NO_APPLICATION_PROTOCOL)
		reason = talk_no_alpn(&t->check->monitor->request.alpn, detail);
	return conclude(t, reason, detail);
}

static enum turn handshake(struct talk *t)
{
	ERR_clear_error();
	errno = 0;
	int rc = SSL_do_handshake(t->ssl);
	return rc == 1 ? secured(t) : tls_stopped(t, rc, errno);
}

static enum turn begin_tls(struct talk *t)
{
	check_trace(t->check, "TLS begins");
	cert_check_init(&t->cert, t->host, t->check->monitor->request.verify);
	t->ssl = certs_client(engine_certs(t->check->engine), &t->cert);
	SSL_set_mode(t->ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	talk_prepare_tls(t->check, t->ssl);
	ensure(SSL_set_fd(t->ssl, t->fd) == 1);
	t->phase = PHASE_HANDSHAKE;
	t->next = NEXT_READ;
	if (t->tls_at_us == 0)
		t->tls_at_us = clock_now_us();
	return TURN_ON;
}

static bool may_be_refused(const struct talk *t)
{
	return t->ssl != NULL && t->cert.client_certificate && !t->consented &&
	       SSL_version(t->ssl) == TLS1_3_VERSION;
}

static void on_silence(void *arg)
{
	struct talk *t = arg;
	if (t->check->ended)
		return;
	check_trace(t->check, "the server says nothing against it");
	(void)succeed(t);
	watch_fd_set(&t->watch, 0);
}

static enum turn ask_for_consent(struct talk *t)
{
	int64_t wait_us = CONSENT_WAIT_US + t->check->result.phases.connect_us;
	int64_t half_us = check_left_us(t->check) / 2;
	check_trace(t->check, "it asked for a client certificate; does it go on without one?");
	t->phase = PHASE_CONSENT;
	t->done_at_us = clock_now_us();
	timer_init(&t->silence, t->check->loop, on_silence, t);
	timer_set_us(&t->silence, wait_us < half_us ? wait_us : half_us);
	return TURN_ON;
}

static enum turn hear_consent(struct talk *t)
{
	char byte;
	ERR_clear_error();
	errno = 0;
	int n = SSL_read(t->ssl, &byte, 1), error = errno, why = SSL_get_error(t->ssl, n);
	if (n > 0 || SSL_SESSION_has_ticket(SSL_get0_session(t->ssl)))
		return succeed(t);
	bool ended = why == SSL_ERROR_ZERO_RETURN ||
		     ERR_GET_REASON(ERR_peek_last_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
	if (ended && t->cert.alert_received == UNSET)
		return conclude(t, REASON_TLS_CLIENT_CERTIFICATE,
			"the server asked for a client certificate, and closed the connection "
			"without one");
	return tls_stopped(t, n, error);
}

/* ---- bytes in and out */

static enum turn feed(struct talk *t, const void *data, size_t n)
{
	if (t->phase == PHASE_STARTTLS) {
		switch (starttls_take(&t->starttls, data, n, &t->out)) {
		case STARTTLS_WAIT:
			return TURN_ON;
		case STARTTLS_READY:
			t->next = NEXT_TLS;
			return TURN_ON;
		case STARTTLS_FAILED:
			return conclude(t, t->starttls.reason, t->starttls.detail);
		}
	}
	if (n > 0 && t->first_at_us == 0)
		t->first_at_us = clock_now_us();
	switch (dialogue_take(&t->dialogue, data, n, &t->out)) {
	case DIALOGUE_WAIT:
		return TURN_ON;
	case DIALOGUE_TLS:
		t->next = NEXT_TLS;
		return TURN_ON;
	case DIALOGUE_DONE:
		t->next = NEXT_END;
		return TURN_ON;
	case DIALOGUE_FAILED:
		break;
	}
	return conclude(t, t->dialogue.reason, t->dialogue.detail);
}

/* errno's words for "later". */
static bool is_later(int error)
{
	return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

static enum turn receive(struct talk *t)
{
	char data[READ_BYTES];
	ERR_clear_error();
	errno = 0;
	ssize_t n = t->ssl != NULL ? SSL_read(t->ssl, data, sizeof(data))
				   : recv(t->fd, data, sizeof(data), 0);
	if (n > 0) {
		check_trace(t->check, "%zd bytes come", n);
		t->consented = t->ssl != NULL;
		return feed(t, data, (size_t)n);
	}
	if (t->ssl != NULL)
		return tls_stopped(t, (int)n, errno);
	if (n == -1 && is_later(errno)) {
		watch_fd_set(&t->watch, WATCH_READ);
		return TURN_WAIT;
	}
	return hung_up(t, n == -1 ? errno : 0);
}

static enum turn flush(struct talk *t)
{
	const char *data = buf_text(&t->out) + t->sent;
	size_t left = t->out.size_bytes - t->sent;
	ERR_clear_error();
	errno = 0;
	ssize_t n = t->ssl != NULL ? SSL_write(t->ssl, data, (int)left)
				   : send(t->fd, data, left, MSG_NOSIGNAL);
	if (n > 0) {
		check_trace(t->check, "%zd bytes go out", n);
		t->sent += (size_t)n;
		if (t->sent == t->out.size_bytes) {
			explicit_bzero(t->out.data, t->out.size_bytes); /* maybe a password */
			buf_reset(&t->out);
			t->sent = 0;
		}
		return TURN_ON;
	}
	if (t->ssl != NULL)
		return tls_stopped(t, (int)n, errno);
	if (is_later(errno)) {
		watch_fd_set(&t->watch, WATCH_WRITE);
		return TURN_WAIT;
	}
	return hung_up(t, errno);
}

/* ---- turning */

static enum turn turn(struct talk *t)
{
	if (t->phase == PHASE_HANDSHAKE) {
		enum turn on = handshake(t);
		return on == TURN_ON ? feed(t, NULL, 0) : on; /* the dialogue begins, or goes on */
	}
	if (t->phase == PHASE_CONSENT)
		return hear_consent(t);
	if (t->sent < t->out.size_bytes)
		return flush(t);
	switch (t->next) {
	case NEXT_TLS:
		return begin_tls(t);
	case NEXT_END:
		return may_be_refused(t) ? ask_for_consent(t) : succeed(t);
	case NEXT_READ:
		break;
	}
	return receive(t);
}

static void run(struct talk *t)
{
	while (!t->check->ended && turn(t) == TURN_ON)
		;
	if (t->check->ended)
		watch_fd_set(&t->watch, 0);
}

static void on_ready(void *arg, int fd UNUSED, int what UNUSED)
{
	struct talk *t = arg;
	if (!t->check->ended)
		run(t);
}

static size_t max_bytes(const struct check *check)
{
	int64_t bound = engine_limits(check->engine)->body_max_bytes;
	return bound < DIALOGUE_MAX_BYTES ? (size_t)bound : DIALOGUE_MAX_BYTES;
}

struct talk *talk_start(struct check *check, int fd, const char *host, const char *at)
{
	const struct request *request = &check->monitor->request;
	struct talk *t = mem_alloc(sizeof(*t));
	t->check = check;
	t->fd = fd;
	snprintf(t->host, sizeof(t->host), "%s",
		request->server_name != NULL ? request->server_name : host);
	snprintf(t->at, sizeof(t->at), "%s", at);
	net_want_icmp_errors(fd, AF_INET); /* an IPv6 one has told so when it was made */
	watch_fd_init(&t->watch, check->loop, fd, on_ready, t);
	buf_init(&t->out, OUT_MAX_BYTES);
	dialogue_init(&t->dialogue, &request->dialogue, max_bytes(check));
	t->ready_at_us = clock_now_us();
	t->phase = PHASE_DIALOGUE;
	if (request->starttls >= 0) {
		starttls_init(&t->starttls, (enum starttls_protocol)request->starttls, t->host);
		t->phase = PHASE_STARTTLS;
		t->tls_at_us = t->ready_at_us;
		check_trace(check, "asking for TLS in %s", starttls_names[request->starttls]);
	}
	if (request->starttls < 0 && (request->tls || check->monitor->type == CHECK_TLS))
		t->next = NEXT_TLS;
	else
		(void)feed(t, NULL, 0);
	run(t);
	return t;
}

void talk_free(struct talk *t)
{
	if (t == NULL)
		return;
	watch_fd_clear(&t->watch);
	timer_clear(&t->silence);
	if (t->ssl != NULL && t->phase >= PHASE_DIALOGUE)
		(void)SSL_shutdown(t->ssl); /* a farewell; nobody waits for its answer */
	SSL_free(t->ssl);
	ERR_clear_error();
	cert_check_clear(&t->cert);
	starttls_clear(&t->starttls);
	dialogue_clear(&t->dialogue);
	if (t->out.data != NULL)
		explicit_bzero(t->out.data, t->out.size_bytes);
	buf_clear(&t->out);
	close(t->fd);
	free(t);
}

enum reason talk_expired(struct talk *t)
{
	char detail[RESULT_DETAIL_MAX_BYTES];
	enum reason reason = REASON_TLS_TIMEOUT;
	if (t->phase == PHASE_DIALOGUE) {
		reason = dialogue_give_up(&t->dialogue, false);
		(void)conclude(t, reason, t->dialogue.detail);
		return reason;
	}
	if (t->phase == PHASE_CONSENT) {
		(void)succeed(t);
		return REASON_OK;
	}
	if (t->phase == PHASE_STARTTLS)
		snprintf(detail, sizeof(detail), "%s %s", t->at,
			t->starttls.came == 0 ? "said nothing; TLS could not be asked for"
					      : "gave no go-ahead for TLS in time");
	else
		snprintf(detail, sizeof(detail), "%s did not finish the TLS handshake in time",
			t->at);
	(void)conclude(t, reason, detail);
	return reason;
}
