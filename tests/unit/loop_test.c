// SPDX-License-Identifier: MIT
/* The event loop: timers, deferral, wakers, descriptors, signals, lag. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "proto/base/clock.h"
#include "proto/base/loop.h"
#include "proto/base/mem.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct loop *loop;
static char order[32];

static void note(char c)
{
	size_t n = strlen(order);

	assert_true(n + 1 < sizeof(order));
	order[n] = c;
}

static int set_up(void **state)
{
	(void)state;
	loop = loop_new();
	memset(order, 0, sizeof(order));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	loop_free(loop);
	return 0;
}

static void note_cb(void *arg)
{
	note(*(const char *)arg);
}

static void stop_cb(void *arg)
{
	note_cb(arg);
	loop_stop(loop);
}

static void timers_run_in_order_and_never_early(void **state)
{
	struct timer a, b, c;
	int64_t start_us = clock_now_us();

	(void)state;
	timer_init(&a, loop, note_cb, (void *)(uintptr_t) "a");
	timer_init(&b, loop, note_cb, (void *)(uintptr_t) "b");
	timer_init(&c, loop, stop_cb, (void *)(uintptr_t) "c");
	timer_set(&c, 20);
	timer_set(&b, 10);
	timer_set_us(&a, 500);
	assert_true(timer_is_set(&a));
	loop_run(loop);
	assert_string_equal(order, "abc");
	assert_true(clock_now_us() - start_us >= 20000);
	assert_false(timer_is_set(&a));
	timer_clear(&a);
	timer_clear(&b);
	timer_clear(&c);
}

static void a_timer_moves_and_stops(void **state)
{
	struct timer a, b, c;

	(void)state;
	timer_init(&a, loop, note_cb, (void *)(uintptr_t) "a");
	timer_init(&b, loop, note_cb, (void *)(uintptr_t) "b");
	timer_init(&c, loop, stop_cb, (void *)(uintptr_t) "c");
	timer_set(&a, 0);
	timer_set(&a, 10); /* moved behind b */
	timer_set(&b, 5);
	timer_set(&c, 3);
	timer_set(&c, 20);
	timer_stop(&b);
	timer_stop(&b);
	assert_false(timer_is_set(&b));
	loop_run(loop);
	assert_string_equal(order, "ac");
	timer_clear(&a);
	timer_clear(&b);
	timer_clear(&c);
	timer_clear(&c);
	timer_stop(&c);
}

/* The alarm was for a timer that is gone: it comes, and the next one is not told too early for it. */
static void an_instant_is_kept(void **state)
{
	struct timer gone, far, near, past;
	int64_t now_us = clock_now_us();

	(void)state;
	timer_init(&gone, loop, note_cb, (void *)(uintptr_t) "x");
	timer_init(&far, loop, stop_cb, (void *)(uintptr_t) "f");
	timer_init(&near, loop, note_cb, (void *)(uintptr_t) "n");
	timer_init(&past, loop, note_cb, (void *)(uintptr_t) "p");
	timer_set_at(&gone, now_us + 2000);
	timer_set_at(&far, now_us + 30000);
	timer_set_at(&near, now_us + 15000);
	timer_set_at(&past, now_us - 1000);
	timer_stop(&gone);
	loop_run(loop);
	assert_string_equal(order, "pnf");
	assert_true(clock_now_us() - now_us >= 30000);
}

static int again_left;

/* It takes a microsecond at least: in one instant it would be due again and again. */
static void again_cb(void *arg)
{
	int64_t now_us = clock_now_us();

	while (clock_now_us() == now_us)
		;
	note('t');
	if (again_left-- > 0)
		timer_set(arg, 0);
}

static void read_and_stop_cb(void *arg, int fd, int what)
{
	char byte;

	(void)arg;
	(void)what;
	assert_int_equal(read(fd, &byte, 1), 1);
	note(byte);
	loop_stop(loop);
}

/* A timer that is always due leaves their turn to descriptors. */
static void who_is_always_due_starves_nobody(void **state)
{
	int pipes[2];
	struct watch_fd w;
	struct timer again;

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	watch_fd_init(&w, loop, pipes[0], read_and_stop_cb, &w);
	watch_fd_set(&w, WATCH_READ);
	timer_init(&again, loop, again_cb, &again);
	again_left = 20;
	timer_set(&again, 0);
	assert_int_equal(write(pipes[1], "d", 1), 1);
	loop_run(loop);
	assert_true(again_left > 15);
	assert_non_null(strchr(order, 'd'));
	timer_clear(&again);
	watch_fd_clear(&w);
	close(pipes[0]);
	close(pipes[1]);
}

static void busy_cb(void *arg)
{
	struct timer *next = arg;
	int64_t start_us = clock_now_us();

	while (clock_now_us() - start_us < 15000)
		;
	timer_set(next, 10);
}

static int64_t late_stop_us;

