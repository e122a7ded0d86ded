// SPDX-License-Identifier: MIT
/* Plain scalars by the core schema of YAML 1.2, section 10.3.2: null, true, 12, 0x1f, 0o17, 1.5e3;
 * else a text. */
#include "proto/base/mem.h"
#include "proto/base/yaml_internal.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool is_one_of(const char *text, const char *const *words)
{
	for (size_t i = 0; words[i] != NULL; i++)
		if (strcmp(text, words[i]) == 0)
			return true;
	return false;
}

/* [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?   Sets *INTEGER if there is no
 * dot, no e. */
static bool is_number(const char *s, bool *integer)
{
	size_t whole, part = 0;

	s += strspn(s, "+-") > 0 ? 1 : 0;
	whole = strspn(s, "0123456789");
	s += whole;
	*integer = *s == '\0';
	if (*s == '.') {
		part = strspn(++s, "0123456789");
		s += part;
	}
	if (whole + part == 0)
		return false;
	if (*s == 'e' || *s == 'E') {
		s++;
		s += strspn(s, "+-") > 0 ? 1 : 0;
		if (*s == '\0')
			return false;
		s += strspn(s, "0123456789");
	}
	return *s == '\0';
}

static json_t *integer(const char *digits, int base, const char **why)
{
	char *end;
	long long value;

	errno = 0;
	value = strtoll(digits, &end, base);
	if (errno == 0 && *end == '\0')
		return json_integer(value);
	*why = "the number is too large; if it is a text, put it in quotes";
	return NULL;
}

static json_t *real(const char *text, const char **why)
{
	double value = strtod(text, NULL);

	if (isfinite(value))
		return json_real(value);
	*why = "the number is too large; if it is a text, put it in quotes";
	return NULL;
}

json_t *yaml_plain(const char *text, const char **why)
{
	static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
	static const char *const trues[] = {"true", "True", "TRUE", NULL};
	static const char *const falses[] = {"false", "False", "FALSE", NULL};
	bool is_integer;
	json_t *out;

	*why = "not UTF-8";
	if (is_one_of(text, nulls))
		return json_null();
	if (is_one_of(text, trues))
		return json_true();
	if (is_one_of(text, falses))
		return json_false();
	if (strncmp(text, "0x", 2) == 0 && text[2] != '\0' &&
		text[2 + strspn(text + 2, "0123456789abcdefABCDEF")] == '\0')
		return integer(text + 2, 16, why);
	if (strncmp(text, "0o", 2) == 0 && text[2] != '\0' &&
		text[2 + strspn(text + 2, "01234567")] == '\0')
		return integer(text + 2, 8, why);
	if (is_number(text, &is_integer))
		return is_integer ? integer(text, 10, why) : real(text, why);
	out = json_string(text);
	return out;
}
