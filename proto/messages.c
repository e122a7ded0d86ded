// SPDX-License-Identifier: MIT
/*
 * The field tables of the link's messages, and the envelope around them: size and depth are judged
 * before the JSON parser sees a byte, then UTF-8 and syntax (jansson), then types and bounds
 * (schema). A decoded message owns its content. The tables are printed into proto/README.md.
 */
#include "proto/messages.h"

#include "proto/base/buf.h"
#include "proto/base/mem.h"
#include "proto/joinstring.h"
#include "proto/monitor.h"

#include <stdlib.h>
#include <string.h>

/* Deeper than any message of ours (orders: assign, monitor, expect, hops, status is 9), far from
 * what a recursive parser would mind. */
#define DEPTH_MAX 24

#define BIG           INT64_C(9007199254740991) /* 2^53-1: exact in every JSON implementation */
#define SESSION_BYTES (SESSION_TEXT_SIZE - 1)

const char *const message_type_names[] = {
	"hello", "welcome", "refused", "report", "receipt", "poll", "orders", NULL};
const char *const self_test_names[] = {"not_judged", "ok", "failed", NULL};
const char *const receipt_status_names[] = {
	"stored", "seen", "stale_session", "invalid", "busy", NULL};

static int check_session(const void *value, const char **why)
{
	const char *text = *(char *const *)value;
	*why = "32 lower-case hex digits";
	if (!text)
		return 0;
	return strlen(text) == SESSION_BYTES && strspn(text, "0123456789abcdef") == SESSION_BYTES
		       ? 0
		       : -1;
}

// clang-format off
#define SESSION_FIELD(s) \
	{.name = "session", .type = FIELD_STRING, .offset = offsetof(struct s, session), \
	 .flags = FIELD_REQUIRED | FIELD_SECRET, .min = SESSION_BYTES, .max = SESSION_BYTES, .check = check_session, \
	 .accepts = "32 lower-case hex digits", .doc = "Of the probe's open session, as welcome gave it."}

#define PINS_FIELD(s) \
	{.name = "pins", .type = FIELD_STRINGS, .offset = offsetof(struct s, pins), .max = JOIN_PINS_MAX, \
	 .check = join_check_pins, .doc = "The keys of the coordinator's door, now and next: sha256//BASE64; none: no change."}

/* ---- hello */

static const struct field hello_fields[] = {
	{.name = "version", .type = FIELD_INT, .offset = offsetof(struct hello, version), .flags = FIELD_REQUIRED,
	 .min = 1, .max = 1000000, .doc = "Of the protocol; this page describes version 1."},
	{.name = "probe", .type = FIELD_STRING, .offset = offsetof(struct hello, probe), .flags = FIELD_REQUIRED,
	 .min = 1, .max = NAME_MAX_BYTES, .doc = "Name of the probe as registered."},
	{.name = "token", .type = FIELD_STRING, .offset = offsetof(struct hello, token),
	 .flags = FIELD_REQUIRED | FIELD_SECRET, .min = 16, .max = 256, .doc = "The probe's secret. Never logged by either side."},
	{.name = "boot", .type = FIELD_ID, .offset = offsetof(struct hello, boot), .flags = FIELD_REQUIRED,
	 .doc = "Made anew at each start of the probe: (probe, boot, sequence) names a result for ever."},
	{.name = "software", .type = FIELD_STRING, .offset = offsetof(struct hello, software), .max = 128,
	 .doc = "Program and version, for people."},
	{.name = "capabilities", .type = FIELD_OBJECT, .offset = offsetof(struct hello, capabilities),
	 .sub = &capabilities_schema, .doc = "What the probe can and is willing to do."},
};

const struct schema hello_schema = {
	.name = "hello", .fields = hello_fields, .n_fields = ARRAY_LEN(hello_fields), .size_bytes = sizeof(struct hello)};

