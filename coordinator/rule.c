// SPDX-License-Identifier: MIT
#include "coordinator/rule.h"

#include "proto/monitor.h"

void rule_of(const struct monitor *m, int n_seats, struct watch_rule *rule)
{
	*rule = (struct watch_rule){
		.revision = m->revision,
		.interval_ms = m->interval_ms,
		.timeout_ms = m->timeout_ms,
		.rounds = (int)m->quorum.rounds,
		.gap_ms = m->quorum.gap_ms,
		.after_ms = m->alert.after_ms,
		.recovered_after_ms = m->alert.recovered_after_ms,
		.flap_changes = (int)m->alert.flapping.changes,
		.flap_window_ms = m->alert.flapping.window_ms,
		.counts_as_down = monitor_counts_as_down(m),
		.undetermined_after_ms = watch_undetermined_after_ms(
			m->interval_ms, m->quorum.undetermined_after_ms),
	};
	if (m->expect.failures.window_ms != UNSET)
		rule->failures = (struct failure_rule){m->expect.failures.window_ms,
			m->expect.failures.warning, m->expect.failures.critical};
	/* A policy that asks for more than the registered domains give is clamped: it was accepted
	 * for the seats requested. */
	(void)!quorum_resolve(&m->quorum, n_seats > 0 ? n_seats : 1, &rule->quorum);
}
