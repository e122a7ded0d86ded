// SPDX-License-Identifier: MIT
/* What the files of the verdicts share: a watched monitor, a probe's standing. */
#ifndef QUORATE_VERDICTS_INTERNAL_H
#define QUORATE_VERDICTS_INTERNAL_H

#include "coordinator/coordinator.h"
#include "coordinator/core/assign.h"
#include "coordinator/core/budget.h"
#include "coordinator/core/court.h"
#include "coordinator/core/flip.h"
#include "coordinator/core/quarantine.h"
#include "coordinator/core/sight.h"
#include "coordinator/core/watch.h"

/* The newest result of one voter, as JSON text: evidence. */
struct evidence {
	uint32_t key;
	char *text;
	uint64_t network; /* hash of the one it connected to; 0: to none */
};

/* A mass flip, as the messages about it say. */
struct mass {
	struct id id;    /* zero: none */
	bool everywhere; /* of several organizations together, not of one alone */
	int64_t since_wall_ms;
	int changed, monitors; /* when it was noticed */
};

struct watched {
	struct id id;
	struct verdicts *v;
	struct watch *w;
	struct assigned seats[VOTERS_MAX]; /* of w's voters, in their order */
	int n_seated;                      /* who come first; behind them the shadows */
	int n_seats;
	int margin; /* tolerance_margin(), as of the last session */
	struct evidence evidence[VOTERS_MAX];
	struct timer timer;
	int64_t hold_until_ms;
	int64_t state_since_wall_ms;
	int64_t denied_at_ms; /* its last burst was, for want of budget; 0: it was not */
	int64_t turned_at_ms; /* when it last counted for a mass flip; 0: never */
	bool looked_again;    /* since it is in doubt */
	struct mass mass;     /* that it turned in, until it is told or as it was before */
	bool explained;       /* undetermined, and listed in its probes' alerts */
	bool ready;           /* stands in verdicts.ready */
	struct watched *ancestor[ANCESTORS_MAX]; /* while verdicts.families_known */
	int n_ancestors;
	bool is_ancestor;
	bool maintained;
	int64_t maintained_until_wall_ms; /* while it is */
	bool listed;                      /* in the alert of the parent that holds it back */
	struct watched *prev, *next;
	UT_hash_handle hh;
};

/* A probe before the court. */
struct standing_of {
	uint32_t key;
	struct court court;
	bool available;           /* may hold a seat before others */
	struct court_facts facts; /* of the running session */
	struct budget budget;     /* of confirmation bursts */
	bool shaded; /* silent while the coordinator has lost sight, which explains it */
	struct quarantine_of *quarantine; /* NULL: nothing is held against it */
	int64_t scheduled_per_1000_s;
	json_t *undetermined; /* names of the monitors behind facts.undetermined; NULL: none */
	UT_hash_handle hh;
};

struct verdicts {
	struct coordinator *c;
	struct watched *watched;       /* by id */
	struct standing_of *probes;    /* by key */
	struct flips *flips;           /* by organization */
	struct target_budget *targets; /* by host: those that bursts are drawn from just now */
	struct timer session;          /* of the court, once a second */
	struct timer reseat;           /* all electorates, soon */
	struct watched *ready;         /* to be evaluated, in order */
	struct timer evaluate;         /* a slice of them */
	int64_t hold_from_ms;
	struct sight sight;
	int n_unseen;   /* monitors undetermined because sight is lost, and */
	json_t *unseen; /* their names; NULL: none */
	bool started;
	bool families_known; /* who is whose parent; false: find out at the next use */
	struct verdict_counts counts;
};

struct watched *verdicts_find(const struct verdicts *v, const struct id *monitor); /* or NULL */
struct standing_of *verdicts_standing(const struct verdicts *v, uint32_t key);
/* In one of the loop's next turns. */
void verdicts_evaluate(struct watched *wd);

/* ---- actions.c */
/* Carries out what the watch of WD asked for. */
void actions_carry_out(struct watched *wd, const struct watch_actions *actions);
/* Tells again of what has been open for long. */
void actions_remind(struct verdicts *v);

/* ---- flips.c */
/* Who turned of one organization, or of all (""). */
struct flips {
	char *organization;
	struct flip flip;
	int enabled;      /* monitors */
	int64_t since_ms; /* a mass since then; 0: it is none */
	struct mass mass;
	UT_hash_handle hh;
};
/* WD was just evaluated. */
void flips_follow(struct watched *wd, bool was_turning, int64_t now_ms);
void flips_session(struct verdicts *v, int64_t now_ms); /* once a second */
void flips_clear(struct verdicts *v);
/* {"id", "of", "since", "changed", "monitors"} of the mass flip that WD's turning is of, a new
 * reference; NULL: of none. */
json_t *flips_words(const struct watched *wd);

/* ---- bursts.c */
/* Whether every voter of WD and its target can bear ROUNDS more checks; if so these are taken from
 * their budgets. */
bool bursts_afford(struct watched *wd, int rounds);
void bursts_sweep(struct verdicts *v, int64_t now_ms); /* once a second or so */
void bursts_clear(struct verdicts *v);