static void late_stop_cb(void *arg)
{
	(void)arg;
	late_stop_us = clock_now_us();
	loop_stop(loop);
}

/* A callback that takes long must not make the next timer early. */
static void times_do_not_come_from_a_cache(void **state)
{
	struct timer busy, next;

	(void)state;
	timer_init(&next, loop, late_stop_cb, NULL);
	timer_init(&busy, loop, busy_cb, &next);
	timer_set(&busy, 0);
	loop_run(loop);
	assert_true(late_stop_us >= next.due_at_us);
	timer_clear(&next);
	timer_clear(&busy);
}

static void lag_is_the_worst_lateness_since_it_was_read(void **state)
{
	struct timer busy, late, next;
	int64_t lag_us;

	(void)state;
	timer_init(&next, loop, late_stop_cb, NULL);
	timer_init(&late, loop, note_cb, (void *)(uintptr_t) "l");
	timer_init(&busy, loop, busy_cb, &next);
	timer_set(&busy, 0);
	timer_set(&late, 1);
	loop_run(loop);
	lag_us = loop_lag_us(loop);
	assert_in_range(lag_us, 10000, 10000000);
	assert_int_equal(loop_lag_us(loop), 0);
	timer_clear(&next);
	timer_clear(&late);
	timer_clear(&busy);
}

static void defers_cb(void *arg)
{
	loop_defer(loop, note_cb, (void *)(uintptr_t) "1");
	loop_defer(loop, stop_cb, (void *)(uintptr_t) "2");
	note_cb(arg);
}

static void deferred_comes_after_the_callback(void **state)
{
	struct timer t;

	(void)state;
	timer_init(&t, loop, defers_cb, (void *)(uintptr_t) "t");
	timer_set(&t, 0);
	loop_run(loop);
	assert_string_equal(order, "t12");
	timer_clear(&t);
	loop_defer(loop, defers_cb, (void *)(uintptr_t) "f"); /* loop_free runs what is left:
								 tear_down frees twice else */
	loop_free(loop);
	assert_string_equal(order, "t12f12");
	loop = loop_new();
}

static void *wake_thread(void *arg)
{
	for (int i = 0; i < 1000; i++)
		loop_waker_wake(arg);
	return NULL;
}

static void a_waker_wakes_from_another_thread(void **state)
{
	struct loop_waker *waker = loop_waker_new(loop, stop_cb, (void *)(uintptr_t) "w");
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, wake_thread, waker), 0);
	loop_run(loop);
	assert_int_equal(order[0], 'w');
	pthread_join(thread, NULL);
	loop_waker_free(waker);
	loop_waker_free(NULL);
}

static void fd_cb(void *arg, int fd, int what)
{
	struct watch_fd *w = arg;
	char byte = 0;

	assert_int_equal(fd, w->fd);
	if ((what & WATCH_WRITE) != 0) {
		note('W');
		watch_fd_set(w, WATCH_READ);
		return;
	}
	assert_int_equal(read(fd, &byte, 1), 1);
	note(byte);
	if (byte == 'y') {
		watch_fd_clear(w); /* inside of its own callback */
		loop_stop(loop);
	}
}

static void a_descriptor_is_level_triggered(void **state)
{
	int pipes[2];
	struct watch_fd w;

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	watch_fd_init(&w, loop, pipes[0], fd_cb, &w);
	watch_fd_set(&w, WATCH_READ);
	assert_int_equal(write(pipes[1], "xy", 2), 2); /* one write, two callbacks */
	loop_run(loop);
	assert_string_equal(order, "xy");
	watch_fd_clear(&w);
	close(pipes[0]);
	close(pipes[1]);
}

static void signal_cb(void *arg, int number)
{
	assert_int_equal(number, SIGUSR1);
	stop_cb(arg);
}

static void a_signal_comes_through_the_loop(void **state)
{
	struct watch_signal w;

	(void)state;
	watch_signal_start(&w, loop, SIGUSR1, signal_cb, (void *)(uintptr_t) "s");
	raise(SIGUSR1);
	assert_string_equal(order, "");
	loop_run(loop);
	assert_string_equal(order, "s");
	watch_signal_stop(&w);
}

static void a_stop_before_the_run_is_kept(void **state)
{
	(void)state;
	loop_stop(loop);
	loop_run(loop);
}

/* ---- one look at a socket */

static void once_cb(void *arg, int fd, int what)
{
	(void)fd;
	note((what & WATCH_FAILED) != 0 ? 'F' : *(const char *)arg);
}

