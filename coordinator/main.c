// SPDX-License-Identifier: MIT
/*
 * quorate-coordinator: wiring, start and end. Everything is opened before the loop runs and closed
 * after it stopped, in the opposite order; what can fail at the start says so and ends the process
 * with status 1 (2: usage).
 */
#include "coordinator/admin.h"
#include "coordinator/api/api.h"
#include "coordinator/backup.h"
#include "coordinator/coordinator.h"
#include "coordinator/status_line.h"

#include "proto/base/clock.h"
#include "proto/base/log.h"
#include "proto/base/log_switch.h"
#include "proto/base/mem.h"
#include "proto/base/service.h"
#include "proto/base/journal.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define DAY_MS            INT64_C(86400000)
#define RESULTS_MAX_BYTES (INT64_C(4) << 30)
#define DEFAULT_CONFIG    "/etc/quorate/coordinator.yml"

struct options {
	const char *config;
	bool config_given, check_config, new_admin_key;
};

struct program {
	struct coordinator c;
	struct options options;
	struct watch_signal term, interrupt, hangup;
	struct service service;
	struct log_switch log_switch;
};

/* ---- command line */

static void usage(FILE *out)
{
	fputs("Usage: quorate-coordinator [-c FILE] [--check-config] [--new-admin-key]\n"
	      "       quorate-coordinator backup|restore|check …   (--help says more)\n"
	      "\n"
	      "  -c, --config FILE   configuration (default: " DEFAULT_CONFIG
	      "; all of it has defaults)\n"
	      "      --check-config  read the configuration, say what is wrong with it, and end\n"
	      "      --new-admin-key make another admin key and write it to admin.key in the state "
	      "folder\n"
	      "      --version       print the version\n"
	      "  -h, --help          print this\n"
	      "\n"
	      "SIGTERM ends it, SIGHUP reads the configuration again. See "
	      "quorate-coordinator(8).\n",
		out);
}

