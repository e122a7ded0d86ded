// SPDX-License-Identifier: MIT
/* Instants of the wall clock as monotonic ones; bytes that wait in a socket on loopback. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "proto/base/arrival.h"
#include "proto/base/clock.h"
#include "quorate/attr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#define NOW     INT64_C(5000000000)       /* µs since the machine's start */
#define WALL    INT64_C(1795328807333000) /* the same, since 1970 */
#define LATE_MS 30

static void instants(void **state)
{
	static const struct {
		int64_t stamp_us, at_us;
	} cases[] = {
		{WALL, NOW},
		{WALL - 1, NOW - 1},
		{WALL - 60000000, NOW - 60000000}, /* the longest check */
		{WALL - 60000001, 0},              /* the wall clock was set forward meanwhile */
		{WALL + 1, 0},                     /* or back */
		{0, 0},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(arrival_instant_us(NOW, WALL, cases[i].stamp_us), cases[i].at_us);
}

/* Both ends of a connection on loopback. */
static void connect_pair(int *near, int *far)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(a);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&a, n), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&a, &n), 0);
	assert_int_equal(listen(listener, 1), 0);
	*near = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(*near, (struct sockaddr *)&a, n), 0);
	*far = accept(listener, NULL, NULL);
	assert_int_not_equal(*far, -1);
	close(listener);
}

/* As a loop does that is busy. */
static void be_late(int fd)
{
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	int64_t until_ms = clock_now_ms() + LATE_MS;
	assert_int_equal(poll(&ready, 1, 5000), 1);
	while (clock_now_ms() < until_ms)
		;
}

/* The kernel begins to stamp packets shortly after the first call: what came before has no instant. */
static int64_t wait_for_a_stamp(int near, int far)
{
	char byte;
	size_t bytes;
	int64_t deadline_ms = clock_now_ms() + 5000, at_us = 0;
	while (at_us == 0 && clock_now_ms() < deadline_ms) {
		assert_int_equal(write(far, "w", 1), 1);
		be_late(near);
		at_us = arrival_newest_us(near, &bytes);
		assert_int_equal(read(near, &byte, 1), 1);
	}
	return at_us;
}

static void bytes_are_as_old_as_they_are(void **state)
{
	int near, far;
	size_t bytes = 0;
	char data[8];
	(void)state;
	connect_pair(&near, &far);
	assert_true(wait_for_a_stamp(near, far) != 0);
	assert_int_equal(arrival_newest_us(near, &bytes), 0);
	assert_int_equal(bytes, 0);
	assert_int_equal(write(far, "one", 3), 3);
	be_late(near);
	int64_t second_us = clock_now_us();
	assert_int_equal(write(far, "two", 3), 3);
	int64_t written_us = clock_now_us();
	be_late(near);
	int64_t at_us = arrival_newest_us(near, &bytes);
	assert_in_range(at_us, second_us, written_us + 1000);
	assert_int_equal(bytes, 6);
	assert_int_equal(read(near, data, sizeof(data)), 6); /* all of it is still there */
	close(near);
	close(far);
}

static void a_reset_is_left_to_who_reads(void **state)
{
	const struct linger at_once = {.l_onoff = 1};
	int near, far;
	size_t bytes = 0;
	char byte;
	(void)state;
	connect_pair(&near, &far);
	setsockopt(far, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(far);
	be_late(near);
	assert_int_equal(arrival_newest_us(near, &bytes), 0);
	assert_int_equal(read(near, &byte, 1), -1);
	assert_int_equal(errno, ECONNRESET);
	close(near);
	assert_int_equal(arrival_newest_us(near, &bytes), 0); /* no socket at all */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(instants),
		cmocka_unit_test(bytes_are_as_old_as_they_are),
		cmocka_unit_test(a_reset_is_left_to_who_reads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
