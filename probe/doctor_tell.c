// SPDX-License-Identifier: MIT
/* The findings, for people and for programs. */
#include "probe/doctor_internal.h"

#include "proto/base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STEP_COLUMNS 9 /* "protocol" and a blank */
#define MARK_COLUMNS 6

const char *const mark_names[] = {"ok", "note", "warn", "fail"};
static const char *const mark_words[] = {"ok", "note", "warn", "FAIL"};
static const char *const mark_colours[] = {"\033[32m", "\033[2m", "\033[33m", "\033[1;31m"};

static bool has_colour(FILE *out)
{
	const char *no = getenv("NO_COLOR");
	return isatty(fileno(out)) && !(no && *no);
}

static void tell_one(const struct finding *f, FILE *out)
{
	bool colour = has_colour(out);
	fprintf(out, "  %s%-*s%s%-*s  %s\n", colour ? mark_colours[f->mark] : "", MARK_COLUMNS,
		mark_words[f->mark], colour ? "\033[0m" : "", STEP_COLUMNS, f->step, f->text);
	if (f->remedy)
		fprintf(out, "  %*s-> %s\n", MARK_COLUMNS + STEP_COLUMNS + 2, "", f->remedy);
}

void doctor_tell_text(struct doctor *d, FILE *out)
{
	for (; d->n_told < d->n_findings; d->n_told++) {
		const struct finding *f = &d->finding[d->n_told];
		if (d->n_told == 0 || strcmp(f->group, f[-1].group) != 0)
			fprintf(out, "%s%s\n", d->n_told ? "\n" : "", f->group);
		tell_one(f, out);
	}
}

static size_t count(const struct doctor *d, enum mark mark)
{
	size_t n = 0;
	for (size_t i = 0; i < d->n_findings; i++)
		n += d->finding[i].mark == mark;
	return n;
}

static void tell_number(FILE *out, size_t n, const char *what)
{
	fprintf(out, "%zu %s%s", n, what, n == 1 ? "" : "s");
}

void doctor_tell_end(const struct doctor *d, FILE *out)
{
	size_t failures = count(d, MARK_FAIL), warnings = count(d, MARK_WARN);
	fputc('\n', out);
	if (failures)
		tell_number(out, failures, "failure");
	if (failures && warnings)
		fputs(", ", out);
	if (warnings)
		tell_number(out, warnings, "warning");
	fputs(failures || warnings ? "\n" : "All is well.\n", out);
}

int doctor_exit(const struct doctor *d)
{
	if (count(d, MARK_FAIL))
		return DOCTOR_BROKEN;
	return count(d, MARK_WARN) ? DOCTOR_WARNED : DOCTOR_FINE;
}

void doctor_tell_json(const struct doctor *d, FILE *out)
{
	static const char *const verdicts[] = {"ok", "warn", "fail"};
	json_t *list = json_array();
	for (size_t i = 0; i < d->n_findings; i++) {
		const struct finding *f = &d->finding[i];
		json_array_append_new(list,
			json_pack("{s:s, s:s, s:s, s:s, s:s?}", "group", f->group, "step", f->step,
				"mark", mark_names[f->mark], "text", f->text, "remedy", f->remedy));
	}
	json_t *all = json_pack("{s:s?, s:s, s:s, s:s, s:i, s:o}", "probe", d->conf.name, "version",
		QUORATE_VERSION, "user", d->our_name, "verdict", verdicts[doctor_exit(d)],
		"exit_status", doctor_exit(d), "findings", list);
	ensure(all);
	json_dumpf(all, out, JSON_INDENT(2));
	fputc('\n', out);
	json_decref(all);
}
