// SPDX-License-Identifier: MIT
/* What the service manager hears: the test is its socket. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "proto/base/clock.h"
#include "proto/base/mem.h"
#include "proto/base/service.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static char dir[] = "/tmp/qsvcXXXXXX", path[64], heard[512];
static int manager = -1;
static struct loop *loop;
static char x[] = "x";

static int set_up(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	(void)state;
	strcpy(dir, "/tmp/qsvcXXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/notify", dir);
	strcpy(address.sun_path, path);
	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(manager, (struct sockaddr *)&address, sizeof(address)), 0);
	setenv("NOTIFY_SOCKET", path, 1);
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	loop = loop_new();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	loop_free(loop);
	close(manager);
	unlink(path);
	rmdir(dir);
	return 0;
}

/* The next message, "" when there is none. */
static const char *hear(void)
{
	ssize_t n = recv(manager, heard, sizeof(heard) - 1, 0);

	assert_true(n >= 0 || errno == EAGAIN);
	heard[n > 0 ? n : 0] = '\0';
	return heard;
}

static void status_cb(void *arg, char text[SERVICE_STATUS_SIZE])
{
	snprintf(text, SERVICE_STATUS_SIZE, "%s", (const char *)arg);
}

static void stop_cb(void *arg)
{
	(void)arg;
	loop_stop(loop);
}

static void heard_cb(void *arg, int fd, int what)
{
	(void)fd;
	(void)what;
	if (strcmp(hear(), arg) == 0)
		loop_stop(loop);
}

/* Runs the loop until the manager hears EXPECTED. */
static void run_until(const char *expected)
{
	struct timer deadline;
	struct watch_fd w;

	timer_init(&deadline, loop, stop_cb, NULL);
	timer_set(&deadline, 10000);
	watch_fd_init(&w, loop, manager, heard_cb, (void *)(uintptr_t)expected);
	watch_fd_set(&w, WATCH_READ);
	loop_run(loop);
	watch_fd_clear(&w);
	timer_clear(&deadline);
	assert_string_equal(heard, expected);
}

static void it_says_ready_with_a_status_and_then_lives(void **state)
{
	struct service s;
	char now[64] = "three probes";

	(void)state;
	setenv("WATCHDOG_USEC", "60000", 1); /* asks for one each 60 ms: every 20 are sent */
	service_start(&s, loop, status_cb, now);
	assert_string_equal(hear(), "READY=1\nSTATUS=three probes");
	assert_string_equal(hear(), "");
	run_until("WATCHDOG=1"); /* the same status is not said twice */
	run_until("WATCHDOG=1");
	strcpy(now, "two probes\nREADY=0");
	run_until("WATCHDOG=1\nSTATUS=two probes READY=0");
	service_stopping();
	while (strcmp(hear(), "WATCHDOG=1") == 0)
		;
	assert_string_equal(heard, "STOPPING=1\nSTATUS=ending");
	service_stop(&s);
}

static void a_hung_loop_gives_no_sign_of_life(void **state)
{
	struct service s;
	int64_t until_ms;

	(void)state;
	setenv("WATCHDOG_USEC", "30000", 1);
	service_start(&s, loop, status_cb, x);
	assert_string_equal(hear(), "READY=1\nSTATUS=x");
	for (until_ms = clock_now_ms() + 100; clock_now_ms() < until_ms;)
		;
	assert_string_equal(hear(), "");
	service_stop(&s);
}

static void a_reload_is_framed(void **state)
{
	struct service s;
	char expected[64] = "RELOADING=1\nMONOTONIC_USEC=";

	(void)state;
	service_start(&s, loop, status_cb, x);
	hear();
	service_reloading();
	assert_memory_equal(hear(), expected, strlen(expected));
	assert_non_null(strstr(heard, "\nSTATUS=reading the configuration"));
	service_reloaded(&s);
	assert_string_equal(hear(), "READY=1\nSTATUS=x"); /* again, since "reading" stood there */
	service_stop(&s);
}

static void nobody_is_told_without_a_manager(void **state)
{
	struct service s;

	(void)state;
	unsetenv("NOTIFY_SOCKET");
	setenv("WATCHDOG_USEC", "3000", 1);
	service_start(&s, loop, status_cb, x);
	assert_false(timer_is_set(&s.tick));
	service_reloading();
	service_reloaded(&s);
	service_stopping();
	service_stop(&s);
	assert_string_equal(hear(), "");
}

/* What is not asked for comes seldom: the status alone, every five seconds. */
static void without_a_watchdog_it_wakes_up_rarely(void **state)
{
	static const struct {
		const char *watchdog_us;
		int64_t period_ms;
	} cases[] = {{NULL, 5000}, {"10000000", 3333}, {"60000000", 5000}};
	struct service s;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (cases[i].watchdog_us)
			setenv("WATCHDOG_USEC", cases[i].watchdog_us, 1);
		service_start(&s, loop, status_cb, x);
		assert_int_equal(s.period_ms, cases[i].period_ms);
		service_stop(&s);
	}
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(it_says_ready_with_a_status_and_then_lives),
		CASE(a_hung_loop_gives_no_sign_of_life),
		CASE(a_reload_is_framed),
		CASE(nobody_is_told_without_a_manager),
		CASE(without_a_watchdog_it_wakes_up_rarely),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
