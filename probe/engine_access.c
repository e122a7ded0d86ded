// SPDX-License-Identifier: MIT
/* What check types and the program ask of an engine; and steps told to those who want them. */
#include "probe/engine_internal.h"

#include "probe/families.h"
#include "probe/pinger.h"
#include "probe/redact.h"
#include "probe/resolver.h"
#include "proto/base/mem.h"

#include <stdlib.h>

void engine_on_late(struct engine *engine, engine_late_fn fn, void *arg)
{
	engine->on_late = fn;
	engine->on_late_arg = arg;
}

void engine_trace(struct engine *engine, engine_trace_fn fn, void *arg)
{
	engine->trace = fn;
	engine->trace_arg = arg;
}

void engine_tell_step(const struct check *check, const char *text)
{
	bool half = ((const struct run *)check)->twin != NULL;
	char *shown =
		half ? mem_printf("%s: %s", family_label(check->family), text) : mem_strdup(text);
	redact_words(&shown, check->monitor);
	check->engine->trace(check->engine->trace_arg, check, shown);
	free(shown);
}

void engine_set_memory(struct engine *engine, int64_t memory_bytes)
{
	engine->limits.memory_bytes = memory_bytes;
	timer_set_us(&engine->pump, 0);
}

int64_t engine_in_flight(const struct engine *engine)
{
	return engine->runs[STATE_RUNNING].n;
}

void engine_use_resolver(struct engine *engine, struct resolver *take)
{
	resolver_free(engine->resolver);
	engine->resolver = take;
}

struct resolver *engine_resolver(struct engine *engine)
{
	return engine->resolver;
}

struct curl_loop *engine_curl(struct engine *engine)
{
	return engine->curl;
}

struct http_handles *engine_http_handles(struct engine *engine)
{
	return engine->handles;
}

struct certs *engine_certs(struct engine *engine)
{
	return engine->certs;
}

struct pinger *engine_pinger(struct engine *engine)
{
	return engine->pinger;
}

const struct policy *engine_policy(const struct engine *engine)
{
	return engine->policy;
}

const struct engine_limits *engine_limits(const struct engine *engine)
{
	return &engine->limits;
}

void engine_set_proxies(struct engine *engine, const struct pairs *proxies)
{
	engine->proxies = proxies;
}

const char *engine_proxy(const struct engine *engine, const char *name)
{
	for (size_t i = 0; engine->proxies != NULL && i < engine->proxies->n; i++)
		if (strcmp(engine->proxies->item[i].name, name) == 0)
			return engine->proxies->item[i].value;
	return NULL;
}

bool engine_can_ping(const struct engine *engine, int family)
{
	return pinger_works(engine->pinger, family);
}
