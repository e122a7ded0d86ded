// SPDX-License-Identifier: MIT
/*
 * What the pages say of options, fields and reasons is what the tables in the code say: these parts of
 * them are made from the tables, by `make pages` (PAGES=write), and any other run compares. Run from
 * the top of the repository.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "proto/base/buf.h"
#include "proto/base/schema_internal.h"
#include "proto/base/utf8.h"
#include "proto/monitor_internal.h"
#include "proto/monitor_options.h"
#include "quorate/reason.h"
#include "tests/unit/page_kit.h"

#define PAGE_MAX 1000000
#define SEEN_MAX 64

static const char *const class_names[] = {"ok", "down", "warning", "internal"};

PRINTF_LIKE(2, 3) static void say(struct buf *page, const char *format, ...)
{
	va_list args;
	char *text;
	va_start(args, format);
	assert_int_not_equal(vasprintf(&text, format, args), -1);
	va_end(args);
	assert_int_equal(buf_add(page, text, strlen(text)), 0);
	free(text);
}

/* ---- of one field */

/* What F accepts, as a part of a sentence. */
static char *accepted(const struct field *f)
{
	char text[ACCEPTS_SIZE], value[4096];
	const char *why = "";
	if (f->type != FIELD_CUSTOM) {
		field_accepts(f, text);
		return mem_strdup(text);
	}
	json_t *nonsense = json_pack("[{}]");
	f->custom->unset(value);
	assert_int_equal(f->custom->decode(nonsense, value, &why), -1);
	if (f->custom->clear)
		f->custom->clear(value);
	json_decref(nonsense);
	return mem_strdup(why);
}

static char *kinds_of(uint32_t variants)
{
	const char *names[CHECK_KIND_COUNT];
	size_t n = 0;
	char text[256];
	for (int kind = 0; kind < CHECK_KIND_COUNT; kind++)
		if (variants & 1u << kind)
			names[n++] = check_kind_names[kind];
	size_t used = 0;
	for (size_t i = 0; i < n; i++)
		used += (size_t)snprintf(
			text + used, sizeof(text) - used, "%s%s", i ? ", " : "", names[i]);
	return mem_strndup(text, used);
}

static char *without_quotes(const char *json)
{
	char *text = mem_strdup(json), *to = text;
	for (const char *c = json; *c; c++)
		if (*c != '"')
			*to++ = *c;
	*to = '\0';
	return text;
}

/* ---- Markdown: the fields of the wire */

static char *names_of(const char *const *names)
{
	struct buf out;
	buf_init(&out, 4096);
	for (size_t i = 0; names[i]; i++)
		say(&out, "%s`%s`", i ? ", " : "", names[i]);
	return buf_take(&out);
}

static char *wire_form(const struct field *f)
{
	switch (f->type) {
	case FIELD_OBJECT:
		return mem_printf("object: %s", f->sub->name);
	case FIELD_LIST:
		return mem_printf("list of at most %zu: %s", field_max(f), f->sub->name);
	case FIELD_ENUM:
		return names_of(f->names);
	case FIELD_ID:
		return mem_strdup("UUID");
	case FIELD_TIME:
		return mem_strdup("RFC 3339 time");
	case FIELD_INT:
		if (f->max >= (INT64_C(1) << 53) - 1)
			return mem_printf("integer from %lld", (long long)f->min);
		return accepted(f);
	default:
		return accepted(f);
	}
}

static char *cell(const struct field *f)
{
	char *text = wire_form(f);
	const char *from = strncmp(text, "an ", 3) == 0  ? text + 3
			   : strncmp(text, "a ", 2) == 0 ? text + 2
							 : text;
	struct buf out;
	buf_init(&out, 4096);
	for (; *from; from++)
		say(&out, *from == '|' ? "\\%c" : "%c", *from);
	free(text);
	return buf_take(&out);
}

static void markdown_row(struct buf *page, const struct field *f)
{
	char *value = cell(f), *kinds = kinds_of(f->variants);
	say(page, "| `%s` | %s | %s | %s%s%s%s |\n", f->name, value,
		f->flags & FIELD_REQUIRED ? "yes"
		: f->fallback             ? f->fallback
					  : "",
		f->doc, *kinds ? " Only of: " : "", kinds, *kinds ? "." : "");
	free(value);
	free(kinds);
}

static void markdown_head(struct buf *page)
{
	say(page, "| field | value | default | meaning |\n|---|---|---|---|\n");
}

static void markdown_sections(
	struct buf *page, const struct schema *schema, const char **seen, size_t *n)
{
	for (size_t i = 0; i < *n; i++)
		if (strcmp(seen[i], schema->name) == 0)
			return;
	assert_true(*n < SEEN_MAX);
	seen[(*n)++] = schema->name;
	say(page, "### %s\n\n", schema->name);
	markdown_head(page);
	for (size_t i = 0; i < schema->n_fields; i++)
		markdown_row(page, &schema->fields[i]);
	say(page, "\n");
	for (size_t i = 0; i < schema->n_fields; i++)
		if (schema->fields[i].sub)
			markdown_sections(page, schema->fields[i].sub, seen, n);
}

