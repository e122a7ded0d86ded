// SPDX-License-Identifier: MIT
/* What the two ends of the link share; nobody else includes it. */
#ifndef QUORATE_PROTO_LINK_INTERNAL_H
#define QUORATE_PROTO_LINK_INTERNAL_H

#include "proto/link.h"

/* A nanomsg socket of DOMAIN and PROTOCOL for ADDRESS with our limits set, or -1 after logging why.
 */
MUST_CHECK int link_socket_new(int domain, int protocol, const char *address);
/* The file descriptor that is readable while SOCKET has something to receive; never read it. */
MUST_CHECK int link_socket_fd(int socket);

#endif
