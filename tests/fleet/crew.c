// SPDX-License-Identifier: MIT
/*
 * All monitors, shared out to threads by networks. What they have in common are the sentences of
 * the court, so with quarantine time is cut into stretches: everybody plays one with the sentences
 * as they are, then the court hears what was said in it. If a sentence changed in the middle, the
 * stretch is taken back and played again up to that session only. While something is about to
 * change, a stretch ends when the first sentence may.
 */
#include "tests/fleet/play.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORKERS_MAX 64
#define STRETCH_S   10800

/* Monitors of one thread, as they are and as they were at the beginning of the stretch. */
struct shard {
	struct crew *crew;
	int index, n;
	pthread_t thread;
	struct notes notes;
	struct play *play, *play_before;
	bool *moved; /* in this stretch, so PLAY_BEFORE holds what it was */
	struct totals totals, totals_before;
	uint8_t *counts, *counts_before; /* of notes: heard, against */
	size_t counts_size;
};

struct crew {
	const struct fleet_setup *s;
	pthread_barrier_t barrier;
	struct shard shard[WORKERS_MAX];
	struct court *court, court_before;
	int32_t end, until; /* sessions: of the world, of the stretch */
	bool taken_back, sentenced, done;
};

static void *must(void *memory)
{
	if (!memory)
		abort();
	return memory;
}

/* ---- one thread */

static void play_stretch(struct shard *sh)
{
	int64_t until_ms = sh->crew->until * INT64_C(1000);

	sh->notes.n_evidence = 0;
	sh->totals_before = sh->totals;
	memcpy(sh->counts_before, sh->counts, sh->counts_size);
	for (int i = 0; i < sh->n; i++) {
		sh->moved[i] = !play_is_idle(&sh->play[i], until_ms);
		if (!sh->moved[i])
			continue;
		if (sh->crew->s->quarantine)
			sh->play_before[i] = sh->play[i];
		play_until(&sh->play[i], until_ms);
	}
}

static void take_back(struct shard *sh)
{
	sh->totals = sh->totals_before;
	memcpy(sh->counts, sh->counts_before, sh->counts_size);
	for (int i = 0; i < sh->n; i++)
		if (sh->moved[i])
			sh->play[i] = sh->play_before[i];
}

/* ---- whether the court has counted as core/quarantine counts */

static void count_again(const struct crew *c, int probe, struct testimony *t, size_t n)
{
	int networks[ORGANIZATIONS] = {0}, against[ORGANIZATIONS] = {0};
	struct accusation found;

	quarantine_sort(t, n);
	for (size_t i = 0; i < n;) {
		i += quarantine_count(&t[i], n - i, &found);
		networks[found.organization - 1] = found.networks;
		against[found.organization - 1] = found.against;
	}
	for (int o = 0; o < ORGANIZATIONS; o++)
		if (networks[o] != c->court->networks[probe][o] ||
			against[o] != c->court->against[probe][o]) {
			fprintf(stderr, "fleet: the court has counted wrong\n");
			abort();
		}
}

static void check_court(const struct crew *c)
{
	struct testimony *t = must(calloc((size_t)c->s->monitors, sizeof(*t)));

	for (int probe = 0; probe < PROBES; probe++) {
		size_t n = 0;
		for (int i = 0; i < c->s->workers; i++)
			for (int k = 0; k < c->shard[i].n; k++)
				n += play_testimony(&c->shard[i].play[k], probe, &t[n]);
		count_again(c, probe, t, n);
	}
	free(t);
}

/* What the court makes of the stretch; and the next one. */
static void hold_court(struct crew *c)
{
	struct evidence *evidence[WORKERS_MAX];
	int n_evidence[WORKERS_MAX];

	for (int i = 0; i < c->s->workers; i++) {
		evidence[i] = c->shard[i].notes.evidence;
		n_evidence[i] = c->shard[i].notes.n_evidence;
	}
	c->sentenced = c->s->quarantine &&
		       court_sit(c->court, c->until, evidence, n_evidence, c->s->workers);
	c->taken_back = c->sentenced && c->court->session < c->until;
	if (c->taken_back) {
		c->until = c->court->session;
		*c->court = c->court_before;
		return;
	}
	if (c->s->quarantine && c->s->every)
		check_court(c);
	c->court_before = *c->court;
	c->done = c->until == c->end;
	int32_t due = court_due(c->court);
	c->until += STRETCH_S;
	c->until = due < c->until ? due : c->until;
	c->until = c->end < c->until ? c->end : c->until;
}

