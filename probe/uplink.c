// SPDX-License-Identifier: MIT
/*
 * A state machine with one writer (change()):
 *   IDLE --> DIALLING --connected--> PREFACE --accepted--> ACCEPTED --nanomsg came--> SPLICED
 * and from each of them, when it fails, to BACK_OFF, whose end is the next DIALLING.
 *
 * Invariants: a dial exists from DIALLING to SPLICED, a relay from ACCEPTED to SPLICED. The one
 * timer is the deadline of the state, or the end of BACK_OFF.
 */
#include "probe/uplink.h"

#include "probe/agent.h"
#include "probe/introduce.h"
#include "probe/relay.h"
#include "proto/base/clock.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"
#include "proto/base/rand.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define GUARD_MS      (DIAL_MS + 1000) /* libcurl keeps DIAL_MS by itself */
#define ACCEPTED_MS   10000            /* nanomsg tries every 100 ms */
#define SETTLED_MS    2000             /* a connection that lasted so long was a good one */
#define CUT_AFTER_MS  5000 /* what asks for a cut may have asked before the connection stood */
#define REFUSED_ROUND 3    /* of the back-off's table: 1 s, then longer */

enum uplink_state { IDLE, DIALLING, PREFACE, ACCEPTED, SPLICED, BACK_OFF };
static const char *const state_names[] = {
	"idle", "dialling", "preface", "accepted", "spliced", "back-off"};

struct uplink {
	struct loop *loop;
	struct curl_loop *cl;
	struct uplink_config config;
	enum uplink_state state;
	struct timer timer;
	struct uplink_turn turn;
	struct dial *dial;
	struct relay *relay;
	struct introduction *introduction; /* PREFACE */
	int64_t spliced_at_ms;
	char *told[UPLINK_ADDRESSES_MAX]; /* per address: the last failure logged */
};

static void dial_now(struct uplink *u);

int64_t uplink_next_ms(struct uplink_turn *t, size_t n, enum uplink_end end, uint64_t random)
{
	if (end == UPLINK_LOST) { /* the same address first */
		t->rounds = 0;
		t->tried = 0;
		return agent_backoff_ms(0, random);
	}
	t->address = (t->address + 1) % n;
	t->tried++;
	if (end == UPLINK_FAILED && t->tried < n)
		return 0;
	t->tried = 0;
	t->rounds++;
	if (end == UPLINK_REFUSED && t->rounds < REFUSED_ROUND)
		t->rounds = REFUSED_ROUND;
	return agent_backoff_ms(t->rounds, random);
}

static const char *address(const struct uplink *u)
{
	return u->config.dial->coordinator->addresses.item[u->turn.address];
}

static void change(struct uplink *u, enum uplink_state state, const char *why)
{
	const char *stream = u->config.stream == LINK_REPORT ? "report" : "orders";
	if (u->state == SPLICED || state == SPLICED)
		log_info("uplink.state stream=%s old=%s new=%s address=%s why=%s", stream,
			state_names[u->state], state_names[state], log_quote(address(u)),
			log_quote(why));
	else
		log_debug("uplink.state stream=%s old=%s new=%s address=%s why=%s", stream,
			state_names[u->state], state_names[state], log_quote(address(u)),
			log_quote(why));
	u->state = state;
}

/* Whether A and B are the same sentence; its numbers are milliseconds and ports. */
static bool same_words(const char *a, const char *b)
{
	for (;; a++, b++) {
		a += strspn(a, "0123456789");
		b += strspn(b, "0123456789");
		if (*a != *b)
			return false;
		if (!*a)
			return true;
	}
}

/* Each address's failure is told once, until it changes or the connection stood. */
static void tell(struct uplink *u, enum uplink_end end, const char *why)
{
	char **told = &u->told[u->turn.address];
	if (*told && same_words(*told, why))
		return;
	mem_set(told, why);
	const char *stream = u->config.stream == LINK_REPORT ? "report" : "orders";
	if (end == UPLINK_REFUSED)
		log_error("uplink.refused stream=%s address=%s error=%s", stream,
			log_quote(address(u)), log_quote(why));
	else
		log_warning("uplink.failed stream=%s address=%s error=%s", stream,
			log_quote(address(u)), log_quote(why));
}

static void hang_up(struct uplink *u)
{
	timer_stop(&u->timer);
	introduction_free(u->introduction);
	relay_close(u->relay);
	dial_free(u->dial);
	u->introduction = NULL;
	u->relay = NULL;
	u->dial = NULL;
}

