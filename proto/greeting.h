// SPDX-License-Identifier: MIT
/*
 * nanomsg's greeting (RFC draft sp-tcp-mapping-01; over ipc:// the same): 00 'S' 'P' 00, the protocol of the sender's
 * socket, 00 00. Each side sends it first and waits for the other's, at most 1.0 s: so a relay answers it itself, and
 * none crosses a network.
 */
#ifndef QUORATE_PROTO_GREETING_H
#define QUORATE_PROTO_GREETING_H

#include <stdbool.h>

#define GREETING_BYTES 8
#define GREETING_REQ   48 /* NN_REQ, NN_REP */
#define GREETING_REP   49

void greeting_make(unsigned char out[GREETING_BYTES], int protocol);
bool greeting_is(const unsigned char in[GREETING_BYTES], int protocol);

#endif
