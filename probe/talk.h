// SPDX-License-Identifier: MIT
/*
 * What is said on a connection that stands: STARTTLS, the TLS handshake and what its certificate must
 * be, the dialogue; each of them only if the monitor asks for it. Ends the check (check_end), with
 * the evidence that there is: certificate, beginning of what came, phases.
 */
#ifndef QUORATE_PROBE_TALK_H
#define QUORATE_PROBE_TALK_H

#include "probe/check.h"

struct talk;

/* Whether there is anything to say. */
bool talk_is_wanted(const struct monitor *m);
/* FD is taken. HOST: the target's; AT: the address that it is connected to. May end the check before
 * it returns. */
struct talk *talk_start(struct check *check, int fd, const char *host, const char *at);
void talk_free(struct talk *t); /* no harm for NULL */
/* The deadline strikes: ends the check with what there is to say. Returns the reason. */
enum reason talk_expired(struct talk *t);

#endif
