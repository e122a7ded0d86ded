// SPDX-License-Identifier: MIT
/* Which file is opened for a path, with and without what a service manager handed over. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "proto/base/credential_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OTHERS (S_IRWXG | S_IRWXO)

static void the_name_decides(void **state)
{
	char folder[] = "/tmp/qcredXXXXXX", handed[64];
	struct credential_file f;
	const struct {
		const char *directory, *path, *found; /* NULL: PATH */
		mode_t forbidden;
	} table[] = {
		{NULL, "/etc/quorate/proxy.password", NULL, OTHERS},
		{folder, "/etc/quorate/proxy.password", handed, S_IRWXO},
		{folder, "proxy.password", handed, S_IRWXO},
		{folder, "/etc/quorate/other.password", NULL, OTHERS},
		{folder, "/etc/quorate/", NULL, OTHERS}, {folder, "", NULL, OTHERS},
		{"", "proxy.password", NULL, OTHERS},
		{folder + 1, "proxy.password", NULL, OTHERS}, /* not absolute */
	};

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(handed, sizeof(handed), "%s/proxy.password", folder);
	close(open(handed, O_CREAT | O_WRONLY, 0440));
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (table[i].directory)
			setenv("CREDENTIALS_DIRECTORY", table[i].directory, 1);
		else
			unsetenv("CREDENTIALS_DIRECTORY");
		credential_file_find(&f, table[i].path);
		assert_string_equal(f.path, table[i].found ? table[i].found : table[i].path);
		assert_int_equal(f.forbidden, table[i].forbidden);
	}
	unlink(handed);
	rmdir(folder);
}

static void a_long_path_is_no_file(void **state)
{
	static char path[PATH_MAX + 2];
	struct credential_file f;

	(void)state;
	setenv("CREDENTIALS_DIRECTORY", "/tmp", 1);
	memset(path, 'x', sizeof(path) - 1);
	credential_file_find(&f, path);
	assert_string_equal(f.path, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_name_decides),
		cmocka_unit_test(a_long_path_is_no_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