static void open_shard(struct shard *sh)
{
	const struct fleet_setup *s = sh->crew->s;
	size_t room = (size_t)s->monitors / (size_t)s->workers + NETWORK_MONITORS + 1;
	size_t networks = (size_t)play_network(s->monitors - 1) + 1;

	sh->play = must(calloc(room, sizeof(*sh->play)));
	sh->play_before = must(calloc(s->quarantine ? room : 1, sizeof(*sh->play)));
	sh->moved = must(calloc(room, sizeof(*sh->moved)));
	sh->counts_size = 2 * networks * PROBES;
	sh->counts = must(calloc(2, sh->counts_size));
	sh->counts_before = sh->counts + sh->counts_size;
	sh->notes.totals = &sh->totals;
	sh->notes.heard = (void *)sh->counts;
	sh->notes.against = (void *)(sh->counts + networks * PROBES);
	for (int m = 0; m < s->monitors; m++)
		if (play_network(m) % s->workers == sh->index)
			play_begin(&sh->play[sh->n++], s, m, &sh->notes);
}

static void close_shard(struct shard *sh)
{
	for (int i = 0; i < sh->n; i++)
		play_end(&sh->play[i]);
	free(sh->play);
	free(sh->play_before);
	free(sh->moved);
	free(sh->counts);
	free(sh->notes.evidence);
}

static void *work(void *arg)
{
	struct shard *sh = arg;
	struct crew *c = sh->crew;

	open_shard(sh);
	for (;;) {
		int32_t played = c->until;
		play_stretch(sh);
		pthread_barrier_wait(&c->barrier);
		if (sh->index == 0)
			hold_court(c);
		pthread_barrier_wait(&c->barrier);
		if (c->taken_back)
			take_back(sh);
		for (int i = 0; c->sentenced && !c->taken_back && i < sh->n; i++)
			play_sentence(&sh->play[i], c->court, played * INT64_C(1000));
		if (c->done)
			break;
		/* nobody goes on while others still look at the court */
		pthread_barrier_wait(&c->barrier);
	}
	close_shard(sh);
	return NULL;
}

/* ---- all */

static void add_tally(struct tally_of *sum, const struct tally_of *t)
{
	sum->alerts += t->alerts;
	sum->true_alerts += t->true_alerts;
	sum->false_inside += t->false_inside;
	sum->false_short += t->false_short;
	sum->false_outside += t->false_outside;
	sum->outages += t->outages;
	sum->missed_inside += t->missed_inside;
	sum->missed_outside += t->missed_outside;
	for (int i = 0; i <= DETECTION_MAX; i++)
		sum->detection[i] += t->detection[i];
}

static void add_totals(struct totals *sum, const struct totals *t)
{
	for (enum method m = QUORATE; m < METHODS; m++)
		add_tally(&sum->of[m], &t->of[m]);
	sum->bursts += t->bursts;
	sum->downward += t->downward;
	for (int r = 0; r < ROUNDS; r++)
		sum->reached[r] += t->reached[r];
	sum->lied_ms += t->lied_ms;
	sum->lies_ms += t->lies_ms;
	sum->checks += t->checks;
	sum->evaluations += t->evaluations;
}

struct totals crew_play(const struct fleet_setup *s, struct court *court)
{
	struct crew *c = must(calloc(1, sizeof(*c)));
	struct totals sum = {0};

	court_open(court);
	c->s = s;
	c->court = court;
	c->court_before = *court;
	c->end = (int32_t)(s->end_ms / 1000);
	c->until = s->quarantine && c->end > STRETCH_S ? STRETCH_S : c->end;
	if (s->workers < 1 || s->workers > WORKERS_MAX ||
		pthread_barrier_init(&c->barrier, NULL, (unsigned)s->workers) != 0)
		abort();
	for (int i = 0; i < s->workers; i++) {
		c->shard[i].crew = c;
		c->shard[i].index = i;
		if (pthread_create(&c->shard[i].thread, NULL, work, &c->shard[i]) != 0)
			abort();
	}
	for (int i = 0; i < s->workers; i++) {
		pthread_join(c->shard[i].thread, NULL);
		add_totals(&sum, &c->shard[i].totals);
	}
	pthread_barrier_destroy(&c->barrier);
	free(c);
	return sum;
}
