// SPDX-License-Identifier: MIT
/* What a customer is shown: documents full of what is none of theirs, walked to the last string. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "coordinator/alert_story.h"
#include "coordinator/audience.h"
#include "quorate/attr.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Everything of ours is spelled with one of these. */
static const char *const ours[] = {"tokyo-1", "osaka-9", "globex", "anna", "10.9.8.7", "resolver",
	"quarantine", "http://here"};

#define VOTE(fate, reason, why)                                                                    \
	"{\"probe\":\"tokyo-1\",\"region\":\"ap-northeast-1\",\"seat\":0,\"verdict\":\"down\","    \
	"\"reason\":\"" reason                                                                     \
	"\",\"at\":\"2026-11-21T18:30:49.310Z\",\"age_ms\":812,\"fate\":\"" fate "\"," why         \
	"\"private_to\":\"globex\",\"detail\":\"seen by tokyo-1 "                                  \
	"through resolver 10.9.8.7\",\"address\":\"10.9.8.7:3128\",\"hops\":[{\"url\":"            \
	"\"http://shop/\",\"status\":200,\"address\":\"10.9.8.7:3128\"}],\"self\":\"tokyo-1\"}"
#define COUNTED_VOTE                                                                               \
	"{\"probe\":\"osaka-9\",\"region\":\"ap-northeast-3\",\"seat\":1,\"verdict\":\"down\","    \
	"\"reason\":\"http.status\",\"at\":\"2026-11-21T18:30:49.310Z\",\"age_ms\":812,"           \
	"\"fate\":\"counted\",\"detail\":\"status 503\",\"status\":503}"
#define QUORUM                                                                                     \
	"{\"seats\":3,\"down\":2,\"up\":2,\"counted\":{\"down\":2,\"up\":0,\"warning\":0,"         \
	"\"split\":0,\"absent\":1},\"rounds\":2}"
#define VOTES                                                                                      \
	"[" VOTE("counted", "dns.timeout", "") "," COUNTED_VOTE "," VOTE(                          \
		"excluded", "ok", "\"why\":\"quarantine\",") "]"
#define ALERT(kind)                                                                                \
	"{\"id\":\"1\",\"case\":\"K7F-2QX\",\"organization\":\"acme\",\"state\":\"closed\","       \
	"\"severity\":\"critical\",\"kind\":\"" kind "\",\"monitor\":{\"name\":\"shop\"},"         \
	"\"probe\":{\"name\":\"tokyo-1\"},\"monitors\":[\"globex shop\"],\"reason\":{\"code\":"    \
	"\"dns.timeout\",\"text\":\"no answer from resolver 10.9.8.7\",\"class\":\"down\","        \
	"\"ja\":\"x\"},\"opened_at\":\"2026-11-21T18:30:53.156Z\",\"closed_at\":"                  \
	"\"2026-11-21T18:40:00.000Z\",\"closed_by\":\"anna\",\"acknowledged_at\":"                 \
	"\"2026-11-21T18:31:00.000Z\",\"acknowledged_by\":\"anna\",\"changed_at\":"                \
	"\"2026-11-21T18:32:00.000Z\",\"opening\":{\"kind\":\"down\",\"by\":\"anna\","             \
	"\"quorum\":" QUORUM ",\"votes\":" VOTES "},\"recovery\":{\"quorum\":" QUORUM              \
	",\"votes\":" VOTES                                                                        \
	"},\"comments\":[{\"at\":\"2026-11-21T18:33:00.000Z\",\"by\":\"anna\",\"text\":\"tokyo-1 " \
	"is odd\"}],\"observed\":{\"address\":\"10.9.8.7:3128\",\"status\":503,\"families\":[{"    \
	"\"family\":\"ipv4\",\"reason\":\"dns.timeout\",\"detail\":\"resolver 10.9.8.7\","         \
	"\"address\":\"10.9.8.7:53\"}]},\"url\":\"http://here/alerts/K7F-2QX\",\"quorum\":" QUORUM \
	",\"votes\":" VOTES ",\"new\":{\"member\":\"tokyo-1\"}}"
#define EXPLANATION                                                                                \
	"{\"monitor\":{\"name\":\"shop\",\"external_id\":\"7\"},\"state\":\"paused\","             \
	"\"sentence\":"                                                                            \
	"\"PAUSED by anna until tomorrow\",\"votes\":" VOTES ",\"refusals\":[{\"probe\":"          \
	"\"tokyo-1\"}],\"quarantine\":[{\"probe\":\"tokyo-1\"}],\"holding\":[{\"why\":\"budget\"," \
	"\"words\":\"tokyo-1 has too much\"},{"                                                    \
	"\"why\":\"parent\",\"words\":\"parent router is down\"}],\"outlook\":[{\"words\":"        \
	"\"1 more\"}],\"new\":\"globex\"}"

