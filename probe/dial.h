// SPDX-License-Identifier: MIT
/*
 * A TLS 1.3 connection to the coordinator's door, dialled by libcurl: through an HTTP proxy where
 * there is one, to whichever of a name's addresses answers. It knows nothing of what is said on it.
 * The probe's only use of the network for itself; its checks have their own.
 */
#ifndef QUORATE_PROBE_DIAL_H
#define QUORATE_PROBE_DIAL_H

#include "probe/conf.h"
#include "probe/net.h"
#include "proto/curl_loop.h"

#include <sys/types.h>

#define DIAL_MS           15000 /* name, proxy, TCP and TLS together */
#define DIAL_SILENCE_MS   20000 /* sent bytes that nobody acknowledges for so long end it */
#define DIAL_PORT_DEFAULT 443
#define DIAL_OWN_SUBJECT  "CN = quorate" /* of the certificates that coordinators make themselves */

struct dial_config { /* borrowed for the life of what is dialled with it */
	const struct coordinator_conf *coordinator;
	const char *proxy_password; /* may be NULL */
	bool curious;               /* gathers all of struct dial_facts */
};

/* "HOST:PORT", "[V6]:PORT", "HOST". Returns 0, or -1 and *WHY: what is accepted. */
MUST_CHECK int dial_split(
	const char *address, char host[NET_HOST_SIZE], int *port, const char **why);

/* Sets the URL https://…PATH of ADDRESS, trust, proxy and socket options on EASY: what the link and
 * enrolment have in common. *SCRATCH: freed by the caller after EASY. Returns 0, or -1. */
struct curl_slist;
MUST_CHECK int dial_set(CURL *easy, const struct dial_config *config, const char *address,
	const char *path, struct curl_slist **scratch);
/* A failed CODE in words, for people; SAYS: what CURLOPT_ERRORBUFFER holds. Never a secret. */
const char *dial_error(CURLcode code, const char *says);

struct dial;

/* ERROR NULL: the connection stands. Else a sentence, borrowed for the call. */
typedef void (*dial_done_fn)(void *arg, const char *error);
/* DONE comes exactly once, from the loop, unless dial_free() came first; that may be called from
 * inside of it. */
struct dial *dial_start(struct curl_loop *cl, const struct dial_config *config, const char *address,
	dial_done_fn done, void *arg);
void dial_free(struct dial *d); /* closes; NULL does no harm */
/* To watch. A readable event is one for dial_recv() until it says "nothing now": TLS buffers. */
int dial_fd(const struct dial *d);

/* What a dial met on its way, for people; "" and 0 where it did not come so far. */
struct dial_facts {
	CURLcode code;
	bool looked_up, connected; /* the name, or the proxy's; TCP, to the proxy if any */
	char address
		[NET_ADDRESS_SIZE]; /* really connected, without the port; the proxy's, if any */
	char proxy_variable[16];    /* of the environment, whose proxy was used (when curious) */
	long os_errno;              /* of the last attempt to connect */
	long proxy_status;          /* of the proxy's answer to CONNECT */
	long proxy_auth;            /* what it asks for, CURLAUTH_… */
	char subject[256], issuer[256]; /* of the certificate that was shown */
	char pin[64];                   /* sha256//BASE64 of its key */
	long verify;                    /* X509_V_…; what OpenSSL thinks of it */
	bool tls, alpn;                 /* the handshake came to its end; in our protocol */
};
/* After DONE. The address is the coordinator's own when it says nothing of a proxy. */
void dial_facts(const struct dial *d, struct dial_facts *out);

/* How many bytes were moved; 0: nothing now; -1: the connection is over. What was given to
 * dial_send() in vain has to be given again, from the same byte on. */
ssize_t dial_recv(struct dial *d, void *out, size_t size_bytes);
ssize_t dial_send(struct dial *d, const void *data, size_t size_bytes);

#endif
