// SPDX-License-Identifier: MIT
/*
 * Orders go agent -> schedule, starts go schedule -> engine, results go engine -> agent. Between
 * engine and agent a result loses its vote when this machine, or its network, could not be believed
 * meanwhile. Opens no listening socket.
 */
#include "probe/daemon.h"

#include "probe/agent.h"
#include "probe/anchors.h"
#include "probe/bounds.h"
#include "probe/certs.h"
#include "probe/check.h"
#include "probe/joined.h"
#include "probe/memory.h"
#include "probe/dial.h"
#include "proto/fence.h"
#include "probe/schedule.h"
#include "probe/tilt.h"
#include "probe/token.h"
#include "probe/uplinks.h"
#include "probe/whereabouts.h"
#include "proto/base/clock.h"
#include "proto/base/log.h"
#include "proto/base/log_switch.h"
#include "proto/base/loop.h"
#include "proto/base/mem.h"
#include "proto/base/service.h"
#include "proto/base/yaml.h"
#include "proto/base/journal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define STOP_MS      1000  /* for the last results to be taken */
#define CLOCK_OFF_MS 60000 /* from the coordinator's: too far to judge a certificate's dates */

struct daemon {
	const char *conf_path;
	struct probe_conf conf;
	char *token;
	struct loop *loop;
	struct policy policy;
	struct engine *engine;
	struct schedule *schedule;
	struct whereabouts *whereabouts; /* NULL: as the next */
	struct uplinks *uplinks;         /* NULL: the coordinator is on this machine */
	struct agent *agent;
	struct anchors *anchors;
	struct tilt tilt;
	int64_t memory_limit_bytes; /* of this process */
	struct timer tick, stop;
	struct service service;
	bool stopping;
	struct watch_signal on_term, on_int, on_hup;
	struct log_switch log_switch;
};

/* ---- results */

/* The finding becomes "could not look": never a vote. The evidence stays. */
static void spoil(struct result *r, enum reason reason, const char *detail)
{
	r->verdict = VERDICT_NONE;
	r->reason = (int)reason;
	mem_set(&r->detail, detail);
	for (int i = 0; i < THRESHOLD_COUNT; i++)
		r->severity[i] = SEVERITY_NONE;
}

static bool judged_by_dates(const struct result *r)
{
	return r->reason == REASON_TLS_EXPIRED || r->reason == REASON_TLS_NOT_YET_VALID ||
	       r->severity[THRESHOLD_CERTIFICATE] != SEVERITY_NONE;
}

static void look_for_tilt(struct daemon *d)
{
	int64_t gap_ms;
	enum tilt_kind kind = tilt_look(&d->tilt, clock_now_ms(), clock_wall_ms(), &gap_ms);
	if (kind == TILT_NONE)
		return;
	log_warning("probe.tilt kind=%s gap_ms=%" PRId64, tilt_names[kind], gap_ms);
	if (kind == TILT_CLOCK && gap_ms > 0) {
		anchors_flush(d->anchors);
		agent_age(d->agent, gap_ms);
	}
}

static bool across_tilt(const struct daemon *d, const struct result *r, int64_t now_ms)
{
	return now_ms - r->duration_ms < d->tilt.tilted_at_ms;
}

static void judge(struct daemon *d, struct result *r, int64_t now_ms)
{
	int64_t offset_ms = agent_clock_offset_ms(d->agent);
	if (r->verdict == VERDICT_NONE)
		return;
	if (across_tilt(d, r, now_ms)) {
		if (d->tilt.kind == TILT_CLOCK)
			spoil(r, REASON_INTERNAL_CLOCK,
				"the probe's clock jumped during the check");
		else
			spoil(r, REASON_INTERNAL_OVERLOAD,
				"the probe stood still during the check");
	} else if ((offset_ms > CLOCK_OFF_MS || offset_ms < -CLOCK_OFF_MS) && judged_by_dates(r)) {
		spoil(r, REASON_INTERNAL_CLOCK, "the probe's clock is off by more than a minute");
	}
}

/* ---- the self-test */

static bool believed_cb(void *arg, const struct result *r)
{
	struct daemon *d = arg;
	look_for_tilt(d);
	return !across_tilt(d, r, clock_now_ms());
}

