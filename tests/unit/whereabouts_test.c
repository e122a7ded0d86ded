// SPDX-License-Identifier: MIT
/* Where the coordinator's names lead: each address is told; what leads nowhere changes nothing. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "probe/net.h"
#include "probe/whereabouts.h"

#include <stdio.h>
#include <string.h>

struct seen {
	struct loop *loop;
	char text[256];
	int n, wanted;
};

static void found_cb(void *arg, const struct sockaddr *address)
{
	struct seen *s = arg;
	char one[NET_ADDRESS_SIZE];
	strcat(strcat(s->text, net_format(address, one)), " ");
	if (++s->n == s->wanted)
		loop_stop(s->loop);
}

static void guard_cb(void *arg)
{
	struct seen *s = arg;
	fail_msg("waited in vain; found: %s", s->text);
}

static void each_address_is_told(void **state)
{
	char numbers[] = "192.0.2.7:443", bracketed[] = "[2001:db8::7]", nowhere[] = "no such name",
	     local[] = "localhost:7443";
	char *items[] = {numbers, nowhere, bracketed, local};
	const struct strings addresses = {.item = items, .n = 4};
	struct seen seen = {.loop = loop_new(), .wanted = 4};
	struct timer guard;
	struct resolver *resolver = resolver_new_with(seen.loop, "/dev/null", 1);
	(void)state;
	timer_init(&guard, seen.loop, guard_cb, &seen);
	timer_set(&guard, 10000);
	struct whereabouts *w = whereabouts_new(seen.loop, resolver, &addresses, found_cb, &seen);
	assert_int_equal(seen.n, 0); /* from the loop only */
	loop_run(seen.loop);
	assert_string_equal(seen.text, "192.0.2.7 2001:db8::7 ::1 127.0.0.1 ");
	whereabouts_free(w);
	timer_clear(&guard);
	resolver_free(resolver);
	loop_free(seen.loop);
}

static void stop_cb(void *arg)
{
	loop_stop(arg);
}

/* It may go while names are being looked up. */
static void it_may_go_at_any_time(void **state)
{
	char name[] = "coordinator.example:443";
	char *items[] = {name};
	const struct strings addresses = {.item = items, .n = 1};
	struct seen seen = {.loop = loop_new(), .wanted = -1};
	struct timer soon;
	struct resolver *resolver = resolver_new_with(seen.loop, "/dev/null", 1);
	(void)state;
	struct whereabouts *w = whereabouts_new(seen.loop, resolver, &addresses, found_cb, &seen);
	timer_init(&soon, seen.loop, stop_cb, seen.loop);
	timer_set(&soon, 0);
	loop_run(seen.loop);
	whereabouts_free(w);
	timer_clear(&soon);
	resolver_free(resolver);
	loop_free(seen.loop);
	assert_int_equal(seen.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_address_is_told),
		cmocka_unit_test(it_may_go_at_any_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
