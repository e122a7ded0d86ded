// SPDX-License-Identifier: MIT
/* Between talk.c (the connection) and talk_judge.c (what a certificate and a connection must be). */
#ifndef QUORATE_PROBE_TALK_INTERNAL_H
#define QUORATE_PROBE_TALK_INTERNAL_H

#include "probe/certs.h"
#include "probe/check.h"

/* REASON_TLS_ALPN, and DETAIL. */
enum reason talk_no_alpn(const struct strings *offered, char detail[RESULT_DETAIL_MAX_BYTES]);

/* What the monitor asks for of the handshake: ALPN, old versions if they are accepted. */
void talk_prepare_tls(const struct check *check, SSL *ssl);
/* Whether what came out is what the monitor expects: REASON_OK, or why not with DETAIL. */
enum reason talk_judge_tls(const struct check *check, const struct cert_check *cert, const SSL *ssl,
	char detail[RESULT_DETAIL_MAX_BYTES]);

#endif
