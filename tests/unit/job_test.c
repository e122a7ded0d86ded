// SPDX-License-Identifier: MIT
/* Jobs at rest, and the packing beneath: what wakes up is what fell asleep, and little of it was kept. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "probe/check.h"
#include "probe/net.h"
#include "probe/packed.h"
#include "proto/base/mem.h"
#include "proto/base/rand.h"
#include "proto/monitor.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#define WORDS 75 /* no multiple of 32 */

static void what_was_packed_is_opened_as_it_was(void **state UNUSED)
{
	uint32_t object[WORDS], usual[WORDS], out[WORDS];
	for (int differing = 0; differing <= WORDS; differing++) {
		for (int i = 0; i < WORDS; i++)
			object[i] = usual[i] = (uint32_t)rand_below(3) - 1;
		for (int n = 0; n < differing; n++) /* the last ones among them */
			object[WORDS - 1 - n] = ~usual[WORDS - 1 - n];
		uint32_t *packed = packed_new(object, usual, sizeof(object));
		memset(out, 0xa5, sizeof(out));
		packed_open(packed, usual, sizeof(object), out);
		assert_memory_equal(out, object, sizeof(object));
		assert_true(malloc_usable_size(packed) <= 4 * ((size_t)differing + 3) + 24);
		free(packed);
	}
}

static const char *const monitors[] = {
	"{'name': 'a', 'ping': '192.0.2.1', 'interval': '7s', 'expect': {'loss': {'warning': 5}}}",
	"{'name': 'b', 'tcp': 'h.test:25', 'request': {'starttls': 'smtp'}, 'organization': 'o',"
	" 'expect': {'certificate_days': {}}, 'regions': ['x', 'y'], 'labels': {'k': 'v'}}",
	"{'name': 'c', 'http': 'https://h.test/', 'timeout': '3s', 'memo': 'call us', "
	"'external_id': 'e',"
	" 'service': 's', 'parents': ['a'], 'request': {'headers': {'X': 'y'}, 'auth': {'token': "
	"'secret'},"
	" 'body': 'text', 'method': 'POST'}, 'expect': {'status': ['200-204', 301], 'json':"
	" [{'pointer': '/a', 'less': 3}], 'value': {'json': '/n', 'above': {'warning': 1.5}}}}",
	"{'name': 'd', 'redirect': 'http://h.test/', 'expect': {'hops': [{'status': 301}]}}",
	"{'name': 'e', 'tls': 'h.test', 'expect': {'tls_version': {'min': 'TLSv1.2'}}}",
	"{'name': 'f', 'dns': 'h.test', 'request': {'record': 'MX'}, 'expect': {'answers': "
	"{'any': '10 mx.test.'}}}",
};

static struct job *job_of(const char *text)
{
	char line[1024];
	size_t n = strlen(text);
	struct monitor m;
	struct problems problems = {0};
	for (size_t i = 0; i <= n; i++)
		line[i] = (char)(text[i] == '\'' ? '"' : text[i]);
	json_t *in = json_loads(line, 0, NULL);
	assert_non_null(in);
	if (monitor_decode(in, SCHEMA_STRICT, "", &m, &problems) != 0)
		fail_msg("%s: %s", problems.item[0].path, problems.item[0].message);
	json_decref(in);
	m.id = id_new();
	m.revision = 4;
	return job_new(&m, 9);
}

/* The wire form, without what no check looks at. */
static json_t *told(const struct monitor *m)
{
	static const char *const others[] = {"name", "external_id", "service", "memo", "labels",
		"regions", "quorum", "parents", "alert", "enabled", "domain"};
	json_t *doc = monitor_encode(m, SCHEMA_WIRE | SCHEMA_FULL);
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		json_object_del(doc, others[i]);
	return doc;
}

static void a_monitor_wakes_up_as_it_fell_asleep(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(monitors); i++) {
		struct job *job = job_of(monitors[i]);
		json_t *before = told(job->monitor);
		job_rest(job);
		assert_null(job->monitor);
		assert_true(malloc_usable_size(job->packed) < sizeof(struct monitor) / 3);
		for (int times = 0; times < 2; times++) {
			assert_ptr_equal(job_ref(job), job);
			json_t *after = told(job->monitor);
			assert_true(json_equal(before, after));
			assert_null(job->monitor->name);
			json_decref(after);
			job_unref(job);
			assert_null(job->monitor);
		}
		json_decref(before);
		job_drop(job); /* of one that is asleep */
	}
}

static void checks_at_the_same_time_share_it(void **state UNUSED)
{
	struct job *job = job_of(monitors[2]);
	job_rest(job);
	job_ref(job);
	struct monitor *awake = job->monitor;
	job_ref(job);
	assert_ptr_equal(job->monitor, awake);
	job_unref(job);
	assert_ptr_equal(job->monitor, awake);
	job_drop(job); /* while a check runs: it goes on */
	assert_string_equal(job->monitor->target, "https://h.test/");
	job_unref(job);
	job_drop(NULL);
}

static void one_that_is_at_work_falls_asleep_after_it(void **state UNUSED)
{
	struct job *job = job_of(monitors[0]);
	job_ref(job);
	job_rest(job);
	assert_string_equal(job->monitor->target, "192.0.2.1");
	assert_int_equal(job->literal->address.any.sa_family, AF_INET);
	job_unref(job);
	assert_null(job->monitor);
	job_drop(job);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_packed_is_opened_as_it_was),
		cmocka_unit_test(a_monitor_wakes_up_as_it_fell_asleep),
		cmocka_unit_test(checks_at_the_same_time_share_it),
		cmocka_unit_test(one_that_is_at_work_falls_asleep_after_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
