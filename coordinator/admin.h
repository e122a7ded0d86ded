// SPDX-License-Identifier: MIT
/* The first admin key: made when there is none, written to a file that only we can read, never to a
 * log. */
#ifndef QUORATE_ADMIN_H
#define QUORATE_ADMIN_H

#include "coordinator/registry.h"

/* Writes STATE_DIR/admin.key (0600) when no admin key is registered, or when ANOTHER is wanted.
 * Runs LOOP until the key is committed: who finds the API open finds a key that works. 0, or -1
 * after logging why. */
MUST_CHECK int admin_ensure_key(
	struct loop *loop, struct registry *r, const char *state_dir, bool another);

#endif
