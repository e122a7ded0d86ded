// SPDX-License-Identifier: MIT
/*
 * One HTTP request of a check: resolve, police, pin, connect, verify, send, receive; with its
 * phases and facts. Never follows a redirect: http_chain does, one hop at a time.
 */
#ifndef QUORATE_PROBE_HTTP_HOP_H
#define QUORATE_PROBE_HTTP_HOP_H

#include "probe/certs.h"
#include "probe/check.h"
#include "probe/http_body.h"
#include "probe/net.h"
#include "probe/resolver.h"
#include "probe/tls_guard.h"

#include <curl/curl.h>

#define HTTP_USER_AGENT       "quorate/" QUORATE_VERSION " (+https://quorate.example/)"
#define HTTP_HEADER_BYTES_MAX 65536
#define HTTP_HEADER_LINES_MAX 256

struct http_hop;
/* DETAIL NULL: the reason's own sentence. The hop's facts stay until http_hop_clear(). */
typedef void (*http_hop_fn)(void *arg, enum reason reason, const char *detail);

struct http_request {
	const char *url; /* absolute, as http_url_normalize() made it */
	int method;      /* enum http_method */
	const char *body;
	bool own_headers;            /* the monitor's headers may go to this host */
	bool first;                  /* not reached by a redirect */
	const struct expect *expect; /* what the body is looked into for; NULL: nothing */
	CURLSH *cookies;             /* of the chain; NULL: none are kept */
};

/* Embedded in the state of a check. All pointers of the request are borrowed until
 * http_hop_clear(). */
struct http_hop {
	struct check *check;
	struct http_request request;
	http_hop_fn done;
	void *arg;
	/* set-up */
	CURLU *url;               /* the request's, parsed once, for us and for curl */
	char host[NET_HOST_SIZE]; /* the URL's */
	char to[NET_HOST_SIZE];   /* where it is connected: the same, or as asked (connect_to) */
	int port;                 /* there */
	const char *proxy;        /* its address; NULL: none. `to` is asked of it then */
	struct addresses *proxy_addresses; /* the only ones that are connected then */
	bool https;
	struct resolver_query *query;
	CURL *easy;
	bool usual;     /* the request: nothing of its own is said to curl */
	bool went_well; /* the transfer */
	struct curl_slist *headers, *pins, *connect_to;
	struct timer long_wait; /* https only */
	int64_t began_at_us, transfer_at_us;
	int64_t tls_at_us; /* TLS began: the connection stands; 0: not yet */
	/* The first socket was opened, and the connection stood, by the kernel's measure where it has one:
	 * the loop may see it later. 0: not yet, or a connection is used again. */
	int64_t opened_at_us, stands_at_us;
	int64_t asked_at_us; /* the request went out; 0: not yet */
	/* while it runs */
	size_t header_bytes, header_lines;
	struct http_body body;
	bool headers_ended, refused;
	struct timer next_address;
	struct tls_guard guard;
	int64_t first_at_us; /* the answer's first bytes came, by the kernel's clock; 0: not known */
	unsigned turns;      /* of curl's on this transfer */
	char too_large[96];  /* what is; "": nothing */
	int socket_errno, fds[2]; /* -1: none */
	int64_t fd_opened_at_us[2];
	char tried[NET_ADDRESS_SIZE];
	char error[CURL_ERROR_SIZE];
	/* facts */
	struct phases phases; /* total_us: of this hop */
	struct cert_check cert;
	char address[NET_ADDRESS_SIZE]; /* connected; "": none */
	int64_t status;                 /* UNSET: none */
	int64_t bytes;                  /* of the body as received; UNSET: none */
	char *location;                 /* the header as it came; NULL: none */
	const char *http_version;       /* static; NULL: none was spoken */
};

/* HOP: all zero. DONE comes before this returns where nothing can be asked for: the address is refused, the
 * proxy is not known. */
void http_hop_start(struct http_hop *hop, struct check *check, const struct http_request *request,
	http_hop_fn done, void *arg);
