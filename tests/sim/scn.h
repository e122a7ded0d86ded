// SPDX-License-Identifier: MIT
/*
 * A scenario: what the world looks like, what happens when, and what is expected of it.
 * One statement a line; the world:
 *
 *   probes 3 regions
 *   probes 6 in 3 regions
 *   monitor NAME [interval 60s] [timeout 10s] [after 0s] [rounds 2] [gap 3s]
 *                [seats 5] [per_seat 1] [down Q] [up U] [undetermined_after 2m]
 *                [recovered_after 0s] [flapping CHANGES WINDOW] (default 6 1h)
 *                [failures WINDOW WARNING% CRITICAL%] [slow_is_down] [parent NAME]
 *                [organization NUMBER] (default 1) [network NUMBER] (default: its own) [canary]
 *   monitors N [the same]          named m1 to mN; Q and U: majority, a number or a percentage
 *   latency 80ms                   of a check
 *   end 30m                        default: ten minutes after the last step
 *
 * what happens (VIEW: up, down [refused|status|nxdomain|timeout] [one in N], slow warning|critical;
 * one in N: of the checks only, by chance):
 *
 *   at 10m target NAME|all VIEW
 *   at 10m probe 2 sees NAME|all VIEW|again          a broken path, only from there; "again" ends it
 *   at 10m probe 2 lies VIEW                         about everything
 *   at 10m probe 2 flaps|honest
 *   at 10m probe 2 cut|back|stop|cont|blind|sighted|excluded|included
 *   at 10m probe 2 link 300ms                        slow: each way
 *   at 10m probe 2 clock ahead|back 1h               its wall clock jumps
 *   at 10m probe 2 busy|idle                         cannot keep its schedule
 *   at 10m probe 2 deaf|hears                        burst orders to it are lost
 *   at 10m monitor NAME revise                       a new revision
 *   at 10m maintenance NAME|all for 20m
 *   at 10m coordinator restart [for 20s]
 *   at 10m coordinator hold 20s
 *
 * what is expected (KINDS: down|regional|...; SUBJECT: a monitor, or "of probe 2"):
 *
 *   expect no alert KINDS [SUBJECT]
 *   expect exactly|at least|at most N alert KINDS [SUBJECT] [open at 20m]
 *   expect exactly|at least|at most N explained KINDS [SUBJECT]
 *   expect exactly|at least|at most N bursts [MONITOR]
 *   expect alert|close KINDS [SUBJECT] within 10s    of the last step above
 *   expect state MONITOR|all STATE at 20m
 *   expect quarantine|no quarantine 2 from MONITOR|all at 20m      (probe 2's votes)
 *   expect seat|no seat 2 on MONITOR|all at 20m      probe 2 has one that counts
 *   expect severity SEVERITY [KINDS]                 some alert had it
 *   expect promoted MONITOR                          a regional alert went on as down
 */
#ifndef QUORATE_TESTS_SCN_H
#define QUORATE_TESTS_SCN_H

#include "coordinator/core/failures.h"
#include "coordinator/core/quarantine.h"
#include "quorate/attr.h"
#include "quorate/monitor.h"
#include "quorate/reason.h"

#include <stdbool.h>
#include <stdint.h>

#define SCN_PROBES_MAX   20
#define SCN_MONITORS_MAX 60
#define SCN_STEPS_MAX    100
#define SCN_EXPECTS_MAX  60
#define SCN_PARENTS_MAX  4
#define SCN_ORGS_MAX     10
#define SCN_ALL          (-1) /* every probe, every monitor */

struct scn_monitor {
	char name[32];
	int64_t interval_ms, timeout_ms, after_ms, gap_ms;
	int64_t undetermined_after_ms; /* UNSET: the default */
	int64_t recovered_after_ms, flap_window_ms;
	int flap_changes;
	unsigned counts_as_down;
	struct failure_rule failures;
	int parent[SCN_PARENTS_MAX];
	int n_parents;
	int rounds;
	struct quorum_policy policy;
	int organization; /* QUARANTINE_CANARIES: the operator's canaries */
	int network;      /* 0: its own */
};

/* What a check finds. */
struct scn_view {
	int verdict;
	int reason;
	bool hangs; /* and takes its whole timeout for it */
	int slow;   /* enum severity of THRESHOLD_SLOW */
	int every;  /* down at one of so many checks, by chance; 0: always */
};

enum scn_what {
	AT_TARGET,  /* monitor: view */
	AT_SIGHT,   /* probe, monitor: view */
	AT_INSIGHT, /* probe, monitor: sees what there is again */
	AT_LIES,    /* probe: view */
	AT_FLAPS,
	AT_HONEST,
	AT_CUT,
	AT_BACK,
	AT_STOP,
	AT_CONT,
	AT_BLIND,
	AT_SIGHTED,
	AT_EXCLUDED,
	AT_INCLUDED,
	AT_LINK,  /* probe, duration */
	AT_CLOCK, /* probe, duration: negative is back */
	AT_BUSY,
	AT_IDLE,
	AT_DEAF,
	AT_HEARS,
	AT_RESTART,     /* duration */
	AT_HOLD,        /* duration */
	AT_REVISE,      /* monitor */
	AT_MAINTENANCE, /* monitor, duration */
};

struct scn_step {
	int64_t at_ms;
	enum scn_what what;
	int probe, monitor;
	struct scn_view view;
	int64_t duration_ms;
};

enum scn_relation { EXACTLY, AT_LEAST, AT_MOST };

enum scn_expectation {
	EXPECT_ALERTS,    /* relation, number, kinds: opened during the whole run */
	EXPECT_OPEN,      /* number, kinds: open at at_ms */
	EXPECT_EXPLAINED, /* relation, number, kinds: reported as explained by probe alerts */
	EXPECT_OPENS,     /* kinds: opened within [after_ms, after_ms + within_ms] */
	EXPECT_CLOSES,
	EXPECT_STATE,      /* monitor, state, at_ms */
	EXPECT_SEVERITY,   /* severity, kinds: some alert had it */
	EXPECT_BURSTS,     /* relation, number */
	EXPECT_PROMOTED,   /* monitor */
	EXPECT_QUARANTINE, /* number: 1 or 0; probe, monitor, at_ms */
	EXPECT_SEAT,       /* the same */
};

struct scn_expect {
	int line;
	char text[256];
	enum scn_expectation what;
	enum scn_relation relation;
	int number;
	unsigned kinds; /* bit per enum alert_kind */
	int monitor, probe;
	int state, severity;
	int64_t at_ms, after_ms, within_ms;
};

struct scn {
	const char *file;
	int probes, regions;
	int64_t latency_ms;
	int64_t end_ms;
	struct scn_monitor monitor[SCN_MONITORS_MAX];
	int n_monitors;
	struct scn_step step[SCN_STEPS_MAX];
	int n_steps;
	struct scn_expect expect[SCN_EXPECTS_MAX];
	int n_expects;
};

/* Reads FILE. Returns 0, or -1 after saying file, line and what is wrong on stderr. */
MUST_CHECK int scn_read(const char *file, struct scn *out);

#endif
