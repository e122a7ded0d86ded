// SPDX-License-Identifier: MIT
/* One message carries readiness or the sign of life together with the status, when that has changed. */
#include "proto/base/service.h"

#include "proto/base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#define STATUS_MS 5000
#define FIRST_MS  1000 /* much happens in the first second */

static void say(struct service *s, const char *what)
{
	char text[SERVICE_STATUS_SIZE] = "";

	s->status(s->arg, text);
	for (char *c = text; *c; c++) /* a line break would begin another statement */
		*c = (unsigned char)*c < ' ' ? ' ' : *c;
	if (strcmp(text, s->said) == 0) {
		sd_notify(0, what);
		return;
	}
	memcpy(s->said, text, sizeof(text));
	sd_notifyf(0, "%s\nSTATUS=%s", what, text);
}

static void tick_cb(void *arg)
{
	struct service *s = arg;

	say(s, "WATCHDOG=1"); /* no harm when nobody watches */
	timer_set(&s->tick, s->period_ms);
}

void service_start(struct service *s, struct loop *loop, service_status_fn status, void *status_arg)
{
	uint64_t watchdog_us = 0;

	*s = (struct service){.period_ms = STATUS_MS, .status = status, .arg = status_arg};
	timer_init(&s->tick, loop, tick_cb, s);
	if (!getenv("NOTIFY_SOCKET"))
		return;
	if (sd_watchdog_enabled(0, &watchdog_us) > 0 && watchdog_us / 3000 < STATUS_MS)
		s->period_ms = (int64_t)(watchdog_us / 3000); /* two may come late */
	say(s, "READY=1");
	timer_set(&s->tick, s->period_ms < FIRST_MS ? s->period_ms : FIRST_MS);
}

void service_stop(struct service *s)
{
	timer_clear(&s->tick);
}

void service_stopping(void)
{
	sd_notify(0, "STOPPING=1\nSTATUS=ending");
}

void service_reloading(void)
{
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRId64 "\nSTATUS=reading the configuration",
		clock_now_us());
}

void service_reloaded(struct service *s)
{
	s->said[0] = '\0';
	say(s, "READY=1");
}