static void judged_cb(void *arg, struct result *r, int64_t ended_at_ms, int spoilt)
{
	static const char *const details[] = {
		"the probe's self-test fails: too few of its IPv4 anchors answer",
		"the probe's self-test fails: too few of its IPv6 anchors answer",
		"the probe's self-test fails: its resolver finds no name"};
	struct daemon *d = arg;
	if (spoilt >= 0)
		spoil(r, REASON_INTERNAL_SELF_TEST, details[spoilt]);
	agent_add(d->agent, r, ended_at_ms);
}

static void self_test_cb(void *arg)
{
	struct daemon *d = arg;
	agent_set_self_test(d->agent, self_test_sum(anchors_state(d->anchors)));
}

static void done_cb(void *arg, struct job *job, struct result *result)
{
	struct daemon *d = arg;
	look_for_tilt(d);
	int64_t now_ms = clock_now_ms();
	judge(d, result, now_ms);
	if (result->verdict == VERDICT_UP)
		cert_chain_clear(&result->certificate); /* would double what it takes for ever */
	anchors_take(d->anchors, job, result, now_ms);
	if (d->stopping)
		anchors_flush(d->anchors);
}

/* ---- starts */

static void late_cb(void *arg, const struct job *job, int64_t waited_us)
{
	struct daemon *d = arg;
	if (self_test_sum(anchors_state(d->anchors)) == SELF_FAILED)
		return; /* no wonder */
	struct suspicion s = {.monitor = job->monitor->id,
		.monitor_revision = job->monitor->revision,
		.waited_ms = waited_us / 1000};
	agent_suspect(d->agent, &s);
}

static void refuse(struct daemon *d, struct job *job, int64_t round, enum fence fence)
{
	struct result r;
	bounds_refuse(&r, job, round, fence);
	agent_add(d->agent, &r, clock_now_ms());
}

static void run_cb(void *arg, struct job *job, int64_t round)
{
	struct daemon *d = arg;
	enum fence fence = job->unsupported != NULL
				   ? FENCE_OPEN /* nothing is contacted */
				   : bounds_judge(&d->conf, &d->policy, job->monitor);
	if (fence == FENCE_OPEN) {
		certs_set_clock(engine_certs(d->engine), agent_clock_offset_ms(d->agent));
		engine_run(d->engine, job, round, done_cb, d);
	} else {
		refuse(d, job, round, fence);
	}
}

static void drop_cb(void *arg, const struct id *monitor)
{
	struct daemon *d = arg;
	agent_forget(d->agent, monitor);
}

/* ---- the agent's questions */

static void orders_cb(void *arg, const struct orders *orders)
{
	struct daemon *d = arg;
	int64_t before = d->schedule ? schedule_count(d->schedule) : 0;
	if (!d->schedule)
		return; /* stopping */
	schedule_apply(d->schedule, orders);
	if (schedule_count(d->schedule) == before)
		return;
	log_info("probe.assigned monitors=%" PRId64, schedule_count(d->schedule));
	engine_set_memory(
		d->engine, memory_for_checks(d->memory_limit_bytes, schedule_count(d->schedule)));
}

/* Whether the kernel has a route for the family: no packet leaves. */
static bool has_route(int family)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(9)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(9)};
	inet_pton(AF_INET, "192.0.2.1", &v4.sin_addr);
	inet_pton(AF_INET6, "2001:db8::1", &v6.sin6_addr);
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return false;
	int failed = family == AF_INET ? connect(fd, (struct sockaddr *)&v4, sizeof v4)
				       : connect(fd, (struct sockaddr *)&v6, sizeof v6);
	close(fd);
	return failed == 0;
}

/* A network that the local file allows need not be behind a default route. */
static bool reaches(const struct daemon *d, int family)
{
	for (size_t i = 0; i < d->policy.n_allow; i++)
		if (d->policy.allow[i].family == family)
			return true;
	return has_route(family);
}

static void capabilities_cb(void *arg, struct capabilities *out)
{
	struct daemon *d = arg;
	static char *names[PROXIES_MAX];
	*out = (struct capabilities){.ipv4 = reaches(d, AF_INET),
		.ipv6 = reaches(d, AF_INET6),
		.icmp = engine_can_ping(d->engine, AF_INET) || engine_can_ping(d->engine, AF_INET6),
		.types = d->conf.types,
		.methods = d->conf.methods,
		.allow = d->conf.allow,
		.ports = d->conf.ports,
		.organizations = d->conf.organizations,
		.proxies = bounds_proxies(&d->conf, names),
		.min_interval_ms = d->conf.min_interval_ms,
		.per_second = d->conf.per_second,
		.per_destination = d->conf.per_destination,
		.body_max_bytes = d->conf.body_max_bytes};
}