static void pair_open(int pair[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
}

static void run_for_a_moment(void)
{
	struct timer end;

	timer_init(&end, loop, stop_cb, (void *)(uintptr_t) ".");
	timer_set(&end, 5);
	loop_run(loop);
	timer_clear(&end);
}

static void one_look_is_told_once(void **state)
{
	struct watch_once w = {0};
	int pair[2];

	(void)state;
	pair_open(pair);
	watch_once_start(&w, loop, pair[0], WATCH_WRITE, once_cb, (void *)(uintptr_t) "a");
	assert_string_equal(order, "");
	run_for_a_moment();
	assert_string_equal(order, "a.");
	watch_once_start(
		&w, loop, pair[0], WATCH_WRITE, once_cb, (void *)(uintptr_t) "b"); /* not closed */
	run_for_a_moment();
	assert_string_equal(order, "a.b.");
	watch_once_stop(&w); /* no harm */
	close(pair[0]);
	close(pair[1]);
}

static void one_look_may_ask_again(void **state)
{
	struct watch_once w;
	int pair[2];

	(void)state;
	pair_open(pair);
	watch_once_start(&w, loop, pair[0], WATCH_READ, once_cb, (void *)(uintptr_t) "a");
	run_for_a_moment();
	assert_string_equal(order, "."); /* nothing to read */
	watch_once_again(&w, WATCH_READ | WATCH_WRITE);
	run_for_a_moment();
	assert_string_equal(order, ".a.");
	watch_once_again(&w, WATCH_READ);
	assert_int_equal(send(pair[1], "x", 1, 0), 1);
	run_for_a_moment();
	run_for_a_moment();
	assert_string_equal(order, ".a.a.."); /* one look, whatever is left to read */
	int number = pair[0];
	close(number);
	assert_int_equal(dup2(pair[1], number), number); /* another socket of that number */
	watch_once_again(&w, WATCH_WRITE);
	run_for_a_moment();
	assert_int_equal(strlen(order), strlen(".a.a..a."));
	close(number);
	close(pair[1]);
}

static void one_look_tells_a_failure(void **state)
{
	struct watch_once w;
	int pair[2];

	(void)state;
	pair_open(pair);
	close(pair[1]);
	watch_once_start(&w, loop, pair[0], WATCH_WRITE, once_cb, (void *)(uintptr_t) "a");
	run_for_a_moment();
	assert_string_equal(order, "F.");
	close(pair[0]);
}

static struct watch_once one, other;

/* Ends the other's watch, whose event has been fetched already. */
static void stop_other_cb(void *arg, int fd, int what)
{
	once_cb(arg, fd, what);
	watch_once_stop(fd == one.fd ? &other : &one);
}

static void a_stopped_look_is_not_told(void **state)
{
	int pair[2];
	struct watch_once w;

	(void)state;
	pair_open(pair);
	int a = dup(pair[0]), b = dup(pair[0]);
	watch_once_start(&one, loop, a, WATCH_WRITE, stop_other_cb, (void *)(uintptr_t) "r");
	watch_once_start(&other, loop, b, WATCH_WRITE, stop_other_cb, (void *)(uintptr_t) "r");
	watch_once_start(&w, loop, pair[0], WATCH_WRITE, once_cb, (void *)(uintptr_t) "w");
	watch_once_stop(&w);
	run_for_a_moment();
	assert_string_equal(order, "r.");
	close(a);
	close(b);
	close(pair[0]);
	close(pair[1]);
}

/* The kernel's event of a descriptor's former owner comes late: it is not the new one's. */
static void a_former_owners_event_is_not_told(void **state)
{
	struct watch_once before, after;
	int pair[2], full[2];
	char fill[4096] = {0};

	(void)state;
	pair_open(pair);
	pair_open(full);
	while (send(full[0], fill, sizeof(fill), MSG_DONTWAIT) > 0)
		continue;
	int copy = dup(pair[0]); /* keeps the kernel's watch of the number alive */
	int number = pair[0];
	watch_once_start(&before, loop, number, WATCH_WRITE, once_cb, (void *)(uintptr_t) "b");
	watch_once_stop(&before);
	assert_int_equal(dup2(full[0], number), number);
	watch_once_start(&after, loop, number, WATCH_WRITE, once_cb, (void *)(uintptr_t) "a");
	run_for_a_moment();
	assert_string_equal(order, "."); /* FULL cannot be written to */
	watch_once_stop(&after);
	close(copy);
	close(number);
	close(pair[1]);
	close(full[0]);
	close(full[1]);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(timers_run_in_order_and_never_early),
		TEST(a_timer_moves_and_stops),
		TEST(an_instant_is_kept),
		TEST(who_is_always_due_starves_nobody),
		TEST(times_do_not_come_from_a_cache),
		TEST(lag_is_the_worst_lateness_since_it_was_read),
		TEST(deferred_comes_after_the_callback),
		TEST(a_waker_wakes_from_another_thread),
		TEST(a_descriptor_is_level_triggered),
		TEST(a_signal_comes_through_the_loop),
		TEST(a_stop_before_the_run_is_kept),
		TEST(one_look_is_told_once),
		TEST(one_look_may_ask_again),
		TEST(one_look_tells_a_failure),
		TEST(a_stopped_look_is_not_told),
		TEST(a_former_owners_event_is_not_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
