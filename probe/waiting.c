// SPDX-License-Identifier: MIT
/* Looks for the two files that joining leaves, the token last, once a second. */
#include "probe/waiting.h"

#include "probe/joined.h"
#include "probe/token.h"
#include "proto/base/log.h"
#include "proto/base/log_switch.h"
#include "proto/base/loop.h"
#include "proto/base/service.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#define LOOK_MS 1000

struct waiting {
	const char *path;
	struct probe_conf *conf;
	struct loop *loop;
	struct timer look;
	struct service service;
	struct watch_signal on_term, on_int, on_hup;
	struct log_switch log_switch;
	int status;
};

bool waiting_is_over(const struct probe_conf *conf)
{
	struct joined joined;
	char why[TOKEN_WHY_SIZE];
	if (access(conf->token_file, F_OK) == -1)
		return false;
	if (conf->name)
		return true;
	int found = joined_read(conf->state_dir, &joined, why);
	if (found == 0)
		schema_clear(&joined_schema, &joined);
	return found != JOINED_ABSENT; /* a damaged file is told by the start */
}

static void look_cb(void *arg)
{
	struct waiting *w = arg;
	if (waiting_is_over(w->conf))
		loop_stop(w->loop);
	else
		timer_set(&w->look, LOOK_MS);
}

static void stop_cb(void *arg, int signal)
{
	struct waiting *w = arg;
	log_info("probe.stopping signal=%d", signal);
	w->status = 1;
	loop_stop(w->loop);
}

static void reload_cb(void *arg, int signal)
{
	struct waiting *w = arg;
	struct probe_conf fresh;
	(void)signal;
	service_reloading();
	if (probe_conf_load(w->path, true, &fresh) == 0) {
		schema_clear(&probe_conf_schema, w->conf);
		*w->conf = fresh;
		log_set_level((enum log_level)fresh.log_level);
	}
	service_reloaded(&w->service);
}

static void status_cb(void *arg, char text[SERVICE_STATUS_SIZE])
{
	(void)arg;
	snprintf(text, SERVICE_STATUS_SIZE,
		"waiting to join: 'quorate-probe join' takes the line that 'quorate probe add' "
		"prints");
}

int waiting_run(const char *path, struct probe_conf *conf)
{
	struct waiting w = {.path = path, .conf = conf, .loop = loop_new()};
	log_info("probe.waiting token=%s msg=\"'quorate-probe join' takes the line that 'quorate "
		 "probe add' prints\"",
		log_quote(conf->token_file));
	watch_signal_start(&w.on_term, w.loop, SIGTERM, stop_cb, &w);
	watch_signal_start(&w.on_int, w.loop, SIGINT, stop_cb, &w);
	watch_signal_start(&w.on_hup, w.loop, SIGHUP, reload_cb, &w);
	log_switch_start(&w.log_switch, w.loop, &conf->log_level);
	timer_init(&w.look, w.loop, look_cb, &w);
	timer_set(&w.look, LOOK_MS);
	service_start(&w.service, w.loop, status_cb, &w);
	loop_run(w.loop);
	service_stop(&w.service);
	timer_clear(&w.look);
	watch_signal_stop(&w.on_term);
	watch_signal_stop(&w.on_int);
	watch_signal_stop(&w.on_hup);
	log_switch_stop(&w.log_switch);
	loop_free(w.loop);
	return w.status;
}
