// SPDX-License-Identifier: MIT
#include "tests/unit/cli_kit.h"

#include <ctype.h>

static const struct cli_option own[] = {{"file", 'f', "FILE", ""}, {"dry-run", 'n', NULL, ""}, {0}};
static const struct cli_option common[] = {{"output", 'o', "FORM", ""}, {0}};

static int parse(struct args *args, const char *line, const char **why)
{
	static char copy[256];
	char *words[32];
	int n = 0;

	memset(args, 0, sizeof(*args));
	snprintf(copy, sizeof(copy), "%s", line);
	for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
		words[n++] = word;
	return args_parse(args, own, common, n, words, false, why);
}

static void options_stand_anywhere(void **state UNUSED)
{
	static const char *const lines[] = {
		"-f a -o json x --dry-run",
		"x -fa -ojson -n",
		"--file=a --output json --dry-run -- x",
		"--file a x -n --output=json",
		"-nf a x -o json",
	};
	struct args args;
	const char *why;

	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		assert_true(parse(&args, lines[i], &why) > 0);
		assert_string_equal(args_value(&args, "file"), "a");
		assert_string_equal(args_value(&args, "output"), "json");
		assert_true(args_has(&args, "dry-run"));
		assert_int_equal(args.n_operands, 1);
		assert_string_equal(args.operand[0], "x");
	}
}

static void repeated_options_keep_their_order(void **state UNUSED)
{
	struct args args;
	const char *why;

	assert_true(parse(&args, "-f a -f b - -f -", &why) > 0);
	assert_string_equal(args_nth(&args, "file", 0), "a");
	assert_string_equal(args_nth(&args, "file", 1), "b");
	assert_string_equal(args_value(&args, "file"), "-");
	assert_null(args_nth(&args, "file", 3));
	assert_string_equal(args.operand[0], "-");
}

static void wrong_words_are_named(void **state UNUSED)
{
	static const char *const cases[][2] = {
		{"--fil a", "unknown option '--fil'; did you mean '--file'?"},
		{"--xyzzy", "unknown option '--xyzzy'"},
		{"-x", "unknown option '-x'"},
		{"--file", "option '--file' needs a value: FILE"},
		{"-f", "option '--file' needs a value: FILE"},
		{"--dry-run=yes", "option '--dry-run' takes no value"},
	};
	struct args args;
	const char *why;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(parse(&args, cases[i][0], &why), -1);
		assert_string_equal(why, cases[i][1]);
	}
}

static void a_value_may_be_left_out(void **state UNUSED)
{
	static const struct cli_option table[] = {{"follow", 0, "[N]", "so many"}, {0}};
	static const struct {
		const char *words[2];
		const char *value;
		int operands;
	} cases[] = {
		{{"--follow", "3"}, "3", 0},
		{{"--follow=3", "x"}, "3", 1},
		{{"--follow", "x"}, "", 1},
		{{"--follow", "3x"}, "", 1},
		{{"x", "--follow"}, "", 1},
	};
	char *help = NULL;
	size_t size;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct args args = {.n_operands = 0};
		const char *why;
		assert_int_equal(args_parse(&args, table, NULL, 2,
					 (char *const *)(uintptr_t)cases[i].words, false, &why),
			2);
		assert_string_equal(args_value(&args, "follow"), cases[i].value);
		assert_int_equal(args.n_operands, cases[i].operands);
	}
	FILE *out = open_memstream(&help, &size);
	args_help(out, table);
	fclose(out);
	assert_string_equal(help, "      --follow[=N]                so many\n");
	free(help);
}