static const struct field welcome_fields[] = {
	SESSION_FIELD(welcome),
	{.name = "probe_id", .type = FIELD_ID, .offset = offsetof(struct welcome, probe_id), .flags = FIELD_REQUIRED,
	 .doc = "Id of the probe at the coordinator."},
	{.name = "heartbeat_ms", .type = FIELD_INT, .offset = offsetof(struct welcome, heartbeat_ms), .min = 1000,
	 .max = 60000, .fallback = "10000", .doc = "A report at least this often, empty if there is nothing to say."},
	{.name = "now_wall_ms", .type = FIELD_INT, .offset = offsetof(struct welcome, now_wall_ms), .min = 0, .max = BIG,
	 .doc = "The coordinator's wall clock, milliseconds since 1970."},
	PINS_FIELD(welcome),
};

const struct schema welcome_schema = {
	.name = "welcome", .fields = welcome_fields, .n_fields = ARRAY_LEN(welcome_fields), .size_bytes = sizeof(struct welcome)};

static const struct field refused_fields[] = {
	{.name = "code", .type = FIELD_STRING, .offset = offsetof(struct refused, code), .flags = FIELD_REQUIRED,
	 .min = 1, .max = 64, .doc = "For programs: unauthorized, version, twins, busy; others may come."},
	{.name = "detail", .type = FIELD_STRING, .offset = offsetof(struct refused, detail), .max = 512,
	 .doc = "A sentence for the probe's operator."},
};

const struct schema refused_schema = {
	.name = "refused", .fields = refused_fields, .n_fields = ARRAY_LEN(refused_fields), .size_bytes = sizeof(struct refused)};

/* ---- report */

static const struct field suspicion_fields[] = {
	{.name = "monitor", .type = FIELD_ID, .offset = offsetof(struct suspicion, monitor), .flags = FIELD_REQUIRED,
	 .doc = "Id of an assigned monitor."},
	{.name = "monitor_revision", .type = FIELD_INT, .offset = offsetof(struct suspicion, monitor_revision),
	 .flags = FIELD_REQUIRED, .min = 0, .max = BIG, .doc = "That the check was made for."},
	{.name = "waited_ms", .type = FIELD_INT, .offset = offsetof(struct suspicion, waited_ms), .min = 0,
	 .max = TIMEOUT_MAX_MS, .doc = "How long it has waited so far."},
};

static const struct schema suspicion_schema = {
	.name = "suspicion", .fields = suspicion_fields, .n_fields = ARRAY_LEN(suspicion_fields),
	.size_bytes = sizeof(struct suspicion)};

static const struct field report_fields[] = {
	SESSION_FIELD(report),
	{.name = "sent_wall_ms", .type = FIELD_INT, .offset = offsetof(struct report, sent_wall_ms), .min = 0, .max = BIG,
	 .doc = "The probe's wall clock at sending."},
	{.name = "loop_lag_us", .type = FIELD_INT, .offset = offsetof(struct report, loop_lag_us), .min = 0, .max = BIG,
	 .doc = "The probe's worst scheduling delay since its last report."},
	{.name = "spooled", .type = FIELD_INT, .offset = offsetof(struct report, spooled), .min = 0, .max = BIG,
	 .doc = "Results that wait on the probe, those of this report not counted."},
	{.name = "dropped", .type = FIELD_INT, .offset = offsetof(struct report, dropped), .min = 0, .max = BIG,
	 .doc = "Results lost to the probe's bounds since its start."},
	{.name = "spool_error", .type = FIELD_STRING, .offset = offsetof(struct report, spool_error), .max = 256,
	 .doc = "Why the probe cannot keep results on its disk, if so."},
	{.name = "results", .type = FIELD_LIST, .offset = offsetof(struct report, results), .sub = &result_schema,
	 .max = RESULTS_PER_REPORT_MAX, .doc = "Failures first, then the newest first. Empty: a heartbeat."},
	{.name = "suspicions", .type = FIELD_LIST, .offset = offsetof(struct report, suspicions), .sub = &suspicion_schema,
	 .max = SUSPICIONS_PER_REPORT_MAX,
	 .doc = "Scheduled checks that have waited for much longer than their targets usually take, and still do; told once each, without delay."},
	{.name = "pins_kept", .type = FIELD_BOOL, .offset = offsetof(struct report, pins_kept),
	 .doc = "The pins told last are on the probe's disk, or it needs none: a dial to the next key will succeed."},
	{.name = "self_test", .type = FIELD_ENUM, .offset = offsetof(struct report, self_test), .names = self_test_names,
	 .fallback = "\"not_judged\"", .doc = "Whether the probe's own network works, by its anchors."},
};