static void parse_options(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{"config", required_argument, NULL, 'c'},
		{"check-config", no_argument, NULL, 'C'},
		{"new-admin-key", no_argument, NULL, 'K'},
		{"version", no_argument, NULL, 'V'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	int option;

	*o = (struct options){.config = DEFAULT_CONFIG};
	while ((option = getopt_long(argc, argv, "c:h", longs, NULL)) != -1) {
		switch (option) {
		case 'c':
			o->config = optarg;
			o->config_given = true;
			break;
		case 'C':
			o->check_config = true;
			break;
		case 'K':
			o->new_admin_key = true;
			break;
		case 'V':
			puts("quorate-coordinator " QUORATE_VERSION);
			exit(0);
		case 'h':
			usage(stdout);
			exit(0);
		default:
			usage(stderr);
			exit(2);
		}
	}
	if (optind == argc)
		return;
	fprintf(stderr, "quorate-coordinator: unexpected argument '%s'\n\n", argv[optind]);
	usage(stderr);
	exit(2);
}

/* ---- the store's health */

static void on_store_health(void *arg, enum store_part part, const char *detail)
{
	struct program *p = arg;

	mem_set(&p->c.store_problem[part], detail);
	if (p->c.alerts)
		alerts_announce(p->c.alerts,
			detail ? "coordinator.degraded" : "coordinator.recovered",
			json_pack(
				"{s:s, s:s?}", "store", store_part_names[part], "detail", detail));
}

/* ---- signals */

static void on_stop(void *arg, int signal_number)
{
	struct program *p = arg;

	log_info("coordinator.stopping signal=%d", signal_number);
	loop_stop(p->c.loop);
}

static bool same_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

static void say_fixed(const char *key, const char *now, const char *wanted)
{
	if (!same_text(now, wanted))
		log_warning("config.needs_restart key=%s now=%s wanted=%s", key, log_quote(now),
			log_quote(wanted));
}

static void reload(struct program *p)
{
	struct coordinator_conf *old = &p->c.conf, conf;

	if (coordinator_conf_load(p->options.config, !p->options.config_given, &conf) == -1) {
		log_error("config.refused file=%s msg=\"the configuration in force stays\"",
			log_quote(p->options.config));
		return;
	}
	say_fixed("store", old->store, conf.store);
	say_fixed("state_dir", old->state_dir, conf.state_dir);
	say_fixed("link.report", old->report_address, conf.report_address);
	say_fixed("link.orders", old->orders_address, conf.orders_address);
	say_fixed("api.listen", old->api_listen, conf.api_listen);
	say_fixed("api.socket", old->api_socket, conf.api_socket);
	say_fixed("door.listen", old->door_listen, conf.door_listen);
	say_fixed("url", old->url, conf.url);
	notify_configure(p->c.notify, conf.channels.item, conf.channels.n);
	registry_set_per_target(p->c.registry, conf.per_target);
	store_set_retention(p->c.store, conf.retention_days * DAY_MS, RESULTS_MAX_BYTES);
	log_set_level((enum log_level)conf.log_level);
	(void)door_reload(p->c.door, &conf);
	coordinator_conf_clear(old);
	*old = conf;
	coordinator_set_join(&p->c);
	fleet_tell_pins(p->c.fleet);
	log_info("config.reloaded file=%s channels=%zu", log_quote(p->options.config),
		conf.channels.n);
}

static void on_hangup(void *arg, int signal_number)
{
	struct program *p = arg;

	(void)signal_number;
	service_reloading();
	reload(p);
	service_reloaded(&p->service);
}

static void on_status(void *arg, char text[SERVICE_STATUS_SIZE])
{
	struct program *p = arg;

	status_line(&p->c, text);
}

static void listen_to_the_world(struct program *p)
{
	signal(SIGPIPE, SIG_IGN);
	watch_signal_start(&p->term, p->c.loop, SIGTERM, on_stop, p);
	watch_signal_start(&p->interrupt, p->c.loop, SIGINT, on_stop, p);
	watch_signal_start(&p->hangup, p->c.loop, SIGHUP, on_hangup, p);
	log_switch_start(&p->log_switch, p->c.loop, &p->c.conf.log_level);
}

/* ---- start and end */

static void make_state_dir(const char *path)
{
	if (mkdir(path, 0700) == -1 && errno != EEXIST) {
		log_errno("state_dir.unusable path=%s", log_quote(path));
		exit(1);
	}
}

/* As many descriptors as we may have: each probe's link and each API client takes some. */
static void raise_limits(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* 0, or -1 after the part that failed has said why. */
static int open_parts(struct program *p)
{
	struct coordinator *c = &p->c;

	c->started_wall_ms = clock_wall_ms();
	c->loop = loop_new();
	c->curl = curl_loop_new(c->loop);
	if (store_open(&c->store, c->loop, c->conf.store, on_store_health, p) == -1)
		return -1;
	store_set_retention(c->store, c->conf.retention_days * DAY_MS, RESULTS_MAX_BYTES);
	if (!(c->registry = registry_open(c->store, c->conf.per_target)))
		return -1;
	if (notify_open(&c->notify, c->loop, c->store, c->curl, c->conf.channels.item,
		    c->conf.channels.n) == -1)
		return -1;
	if (!(c->alerts = alerts_new(c->store, c->notify, c->conf.url)))
		return -1;
	if (!(c->verdicts = verdicts_new(c)) || !(c->fleet = fleet_open(c)))
		return -1;
	verdicts_start(c->verdicts);
	if (admin_ensure_key(c->loop, c->registry, c->conf.state_dir, p->options.new_admin_key) ==
		-1)
		return -1;
	if (api_open(&c->api, c) == -1)
		return -1;
	if (door_open(&c->door, c) == -1)
		return -1;
	coordinator_set_join(c);
	return 0;
}

static void close_parts(struct program *p)
{
	struct coordinator *c = &p->c;

	door_close(c->door);
	join_place_free(c->join);
	if (c->api)
		api_close(c->api);
	if (c->fleet)
		fleet_close(c->fleet);
	if (c->verdicts)
		verdicts_free(c->verdicts);
	if (c->notify)
		notify_close(c->notify);
	if (c->store)
		store_close(c->store);
	if (c->alerts)
		alerts_free(c->alerts);
	if (c->registry)
		registry_close(c->registry);
	curl_loop_free(c->curl);
	loop_free(c->loop);
	for (int part = 0; part < STORE_PART_COUNT; part++)
		free(c->store_problem[part]);
}

static void run(struct program *p)
{
	listen_to_the_world(p);
	log_info("coordinator.started version=%s api=%s socket=%s report=%s orders=%s store=%s "
		 "monitors=%zu",
		QUORATE_VERSION, log_quote(p->c.conf.api_listen), log_quote(p->c.conf.api_socket),
		log_quote(p->c.conf.report_address), log_quote(p->c.conf.orders_address),
		log_quote(p->c.conf.store), registry_count_monitors(p->c.registry));
	service_start(&p->service, p->c.loop, on_status, p);
	loop_run(p->c.loop);
	service_stopping();
	service_stop(&p->service);
	watch_signal_stop(&p->term);
	watch_signal_stop(&p->interrupt);
	watch_signal_stop(&p->hangup);
	log_switch_stop(&p->log_switch);
}

int main(int argc, char **argv)
{
	static struct program p;
	int status = 0;

	if (argc > 1 && backup_is_command(argv[1]))
		return backup_main(argc - 1, argv + 1);
	parse_options(argc, argv, &p.options);
	if (coordinator_conf_load(p.options.config, !p.options.config_given, &p.c.conf) == -1)
		return 1;
	if (p.options.check_config) {
		printf("%s: the configuration is fine\n", p.options.config);
		coordinator_conf_clear(&p.c.conf);
		return 0;
	}
	umask(0077);
	(void)journal_attach();
	log_set_level((enum log_level)p.c.conf.log_level);
	raise_limits();
	make_state_dir(p.c.conf.state_dir);
	json_object_seed(0); /* before the store's thread begins */
	curl_global_init(CURL_GLOBAL_DEFAULT);
	if (open_parts(&p) == 0)
		run(&p);
	else
		status = 1;
	close_parts(&p);
	coordinator_conf_clear(&p.c.conf);
	curl_global_cleanup();
	return status;
}
