// SPDX-License-Identifier: MIT
/* Jobs: of ten thousand that are scheduled few run at a time, the others' monitors rest packed. */
#include "probe/check.h"

#include "probe/net.h"
#include "probe/packed.h"
#include "proto/base/mem.h"
#include "proto/monitor.h"

#include <stdlib.h>
#include <string.h>

static void see_credential(void *arg, const struct credential_place *at UNUSED)
{
	struct job *job = arg;
	job->has_secrets = true;
}

struct job *job_new(struct monitor *take, int64_t assignment)
{
	struct job *job = mem_alloc(sizeof(*job));
	job->refs = 1;
	job->monitor = mem_alloc(sizeof(*job->monitor));
	*job->monitor = *take;
	job->assignment = assignment;
	memset(take, 0, sizeof(*take));
	monitor_each_credential(job->monitor, "", see_credential, job);
	if (job->monitor->type == CHECK_PING && job->monitor->target != NULL)
		job->literal = net_literal_new(job->monitor->target);
	return job;
}

static void job_free(struct job *job)
{
	monitor_clear(job->monitor);
	free(job->monitor);
	free(job->packed);
	free(job->average);
	free(job->destination);
	free(job->literal);
	free(job->unsupported);
	free(job);
}

void job_inherit(struct job *to, struct job *from)
{
	ensure(to->average == NULL);
	to->habit = from->habit;
	to->average = from->average;
	from->average = NULL;
}

/* ---- at rest */

/* Only people and the coordinator need the rest of it. */
static void keep_check(struct monitor *m)
{
	struct monitor check = {.id = m->id,
		.revision = m->revision,
		.organization = m->organization,
		.type = m->type,
		.target = m->target,
		.interval_ms = m->interval_ms,
		.timeout_ms = m->timeout_ms,
		.request = m->request,
		.expect = m->expect};
	m->organization = m->target = NULL;
	m->request = (struct request){0};
	m->expect = (struct expect){0};
	monitor_clear(m);
	*m = check;
}

/* What most monitors have in common: one of which nothing is said. */
static const struct monitor *usual(void)
{
	static struct monitor m;
	struct problems problems = {0};
	if (m.target != NULL)
		return &m;
	json_t *in = json_pack("{ssssss}", "name", "-", "type", "http", "target", "http://a/");
	ensure(monitor_decode(in, SCHEMA_WIRE, "", &m, &problems) == 0);
	json_decref(in);
	keep_check(&m);
	return &m;
}

static void fall_asleep(struct job *job)
{
	free(job->monitor);
	job->monitor = NULL;
}

static void wake_up(struct job *job)
{
	job->monitor = mem_alloc(sizeof(*job->monitor));
	packed_open(job->packed, usual(), sizeof(*job->monitor), job->monitor);
}

void job_rest(struct job *job)
{
	ensure(!job->rests && job->packed == NULL);
	keep_check(job->monitor);
	job->packed = packed_new(job->monitor, usual(), sizeof(*job->monitor));
	job->rests = true;
	if (job->refs == 1)
		fall_asleep(job);
}

struct job *job_ref(struct job *job)
{
	if (job->refs++ == job->rests)
		wake_up(job);
	return job;
}

void job_unref(struct job *job)
{
	if (job == NULL)
		return;
	ensure(job->refs > job->rests);
	if (--job->refs == 0)
		job_free(job);
	else if (job->refs == job->rests)
		fall_asleep(job);
}

void job_drop(struct job *job)
{
	if (job == NULL)
		return;
	job_ref(job); /* awake: others may be at work, and it is cleared at its end */
	job->rests = false;
	job->refs--;
	job_unref(job);
}
