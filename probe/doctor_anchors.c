// SPDX-License-Identifier: MIT
/* Each anchor once, as the running probe checks it; and whether they are enough to judge by. */
#include "probe/doctor_internal.h"

#include "probe/anchor.h"
#include "probe/bounds.h"
#include "proto/base/mem.h"

#include <stdlib.h>
#include <string.h>

struct doctor_anchor {
	struct doctor *d;
	const struct anchor *conf;
	char name[MONITOR_HOST_SIZE];
	struct seen_anchor seen;
	char *what; /* was found */
	bool over;
};

struct doctor_anchors {
	struct policy policy;
	struct engine *engine;
	struct doctor_anchor anchor[ANCHORS_MAX];
	int n;
};

static void on_done(void *arg, struct job *job, struct result *r)
{
	struct doctor_anchor *a = arg;
	(void)job;
	a->seen.seen = self_test_see(r, a->seen.name != NULL);
	a->what = a->seen.seen == SEEN_ANSWER
			  ? mem_printf("answers in %lld ms", (long long)r->duration_ms)
			  : mem_strdup(r->detail ? r->detail : reason_text_en(r->reason));
	a->over = true;
	doctor_done(a->d);
}

void doctor_anchors_begin(struct doctor *d)
{
	const struct anchor *conf = d->conf.anchors.item;
	if (!d->readable || !d->conf.anchors.n)
		return;
	struct doctor_anchors *all = d->anchors = mem_alloc(sizeof *all);
	struct engine_limits limits = bounds_limits(&d->conf);
	bounds_policy(&d->conf, &all->policy);
	all->engine = engine_new(d->loop, &all->policy, &limits);
	if (!all->engine)
		return;
	engine_set_proxies(all->engine, &d->conf.proxies);
	for (size_t i = 0; i < d->conf.anchors.n; i++) {
		struct doctor_anchor *a = &all->anchor[all->n++];
		a->d = d;
		a->conf = &conf[i];
		bool is_name = anchor_name(a->conf, a->name);
		a->seen = (struct seen_anchor){
			.family = anchor_family(a->conf), .name = is_name ? a->name : NULL};
		struct job *job = anchor_job(a->conf, ANCHOR_TIMEOUT_MS * 4);
		d->pending++;
		engine_run(all->engine, job, 0, on_done, a);
		job_unref(job);
	}
}

static void tell_one(struct doctor *d, const struct doctor_anchor *a)
{
	bool ok = a->over && a->seen.seen == SEEN_ANSWER;
	doctor_say(d, ok ? MARK_OK : MARK_WARN, "anchor", "%s (%s): %s", anchor_target(a->conf),
		self_part_names[a->seen.family], a->over ? a->what : "no answer");
	if (!ok)
		doctor_advise(d, "an anchor should answer always: name another one in anchors:, "
				 "unless this probe's own network is ill");
}

static void tell_family(struct doctor *d, const struct seen_anchor *seen, int n, int family)
{
	int anchors = 0, answer = 0;
	for (int i = 0; i < n; i++) {
		anchors += seen[i].family == family;
		answer += seen[i].family == family && seen[i].seen == SEEN_ANSWER;
	}
	if (!self_test_judges(family, seen, n)) {
		doctor_say(d, MARK_NOTE, "anchors",
			"%d for %s: the self-test is not judged there with fewer than %d", anchors,
			self_part_names[family], ANCHORS_MIN);
	} else if (3 * answer >= 2 * anchors) {
		doctor_say(d, MARK_OK, "anchors", "%d of %d for %s answer", answer, anchors,
			self_part_names[family]);
	} else {
		doctor_say(d, MARK_FAIL, "anchors",
			"%d of %d for %s answer: fewer than two thirds, so that its votes do not "
			"count",
			answer, anchors, self_part_names[family]);
		doctor_advise(d, "repair this machine's network, or name anchors that answer");
	}
}

void doctor_anchors_report(struct doctor *d)
{
	const struct doctor_anchors *all = d->anchors;
	struct seen_anchor seen[ANCHORS_MAX];
	if (!d->readable)
		return;
	if (!all) {
		doctor_say(d, MARK_NOTE, "anchors",
			"not configured: the self-test is not judged (anchors: in the file)");
		return;
	}
	for (int i = 0; i < all->n; i++) {
		tell_one(d, &all->anchor[i]);
		seen[i] = all->anchor[i].seen;
	}
	tell_family(d, seen, all->n, SELF_TEST_IPV4);
	tell_family(d, seen, all->n, SELF_TEST_IPV6);
	if (!self_test_judges(SELF_TEST_RESOLVER, seen, all->n))
		doctor_say(d, MARK_NOTE, "anchors",
			"the resolver is not judged with fewer than %d names among them",
			NAMES_MIN);
}

void doctor_anchors_free(struct doctor *d)
{
	struct doctor_anchors *all = d->anchors;
	if (!all)
		return;
	engine_free(all->engine);
	policy_clear(&all->policy);
	for (int i = 0; i < all->n; i++)
		free(all->anchor[i].what);
	free(all);
}
