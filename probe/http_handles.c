// SPDX-License-Identifier: MIT
/* The last ones are the first to be taken: what they lie in is at hand. */
#include "probe/http_handles.h"

#include "proto/base/mem.h"

#include <stdlib.h>

#define KEPT_MAX 32 /* of some 6 kB */

struct http_handles {
	CURL *kept[KEPT_MAX];
	int n;
};

struct http_handles *http_handles_new(void)
{
	return mem_alloc(sizeof(struct http_handles));
}

void http_handles_free(struct http_handles *handles)
{
	if (handles == NULL)
		return;
	while (handles->n > 0)
		curl_easy_cleanup(handles->kept[--handles->n]);
	free(handles);
}

CURL *http_handles_take(struct http_handles *handles)
{
	return handles->n > 0 ? handles->kept[--handles->n] : NULL;
}

void http_handles_keep(struct http_handles *handles, CURL *easy)
{
	if (handles->n < KEPT_MAX)
		handles->kept[handles->n++] = easy;
	else
		curl_easy_cleanup(easy);
}
