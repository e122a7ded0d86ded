// SPDX-License-Identifier: MIT
/* What the two halves of the world share: world.c (time, events, probes) and coordinator.c (what
 * the real one does). */
#ifndef QUORATE_TESTS_WORLD_PARTS_H
#define QUORATE_TESTS_WORLD_PARTS_H

#include "tests/sim/world.h"

#include "coordinator/core/assign.h"
#include "coordinator/core/flip.h"
#include "coordinator/core/sight.h"
#include "probe/tilt.h"

#define EPOCH_MS        1000000000
#define LINK_MS         20 /* one way, of a link that is not slow */
#define HEARTBEAT_MS    10000
#define GONE_MS         300000
#define HOLD_MS         30000
#define COURT_MS        1000
#define LATE_MS         10000
#define STOPPED_LOOK_MS 100
#define SUSPECT_MS      1500 /* a check that hangs is late then */

enum event_type {
	EV_STEP,
	EV_CHECK,
	EV_END,
	EV_ARRIVE,
	EV_SUSPECT,
	EV_ORDER,
	EV_HEARTBEAT,
	EV_HEARD,
	EV_ASSIGN,
	EV_START
};

struct event {
	int64_t at_ms;
	uint64_t order;
	enum event_type type;
	int probe, monitor;
	int64_t round, revision;
	int generation; /* of the scheduled chain: an older one has ended */
	int rounds;     /* EV_ORDER */
	int step;       /* EV_STEP */
	int64_t started_at_ms, ended_at_ms;
	int64_t link_ms; /* EV_ARRIVE: how long it was under way */
	struct scn_view view;
};

struct sim_probe {
	bool cut, stopped, blind, flaps, excluded, deaf, lies, available;
	enum probe_fault stored; /* with its open alert */
	int64_t link_ms;         /* one way */
	struct scn_view lie;
	int checks;
	struct court court;
	struct charge charge[SCN_ORGS_MAX]; /* by organization */
	int64_t everywhere_since_ms;
	bool quarantined, shaded;
	int ripe; /* sentences so old that others get its seats */
	struct tilt tilt;
	int64_t wall_ahead_ms, jumped_at_ms; /* what began before is disturbed */
	bool busy;
};

/* One monitor at one probe. */
struct sim_pair {
	int generation;
	int64_t revision; /* as the probe knows it */
	bool has_sight;
	struct scn_view sight;
	bool has_newest; /* a result that could not be sent */
	struct event newest;
};

struct sim_monitor {
	const struct scn_monitor *m;
	uint64_t hash;
	int64_t revision;
	struct scn_view view;
	struct watch *w;
	struct assigned seats[VOTERS_MAX];
	int n_voters, n_seated, n_seats; /* behind the seated ones come the shadows */
	bool seated[SCN_PROBES_MAX];     /* as recorded */
	int64_t next_ms, hold_until_ms;
	int64_t maintenance_until_ms; /* over restarts, too */
	bool undetermined_explained;
	bool turning, looked_again;
	int64_t turned_at_ms;
};

struct world {
	const struct scn *s;
	struct outcome *out;
	bool verbose;
	int64_t now_ms;
	uint64_t random, order;
	struct event *heap;
	int n_events, room;
	bool coordinator_up;
	int64_t hold_from_ms, court_at_ms;
	struct flip flip;
	struct sight sight;
	bool mass; /* flip */
	struct sim_probe probe[SCN_PROBES_MAX];
	struct sim_monitor monitor[SCN_MONITORS_MAX];
	struct sim_pair pair[SCN_MONITORS_MAX][SCN_PROBES_MAX];
};

/* ---- world.c */
/* Tells that a rule which holds in every world did not. */
void world_broken(struct world *wo, const char *format, ...) PRINTF_LIKE(2, 3);
void world_tell(struct world *wo, const char *format, ...) PRINTF_LIKE(2, 3); /* if verbose */
void world_push(struct world *wo, struct event e);

/* PROBE has a session again. */
void world_reconnect(struct world *wo, int probe);

/* ---- steps.c */
void steps_take(struct world *wo, const struct scn_step *step);

/* ---- records.c */
void record_open(
	struct world *wo, enum alert_kind kind, int monitor, int probe, enum severity severity);
void record_change(
	struct world *wo, enum alert_kind kind, int monitor, int probe, enum severity severity);
void record_close(struct world *wo, enum alert_kind kind, int monitor, int probe, bool promoted);
void record_state(struct world *wo, int monitor, enum monitor_state state);
/* Of those that hold a seat; shadows do not. */
void record_seats(struct world *wo, int monitor);

/* ---- coordinator.c */
void coordinator_start(struct world *wo); /* restores the open alerts, and holds */
void coordinator_stop(struct world *wo);
void coordinator_hold(struct world *wo, int64_t at_most_ms);
void coordinator_evaluate(struct world *wo, int monitor, struct watch_actions *actions);
void coordinator_seat(struct world *wo, int monitor, bool revised);
/* The probe hears of its assignment to MONITOR, or that it has none. */
void coordinator_tell(struct world *wo, int monitor, int probe);
void coordinator_hold_court(struct world *wo);
/* Tells all watches whether PROBE is a suspect, and whether its votes count. */
void coordinator_mark(struct world *wo, int probe);
void coordinator_heard(struct world *wo, int probe);

/* ---- quarantine.c */
/* Tells MONITOR's watch whose votes count. */
void quarantine_apply(struct world *wo, int monitor);
/* Others get the seats of those who have been in quarantine for long; returns the voters with the
 * shadows. */
/* When PROBE was sentenced for MONITOR; 0: it is not. */
int64_t quarantine_since(const struct world *wo, int probe, int monitor);
int quarantine_reseat(struct world *wo, int monitor, struct candidate *c, int n);
enum quarantine_change { QUARANTINE_SAME, QUARANTINE_CHANGED, QUARANTINE_RESEATS };
/* One probe before the court. */
enum quarantine_change quarantine_judge(struct world *wo, int probe, bool held);
/* The coordinator starts: it knows of sentences, and of nothing else. */
void quarantine_restart(struct world *wo, int probe);

/* ---- sight.c */
/* Who is silent; all at once: one alert. */
void sight_look(struct world *wo);

/* ---- tilt.c */
void tilt_begin(struct world *wo, int probe);
/* The probe ran all the time until now. */
void tilt_rest(struct world *wo, int probe);
/* Its clock just jumped, or it was stopped until now. */
void tilt_judge(struct world *wo, int probe);
/* What its check E found, now that it ends: across a tilt it is wrong, and worth nothing. */
void tilt_spoil(const struct world *wo, struct event *e);

#endif