static void markdown_result(struct buf *page)
{
	const char *seen[SEEN_MAX];
	size_t n = 0;
	markdown_sections(page, &result_schema, seen, &n);
}

/* What a probe needs of a monitor: these members, and all that is inside of them. */
static void markdown_monitor(struct buf *page)
{
	static const char *const needed[] = {
		"id", "revision", "type", "target", "interval", "timeout", "request", "expect"};
	const char *seen[SEEN_MAX];
	size_t n = 0;
	markdown_head(page);
	for (size_t i = 0; i < ARRAY_LEN(needed); i++)
		markdown_row(page, field_find(&monitor_schema, needed[i]));
	say(page, "\n");
	markdown_sections(page, field_find(&monitor_schema, "request")->sub, seen, &n);
	markdown_sections(page, field_find(&monitor_schema, "expect")->sub, seen, &n);
}

static void markdown_reasons(struct buf *page)
{
	say(page, "| code | class | sentence |\n|---|---|---|\n");
	for (int i = 0; i < REASON_COUNT; i++)
		say(page, "| `%s` | %s | %s |\n", reason_code((enum reason)i),
			class_names[reason_class((enum reason)i)], reason_text_en((enum reason)i));
}

/* ---- man pages */

/* TEXT with what groff would take for its own; as the name of an option with real minus signs. */
static void man_text(struct buf *page, const char *text, bool minus)
{
	for (; *text; text++)
		if (*text == '\\')
			say(page, "\\e");
		else if (*text == '-' && minus)
			say(page, "\\-");
		else if (*text == '|' && minus) /* a long list of names may be broken here */
			say(page, "|\\:");
		else
			say(page, "%c", *text);
}

static void man_sentence(struct buf *page, const char *head, const char *text)
{
	size_t n = strlen(text);
	say(page, "%s", head);
	man_text(page, text, false);
	say(page, "%s\n", n && text[n - 1] == '.' ? "" : ".");
}

static void man_field(struct buf *page, const struct field *f, const char *path, uint32_t variants)
{
	char *kinds = kinds_of(variants), *accepts = accepted(f),
	     *fallback = f->fallback ? without_quotes(f->fallback) : NULL;
	say(page, ".TP\n.B %s\n", path);
	man_sentence(page, "", f->doc);
	if (*kinds)
		man_sentence(page, "Of ", kinds);
	man_sentence(page, "Accepted: ", accepts);
	if (fallback)
		man_sentence(page, "Default: ", fallback);
	else if (f->flags & FIELD_REQUIRED)
		say(page, "Required.\n");
	free(kinds);
	free(accepts);
	free(fallback);
}

static void man_fields(
	struct buf *page, const struct schema *schema, const char *path, uint32_t variants)
{
	for (size_t i = 0; i < schema->n_fields; i++) {
		const struct field *f = &schema->fields[i];
		char *inner = mem_printf("%s%s%s", path, *path ? "." : "", f->name);
		uint32_t own = f->variants ? f->variants : variants;
		bool is_part = !*path && f->type == FIELD_OBJECT; /* has a section of its own */
		if (!(f->flags & (FIELD_READONLY | FIELD_WIRE)) && !is_part) {
			man_field(page, f, inner, own);
			if (f->sub) {
				char *member = mem_printf(
					"%s%s", inner, f->type == FIELD_LIST ? "[]" : "");
				man_fields(page, f->sub, member, own);
				free(member);
			}
		}
		free(inner);
	}
}

static void man_monitor(struct buf *page)
{
	man_fields(page, &monitor_schema, "", 0);
	for (size_t i = 0; i < monitor_schema.n_fields; i++) {
		const struct field *f = &monitor_schema.fields[i];
		if (f->type != FIELD_OBJECT)
			continue;
		say(page, ".SS %s\n", f->name);
		man_sentence(page, "", f->doc);
		man_fields(page, f->sub, f->name, 0);
	}
}

static void names_of_kind(struct buf *page, const struct schema *schema, const char *path,
	uint32_t variants, int kind)
{
	for (size_t i = 0; i < schema->n_fields; i++) {
		const struct field *f = &schema->fields[i];
		uint32_t own = f->variants ? f->variants : variants;
		char *inner = mem_printf("%s.%s", path, f->name);
		if ((own == 0 || own & 1u << kind) && f->type == FIELD_OBJECT)
			names_of_kind(page, f->sub, inner, own, kind);
		else if ((own == 0 || own & 1u << kind) && !(f->flags & FIELD_WIRE))
			say(page, ".br\n.B %s\n", inner);
		free(inner);
	}
}

