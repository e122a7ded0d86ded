// SPDX-License-Identifier: MIT
/*
 * OpenSSL without what no check needs. OpenSSL 3.0 sets up a decoder for each public key that it
 * reads, and looks at every decoder and every kind of key of its default provider for that (1.2
 * million instructions per certificate, of 6.3 million of a whole check), and each SSL_CTX, of which
 * libcurl makes one per connection, at every group. With a library context of our own, whose
 * provider offers the same implementations but only of what a TLS client meets, a million of that
 * disappears. Nothing of the cryptography is another one, and only public interfaces are used:
 * OSSL_LIB_CTX, a built-in provider, and the default provider's own answers.
 */
#ifndef QUORATE_PROBE_LEAN_H
#define QUORATE_PROBE_LEAN_H

#include <stdbool.h>

/*
 * Makes it this thread's default for everything of OpenSSL that names no library context, libcurl's
 * connections included, until the process ends; the second call does nothing. Returns false, and
 * changes nothing, where the machine's configuration loads other providers or demands FIPS: its
 * administrator's choice stands. No private key can be read from a file in this thread
 * afterwards, unless the global context is named: no check needs that.
 */
bool lean_use(void);

#endif
