// SPDX-License-Identifier: MIT
/*
 * The API's client: blocking calls over libcurl. Knows where the coordinator is and which key to
 * show, and says in words what went wrong. The key is read from the environment or a file, never
 * from the command line, and is sent in the clear only over a unix socket or loopback.
 */
#ifndef QUORATE_CLI_CLIENT_H
#define QUORATE_CLI_CLIENT_H

#include "coordinator/cli/sse.h"
#include "quorate/attr.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#define ANSWER_MAX_BYTES (64u << 20)

struct client;

/* URL and KEY_FILE: NULL for what the environment says, or the default. NULL after saying on ERR
 * what is wrong. */
struct client *client_open(const char *url, const char *key_file, FILE *err);
void client_close(struct client *client);
/* Where it talks to, for messages. */
const char *client_url(const struct client *client);

/* An allocated path with each "%s" of FORMAT percent-encoded; FORMAT has only "%s" and at most 4.
 */
char *client_path(const char *format, ...);

/*
 * One request. BODY (borrowed) may be NULL. Returns the HTTP status and *ANSWER (a new reference;
 * NULL when there is no body); -1 after saying on ERR why there is no answer. An answer that is no
 * JSON counts as none.
 */
MUST_CHECK int client_request(struct client *client, const char *method, const char *path,
	const json_t *body, json_t **answer);
/* The same for those who only want success: any other status is printed like client_print_problem
 * does, and is -1. */
MUST_CHECK int client_call(struct client *client, const char *method, const char *path,
	const json_t *body, json_t **answer);
/* All pages of the list at PATH, at most MAX items (0: all), as {"items": […], "next_cursor": …}.
 * 0, or -1 after saying why. */
MUST_CHECK int client_list(struct client *client, const char *path, size_t max, json_t **list);
/* A problem document (RFC 9457) for people. ANSWER may be NULL. */
void client_print_problem(struct client *client, int status, const json_t *answer);

enum stream_end {
	STREAM_LOST,    /* the connection is gone: try again; the reason is in client_problem() */
	STREAM_REFUSED, /* told on ERR: trying again is useless */
	STREAM_STOPPED  /* by *STOP */
};
/*
 * Feeds the events of PATH to SSE, beginning after SSE's last id, until the connection ends or
 * *STOP is set by the event function. CONNECTED is called when the server has accepted it.
 */
enum stream_end client_stream(struct client *client, const char *path, struct sse *sse,
	const bool *stop, void (*connected)(void *arg), void *arg);
/* Why the last stream was lost. */
const char *client_problem(const struct client *client);

#endif
