// SPDX-License-Identifier: MIT
/* The memory that checks may take: what control groups say, and what is left of it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "probe/memory.h"
#include "proto/base/mem.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct file {
	const char *path, *text;
};

static void put(const char *root, const struct file *f)
{
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s%s", root, f->path);
	for (char *p = path + strlen(root) + 1; (p = strchr(p, '/')) != NULL; *p++ = '/') {
		*p = '\0';
		mkdir(path, 0700);
	}
	FILE *out = fopen(path, "w");
	assert_non_null(out);
	fputs(f->text, out);
	fclose(out);
}

static void limits_of_control_groups(void **state)
{
	static const struct {
		struct file files[5];
		int64_t limit;
	} cases[] = {
		{{{"/proc/self/cgroup", "0::/a.slice/b.service\n"},
			 {"/sys/fs/cgroup/a.slice/b.service/memory.max", "67108864\n"},
			 {"/sys/fs/cgroup/a.slice/memory.max", "max\n"}},
			67108864},
		/* whoever is nearer to the root may be stricter */
		{{{"/proc/self/cgroup", "0::/a.slice/b.service\n"},
			 {"/sys/fs/cgroup/a.slice/b.service/memory.max", "67108864\n"},
			 {"/sys/fs/cgroup/a.slice/memory.max", "33554432\n"}},
			33554432},
		/* in a container its own group is the root */
		{{{"/proc/self/cgroup", "0::/\n"}, {"/sys/fs/cgroup/memory.max", "1048576\n"}},
			1048576},
		{{{"/proc/self/cgroup", "3:cpu:/x\n2:memory:/quorate\n1:name=systemd:/y\n0::/\n"},
			 {"/sys/fs/cgroup/memory/quorate/memory.limit_in_bytes", "50000000\n"},
			 {"/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"},
			 {"/sys/fs/cgroup/cpu/x/memory.limit_in_bytes", "5\n"}},
			50000000},
		{{{"/proc/self/cgroup", "0::/a\n"}, {"/sys/fs/cgroup/a/memory.max", "max\n"}},
			INT64_MAX},
		{{{"/proc/self/cgroup", "0::/a\n"}, {"/sys/fs/cgroup/a/memory.max", "\n"}},
			INT64_MAX},
		{{{"/proc/self/cgroup", "nonsense\n:\n::\n"}}, INT64_MAX},
		{{{"/elsewhere/file", ""}}, INT64_MAX},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char root[] = "/tmp/qmXXXXXX", remove[64];
		assert_non_null(mkdtemp(root));
		for (const struct file *f = cases[i].files; f->path != NULL; f++)
			put(root, f);
		int64_t limit = memory_limit(root);
		snprintf(remove, sizeof(remove), "rm -r %s", root);
		assert_int_equal(system(remove), 0);
		if (limit != cases[i].limit)
			fail_msg("case %zu: %lld", i, (long long)limit);
	}
}

static void what_is_left_for_checks(void **state)
{
	int64_t mib = 1 << 20;
	(void)state;
	assert_int_equal(memory_for_checks(INT64_MAX, 10000), INT64_MAX);
	assert_true(memory_for_checks(64 * mib, 0) >= 500 * 72 * 1024);
	/* never more than there is: the program, 10,000 monitors and the checks fit together */
	assert_true(memory_for_checks(64 * mib, 10000) <= (64 - 32) * mib);
	assert_true(memory_for_checks(64 * mib, 10000) >= 250 * 72 * 1024);
	assert_true(memory_for_checks(64 * mib, 10000) < memory_for_checks(64 * mib, 1000));
	assert_int_equal(memory_for_checks(mib, 50000), 4 * mib); /* a few checks still run */
}

static void what_a_check_takes(void **state)
{
	struct dialogue_step steps[] = {{.expect = (char[]){"x"}}, {.starttls = true}};
	struct monitor m = {.type = CHECK_TCP, .request.starttls = -1};
	(void)state;
	int64_t plain = memory_of_check(&m);
	m.request.tls = true;
	assert_true(memory_of_check(&m) > 4 * plain);
	m.request.tls = false;
	m.request.dialogue.item = steps;
	m.request.dialogue.n = 1;
	assert_int_equal(memory_of_check(&m), plain);
	m.request.dialogue.n = 2;
	assert_true(memory_of_check(&m) > 4 * plain);
	m.request.dialogue.n = 0;
	m.request.starttls = STARTTLS_SMTP;
	assert_true(memory_of_check(&m) > 4 * plain);
	m.type = CHECK_HTTP;
	assert_true(memory_of_check(&m) > 6 * plain);
	m.type = CHECK_PING;
	assert_true(memory_of_check(&m) <= plain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(limits_of_control_groups),
		cmocka_unit_test(what_is_left_for_checks),
		cmocka_unit_test(what_a_check_takes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