const struct schema report_schema = {
	.name = "report", .fields = report_fields, .n_fields = ARRAY_LEN(report_fields), .size_bytes = sizeof(struct report)};

static const struct field receipt_fields[] = {
	{.name = "status", .type = FIELD_ENUM, .offset = offsetof(struct receipt, status), .flags = FIELD_REQUIRED,
	 .names = receipt_status_names, .doc = "What became of the report, see below."},
	{.name = "detail", .type = FIELD_STRING, .offset = offsetof(struct receipt, detail), .max = 512,
	 .doc = "A sentence for the probe's log."},
	{.name = "now_wall_ms", .type = FIELD_INT, .offset = offsetof(struct receipt, now_wall_ms), .min = 0, .max = BIG,
	 .doc = "The coordinator's wall clock."},
};

const struct schema receipt_schema = {
	.name = "receipt", .fields = receipt_fields, .n_fields = ARRAY_LEN(receipt_fields), .size_bytes = sizeof(struct receipt)};

/* ---- poll and orders */

static const struct field poll_fields[] = {
	SESSION_FIELD(poll),
	{.name = "revision", .type = FIELD_INT, .offset = offsetof(struct poll, revision), .min = 0, .max = BIG,
	 .fallback = "0", .doc = "Of the last orders that the probe applied in this session; 0: none."},
};

const struct schema poll_schema = {
	.name = "poll", .fields = poll_fields, .n_fields = ARRAY_LEN(poll_fields), .size_bytes = sizeof(struct poll)};

/* A monitor stays JSON here: one that this probe cannot decode must not spoil the orders around it. */
static int monitor_json_decode(const json_t *in, void *out, const char **why)
{
	if (!json_is_object(in)) {
		*why = "a monitor: an object";
		return -1;
	}
	*(json_t **)out = json_deep_copy(in);
	return 0;
}

static json_t *monitor_json_encode(const void *in)
{
	return json_incref(*(json_t *const *)in);
}

static void monitor_json_unset(void *out)
{
	*(json_t **)out = NULL;
}

static void monitor_json_clear(void *out)
{
	json_decref(*(json_t **)out);
	*(json_t **)out = NULL;
}

static const struct field_custom monitor_json = {
	.decode = monitor_json_decode, .encode = monitor_json_encode, .unset = monitor_json_unset,
	.clear = monitor_json_clear, .json_schema = "{\"type\": \"object\"}"};

static const struct field assignment_fields[] = {
	{.name = "monitor", .type = FIELD_CUSTOM, .offset = offsetof(struct assignment, monitor), .flags = FIELD_REQUIRED,
	 .custom = &monitor_json, .doc = "The monitor in its wire form (the API's object with id and revision, and the values of its secrets)."},
	{.name = "assignment", .type = FIELD_INT, .offset = offsetof(struct assignment, assignment), .flags = FIELD_REQUIRED,
	 .min = 0, .max = BIG, .doc = "Revision of the assignment: results carry it back."},
	{.name = "next_in_ms", .type = FIELD_INT, .offset = offsetof(struct assignment, next_in_ms), .min = 0,
	 .max = INTERVAL_MAX_MS, .fallback = "0", .doc = "The first check starts so long from now, then one per interval."},
};

