// SPDX-License-Identifier: MIT
#include "probe/memory.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KIB           INT64_C(1024)
#define PROGRAM_BYTES (24 * 1024 * KIB) /* libraries, certificates, link, results that wait */
#define MONITOR_BYTES 2048 /* with its newest result: 1,200 packed, more with certificates */
#define CHECKS_BYTES  (4 * 1024 * KIB) /* at least: a few have to run whatever the limit is */

/* ---- control groups */

/* The number in FILE; INT64_MAX for "max", or what cannot be read. */
static int64_t read_limit(const char *file)
{
	char text[32] = "";
	FILE *f = fopen(file, "re");
	if (f == NULL)
		return INT64_MAX;
	bool read = fgets(text, sizeof(text), f) != NULL;
	fclose(f);
	char *end;
	errno = 0;
	long long n = strtoll(text, &end, 10);
	return read && end != text && errno == 0 && n > 0 ? n : INT64_MAX;
}

/* The smallest limit from GROUP up to the root of its hierarchy, which is mounted at MOUNT. */
static int64_t smallest(const char *root, const char *mount, char *group, const char *name)
{
	int64_t least = INT64_MAX;
	for (;;) {
		char file[PATH_MAX];
		int n = snprintf(file, sizeof(file), "%s%s%s/%s", root, mount, group, name);
		int64_t limit = n < (int)sizeof(file) ? read_limit(file) : INT64_MAX;
		least = limit < least ? limit : least;
		char *slash = strrchr(group, '/');
		if (slash == NULL)
			return least;
		*slash = '\0';
	}
}

int64_t memory_limit(const char *root)
{
	char file[PATH_MAX], line[PATH_MAX];
	int64_t least = INT64_MAX;
	snprintf(file, sizeof(file), "%s/proc/self/cgroup", root);
	FILE *f = fopen(file, "re");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		int64_t limit = INT64_MAX;
		char *kinds = strchr(line, ':'), *group = kinds ? strchr(kinds + 1, ':') : NULL;
		line[strcspn(line, "\n")] = '\0';
		if (group == NULL)
			continue;
		*group++ = '\0';
		if (strcmp(kinds, ":") == 0)
			limit = smallest(root, "/sys/fs/cgroup", group, "memory.max");
		else if (strcmp(kinds, ":memory") == 0)
			limit = smallest(
				root, "/sys/fs/cgroup/memory", group, "memory.limit_in_bytes");
		least = limit < least ? limit : least;
	}
	if (f != NULL)
		fclose(f);
	return least;
}

/* ---- checks */

int64_t memory_for_checks(int64_t limit_bytes, int64_t monitors)
{
	if (limit_bytes == INT64_MAX)
		return INT64_MAX;
	int64_t left = limit_bytes - PROGRAM_BYTES - monitors * MONITOR_BYTES;
	return left > CHECKS_BYTES ? left : CHECKS_BYTES;
}

static bool has_tls(const struct request *r)
{
	const struct dialogue_step *step = r->dialogue.item;
	bool tls = r->tls || r->starttls >= 0;
	for (size_t i = 0; i < r->dialogue.n; i++)
		tls |= step[i].starttls;
	return tls;
}

int64_t memory_of_check(const struct monitor *m)
{
	switch ((enum check_kind)m->type) {
	case CHECK_HTTP:
	case CHECK_REDIRECT: /* a redirect may lead to https */
		return 72 * KIB;
	case CHECK_TLS:
		return 56 * KIB;
	case CHECK_TCP:
		return (has_tls(&m->request) ? 56 : 8) * KIB;
	default:
		return 8 * KIB;
	}
}
