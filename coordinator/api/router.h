// SPDX-License-Identifier: MIT
/*
 * Takes a request's target apart: path, captures, query. Pure; everything in it comes from
 * strangers and is decoded once, here: broken escapes, NUL bytes and what is not UTF-8 are refused,
 * so that handlers see clean texts only.
 */
#ifndef QUORATE_API_ROUTER_H
#define QUORATE_API_ROUTER_H

#include "coordinator/api/api.h"

#define PATH_SEGMENTS_MAX 8
#define QUERY_PARAMS_MAX  16
#define CAPTURES_MAX      2
#define TARGET_MAX_BYTES  4096

enum target_error {
	TARGET_OK = 0,
	TARGET_BAD_ESCAPE = -1,
	TARGET_HAS_NUL = -2,
	TARGET_NOT_UTF8 = -3,
	TARGET_TOO_MANY = -4, /* query parameters */
	TARGET_TOO_LONG = -5,
	TARGET_REPEATED = -6, /* the same query parameter twice */
};
/* A sentence for the client. */
const char *target_error_text(enum target_error error);

struct query_param {
	char *name, *value;
};

struct target {
	char *path;                       /* decoded as a whole, for people */
	char *segment[PATH_SEGMENTS_MAX]; /* decoded one by one */
	int n_segments;                   /* more than PATH_SEGMENTS_MAX: no route matches */
	struct query_param query[QUERY_PARAMS_MAX];
	size_t n_query;
};

/* PATH and QUERY are as they came (QUERY may be NULL). Clear OUT in any case. */
MUST_CHECK enum target_error target_parse(const char *path, const char *query, struct target *out);
void target_clear(struct target *t);
/* NULL: absent. */
const char *target_query(const struct target *t, const char *name);

#define ALLOW_TEXT_SIZE 64
/*
 * The route for METHOD (HEAD finds GET's). PARAMS get the captures, borrowed from T. NULL: none;
 * then ALLOW lists the methods that this path has ("GET, HEAD"), "" when there is no such path.
 */
const struct route *route_find(const struct route *routes, size_t n, const char *method,
	const struct target *t, const char *params[CAPTURES_MAX], char allow[ALLOW_TEXT_SIZE]);

#endif
