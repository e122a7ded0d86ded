// SPDX-License-Identifier: MIT
/*
 * One anchor of the local file: a host that the probe's operator trusts to answer. It is checked as
 * a monitor would be, by the same engine, and the address policy says nothing of it.
 */
#ifndef QUORATE_PROBE_ANCHOR_H
#define QUORATE_PROBE_ANCHOR_H

#include "probe/check.h"
#include "probe/self_test.h"
#include "proto/monitor.h"

#define ANCHOR_TIMEOUT_MS 3000

struct anchor {
	char *ping, *tcp, *http; /* one of them */
	int family;              /* enum address_family; -1: the address's own, of a name IPv4 */
	char *proxy;             /* of the file's proxies; NULL: none */
};
extern const struct schema anchor_schema;

const char *anchor_target(const struct anchor *a);
/* What is checked for A, EVERY_MS; borrowed by nobody: job_unref(). A has to be one that the table let in. */
struct job *anchor_job(const struct anchor *a, int64_t every_ms);
/* SELF_TEST_IPV4 or SELF_TEST_IPV6. */
int anchor_family(const struct anchor *a);
/* The name that has to be looked up, into OUT; false: it is an address, or a proxy's affair. */
bool anchor_name(const struct anchor *a, char out[MONITOR_HOST_SIZE]);

#endif
