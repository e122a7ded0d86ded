// SPDX-License-Identifier: MIT
/* What the local file means: which addresses and ports, how fast, and which monitors. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "probe/bounds.h"
#include "probe/net.h"
#include "proto/base/mem.h"
#include "proto/base/yaml.h"
#include "proto/monitor.h"

#include <string.h>

static void load(const char *text, struct probe_conf *conf)
{
	struct problems problems = {0};
	struct yaml_error error;
	struct yaml_doc *doc;
	assert_int_equal(yaml_load_text("test", text, strlen(text), &doc, &error), 0);
	assert_int_equal(
		schema_decode(&probe_conf_schema, SCHEMA_STRICT, yaml_root(doc), conf, &problems),
		0);
	yaml_doc_free(doc);
}

static void addresses_and_ports(void **state UNUSED)
{
	static const struct {
		const char *address;
		bool permitted;
	} cases[] = {
		{"8.8.8.8", true}, {"10.20.0.1", true}, {"10.21.0.1", false}, {"127.0.0.1", false},
		{"9.9.9.9", false}, /* the coordinator */
	};
	struct probe_conf conf;
	struct policy policy = {0};
	struct sockaddr_storage address;
	load("{allow: [10.20.0.0/16], ports: [443], coordinator: {addresses: ['9.9.9.9:443'], "
	     "name: "
	     "a}, per_second: 7, per_destination: 3, in_flight_max: 5, body_max: 2048}",
		&conf);
	bounds_policy(&conf, &policy);
	bounds_policy(&conf, &policy); /* anew, not twice */
	assert_int_equal(policy.n_allow, 1);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_true(net_parse_literal(cases[i].address, &address));
		if (policy_permits(&policy, (struct sockaddr *)&address) != cases[i].permitted)
			fail_msg("%s", cases[i].address);
	}
	assert_true(policy_permits_port(&policy, 443));
	assert_false(policy_permits_port(&policy, 80));
	struct engine_limits limits = bounds_limits(&conf);
	assert_int_equal(limits.per_second, 7);
	assert_int_equal(limits.per_destination, 3);
	assert_int_equal(limits.in_flight_max, 5);
	assert_int_equal(limits.body_max_bytes, 2048);
	policy_clear(&policy);
	schema_clear(&probe_conf_schema, &conf);
}

static void monitors(void **state UNUSED)
{
	static const struct {
		int type, method;
		const char *target;
		enum fence fence;
	} cases[] = {
		{CHECK_HTTP, METHOD_GET, "http://8.8.8.8/", FENCE_OPEN},
		{CHECK_HTTP, METHOD_POST, "http://8.8.8.8/", FENCE_METHOD},
		{CHECK_TCP, METHOD_GET, "8.8.8.8:80", FENCE_TYPE},
		{CHECK_HTTP, METHOD_GET, "http://10.0.0.1/", FENCE_ADDRESS},
		{CHECK_HTTP, METHOD_GET, "http://8.8.8.8:81/", FENCE_PORT},
	};
	struct probe_conf conf;
	struct policy policy = {0};
	load("{types: [http], methods: [GET], ports: [80]}", &conf);
	bounds_policy(&conf, &policy);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct monitor m = {.type = cases[i].type, .target = mem_strdup(cases[i].target)};
		struct result r;
		m.request.method = cases[i].method;
		m.revision = 4;
		struct job *job = job_new(&m, 9);
		assert_int_equal(bounds_judge(&conf, &policy, job->monitor), cases[i].fence);
		if (cases[i].fence != FENCE_OPEN) {
			bounds_refuse(&r, job, 2, cases[i].fence);
			assert_int_equal(r.verdict, VERDICT_NONE);
			assert_int_equal(r.reason, REASON_INTERNAL_POLICY);
			assert_non_null(strstr(r.detail, "says its own file"));
			assert_int_equal(r.monitor_revision, 4);
			assert_int_equal(r.assignment, 9);
			assert_int_equal(r.round, 2);
			assert_int_equal(r.phases.total_us, UNSET);
			assert_true(r.started_wall_ms > 0);
			result_clear(&r);
		}
		job_unref(job);
	}
	policy_clear(&policy);
	schema_clear(&probe_conf_schema, &conf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_and_ports),
		cmocka_unit_test(monitors),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