/* Pins count only where the link is one that was proven by a pin. */
static bool pins_cb(void *arg, const struct strings *pins)
{
	struct daemon *d = arg;
	const struct strings *known = &d->conf.coordinator.pin;
	char why[TOKEN_WHY_SIZE], *before;
	if (!d->uplinks || !known->n)
		return true;
	before = mem_strdup(known->item[0]);
	bool kept = joined_repin(&d->conf, pins, why) == 0;
	if (!kept)
		log_warning("probe.pins note=\"the coordinator's next key is not kept\" error=%s",
			log_quote(why));
	else if (strcmp(before, known->item[0]) != 0)
		log_info("probe.pins note=\"the coordinator has its next key\"");
	free(before);
	return kept;
}

static void silent_cb(void *arg, enum link_stream stream)
{
	struct daemon *d = arg;
	if (d->uplinks)
		uplinks_cut(d->uplinks, stream);
}

/* ---- configuration */

/* A check is no way to talk to the coordinator, wherever its names lead. */
static void learn_cb(void *arg, const struct sockaddr *address)
{
	struct daemon *d = arg;
	policy_learn(&d->policy, address);
}

static void reload(struct daemon *d)
{
	struct probe_conf wanted;
	char why[TOKEN_WHY_SIZE] = "the file has errors";
	if (probe_conf_load(d->conf_path, false, &wanted) || joined_complete(&wanted, why)) {
		log_error("probe.conf note=\"not changed\" error=%s", log_quote(why));
		schema_clear(&probe_conf_schema, &wanted);
		return;
	}
	probe_conf_keep(&wanted, &d->conf);
	int64_t spool_max_bytes = d->conf.spool_max_bytes;
	schema_clear(&probe_conf_schema, &d->conf);
	d->conf = wanted;
	log_set_level((enum log_level)d->conf.log_level);
	bounds_policy(&d->conf, &d->policy);
	struct engine_limits limits = bounds_limits(&d->conf);
	limits.memory_bytes = memory_for_checks(
		d->memory_limit_bytes, d->schedule ? schedule_count(d->schedule) : 0);
	engine_set_limits(d->engine, &limits);
	if (d->schedule)
		schedule_set_min_interval(d->schedule, d->conf.min_interval_ms);
	anchors_set(d->anchors, &d->conf.anchors);
	agent_set_results_max(d->agent, d->conf.results_max);
	if (spool_max_bytes != d->conf.spool_max_bytes)
		agent_set_spool_max(d->agent, d->conf.spool_max_bytes);
	agent_renew(d->agent); /* the coordinator learns what we allow now */
	log_info("probe.conf note=\"read again\"");
}

/* ---- signals and signs of life */

static void stop_now(void *arg)
{
	struct daemon *d = arg;
	loop_stop(d->loop);
}

static void stop_cb(void *arg, int signal)
{
	struct daemon *d = arg;
	if (d->stopping) {
		loop_stop(d->loop);
		return;
	}
	d->stopping = true;
	log_info("probe.stopping signal=%d", signal);
	service_stopping();
	schedule_free(d->schedule);
	d->schedule = NULL;
	timer_set(&d->stop, STOP_MS);
	anchors_flush(d->anchors);
	agent_drain(d->agent, stop_now, d);
}

static void reload_cb(void *arg, int signal)
{
	struct daemon *d = arg;
	(void)signal;
	if (d->stopping)
		return;
	service_reloading();
	reload(d);
	service_reloaded(&d->service);
}

static void tick_cb(void *arg)
{
	struct daemon *d = arg;
	look_for_tilt(d);
	timer_set(&d->tick, TILT_TICK_MS);
}

/* ---- start and end */