static void exit_statuses(void **state UNUSED)
{
	static const struct {
		const char *words[5];
		int status;
		const char *out, *err;
	} cases[] = {
		{{NULL}, CLI_USAGE, "", "usage: quorate"},
		{{"--help"}, CLI_OK, "alert follow", ""},
		{{"help"}, CLI_OK, "alert follow", ""},
		{{"help", "apply"}, CLI_OK, "--dry-run", ""},
		{{"help", "alert", "follow"}, CLI_OK, "--count", ""},
		{{"help", "nothing"}, CLI_USAGE, "", "there is no command 'nothing'"},
		{{"--version"}, CLI_OK, "quorate " QUORATE_VERSION, ""},
		{{"alert"}, CLI_USAGE, "", "alert follow"},
		{{"alert", "--help"}, CLI_OK, "alert follow", ""},
		{{"alert", "follow", "--help"}, CLI_OK, "--count", ""},
		{{"alrt"}, CLI_USAGE, "", "did you mean 'alert'?"},
		{{"alert", "lst"}, CLI_USAGE, "", "did you mean 'alert list'?"},
		{{"alert", "show"}, CLI_USAGE, "", "something is missing"},
		{{"alert", "show", "a", "b"}, CLI_USAGE, "", "more words"},
		{{"status", "-o", "xml"}, CLI_USAGE, "", "accepted: table, json"},
		{{"status", "--nonsense"}, CLI_USAGE, "", "unknown option '--nonsense'"},
		{{"probe", "add", "tokyo-1"}, CLI_USAGE, "", "--region is missing"},
		{{"alert", "list", "--limit", "0"}, CLI_USAGE, "", "--limit: '0'"},
		{{"alert", "follow", "--count", "0"}, CLI_USAGE, "", "--count: '0'"},
		{{"alert", "follow", "--after", "x"}, CLI_USAGE, "", "--after: 'x'"},
		{{"apply"}, CLI_USAGE, "", "which file?"},
		{{"monitor", "add", "shop"}, CLI_USAGE, "",
			"one of --http, --tcp, --ping, --redirect, --tls and --dns"},
		{{"monitor", "add", "shop", "--http", "ftp://x/"}, CLI_USAGE, "", "--http: "},
		{{"monitor", "add", "--tcp", "x:1"}, CLI_USAGE, "", "name: "},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *words[7] = {"quorate"};
		memcpy(words + 1, cases[i].words, sizeof(cases[i].words));
		struct ran r = run_words(words);
		if (r.status != cases[i].status)
			fail_msg("case %zu: status %d instead of %d\n%s%s", i, r.status,
				cases[i].status, r.out, r.err);
		assert_contains(r.out, cases[i].out);
		assert_contains(r.err, cases[i].err);
		ran_free(&r);
	}
}

/* ---- the man page says what the program does */

static char *read_man_page(void)
{
	FILE *file = fopen("coordinator/cli/quorate.1", "r");
	char *text = calloc(1, 1 << 17);

	assert_non_null(file);
	assert_true(fread(text, 1, (1 << 17) - 1, file) > 0);
	fclose(file);
	return text;
}

static void check_options(const char *page, const struct cli_option *options)
{
	char item[64];

	for (const struct cli_option *o = options; o && o->name; o++) {
		snprintf(item, sizeof(item), "Fl -%s", o->name);
		const char *found = strstr(page, item);
		while (found &&
			(isalnum((unsigned char)found[strlen(item)]) || found[strlen(item)] == '-'))
			found = strstr(found + 1, item);
		if (!found)
			fail_msg("--%s is not in quorate.1", o->name);
	}
}

static bool is_option(const char *name)
{
	for (const struct cli_option *o = global_options; o->name; o++)
		if (strcmp(o->name, name) == 0)
			return true;
	for (const struct command *c = commands; c->noun; c++)
		for (const struct cli_option *o = c->options; o && o->name; o++)
			if (strcmp(o->name, name) == 0)
				return true;
	return false;
}

static void the_man_page_agrees(void **state UNUSED)
{
	char *page = read_man_page(), words[96], name[64];

	monitor_add_prepare();
	check_options(page, global_options);
	for (const struct command *c = commands; c->noun; c++) {
		snprintf(words, sizeof(words), ".It Cm %s%s%s", c->noun, c->verb ? " " : "",
			c->verb ? c->verb : "");
		assert_contains(page, words);
		check_options(page, c->options);
	}
	for (const char *at = page; (at = strstr(at, "Fl -")); at++) {
		size_t length = strspn(at + 4, "abcdefghijklmnopqrstuvwxyz-");
		snprintf(name, sizeof(name), "%.*s", (int)length, at + 4);
		if (!is_option(name))
			fail_msg("quorate.1 has --%s, the program has not", name);
	}
	free(page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_stand_anywhere),
		cmocka_unit_test(repeated_options_keep_their_order),
		cmocka_unit_test(wrong_words_are_named),
		cmocka_unit_test(a_value_may_be_left_out),
		cmocka_unit_test(exit_statuses),
		cmocka_unit_test(the_man_page_agrees),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
