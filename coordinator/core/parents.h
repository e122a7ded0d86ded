// SPDX-License-Identifier: MIT
/*
 * Dependencies: a monitor whose parent is down opens no alert. Pure. A parent is what the child
 * needs, so that any one that is down holds it back; ANCESTORS are its parents, theirs, and so on.
 *
 * A child may be found down sooner than its parent. So whoever suspects that it is down has its
 * ancestors looked at once more, at the same time as itself (watch_ask), and opens nothing while
 * such a look is under way: a burst, which ends by itself. What was looked at since is believed.
 *
 * When the parent has recovered the child needs a confirmation of its own: q seats that say down by
 * checks that began afterwards; alerts of other kinds wait until every vote can be of afterwards.
 */
#ifndef QUORATE_CORE_PARENTS_H
#define QUORATE_CORE_PARENTS_H

#include "coordinator/core/watch.h"

/* Whether the N ancestors, the nearest first, hold CHILD back; *WHICH (may be NULL): the one that
 * does, the farthest of them, which has the alert. */
enum watch_block parents_judge(
	const struct watch *child, const struct watch *const *ancestors, int n, int *which);
/* Asks the N ancestors what CHILD has to know. ASKED[i]: ancestor i wants to be evaluated now. */
void parents_ask(const struct watch *child, struct watch *const *ancestors, int n, bool *asked);

#endif