/* ---- family.c: dependencies */
/* Monitors came, went or changed. */
void family_changed(struct verdicts *v);
/* Before WD is ticked: whether its parents hold it back. */
void family_judge(struct watched *wd, int64_t now_ms);
/* After it: its parents are asked, its children told what changed. */
void family_follow(struct watched *wd, bool was_down, bool was_looking);
/* {"by", "since", "case", "words"} of what holds it back; null: nothing does. */
json_t *family_explain(struct watched *wd);

/* ---- court_sight.c */
/* Once a second, before the probes are judged one by one. */
void sight_session(struct verdicts *v, bool held, int64_t now_ms);
bool sight_is_subject(const struct id *subject); /* of an alert */

/* ---- court_quarantine.c */
/* What the organizations hold against one probe. */
struct quarantine_of {
	int64_t everywhere_since_ms; /* 0: no */
	struct charge *charge;       /* n of them */
	size_t n;
	int ripe;                    /* sentences so old that others get its seats */
	bool changed;                /* the sentence, in the running session */
	struct testimony *testimony; /* of the running session */
	size_t n_testimony, room;
};
/* Where a result connected to, as a hash of its network (IPv4 /24, IPv6 /48); 0: nowhere. */
uint64_t quarantine_network(const char *address);
/* Of a name; "": the operator's canaries. And the name, while it has monitors, or NULL. */
uint64_t quarantine_organization(const char *name);
const char *quarantine_organization_name(const struct verdicts *v, uint64_t organization);
/* Once a second, after the facts were collected; HELD: only rests. Returns whether to seat anew. */
bool quarantine_session(struct verdicts *v, bool held, int64_t now_ms);
/* Since when S is under sentence for M; 0: it is not. */
int64_t quarantine_since(const struct standing_of *s, const struct monitor *m);
/* Whose votes are set aside in WD's electorate, for whatever reason; tells its watch. */
void quarantine_apply(struct watched *wd);
/* Among the N voters of M just found, with the same C: others get the seats of those who have been
 * in quarantine for long; they come last, as shadows. Returns the entries in SEATS. */
int quarantine_reseat(const struct verdicts *v, const struct monitor *m, struct candidate *c,
	size_t n_candidates, struct assigned seats[VOTERS_MAX], int n, int n_seats);
void quarantine_clear(struct standing_of *s);

/* ---- court_sentence.c */
#define SENTENCE_WORDS_SIZE 256
/* Whether the votes of S are set aside, at least for some; "" or where, as the end of a sentence. */
bool quarantine_lasts(const struct standing_of *s);
void quarantine_words(
	const struct verdicts *v, const struct standing_of *s, char *text, size_t room);
/* Who of WD's electorate is under sentence: [{"probe", "region", "since", "set_aside", "replaced",
 * "words"}]; a new reference. */
json_t *quarantine_explain(const struct watched *wd);
/* A sentence outlives the coordinator. LASTED: it is stored already. */
void quarantine_save(const struct verdicts *v, const struct standing_of *s, bool lasted);
void quarantine_load(struct verdicts *v);
/* The probe was removed. */
void quarantine_forget(const struct verdicts *v, const struct probe *probe);

/* ---- self_tests.c */
/* {"not_judged": [names of voters], "words"}; null: every voter's self-test judges. */
json_t *self_tests_explain(const struct watched *wd);

/* ---- maintained.c */
/* Before WD is ticked: whether maintenance, or its parents, hold it back. */
void maintained_judge(struct watched *wd, int64_t now_ms);
/* Finds out whether WD, whose monitor is M, is in maintenance now. */
void maintained_place(struct watched *wd, const struct monitor *m);
void maintained_changed(struct verdicts *v); /* windows came, went, began or ended */

/* ---- electorate.c */
/* Seats WD's monitor anew; tells the fleet what changed. REVISED: the monitor itself changed, so
 * every voter is told. */
void electorate_seat(struct watched *wd, const struct registered *entry, bool revised);

/* ---- court_session.c */
void court_session(struct verdicts *v, int64_t now_ms);
/* Whether silence and dissent of this probe are told by an alert of its own: it has one, or never
 * joined at all. */
bool court_suspects(const struct verdicts *v, uint32_t key);
enum exclusion court_exclusion(const struct verdicts *v, uint32_t key);
/* Tells every electorate that it sits in whether the probe is a suspect, and whether its votes
 * count. */
void court_mark(struct verdicts *v, uint32_t key);
void court_load(struct verdicts *v);
void court_withdraw(struct verdicts *v, const struct probe *probe);

/* ---- evidence.c; new references */
json_t *evidence_monitor(const struct monitor *m);
/* The votes of round NUMBER (0: the newest ones) with their fates. */
json_t *evidence_votes(const struct watched *wd, int64_t number, int64_t now_ms);
json_t *evidence_quorum(const struct watched *wd, int64_t number, int rounds, int64_t now_ms);
/* What was seen by the voter that stands for REASON; its detail is copied to TEXT. */
json_t *evidence_observed(const struct watched *wd, int reason, char *text, size_t room);
/* "11 of 75 checks failed in 15m", "changed 6 times between up and down in 1h". */
void evidence_failures(const struct watched *wd, int64_t now_ms, char *text, size_t room);
void evidence_flapping(const struct watched *wd, int64_t now_ms, char *text, size_t room);
int64_t wall_of(int64_t at_ms); /* a monotonic instant on the wall clock, as of now */

#endif
