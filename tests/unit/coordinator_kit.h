// SPDX-License-Identifier: MIT
/* A coordinator without the door and the API, for tests and measurements: store, registry, outbox,
 * alerts, verdicts and fleet on one loop. */
#ifndef QUORATE_TESTS_COORDINATOR_KIT_H
#define QUORATE_TESTS_COORDINATOR_KIT_H

#include "coordinator/coordinator.h"
#include "proto/base/clock.h"
#include "proto/base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct coordinator_kit {
	struct coordinator c;
	char dir[32];
};

static inline void kit_health(void *arg, enum store_part part, const char *detail)
{
	(void)arg;
	(void)part;
	fprintf(stderr, "store: %s\n", detail ? detail : "works again");
}

/* CHANNEL may be NULL. */
static inline void kit_open(
	struct coordinator_kit *k, const char *location, const struct channel_conf *channel)
{
	struct coordinator *c = &k->c;

	*k = (struct coordinator_kit){.dir = "/tmp/qcXXXXXX"};
	ensure(mkdtemp(k->dir));
	c->conf.report_address = mem_printf("ipc://%s/report", k->dir);
	c->conf.orders_address = mem_printf("ipc://%s/orders", k->dir);
	c->started_wall_ms = clock_wall_ms();
	c->loop = loop_new();
	c->curl = curl_loop_new(c->loop);
	ensure(store_open(&c->store, c->loop, location, kit_health, k) == 0);
	c->registry = registry_open(c->store, 1000);
	ensure(notify_open(&c->notify, c->loop, c->store, c->curl, channel, channel != NULL) == 0);
	c->alerts = alerts_new(c->store, c->notify, "http://here");
	c->verdicts = verdicts_new(c);
	c->fleet = fleet_open(c);
	ensure(c->registry && c->alerts && c->fleet);
	verdicts_start(c->verdicts);
}

static inline void kit_close(struct coordinator_kit *k)
{
	struct coordinator *c = &k->c;

	fleet_close(c->fleet);
	verdicts_free(c->verdicts);
	notify_close(c->notify);
	store_close(c->store);
	alerts_free(c->alerts);
	registry_close(c->registry);
	curl_loop_free(c->curl);
	loop_free(c->loop);
	(void)rmdir(k->dir);
	free(c->conf.report_address);
	free(c->conf.orders_address);
}

static inline void kit_done(void *arg, enum store_error error, const struct id *id)
{
	struct coordinator_kit *k = arg;

	(void)id;
	ensure(error == STORE_OK);
	loop_stop(k->c.loop);
}

/* "probe-N" in "region-N", joined already. */
static inline void kit_add_probe(struct coordinator_kit *k, int n)
{
	char token[TOKEN_TEXT_SIZE], name[32], region_name[32];
	struct problems p = {0};

	snprintf(name, sizeof(name), "probe-%d", n);
	snprintf(region_name, sizeof(region_name), "region-%d", n);
	json_t *region = json_pack("{s:s}", "name", region_name);
	json_t *probe = json_pack("{s:s, s:s}", "name", name, "region", region_name);
	ensure(registry_add_region(k->c.registry, region, &p, kit_done, k) == 0);
	loop_run(k->c.loop);
	ensure(registry_add_probe(k->c.registry, probe, false, token, &p, kit_done, k) == 0);
	loop_run(k->c.loop);
	registry_probe_joined(k->c.registry, registry_probe(k->c.registry, name), clock_wall_ms());
	json_decref(region);
	json_decref(probe);
}

/* N monitors "monitor 0" …; OPTIONS (taken) are what they all have. */
static inline void kit_add_monitors(struct coordinator_kit *k, int n, json_t *options)
{
	json_t *list = json_array();
	struct problems p = {0};
	struct plan *plan;

	for (int i = 0; i < n; i++) {
		json_t *m = json_deep_copy(options);
		json_object_set_new(m, "name", json_sprintf("monitor %d", i));
		json_object_set_new(m, "tcp", json_sprintf("host-%d.example.com:443", i));
		json_array_append_new(list, m);
	}
	ensure(registry_plan(k->c.registry, list, NULL, "", &plan, &p) == 0);
	ensure(registry_commit(k->c.registry, plan, kit_done, k) == 0);
	json_decref(list);
	json_decref(options);
	loop_run(k->c.loop);
}

/* What probe-PROBE says about MONITOR in ROUND (0: scheduled), just now. */
static inline void kit_report(struct coordinator_kit *k, int probe, const struct monitor *monitor,
	int64_t round, enum verdict verdict)
{
	struct result r = {.monitor = monitor->id,
		.monitor_revision = monitor->revision,
		.round = round,
		.verdict = verdict,
		.reason = verdict == VERDICT_DOWN ? REASON_TCP_REFUSED : REASON_OK,
		.duration_ms = 1};
	char name[32];

	snprintf(name, sizeof(name), "probe-%d", probe);
	(void)verdicts_result(k->c.verdicts, registry_probe(k->c.registry, name), &r,
		"{\"address\":\"192.0.2.1:443\",\"duration_ms\":1,\"detail\":"
		"\"connection refused by 192.0.2.1:443\"}");
}

#endif
