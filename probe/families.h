// SPDX-License-Identifier: MIT
/*
 * One result of two: a check of both families is run once for each, and has to succeed with each.
 *
 * The worse of the two is what the result tells (phases, address, status, hops, pings …), and of two
 * alike the one that took longer: down before "could not look" (since down is certain then) before a
 * warning before up. Thresholds are judged by each, the worst severity counts. Of two certificates
 * the one that ends first is told. The sentence names the family, and says of the other how it is.
 */
#ifndef QUORATE_PROBE_FAMILIES_H
#define QUORATE_PROBE_FAMILIES_H

#include "quorate/result.h"

/* Makes *V4 the result of both; takes what it needs of *V6, which is still to be cleared. */
void families_merge(struct result *v4, struct result *v6);
const char *family_label(int family); /* "IPv4", "IPv6" */

#endif
