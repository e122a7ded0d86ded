// SPDX-License-Identifier: MIT
/* The outbox and the webhook channel: signatures, retries, order, restarts, configuration. */
#include "tests/unit/notify_kit.h"

/* ---- tests: pure parts */

static void signatures_match_the_standard(void **state)
{
	struct signing_keys keys;
	const char *why;
	(void)state;
	/* The vector of the Standard Webhooks libraries. */
	assert_int_equal(signing_keys_parse(SECRET, &keys, &why), 0);
	char *one = signature_make(
		&keys, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, "{\"test\": 2432232314}");
	assert_string_equal(one, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
	/* Two keys while one is rotated. */
	assert_int_equal(signing_keys_parse(SECRET "\n" SECRET "\n", &keys, &why), 0);
	char *two = signature_make(
		&keys, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, "{\"test\": 2432232314}");
	assert_string_equal(two, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE= "
				 "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
	free(one);
	free(two);
	signing_keys_clear(&keys);
}

#define B64_24 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define B64_63 B64_24 B64_24 "AAAAAAAAAAAAAAAAAAAA"

static void secrets_are_checked(void **state)
{
	static const struct {
		const char *text;
		int n; /* keys; 0: refused */
		int size;
	} cases[] = {
		{"whsec_" B64_24, 1, 24},
		{"  whsec_" B64_24 " \n", 1, 24},
		{"whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", 0, 0}, /* 23 */
		{"whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==", 1, 25},
		{"whsec_" B64_63, 1, 63},
		{"whsec_" B64_63 "AA==", 1, 64},
		{"whsec_" B64_63 "AAA=", 0, 0}, /* 65 */
		{"whsec_" B64_24 " whsec_" B64_24 " whsec_" B64_24 " whsec_" B64_24, 4, 24},
		{"whsec_" B64_24 " whsec_" B64_24 " whsec_" B64_24 " whsec_" B64_24
		 " whsec_" B64_24,
			0, 0},
		{"", 0, 0},
		{"whsec_", 0, 0},
		{B64_24, 0, 0},
		{"WHSEC_" B64_24, 0, 0},
		{"whsec_" B64_24 " x", 0, 0},
		{"whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA!", 0, 0},
		{"whsec_" B64_24 "A", 0, 0},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct signing_keys keys;
		const char *why;
		int rc = signing_keys_parse(cases[i].text, &keys, &why);
		if (rc != (cases[i].n ? 0 : -1) || (int)keys.n != cases[i].n)
			fail_msg("'%s': %d, %d keys", cases[i].text, rc, (int)keys.n);
		if (cases[i].n)
			assert_int_equal(keys.key[0].size_bytes, cases[i].size);
	}
}

static void attempts_are_judged(void **state)
{
	static const struct {
		CURLcode code;
		long status;
		int64_t retry_after_s;
		enum delivery_outcome outcome;
		int64_t retry_after_ms;
		const char *error;
	} cases[] = {
		{CURLE_OK, 200, 0, DELIVERY_DONE, 0, ""},
		{CURLE_OK, 204, 0, DELIVERY_DONE, 0, ""},
		{CURLE_OK, 299, 0, DELIVERY_DONE, 0, ""},
		{CURLE_OK, 300, 0, DELIVERY_RETRY, 0,
			"HTTP status 300: redirects are not followed"},
		{CURLE_OK, 308, 0, DELIVERY_RETRY, 0,
			"HTTP status 308: redirects are not followed"},
		{CURLE_OK, 400, 0, DELIVERY_RETRY, 0, "HTTP status 400"},
		{CURLE_OK, 410, 0, DELIVERY_DEAD, 0, "HTTP status 410: the receiver is gone"},
		{CURLE_OK, 429, 7, DELIVERY_RETRY, 7000, "HTTP status 429"},
		{CURLE_OK, 503, 86401, DELIVERY_RETRY, 86400000, "HTTP status 503"},
		{CURLE_OK, 500, 7, DELIVERY_RETRY, 0, "HTTP status 500"},
		{CURLE_OK, 199, 0, DELIVERY_RETRY, 0, "HTTP status 199"},
		{CURLE_OK, 0, 0, DELIVERY_RETRY, 0, "HTTP status 0"},
		{CURLE_OPERATION_TIMEDOUT, 0, 0, DELIVERY_RETRY, 0, "Timeout was reached"},
		{CURLE_OPERATION_TIMEDOUT, 200, 0, DELIVERY_RETRY, 0, "Timeout was reached"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct delivery_result r;
		webhook_judge(cases[i].code, cases[i].status, cases[i].retry_after_s, &r);
		assert_int_equal(r.outcome, cases[i].outcome);
		assert_int_equal(r.retry_after_ms, cases[i].retry_after_ms);
		assert_string_equal(r.error, cases[i].error);
	}
}

static void the_schedule_is_the_standard_one(void **state)
{
	static const int64_t seconds[] = {0, 5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400};
	(void)state;
	for (int i = 0; i < 10; i++) {
		assert_int_equal(retry_delay_ms(&retry_schedule_standard, i, 0), seconds[i] * 1000);
		assert_int_equal(retry_delay_ms(&retry_schedule_standard, i, 1), seconds[i] * 1100);
	}
	assert_int_equal(retry_delay_ms(&retry_schedule_standard, 10, 0), -1);
	assert_int_equal(retry_delay_ms(&retry_schedule_standard, 1000, 0), -1);
}

static void channels_are_checked(void **state)
{
	static const struct {
		const char *json;
		const char *path; /* NULL: fine */
		const char *says;
	} cases[] = {
		{"{\"name\":\"ops\",\"webhook\":\"https://example.com/x?y=1\"}", NULL, NULL},
		{"{\"name\":\"ops\",\"webhook\":\"http://[::1]:80/\",\"secret\":\"" SECRET
		 "\",\"kinds\":[\"down\",\"coordinator\"],\"timeout\":\"5s\"}",
			NULL, NULL},
		{"{\"webhook\":\"https://example.com/\"}", "name", "required"},
		{"{\"name\":\"ops\"}", "webhook", "required"},
		{"{\"name\":\"o ps\",\"webhook\":\"https://example.com/\"}", "name", "letters"},
		{"{\"name\":\"o\\r\\nx: y\",\"webhook\":\"https://example.com/\"}", "name",
			"letters"},
		{"{\"name\":\"ops\",\"webhook\":\"ftp://TOKEN.example.com/\"}", "webhook", "http"},
		{"{\"name\":\"ops\",\"webhook\":\"example.com/TOKEN\"}", "webhook", "http"},
		{"{\"name\":\"ops\",\"webhook\":\"https:///TOKEN\"}", "webhook", "http"},
		{"{\"name\":\"ops\",\"webhook\":\"https://a/\",\"secret\":\"TOKEN\"}", "secret",
			"whsec_"},
		{"{\"name\":\"ops\",\"webhook\":\"https://a/\",\"secret\":\"" SECRET
		 "\",\"secret_file\":\"/x\"}",
			"secret_file", "one of the two"},
		{"{\"name\":\"ops\",\"webhook\":\"https://a/\",\"secret_file\":\"/nonexistent/x\"}",
			"secret_file", "No such file"},
		{"{\"name\":\"ops\",\"webhook\":\"https://a/\",\"secret_file\":\"/etc/passwd\"}",
			"secret_file", "chmod 600"},
		{"{\"name\":\"ops\",\"webhook\":\"https://a/\",\"secret_file\":\"/dev/null\"}",
			"secret_file", "regular file"},
		{"{\"name\":\"ops\",\"webhook\":\"https://a/\",\"kinds\":[\"down\",\"dwon\"]}",
			"kinds", "undetermined"},
		{"{\"name\":\"ops\",\"webhook\":\"https://a/\",\"mass_flips\":\"grouped\"}", NULL,
			NULL},
		{"{\"name\":\"ops\",\"webhook\":\"https://a/\",\"mass_flips\":\"bundled\"}",
			"mass_flips", "each or grouped"},
		{"{\"name\":\"ops\",\"webhook\":\"https://a/\",\"timeout\":\"2m\"}", "timeout",
			"1s to 1m"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct problems problems = {.n = 0};
		struct channel_conf conf;
		json_t *in = json_loads(cases[i].json, 0, NULL);
		assert_non_null(in);
		int rc = schema_decode(&channel_conf_schema, SCHEMA_STRICT, in, &conf, &problems);
		if (rc != (cases[i].path ? -1 : 0))
			fail_msg("%s: %d %s", cases[i].json, rc, problems.item[0].message);
		if (cases[i].path) {
			assert_string_equal(problems.item[0].path, cases[i].path);
			if (!strstr(problems.item[0].message, cases[i].says))
				fail_msg("%s: %s", cases[i].json, problems.item[0].message);
			assert_null(strstr(problems.item[0].message, "TOKEN"));
		} else if (i == 0) {
			assert_int_equal(conf.timeout_ms, 15000);
			assert_int_equal(conf.mass_flips, MASS_FLIPS_EACH);
		}
		schema_clear(&channel_conf_schema, &conf);
		json_decref(in);
	}
}

/* ---- tests: deliveries */

/* What `openssl dgst` makes of it, as an independent witness. */
static void openssl_signature(const struct request *q, char out[128])
{
	char command[1024], path[] = "/tmp/qsign.XXXXXX";
	int fd = mkstemp(path);
	assert_int_not_equal(fd, -1);
	char *content = mem_printf("%s.%lld.%s", q->id, q->timestamp, q->body);
	assert_int_equal(write(fd, content, strlen(content)), strlen(content));
	close(fd);
	free(content);
	snprintf(command, sizeof(command),
		"key=$(printf %%s '%s' | base64 -d | od -An -tx1 | tr -d ' \\n'); "
		"openssl dgst -sha256 -mac HMAC -macopt hexkey:$key -binary '%s' | base64",
		&SECRET[strlen("whsec_")], path);
	FILE *p = popen(command, "r");
	assert_non_null(p);
	assert_non_null(fgets(out, 128, p));
	out[strcspn(out, "\n")] = '\0';
	pclose(p);
	unlink(path);
}

static void a_message_arrives_signed(void **state)
{
	struct stage *s = *state;
	char id_text[ID_TEXT_SIZE], key[64], signature[128];
	struct id id = id_of(1);
	SCRIPT(s, OK200);
	send_one(s, 1, 7);
	fixture_wait(s->f, has_ended, s);
	const struct request *q = &s->receiver.request[0];
	snprintf(key, sizeof(key), "%s.7.chat", id_format(&id, id_text));
	assert_int_equal(s->receiver.n, 1);
	assert_string_equal(q->path, "/hook/TOKEN0");
	assert_string_equal(q->id, key);
	assert_string_equal(q->type, "application/json");
	assert_in_range(q->timestamp, clock_wall_ms() / 1000 - 60, clock_wall_ms() / 1000 + 1);
	assert_int_equal(strncmp(q->signature, "v1,", 3), 0);
	openssl_signature(q, signature);
	assert_string_equal(q->signature + 3, signature);
	assert_arrived(s, "7 ");
	assert_counts(s, 0, 1, 0, 0);
	assert_int_equal(stored_pending(s), 0);
}

static void a_failure_is_tried_again_with_the_same_key(void **state)
{
	struct stage *s = *state;
	SCRIPT(s, ERROR500, ERROR500, OK200);
	send_one(s, 1, 1);
	fixture_wait(s->f, has_ended, s);
	assert_arrived(s, "1 1 1 ");
	assert_string_equal(s->receiver.request[0].id, s->receiver.request[2].id);
	assert_counts(s, 0, 1, 2, 0);
	assert_int_equal(stored_pending(s), 0);
}

static void exhausted_attempts_end_as_a_dead_letter(void **state)
{
	struct stage *s = *state;
	SCRIPT(s, ERROR500, ERROR500, ERROR500, OK200);
	send_one(s, 1, 1);
	send_one(s, 1, 2); /* goes on behind the dead one */
	fixture_wait(s->f, has_ended, s);
	assert_arrived(s, "1 1 1 2 ");
	assert_counts(s, 0, 1, 3, 1);
	assert_one_dead(s, "HTTP status 500");
}

static void gone_is_dead_at_once(void **state)
{
	struct stage *s = *state;
	SCRIPT(s, GONE410);
	send_one(s, 1, 1);
	fixture_wait(s->f, has_ended, s);
	assert_arrived(s, "1 ");
	assert_counts(s, 0, 0, 1, 1);
	assert_one_dead(s, "HTTP status 410: the receiver is gone");
}

static void a_redirect_is_a_failure(void **state)
{
	struct stage *s = *state;
	SCRIPT(s, MOVED302, MOVED302, MOVED302);
	send_one(s, 1, 1);
	fixture_wait(s->f, has_ended, s);
	for (int i = 0; i < s->receiver.n; i++)
		assert_string_equal(s->receiver.request[i].path, "/hook/TOKEN0");
	assert_one_dead(s, "HTTP status 302: redirects are not followed");
}

static void silence_ends_with_the_timeout(void **state)
{
	struct stage *s = *state;
	s->channel[0].timeout_ms = 200;
	SCRIPT(s, SILENCE, OK200);
	send_one(s, 1, 1);
	fixture_wait(s->f, has_ended, s);
	assert_arrived(s, "1 1 ");
	int64_t waited = s->receiver.request[1].at_ms - s->receiver.request[0].at_ms;
	assert_true(waited >= 190 && waited < 5000);
	assert_counts(s, 0, 1, 1, 0);
}

static void retry_after_is_honoured(void **state)
{
	struct stage *s = *state;
	SCRIPT(s, BUSY429, OK200);
	send_one(s, 1, 1);
	fixture_wait(s->f, has_ended, s);
	assert_true(s->receiver.request[1].at_ms - s->receiver.request[0].at_ms >= 990);
	assert_counts(s, 0, 1, 1, 0);
}

static void a_flood_of_an_answer_is_cut_off(void **state)
{
	struct stage *s = *state;
	SCRIPT(s, FLOOD);
	send_one(s, 1, 1);
	fixture_wait(s->f, has_ended, s);
	assert_counts(s, 0, 1, 0, 0);
}

static void nobody_there_is_a_failure_without_secrets(void **state)
{
	struct stage *s = *state;
	snprintf(s->url[0], sizeof(s->url[0]), "http://127.0.0.1:1/TOKEN");
	send_one(s, 1, 1);
	fixture_wait(s->f, has_ended, s);
	assert_counts(s, 0, 0, 3, 1);
	assert_one_dead(s, "Couldn't connect to server");
}

static void order_is_kept_per_alert_only(void **state)
{
	struct stage *s = *state;
	/* The first message of alert 1 fails once; alert 2 need not wait for it. */
	static const int64_t delays[] = {0, 300, 300};
	static const struct retry_schedule slow = {delays, 3};
	notify_set_schedule(s->notify, &slow);
	SCRIPT(s, ERROR500, OK200);
	send_one(s, 1, 1);
	send_one(s, 1, 2);
	wait_requests(s, 1);
	send_one(s, 1, 3);
	send_one(s, 2, 4);
	fixture_wait(s->f, has_ended, s);
	assert_arrived(s, "1 4 1 2 3 ");
}

static void nothing_leaves_before_its_release(void **state)
{
	struct stage *s = *state;
	SCRIPT(s, OK200);
	add(s, 1, 1, "down");
	send_one(s, 2, 2);
	wait_requests(s, 1);
	assert_arrived(s, "2 ");
	add(s, 1, 3, "down");
	notify_release(s->notify, 3); /* out of turn: waits for 1 */
	notify_release(s->notify, 99);
	send_one(s, 2, 4);
	wait_requests(s, 2);
	assert_arrived(s, "2 4 ");
	notify_release(s->notify, 1);
	fixture_wait(s->f, has_ended, s);
	assert_arrived(s, "2 4 1 3 ");
	send_one(s, 1, 5);
	add(s, 1, 6, "down"); /* comes up after 5, but is not released */
	wait_requests(s, 5);
	send_one(s, 2, 7);
	wait_requests(s, 6);
	send_one(s, 2, 8);
	wait_requests(s, 7);
	assert_arrived(s, "2 4 1 3 5 7 8 ");
}

static void at_most_four_at_once_per_channel(void **state)
{
	struct stage *s = *state;
	s->channel[0].timeout_ms = 400;
	SCRIPT(s, SILENCE, SILENCE, SILENCE, SILENCE, OK200);
	for (int i = 1; i <= 12; i++)
		send_one(s, i, i);
	wait_requests(s, 4);
	assert_counts(s, 12, 0, 0, 0);
	fixture_wait(s->f, has_ended, s);
	assert_counts(s, 0, 12, 4, 0);
	assert_int_equal(s->receiver.most_open, 4);
}

static void a_broken_store_holds_no_alert_back(void **state)
{
	struct stage *s = *state;
	SCRIPT(s, OK200);
	store_inject_fault(s->f->store, LANE_STATE, FAULT_LASTING);
	send_one(s, 1, 1);
	fixture_wait(s->f, has_ended, s);
	assert_arrived(s, "1 ");
	fixture_wait_count(s->f, &s->f->health_bad[0], 1); /* it may be sent before */
	store_inject_fault(s->f->store, LANE_STATE, 0);
	fixture_wait_count(s->f, &s->f->health_good[0], 1);
	assert_int_equal(stored_pending(s), 0); /* and the store knows it, in the end */
}

/* ---- tests: restarts and configuration */

static void pending_messages_survive_a_restart(void **state)
{
	struct stage *s = *state;
	static const int64_t delays[] = {0, 1000};
	static const struct retry_schedule later = {delays, 2};
	SCRIPT(s, ERROR500, OK200);
	notify_set_schedule(s->notify, &later);
	send_one(s, 1, 1);
	fixture_wait(s->f, has_failed, s);
	add(s, 1, 2, "down"); /* committed, never released: the coordinator died in between */
	assert_int_equal(stored_pending(s), 2);
	assert_counts(s, 2, 0, 1, 0);
	restart(s);
	assert_counts(s, 2, 0, 0, 0);
	fixture_wait(s->f, has_ended, s);
	assert_arrived(s, "1 1 2 ");
	int64_t waited = s->receiver.request[1].at_ms - s->receiver.request[0].at_ms;
	assert_true(
		waited >= 900 && waited < 4500); /* the 1 s of then, not the 5 s of the new run */
	assert_string_equal(s->receiver.request[0].id, s->receiver.request[1].id);
	assert_int_equal(stored_pending(s), 0);
	restart(s);
	assert_counts(s, 0, 0, 0, 0);
}

static void a_wait_is_bounded_when_the_wall_clock_jumped(void **state)
{
	struct stage *s = *state;
	SCRIPT(s, OK200);
	struct store_message m = {.sequence = 1,
		.channel = "chat",
		.key = "1.chat",
		.body = "{\"data\":{\"sequence\":1}}",
		.next_wall_ms = clock_wall_ms() + INT64_C(86400000) * 365};
	struct store_batch *b = store_batch_new(s->f->store);
	store_add_message(b, &m);
	assert_int_equal(fixture_commit(s->f, b, STORE_OR_FAIL), STORE_OK);
	restart(s);
	fixture_wait(s->f, has_ended, s);
	assert_arrived(s, "1 ");
}

static void a_transfer_that_was_cut_off_goes_out_again(void **state)
{
	struct stage *s = *state;
	SCRIPT(s, SILENCE, OK200);
	send_one(s, 1, 1);
	wait_requests(s, 1);
	restart(s);
	fixture_wait(s->f, has_ended, s);
	assert_arrived(s, "1 1 ");
	assert_string_equal(s->receiver.request[0].id, s->receiver.request[1].id);
	assert_counts(s, 0, 1, 0, 0);
}

static void each_channel_gets_the_kinds_it_wants(void **state)
{
	struct stage *s = *state;
	static char slow[] = "slow", coordinator[] = NOTIFY_KIND_COORDINATOR;
	char *kinds[] = {slow, coordinator};
	s->channel[1].kinds.item = kinds;
	s->channel[1].kinds.n = 2;
	notify_configure(s->notify, s->channel, 2);
	SCRIPT(s, OK200);
	send_one(s, 1, 1);
	fixture_wait(s->f, has_ended, s);
	assert_int_equal(s->receiver.n, 1);
	add(s, 1, 2, "slow");
	notify_release(s->notify, 2);
	fixture_wait(s->f, has_ended, s);
	assert_int_equal(s->receiver.n, 3);
	assert_string_not_equal(s->receiver.request[1].id, s->receiver.request[2].id);
	assert_string_not_equal(s->receiver.request[1].path, s->receiver.request[2].path);
	for (int i = 1; i < 3; i++) /* the second channel has no secret */
		assert_int_equal(s->receiver.request[i].signature[0] == '\0',
			strcmp(s->receiver.request[i].path, "/hook/TOKEN1") == 0);
}

static void messages_of_a_removed_channel_are_dead_letters(void **state)
{
	struct stage *s = *state;
	SCRIPT(s, SILENCE);
	send_one(s, 1, 1);
	wait_requests(s, 1); /* in flight */
	notify_configure(s->notify, &s->channel[1], 1);
	assert_counts(s, 0, 0, 0, 1);
	assert_one_dead(s, "the channel is not configured any more");
}

static void a_channel_that_is_gone_after_a_restart_too(void **state)
{
	struct stage *s = *state;
	add(s, 1, 1, "down");
	assert_int_equal(stored_pending(s), 1);
	s->n_channels = 0;
	restart(s);
	assert_counts(s, 0, 0, 0, 1);
	assert_one_dead(s, "the channel is not configured any more");
}

static void nothing_is_sent_unsigned_for_want_of_a_secret(void **state)
{
	struct stage *s = *state;
	char *path = mem_strdup(path_in(s->f, "secret"));
	SCRIPT(s, OK200);
	s->channel[0].secret = NULL;
	s->channel[0].secret_file = path;
	notify_configure(s->notify, s->channel, 1);
	send_one(s, 1, 1);
	fixture_wait(s->f, has_ended, s);
	assert_int_equal(s->receiver.n, 0);
	assert_one_dead(s, "the channel's secret cannot be read");
	int fd = open(path, O_WRONLY | O_CREAT, 0600);
	assert_int_equal(write(fd, SECRET "\n", strlen(SECRET) + 1), strlen(SECRET) + 1);
	close(fd);
	notify_configure(s->notify, s->channel, 1);
	send_one(s, 1, 2);
	fixture_wait(s->f, has_ended, s);
	assert_int_equal(s->receiver.n, 1);
	assert_int_equal(strncmp(s->receiver.request[0].signature, "v1,", 3), 0);
	free(path);
	s->channel[0].secret_file = NULL;
}

static void configuration_changes_apply_to_the_next_attempt(void **state)
{
	struct stage *s = *state;
	SCRIPT(s, ERROR500, OK200);
	static const int64_t delays[] = {0, 50};
	static const struct retry_schedule one_more = {delays, 2};
	notify_set_schedule(s->notify, &one_more);
	send_one(s, 1, 1);
	wait_requests(s, 1);
	struct channel_conf changed = s->channel[0];
	changed.webhook = s->url[1];
	notify_configure(s->notify, &changed, 1);
	fixture_wait(s->f, has_ended, s);
	assert_string_equal(s->receiver.request[0].path, "/hook/TOKEN0");
	assert_string_equal(s->receiver.request[1].path, "/hook/TOKEN1");
	assert_counts(s, 0, 1, 1, 0);
}

static void a_message_that_is_too_large_is_dead_at_once(void **state)
{
	struct stage *s = *state;
	char *large = mem_alloc(300001);
	memset(large, 'x', 300000);
	json_t *body = json_pack("{s:s}", "text", large);
	struct store_batch *b = store_batch_new(s->f->store);
	notify_add(s->notify, b, 1, "coordinator", body);
	store_submit(s->f->store, b, STORE_EVENTUALLY, NULL, NULL);
	notify_release(s->notify, 1);
	assert_counts(s, 0, 0, 0, 1);
	assert_one_dead(s, "the message is too large");
	json_decref(body);
	free(large);
}

#define STAGED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signatures_match_the_standard),
		cmocka_unit_test(secrets_are_checked),
		cmocka_unit_test(attempts_are_judged),
		cmocka_unit_test(the_schedule_is_the_standard_one),
		cmocka_unit_test(channels_are_checked),
		STAGED(a_message_arrives_signed),
		STAGED(a_failure_is_tried_again_with_the_same_key),
		STAGED(exhausted_attempts_end_as_a_dead_letter),
		STAGED(gone_is_dead_at_once),
		STAGED(a_redirect_is_a_failure),
		STAGED(silence_ends_with_the_timeout),
		STAGED(retry_after_is_honoured),
		STAGED(a_flood_of_an_answer_is_cut_off),
		STAGED(nobody_there_is_a_failure_without_secrets),
		STAGED(order_is_kept_per_alert_only),
		STAGED(nothing_leaves_before_its_release),
		STAGED(at_most_four_at_once_per_channel),
		STAGED(a_broken_store_holds_no_alert_back),
		STAGED(pending_messages_survive_a_restart),
		STAGED(a_wait_is_bounded_when_the_wall_clock_jumped),
		STAGED(a_transfer_that_was_cut_off_goes_out_again),
		STAGED(each_channel_gets_the_kinds_it_wants),
		STAGED(messages_of_a_removed_channel_are_dead_letters),
		STAGED(a_channel_that_is_gone_after_a_restart_too),
		STAGED(nothing_is_sent_unsigned_for_want_of_a_secret),
		STAGED(configuration_changes_apply_to_the_next_attempt),
		STAGED(a_message_that_is_too_large_is_dead_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