static const struct schema assignment_schema = {
	.name = "assignment", .fields = assignment_fields, .n_fields = ARRAY_LEN(assignment_fields),
	.size_bytes = sizeof(struct assignment)};

static const struct field burst_fields[] = {
	{.name = "monitor", .type = FIELD_ID, .offset = offsetof(struct burst_order, monitor), .flags = FIELD_REQUIRED,
	 .doc = "Id of an assigned monitor."},
	{.name = "monitor_revision", .type = FIELD_INT, .offset = offsetof(struct burst_order, monitor_revision),
	 .flags = FIELD_REQUIRED, .min = 0, .max = BIG, .doc = "A probe that has another revision ignores the burst."},
	{.name = "first_round", .type = FIELD_INT, .offset = offsetof(struct burst_order, first_round),
	 .flags = FIELD_REQUIRED, .min = 1, .max = BIG, .doc = "Number of the first round; results carry theirs."},
	{.name = "rounds", .type = FIELD_INT, .offset = offsetof(struct burst_order, rounds), .min = 1, .max = ROUNDS_MAX,
	 .fallback = "1", .doc = "How many checks."},
	{.name = "gap_ms", .type = FIELD_INT, .offset = offsetof(struct burst_order, gap_ms), .min = 0,
	 .max = TIMEOUT_MAX_MS, .fallback = "3000", .doc = "Between the starts of two rounds, whatever the earlier one does."},
};

static const struct schema burst_schema = {
	.name = "burst", .fields = burst_fields, .n_fields = ARRAY_LEN(burst_fields), .size_bytes = sizeof(struct burst_order)};

#define ASSIGN_MAX 2000 /* a reply is full long before */
static const struct field orders_fields[] = {
	{.name = "revision", .type = FIELD_INT, .offset = offsetof(struct orders, revision), .min = 0, .max = BIG,
	 .fallback = "0", .doc = "Of the last change in this reply: the next poll says it."},
	{.name = "reset", .type = FIELD_BOOL, .offset = offsetof(struct orders, reset),
	 .doc = "First part of a snapshot: what the probe had before is unconfirmed."},
	{.name = "complete", .type = FIELD_BOOL, .offset = offsetof(struct orders, complete),
	 .doc = "Last part of a snapshot: what was not confirmed since reset is dropped."},
	{.name = "stale_session", .type = FIELD_BOOL, .offset = offsetof(struct orders, stale_session),
	 .doc = "The session is over; nothing else in this reply counts."},
	{.name = "assign", .type = FIELD_LIST, .offset = offsetof(struct orders, assign), .sub = &assignment_schema,
	 .max = ASSIGN_MAX, .doc = "Assignments, new or changed or confirmed."},
	{.name = "drop", .type = FIELD_STRINGS, .offset = offsetof(struct orders, drop), .max = 5000,
	 .doc = "Ids of monitors that are no longer this probe's."},
	{.name = "bursts", .type = FIELD_LIST, .offset = offsetof(struct orders, bursts), .sub = &burst_schema,
	 .max = ASSIGN_MAX, .doc = "Confirmation bursts to start at once."},
	PINS_FIELD(orders),
};
// clang-format on

const struct schema orders_schema = {.name = "orders",
	.fields = orders_fields,
	.n_fields = ARRAY_LEN(orders_fields),
	.size_bytes = sizeof(struct orders)};

const struct schema *message_schema(enum message_type type)
{
	static const struct schema *const schemas[MESSAGE_TYPE_COUNT] = {
		[MESSAGE_HELLO] = &hello_schema,
		[MESSAGE_WELCOME] = &welcome_schema,
		[MESSAGE_REFUSED] = &refused_schema,
		[MESSAGE_REPORT] = &report_schema,
		[MESSAGE_RECEIPT] = &receipt_schema,
		[MESSAGE_POLL] = &poll_schema,
		[MESSAGE_ORDERS] = &orders_schema,
	};
	ensure((unsigned)type < MESSAGE_TYPE_COUNT);
	return schemas[type];
}