static void man_kinds(struct buf *page)
{
	for (int kind = 0; kind < CHECK_KIND_COUNT; kind++) {
		say(page, ".TP\n.B %s\n", check_kind_names[kind]);
		man_sentence(page, "Target: ", target_accepts(kind));
		names_of_kind(
			page, field_find(&monitor_schema, "request")->sub, "request", 0, kind);
		names_of_kind(page, field_find(&monitor_schema, "expect")->sub, "expect", 0, kind);
	}
}

/* Japanese has no blanks: a line may end behind any of its characters, but not before a stop. */
static void man_japanese(struct buf *page, const char *text)
{
	while (*text) {
		size_t n = utf8_length(text, strlen(text));
		assert_int_not_equal(n, 0);
		bool stop = strncmp(text + n, "、", 3) == 0;
		say(page, "%.*s%s", (int)n, text, n > 1 && text[n] && !stop ? "\\:" : "");
		text += n;
	}
	say(page, "\n");
}

static void man_reasons(struct buf *page)
{
	for (int i = 0; i < REASON_COUNT; i++) {
		enum reason r = (enum reason)i;
		say(page, ".TP\n.BR %s \" (%s)\"\n", reason_code(r), class_names[reason_class(r)]);
		man_sentence(page, "", reason_text_en(r));
		say(page, ".br\n");
		man_japanese(page, reason_text_ja(r));
	}
}

static void man_option(struct buf *page, const struct cli_option *o)
{
	const char *value = o->value ? o->value : "";
	say(page, ".TP\n.B \\-\\-");
	man_text(page, o->name, true);
	say(page, "%s", *value && *value != '[' ? " " : "");
	if (*value == '[')
		man_text(page, "[=N]", true);
	else
		man_text(page, value, true);
	say(page, "\n");
	man_sentence(page, "", o->help);
}

static void man_check_options(struct buf *page)
{
	struct monitor_options *options = monitor_options_new();
	const struct cli_option *o = monitor_options_table(options);
	for (; o->name; o++)
		man_option(page, o);
	monitor_options_free(options);
}

/* ---- the parts */

static const struct part {
	const char *page, *begin, *end; /* lines, or their beginnings */
	void (*make)(struct buf *page);
} parts[] = {
	{"proto/README.md", "<!-- made from the code: result -->\n", "<!-- end -->\n",
		markdown_result},
	{"proto/README.md", "<!-- made from the code: monitor -->\n", "<!-- end -->\n",
		markdown_monitor},
	{"proto/README.md", "<!-- made from the code: reasons -->\n", "<!-- end -->\n",
		markdown_reasons},
	{"proto/quorate-monitors.5", ".\\\" made from the code: kinds\n", ".\\\" end\n", man_kinds},
	{"proto/quorate-monitors.5", ".\\\" made from the code: options\n", ".\\\" end\n",
		man_monitor},
	{"proto/quorate-monitors.5", ".\\\" made from the code: reasons\n", ".\\\" end\n",
		man_reasons},
	{"probe/quorate-probe.8", ".\\\" made from the code: options of the check\n", ".\\\" end\n",
		man_check_options},
};

static void write_page(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	if (!f)
		fail_msg("%s: cannot be written", path);
	else
		fputs(text, f);
	if (f)
		fclose(f);
}

static void compare(const struct part *part, const char *is, size_t n, const char *should)
{
	size_t i = 0, line = 0;
	while (i < n && is[i] == should[i])
		line = is[i++] == '\n' ? i : line;
	if (i < n || should[i])
		fail_msg("%s is behind the code, run `make pages`:\nis:     %.*s\nshould: %.*s",
			part->page, (int)strcspn(is + line, "\n"), is + line,
			(int)strcspn(should + line, "\n"), should + line);
}

static void the_pages_say_what_the_code_says(void **state UNUSED)
{
	bool write = getenv("PAGES") && strcmp(getenv("PAGES"), "write") == 0;
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		const struct part *part = &parts[i];
		char *page = read_page(part->page), *at = strstr(page, part->begin), *end;
		struct buf made, whole;
		if (!at || !(end = strstr(at, part->end))) {
			fail_msg("%s: no part %s", part->page, part->begin);
			return;
		}
		at += strlen(part->begin);
		buf_init(&made, PAGE_MAX);
		buf_init(&whole, PAGE_MAX);
		part->make(&made);
		if (write) {
			say(&whole, "%.*s%s%s", (int)(at - page), page, buf_text(&made), end);
			write_page(part->page, buf_text(&whole));
		} else {
			compare(part, at, (size_t)(end - at), buf_text(&made));
		}
		buf_clear(&made);
		buf_clear(&whole);
		free(page);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_pages_say_what_the_code_says),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