static int open_parts(struct daemon *d)
{
	char why[TOKEN_WHY_SIZE];
	if (token_read(d->conf.token_file, &d->token, why)) {
		log_error("probe.token error=%s", log_quote(why));
		return -1;
	}
	if (d->conf.coordinator.addresses.n &&
		uplinks_open(&d->uplinks, d->loop, &d->conf.coordinator, d->conf.name, d->token,
			learn_cb, d))
		return -1;
	bounds_policy(&d->conf, &d->policy);
	struct engine_limits limits = bounds_limits(&d->conf);
	d->memory_limit_bytes = memory_limit("");
	limits.memory_bytes = memory_for_checks(d->memory_limit_bytes, 0);
	d->engine = engine_new(d->loop, &d->policy, &limits);
	if (!d->engine)
		return -1;
	engine_on_late(d->engine, late_cb, d);
	engine_set_proxies(d->engine, &d->conf.proxies);
	certs_warm(engine_certs(d->engine)); /* no check has to wait for that */
	if (d->conf.coordinator.addresses.n)
		d->whereabouts = whereabouts_new(d->loop, engine_resolver(d->engine),
			&d->conf.coordinator.addresses, learn_cb, d);
	d->schedule = schedule_new(d->loop, d->conf.min_interval_ms, run_cb, drop_cb, d);
	struct agent_config config = {.probe = d->conf.name,
		.token = d->token,
		.software = "quorate-probe/" QUORATE_VERSION,
		.report_address = d->conf.report_address,
		.orders_address = d->conf.orders_address,
		.results_max = d->conf.results_max,
		.state_dir = d->conf.state_dir,
		.spool_max_bytes = d->conf.spool_max_bytes};
	if (d->uplinks) {
		config.report_address = uplinks_address(d->uplinks, LINK_REPORT);
		config.orders_address = uplinks_address(d->uplinks, LINK_ORDERS);
	}
	struct agent_hooks hooks = {.orders = orders_cb,
		.capabilities = capabilities_cb,
		.pins = pins_cb,
		.silent = silent_cb,
		.arg = d};
	if (agent_open(&d->agent, d->loop, &config, &hooks))
		return -1;
	struct anchors_hooks self_test = {
		.judged = judged_cb, .believed = believed_cb, .changed = self_test_cb, .arg = d};
	d->anchors = anchors_new(d->loop, d->engine, &self_test);
	anchors_set(d->anchors, &d->conf.anchors);
	return 0;
}

static void close_parts(struct daemon *d)
{
	schedule_free(d->schedule);
	whereabouts_free(d->whereabouts);
	engine_free(d->engine);
	anchors_free(d->anchors);
	agent_close(d->agent);
	uplinks_close(d->uplinks);
	policy_clear(&d->policy);
	token_free(d->token);
	schema_clear(&probe_conf_schema, &d->conf);
}

static void status_cb(void *arg, char text[SERVICE_STATUS_SIZE])
{
	struct daemon *d = arg;
	snprintf(text, SERVICE_STATUS_SIZE, "probe %s, %s; %" PRId64 " monitors", d->conf.name,
		agent_in_session(d->agent) ? "connected" : "not connected",
		d->schedule ? schedule_count(d->schedule) : 0);
}

static void watch(struct daemon *d)
{
	watch_signal_start(&d->on_term, d->loop, SIGTERM, stop_cb, d);
	watch_signal_start(&d->on_int, d->loop, SIGINT, stop_cb, d);
	watch_signal_start(&d->on_hup, d->loop, SIGHUP, reload_cb, d);
	log_switch_start(&d->log_switch, d->loop, &d->conf.log_level);
	timer_init(&d->tick, d->loop, tick_cb, d);
	timer_init(&d->stop, d->loop, stop_now, d);
	tilt_init(&d->tilt, clock_now_ms(), clock_wall_ms());
	timer_set(&d->tick, TILT_TICK_MS);
	service_start(&d->service, d->loop, status_cb, d);
}

static void unwatch(struct daemon *d)
{
	service_stop(&d->service);
	watch_signal_stop(&d->on_term);
	watch_signal_stop(&d->on_int);
	watch_signal_stop(&d->on_hup);
	log_switch_stop(&d->log_switch);
	timer_clear(&d->tick);
	timer_clear(&d->stop);
}

/* A core file would put orders and secrets on the disk. */
static void dump_no_core(void)
{
	const struct rlimit none = {0, 0};
	if (setrlimit(RLIMIT_CORE, &none) == -1)
		log_warning("probe.core_files error=%s", log_quote(strerror(errno)));
}

int daemon_run(const char *conf_path, struct probe_conf *take)
{
	struct daemon *d = mem_alloc(sizeof *d);
	int status = 1;
	d->conf_path = conf_path;
	d->conf = *take;
	*take = (struct probe_conf){0};
	d->loop = loop_new();
	(void)journal_attach();
	log_set_level((enum log_level)d->conf.log_level);
	dump_no_core();
	if (open_parts(d) == 0) {
		watch(d);
		log_info("probe.started name=%s version=%s", log_quote(d->conf.name),
			QUORATE_VERSION);
		loop_run(d->loop);
		unwatch(d);
		log_info("probe.stopped");
		status = 0;
	}
	close_parts(d);
	loop_free(d->loop);
	free(d);
	return status;
}