/* Whatever there was is over. WHY may belong to the dial: it is said before that goes. */
static void give_up(struct uplink *u, enum uplink_end end, const char *why)
{
	bool spliced = u->state == SPLICED;
	bool settled = spliced && clock_now_ms() - u->spliced_at_ms >= SETTLED_MS;
	if (!spliced)
		tell(u, end, why);
	change(u, BACK_OFF, why);
	hang_up(u);
	int64_t ms = uplink_next_ms(&u->turn, u->config.dial->coordinator->addresses.n,
		settled ? UPLINK_LOST : end, rand_below(UINT32_MAX));
	timer_set(&u->timer, ms);
}

static void on_timer(void *arg)
{
	struct uplink *u = arg;
	switch (u->state) {
	case IDLE:
	case BACK_OFF:
		dial_now(u);
		break;
	case DIALLING:
		give_up(u, UPLINK_FAILED, "no connection in time");
		break;
	case PREFACE:
		give_up(u, UPLINK_FAILED, "no answer to the preface in time");
		break;
	case ACCEPTED:
		give_up(u, UPLINK_FAILED, "the local side did not connect in time");
		break;
	case SPLICED:
		break;
	}
}

/* ---- spliced */

static void on_spliced(void *arg)
{
	struct uplink *u = arg;
	timer_stop(&u->timer);
	u->spliced_at_ms = clock_now_ms();
	for (size_t i = 0; i < UPLINK_ADDRESSES_MAX; i++)
		mem_set(&u->told[i], NULL);
	change(u, SPLICED, "accepted");
}

static void on_ended(void *arg, const char *why)
{
	give_up(arg, UPLINK_FAILED, why);
}

static void accepted(struct uplink *u)
{
	struct relay_hooks hooks = {.spliced = on_spliced, .ended = on_ended, .arg = u};
	introduction_free(u->introduction); /* the relay watches the connection from now on */
	u->introduction = NULL;
	u->relay = relay_open(u->loop, u->config.path, u->dial, &hooks);
	if (!u->relay) {
		give_up(u, UPLINK_FAILED, "the local socket could not be made");
		return;
	}
	change(u, ACCEPTED, "accepted");
	timer_set(&u->timer, ACCEPTED_MS);
}

/* ---- preface */

static void refused(struct uplink *u, const struct preface_answer *answer)
{
	char *why = mem_printf("refused: %s: %s", answer->code ? answer->code : "",
		answer->detail ? answer->detail : "");
	give_up(u, UPLINK_REFUSED, why);
	free(why);
}

static void on_introduced(void *arg, const struct preface_answer *answer, const char *error)
{
	struct uplink *u = arg;
	if (error)
		give_up(u, UPLINK_FAILED, error);
	else if (answer->accepted)
		accepted(u);
	else
		refused(u, answer);
}

static void tell_address(const struct uplink *u)
{
	struct dial_facts facts;
	struct sockaddr_storage address;
	dial_facts(u->dial, &facts);
	if (u->config.connected && !facts.proxy_status &&
		net_parse_literal(facts.address, &address))
		u->config.connected(u->config.arg, (const struct sockaddr *)&address);
}

static void on_dialled(void *arg, const char *error)
{
	struct uplink *u = arg;
	if (error) {
		give_up(u, UPLINK_FAILED, error);
		return;
	}
	tell_address(u);
	change(u, PREFACE, "connected");
	timer_set(&u->timer, PREFACE_MS);
	u->introduction =
		introduction_start(u->loop, u->dial, (enum preface_stream)u->config.stream,
			u->config.probe, u->config.token, on_introduced, u);
}

static void dial_now(struct uplink *u)
{
	change(u, DIALLING, "attempt");
	u->dial = dial_start(u->cl, u->config.dial, address(u), on_dialled, u);
	timer_set(&u->timer, GUARD_MS);
}

/* ---- the uplink */

struct uplink *uplink_new(
	struct loop *loop, struct curl_loop *cl, const struct uplink_config *config)
{
	struct uplink *u = mem_alloc(sizeof *u);
	*u = (struct uplink){.loop = loop, .cl = cl, .config = *config};
	ensure(config->dial->coordinator->addresses.n >= 1 &&
		config->dial->coordinator->addresses.n <= UPLINK_ADDRESSES_MAX);
	timer_init(&u->timer, loop, on_timer, u);
	timer_set(&u->timer, 0);
	return u;
}

void uplink_free(struct uplink *u)
{
	if (!u)
		return;
	hang_up(u);
	timer_clear(&u->timer);
	for (size_t i = 0; i < UPLINK_ADDRESSES_MAX; i++)
		free(u->told[i]);
	free(u);
}

void uplink_cut(struct uplink *u)
{
	if (u->state == SPLICED && clock_now_ms() - u->spliced_at_ms >= CUT_AFTER_MS)
		give_up(u, UPLINK_FAILED, "the coordinator does not answer");
}