static json_t *parsed(const char *text)
{
	json_error_t error;
	json_t *out = json_loads(text, 0, &error);

	if (!out)
		fail_msg("%s at %d", error.text, error.position);
	return out;
}

/* Member names, too. */
static void assert_nothing_of_ours(const json_t *document)
{
	char *text = json_dumps(document, JSON_ENCODE_ANY);

	for (size_t i = 0; i < ARRAY_LEN(ours); i++)
		if (strstr(text, ours[i]))
			fail_msg("'%s' in %s", ours[i], text);
	free(text);
}

static void assert_says(const json_t *document, const char *part)
{
	char *text = json_dumps(document, JSON_COMPACT);

	if (!strstr(text, part))
		fail_msg("no '%s' in %s", part, text);
	free(text);
}

static void test_alert(void **state UNUSED)
{
	json_t *alert = parsed(ALERT("down")), *shown = audience_alert(alert),
	       *story = alert_story(shown);

	assert_nothing_of_ours(shown);
	assert_nothing_of_ours(story);
	assert_says(shown, "\"probe\":\"a probe in ap-northeast-1\"");
	assert_says(shown, "\"detail\":\"status 503\"");
	assert_says(shown, "\"detail\":\"no answer from the name server in time\"");
	assert_says(shown, "\"text\":\"no answer from the name server in time\"");
	assert_says(shown, "\"verdict\":null,\"reason\":null"); /* of the excluded one */
	assert_says(shown, "\"organization\":\"acme\"");
	assert_says(story, "a probe in ap-northeast-1 (dns.timeout); a probe in ap-northeast-3 "
			   "(http.status)");
	json_decref(story);
	json_decref(shown);
	json_decref(alert);
}

static void test_alert_about_a_probe(void **state UNUSED)
{
	json_t *alert = parsed(ALERT("probe"));

	assert_null(audience_alert(alert));
	json_decref(alert);
}

static void test_explanation(void **state UNUSED)
{
	json_t *x = parsed(EXPLANATION), *shown = audience_explanation(x);

	assert_nothing_of_ours(shown);
	assert_says(shown, "\"sentence\":\"PAUSED: nobody checks it.\"");
	assert_says(shown, "parent router is down");
	assert_says(shown, "\"external_id\":\"7\"");
	assert_says(shown, "1 more");
	assert_null(json_object_get(shown, "refusals"));
	json_decref(shown);
	json_decref(x);
}

/* Each that holding.c has: what the customer's own settings, monitors and works hold back is told. */
static void test_what_holds_is_told(void **state UNUSED)
{
	static const struct {
		const char *why;
		bool told;
	} table[] = {{"start", false}, {"maintenance", true}, {"parent", true},
		{"mass_flip", false}, {"flapping", true}, {"after", true},
		{"recovered_after", true}, {"budget", false}, {"unanswered", false},
		{"backoff", true}, {"undetermined_after", true}, {"told_by_probes", false},
		{"new_one", false}};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		json_t *x =
			json_pack("{s:[{s:s, s:s}]}", "holding", "why", table[i].why, "words", "x");
		json_t *shown = audience_explanation(x);

		assert_int_equal(json_array_size(json_object_get(shown, "holding")), table[i].told);
		json_decref(shown);
		json_decref(x);
	}
}

static void test_japanese(void **state UNUSED)
{
	json_t *x = parsed(
		       "{\"reason\":{\"code\":\"tcp.refused\",\"text\":\"t\",\"ja\":\"接続\"},"
		       "\"votes\":[{\"reason\":\"tcp.refused\",\"detail\":\"by x\"},{\"reason\":"
		       "\"ok\",\"detail\":\"200\"}]}"),
	       *shown = audience_japanese(x);

	assert_says(shown, "\"text\":\"接続\"");
	assert_says(shown, "\"detail\":\"接続が拒否されました\"");
	assert_says(shown, "\"detail\":\"200\"");
	assert_says(x, "\"text\":\"t\"");
	json_decref(shown);
	json_decref(x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alert),
		cmocka_unit_test(test_alert_about_a_probe),
		cmocka_unit_test(test_explanation),
		cmocka_unit_test(test_what_holds_is_told),
		cmocka_unit_test(test_japanese),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
