// SPDX-License-Identifier: MIT
/* What client.c (requests, answers, the stream) and client_where.c (to whom, with which key) share. */
#ifndef QUORATE_CLI_CLIENT_INTERNAL_H
#define QUORATE_CLI_CLIENT_INTERNAL_H

#include "coordinator/cli/client.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <stdio.h>

#define CLIENT_KEY_FILE "/var/lib/quorate-coordinator/admin.key"

struct client {
	CURL *curl;
	FILE *err;
	char *url;      /* as the user wrote it */
	char *base;     /* what requests begin with */
	char *socket;   /* unix socket; NULL: none */
	char *key;      /* NULL: none found */
	char *key_from; /* for messages */
	bool local;     /* unix socket or loopback: the key may be sent in the clear */
	char problem[CURL_ERROR_SIZE + 128];
};

/* A line for people, on the client's err. */
void client_say(const struct client *c, const char *format, ...) PRINTF_LIKE(2, 3);
/* Fill in url, base, socket and local; key and key_from. 0, or -1 after saying what is wrong. NULL:
 * the usual ones. */
MUST_CHECK int client_take_url(struct client *c, const char *url);
MUST_CHECK int client_take_key(struct client *c, const char *key_file);

#endif
