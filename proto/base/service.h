// SPDX-License-Identifier: MIT
/*
 * What a service manager (systemd, sd_notify(3)) is told: that we are ready, what we are doing, and,
 * when it asks for that, that we are alive. The signs of life come from the loop: one that hangs is
 * ended. Without a service manager nothing of this happens.
 */
#ifndef QUORATE_BASE_SERVICE_H
#define QUORATE_BASE_SERVICE_H

#include "proto/base/loop.h"

#define SERVICE_STATUS_SIZE 256

/* Writes one line for people (systemctl status) into TEXT; called every few seconds. */
typedef void (*service_status_fn)(void *arg, char text[SERVICE_STATUS_SIZE]);

struct service {
	struct timer tick;
	int64_t period_ms;
	service_status_fn status;
	void *arg;
	char said[SERVICE_STATUS_SIZE];
};

/* Says that we are ready, and goes on from LOOP until service_stop(). */
void service_start(
	struct service *s, struct loop *loop, service_status_fn status, void *status_arg);
/* Says that we are on our way out. */
void service_stopping(void);
/* No more signs of life. */
void service_stop(struct service *s);
/* Around the reading of a changed configuration. */
void service_reloading(void);
void service_reloaded(struct service *s);

#endif