/* ---- encoding */

static int add_chunk(const char *data, size_t size_bytes, void *arg)
{
	return buf_add(arg, data, size_bytes);
}

char *message_encode(enum message_type type, const void *message, size_t *size_bytes)
{
	const struct schema *schema = message_schema(type);
	json_t *body = schema_encode(schema, SCHEMA_WIRE, message);
	json_t *whole = json_pack("{s:s}", "type", message_type_names[type]);
	ensure(body && whole);
	json_object_update(whole, body); /* after "type": members keep their order */
	json_decref(body);

	struct buf text;
	buf_init(&text, MESSAGE_MAX_BYTES);
	int failed = json_dump_callback(whole, add_chunk, &text, JSON_COMPACT);
	json_decref(whole);
	if (failed) {
		buf_clear(&text);
		return NULL;
	}
	*size_bytes = text.size_bytes;
	return buf_take(&text);
}

/* ---- decoding */

/* The nesting that a JSON parser would meet in DATA; brackets inside of strings do not count. */
static int depth_of(const char *data, size_t size_bytes)
{
	int depth = 0, deepest = 0;
	bool in_string = false;
	for (size_t i = 0; i < size_bytes; i++) {
		char c = data[i];
		if (in_string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = false;
		} else if (c == '"') {
			in_string = true;
		} else if (c == '{' || c == '[') {
			if (++depth > deepest)
				deepest = depth;
		} else if (c == '}' || c == ']') {
			depth--;
		}
	}
	return deepest;
}

static json_t *parse(const void *data, size_t size_bytes, struct problems *problems)
{
	if (size_bytes > MESSAGE_MAX_BYTES) {
		problems_add(problems, "", "a message of %zu bytes; accepted: at most %d",
			size_bytes, MESSAGE_MAX_BYTES);
		return NULL;
	}
	if (depth_of(data, size_bytes) > DEPTH_MAX) {
		problems_add(
			problems, "", "nested too deep; accepted: at most %d levels", DEPTH_MAX);
		return NULL;
	}
	json_error_t error;
	json_t *root = json_loadb(data, size_bytes, JSON_REJECT_DUPLICATES, &error);
	if (!root) {
		/* jansson's text quotes the input, which may hold a secret: only the place is told
		 */
		problems_add(problems, "", "not valid JSON (at byte %d)", error.position);
		return NULL;
	}
	if (!json_is_object(root)) {
		problems_add(problems, "", "not a message; accepted: an object");
		json_decref(root);
		return NULL;
	}
	return root;
}

static int type_of(const json_t *root, struct problems *problems)
{
	const char *name = json_string_value(json_object_get(root, "type"));
	if (!name) {
		problems_add(problems, "type", "missing; accepted: the name of a message");
		return -1;
	}
	for (int type = 0; type < MESSAGE_TYPE_COUNT; type++)
		if (strcmp(name, message_type_names[type]) == 0)
			return type;
	problems_add(
		problems, "type", "'%.40s' is not a message of version %d", name, LINK_VERSION);
	return -1;
}

struct message *message_decode(const void *data, size_t size_bytes, struct problems *problems)
{
	json_t *root = parse(data, size_bytes, problems);
	if (!root)
		return NULL;
	struct message *message = NULL;
	int type = type_of(root, problems);
	if (type >= 0) {
		message = mem_alloc(sizeof *message);
		message->type = (enum message_type)type;
		if (schema_decode(message_schema(message->type), SCHEMA_WIRE, root, &message->u,
			    problems)) {
			message_free(message);
			message = NULL;
		}
	}
	json_decref(root);
	return message;
}

void message_free(struct message *message)
{
	if (!message)
		return;
	schema_clear(message_schema(message->type), &message->u);
	free(message);
}
