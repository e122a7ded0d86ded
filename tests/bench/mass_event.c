// SPDX-License-Identifier: MIT
/*
 * How long the loop of the coordinator stands still when every monitor opens its alert at once, and
 * closes it again. A lag of more than 2 s would make the coordinator hold its own alerts.
 *
 *   mass_event [MONITORS [STORE]]     10000 memory:
 */
#include "proto/base/log.h"
#include "tests/unit/coordinator_kit.h"

#define PROBES   3
#define REPORT   1000 /* results of one message */
#define TICK_MS  1
#define AGAIN_MS 5000

struct bench {
	struct coordinator_kit k;
	int n;
	struct timer tick, next;
	int64_t ticked_at_ms, worst_ms;
	size_t wanted; /* open alerts, to end a phase */
	struct registered *at;
	int probe;
	enum verdict verdict;
};

static void tick(void *arg)
{
	struct bench *b = arg;
	int64_t now_ms = clock_now_ms();

	if (b->ticked_at_ms && now_ms - b->ticked_at_ms > b->worst_ms)
		b->worst_ms = now_ms - b->ticked_at_ms;
	b->ticked_at_ms = now_ms;
	if (alerts_count_open(b->k.c.alerts) == b->wanted)
		loop_stop(b->k.c.loop);
	timer_set(&b->tick, TICK_MS);
}

/* One report of one probe per turn of the loop, as the link gives them; and again, since a mass flip is
 * held back for longer than a vote is fresh. */
static void report(void *arg)
{
	struct bench *b = arg;

	for (int i = 0; i < REPORT && b->probe < PROBES; i++) {
		b->at = registry_next_monitor(b->k.c.registry, b->at ? &b->at->m.id : NULL);
		if (b->at)
			kit_report(&b->k, b->probe, &b->at->m, 0, b->verdict);
		else
			b->probe++;
	}
	timer_set(&b->next, b->probe < PROBES ? 0 : AGAIN_MS);
	b->probe %= PROBES;
}

static void run_phase(struct bench *b, const char *name, enum verdict verdict, size_t wanted)
{
	int64_t began_at_ms = clock_now_ms();

	b->verdict = verdict;
	b->wanted = wanted;
	b->probe = 0;
	b->worst_ms = b->ticked_at_ms = 0;
	timer_set(&b->next, 0);
	loop_run(b->k.c.loop);
	printf("%-6s %d alerts within %lld ms; the longest turn of the loop took %lld ms\n", name,
		b->n, (long long)(clock_now_ms() - began_at_ms), (long long)b->worst_ms);
}

int main(int argc, char **argv)
{
	static char name[] = "nobody", webhook[] = "http://127.0.0.1:9/";
	static const struct channel_conf channel = {
		.name = name, .webhook = webhook, .timeout_ms = 1000};
	static struct bench b;

	b.n = argc > 1 ? atoi(argv[1]) : 10000;
	log_set_level(LOG_LEVEL_ERROR);
	kit_open(&b.k, argc > 2 ? argv[2] : "memory:", &channel);
	for (int i = 0; i < PROBES; i++)
		kit_add_probe(&b.k, i);
	kit_add_monitors(&b.k, b.n, json_pack("{s:s, s:s}", "interval", "10s", "timeout", "1s"));
	timer_init(&b.tick, b.k.c.loop, tick, &b);
	timer_init(&b.next, b.k.c.loop, report, &b);
	timer_set(&b.tick, TICK_MS);
	/* no probe is connected: the bursts stay unanswered, and the scheduled votes decide all at
	 * the same instant */
	run_phase(&b, "opened", VERDICT_DOWN, (size_t)b.n);
	run_phase(&b, "closed", VERDICT_UP, 0);
	timer_clear(&b.tick);
	timer_clear(&b.next);
	kit_close(&b.k);
	return 0;
}