/* Lets go of everything; no callback afterwards. Harmless on zeroed memory, and twice. */
void http_hop_clear(struct http_hop *hop);
/* At the deadline: measures what is there, and says where it got stuck. */
enum reason http_hop_expired(struct http_hop *hop);

/* ---- http_request.c, for http_hop.c */

/* Whether nothing but what most requests have is to be said to curl. */
bool http_request_is_usual(const struct http_hop *hop);
/* The request into curl's handle. 0, or -1: a header or a token has a line break. */
MUST_CHECK int http_request_prepare(struct http_hop *hop);

/* ---- http_facts.c, for http_hop.c */

/* From curl into the hop: phases, status, bytes, Location. ENDED_AT_US: the answer, or the waiting for it. */
void http_hop_keep_facts(struct http_hop *hop, int64_t ended_at_us);
enum reason http_hop_reason(const struct http_hop *hop, CURLcode code);
/* What REASON is if a proxy was in between: its own fault, or its word on the target. http_proxy.c */
enum reason http_proxy_reason(const struct http_hop *hop, enum reason reason);
void http_proxy_explain(const struct http_hop *hop, enum reason reason, char *out, size_t room);
/* Finds out where the proxy is, and goes on with the transfer. */
void http_proxy_find(struct http_hop *hop);
/* Pins its addresses; says to curl to go through it. */
void http_proxy_pin(struct http_hop *hop);
void http_proxy_set(struct http_hop *hop);
bool http_proxy_permits(const struct http_hop *hop, const struct sockaddr *address);
/* http_hop.c, for http_proxy.c */
void http_hop_transfer(struct http_hop *hop, const struct addresses *permitted);
void http_hop_finish(struct http_hop *hop, enum reason reason, const char *detail);
/* curl connects to HOST at no other addresses than these. */
void http_hop_pin(
	struct http_hop *hop, const char *host, int port, const struct addresses *permitted);
/* Whether it was TLS that failed, so that cert_check_failure() knows why. */
bool http_hop_tls_failed(const struct http_hop *hop, CURLcode code);
/* The reason of a time-out, by the phase that it is in. */
enum reason http_hop_timed_out(const struct http_hop *hop);
/* Lets go of what a TLS connection does not need for waiting. */
void http_hop_long_wait(void *hop);
/* A sentence for REASON into OUT. */
void http_hop_explain(const struct http_hop *hop, enum reason reason, char *out, size_t room);

/* ---- http_socket.c, for http_hop.c */

/* Once per handle. */
void http_socket_set(CURL *easy);
/* Once per transfer, its handle at hand; and after that handle is gone. */
void http_socket_attach(struct http_hop *hop);
void http_socket_clear(struct http_hop *hop);
/* The connection stands: notes since when. */
void http_socket_stands(struct http_hop *hop);
/* The one that stands; -1: there are two. */
int http_socket_only(const struct http_hop *hop);
/* Bytes that came, whatever they were. */
long long http_socket_received(const struct http_hop *hop);

/* ---- http_url.c */

/*
 * TEXT (relative to BASE, or NULL) as an absolute http or https URL without fragment and
 * credentials, host in lower case and punycode. Owned by the caller; NULL and *WHY (static) when it
 * is none or longer than URL_MAX_BYTES.
 */
char *http_url_normalize(const char *base, const char *text, const char **why);
/* An http or https URL with its host (IPv6 addresses in brackets) and port. Owned by the caller; NULL: it is none. */
CURLU *http_url_parse(const char *url, char host[NET_HOST_SIZE], int *port);
/* The same, of which host and port are all that is wanted. Returns 0 or -1. */
MUST_CHECK int http_url_split(const char *url, char host[NET_HOST_SIZE], int *port);
/* Whether what was meant for A may go to B too: the same host, and no step down from https or to
 * another port. */
bool http_url_same_host(const char *a, const char *b);
bool http_url_is_https(const char *url);

#endif
