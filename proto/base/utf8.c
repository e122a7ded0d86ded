// SPDX-License-Identifier: MIT
/* UTF-8 by the table of RFC 3629, section 4. */
#include "proto/base/utf8.h"
#include "proto/base/mem.h"

#include <string.h>

size_t utf8_length(const char *text, size_t left)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t n = s[0] < 0x80 ? 1 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;

	if (left < n)
		return 0;
	if (n == 1)
		return 1;
	if (s[0] < 0xc2 || s[0] > 0xf4 || (s[0] == 0xe0 && s[1] < 0xa0) ||
		(s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf0 && s[1] < 0x90) ||
		(s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

char *utf8_trim(char *text)
{
	size_t n = strlen(text), back = 0;

	while (back < 3 && back < n && ((unsigned char)text[n - 1 - back] & 0xc0) == 0x80)
		back++;
	if (back < n && (unsigned char)text[n - 1 - back] >= 0xc0 &&
		utf8_length(text + n - 1 - back, back + 1) != back + 1)
		text[n - 1 - back] = '\0';
	return text;
}

char *utf8_clean(const char *data, size_t size_bytes, size_t max_bytes)
{
	size_t room = size_bytes < max_bytes ? size_bytes : max_bytes, n = 0, i = 0;
	char *copy = mem_array(room + 1, 1);

	while (i < size_bytes) {
		if (data[i] != '\0' && (unsigned char)data[i] < 0x80 &&
			n < room) { /* ASCII, as most of it is */
			copy[n++] = data[i++];
			continue;
		}
		size_t bytes = data[i] == '\0' ? 0 : utf8_length(data + i, size_bytes - i);

		if (n + (bytes ? bytes : 1) > room)
			break;
		if (bytes == 0)
			copy[n] = '?';
		else
			memcpy(copy + n, data + i, bytes);
		n += bytes ? bytes : 1;
		i += bytes ? bytes : 1;
	}
	return copy;
}

/* Bytes of the control character at S; 0: it is none. */
static size_t control_bytes(const char *s)
{
	unsigned char first = (unsigned char)s[0], second;

	if (first == '\0')
		return 0;
	if (first < ' ' || first == 0x7f)
		return 1;
	second = (unsigned char)s[1];
	return first == 0xc2 && second >= 0x80 && second < 0xa0 ? 2 : 0;
}

bool utf8_has_control(const char *text)
{
	for (; *text != '\0'; text++)
		if (control_bytes(text) > 0)
			return true;
	return false;
}

char *utf8_replace_controls(char *text, char by)
{
	for (char *s = text; *s != '\0';) {
		size_t n = control_bytes(s);

		memset(s, by, n);
		s += n > 0 ? n : 1;
	}
	return text;
}
