// SPDX-License-Identifier: MIT
/* Memory of checks: of each type the last ones are kept for the next, since they are too large for
 * malloc() to have them at hand. */
#include "probe/engine_internal.h"

#include "probe/check.h"
#include "proto/base/mem.h"

#include <stdlib.h>
#include <string.h>

#ifdef __SANITIZE_ADDRESS__ /* it is to see what is used after its end */
#define SPARE_MAX 0
#else
#define SPARE_MAX 64
#endif

struct run *engine_run_obtain(struct engine *engine, const struct check_type *type)
{
	struct spare *spare = type != NULL ? &engine->spare[type->kind] : NULL;
	size_t bytes = sizeof(struct run) + (type != NULL ? type->state_bytes : 0);
	if (spare == NULL || spare->first == NULL)
		return mem_alloc(bytes);
	struct run *run = spare->first;
	spare->first = run->next;
	spare->n--;
	memset(run, 0, bytes);
	return run;
}

void engine_run_release(struct run *run)
{
	const struct check_type *type = run->check.type;
	struct spare *spare = type != NULL ? &run->check.engine->spare[type->kind] : NULL;
	if (spare == NULL || spare->n >= SPARE_MAX) {
		free(run);
		return;
	}
	run->next = spare->first;
	spare->first = run;
	spare->n++;
}

void engine_spare_clear(struct engine *engine)
{
	for (int kind = 0; kind < CHECK_KIND_COUNT; kind++) {
		struct spare *spare = &engine->spare[kind];
		for (struct run *run; (run = spare->first) != NULL;) {
			spare->first = run->next;
			free(run);
		}
	}
}
