// SPDX-License-Identifier: MIT
/*
 * Texts are read in several ways (as they are, percent-decoded, …), each a list of bytes that know
 * where they came from. A window of such bytes that occurs in a needle marks its place; what was
 * marked in any reading is replaced.
 */
#include "probe/redact.h"

#include "proto/base/mem.h"
#include "proto/base/utf8.h"
#include "proto/monitor.h"
#include "quorate/limits.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MARKER      "[redacted]"
#define HIDDEN      1
#define WINDOW      6 /* bytes in a row that are no chance */
#define TAIL_MIN    3 /* of a value's beginning, where a text was cut in the middle of it */
#define WHOLE_MIN   8 /* of a body that was no secret's */
#define FILTER_BITS 65536
#define NEEDLES_MAX (3 * (HEADERS_MAX + 1) + 3)

/* In lower case. */
struct needle {
	unsigned char *text;
	size_t n;
	size_t window;   /* WINDOW; the whole of a short one, or of one that counts only whole */
	uint8_t *filter; /* a bit per hash of its windows */
};

struct needles {
	struct needle item[NEEDLES_MAX];
	size_t n;
};

/* ---- needles */

static unsigned hash(const unsigned char *p, size_t n)
{
	uint32_t h = 2166136261u; /* FNV-1a */
	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 16777619u;
	return (h ^ h >> 16) % FILTER_BITS;
}

static void add_needle(struct needles *needles, const char *text, size_t n, size_t window)
{
	struct needle *needle = &needles->item[needles->n];
	if (n < SECRET_VALUE_MIN_BYTES || needles->n == NEEDLES_MAX)
		return;
	needles->n++;
	needle->text = mem_alloc(n);
	needle->n = n;
	needle->window = n < window ? n : window;
	needle->filter = mem_alloc(FILTER_BITS / 8);
	for (size_t i = 0; i < n; i++)
		needle->text[i] = (unsigned char)tolower((unsigned char)text[i]);
	for (size_t i = 0; i + needle->window <= n; i++) {
		unsigned bit = hash(needle->text + i, needle->window);
		needle->filter[bit / 8] |= (uint8_t)(1u << bit % 8);
	}
}

static void clear_needles(struct needles *needles)
{
	for (size_t i = 0; i < needles->n; i++) {
		explicit_bzero(needles->item[i].text, needles->item[i].n);
		free(needles->item[i].text);
		free(needles->item[i].filter);
	}
}

/* Of RFC 4648, as far as it is any; returns the number of bytes. OUT has room for 3/4 of TEXT. */
static size_t base64_decode(const char *text, char *out)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	unsigned bits = 0, value = 0;
	size_t n = 0;
	for (const char *digit; *text != '\0' && (digit = strchr(digits, *text)) != NULL; text++) {
		value = (value << 6 | (unsigned)(digit - digits)) & 0xffffff;
		bits += 6;
		if (bits < 8)
			continue;
		bits -= 8;
		out[n++] = (char)(value >> bits & 0xff);
	}
	return n;
}

/* The password of "user:password", and both together. */
static void add_basic(struct needles *needles, const char *encoded)
{
	size_t room = strlen(encoded) + 1;
	char *decoded = mem_alloc(room);
	size_t n = base64_decode(encoded, decoded);
	const char *colon = memchr(decoded, ':', n);
	if (colon != NULL) {
		size_t at = (size_t)(colon - decoded) + 1;
		add_needle(needles, decoded, n, WINDOW);
		add_needle(needles, colon + 1, n - at, WINDOW);
	}
	explicit_bzero(decoded, room);
	free(decoded);
}

/* Without the word that says which scheme it is: pages about "Bearer" may be shown. */
static void add_value(struct needles *needles, const char *value)
{
	static const char *const schemes[] = {"Basic ", "Bearer ", "Token ", "ApiKey "};
	for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
		size_t n = strlen(schemes[i]);
		if (strncasecmp(value, schemes[i], n) != 0)
			continue;
		if (i == 0)
			add_basic(needles, value + n);
		value += n;
		break;
	}
	add_needle(needles, value, strlen(value), WINDOW);
}

static bool is_sensitive(const struct credential_place *at)
{
	const char *const *name = at->field->sensitive;
	while (name != NULL && *name != NULL && strcasecmp(*name, at->member) != 0)
		name++;
	return name != NULL && *name != NULL;
}

static void collect(void *arg, const struct credential_place *at)
{
	struct needles *needles = arg;
	const char *value = *at->value;
	if (value == NULL)
		return;
	if (at->secret != NULL || (at->field->flags & FIELD_SECRET) != 0 ||
		(at->member != NULL && is_sensitive(at)))
		add_value(needles, value);
	else if (at->member == NULL && strlen(value) >= WHOLE_MIN)
		add_needle(needles, value, strlen(value), strlen(value));
}

/* "Basic" as it is sent. */
static void add_login(struct needles *needles, const struct auth *auth)
{
	if (auth->user == NULL || auth->password.value == NULL)
		return;
	char *login = mem_printf("%s:%s", auth->user, auth->password.value);
	size_t n = strlen(login);
	unsigned char *sent = mem_alloc(n / 3 * 4 + 5);
	EVP_EncodeBlock(sent, (const unsigned char *)login, (int)n);
	add_needle(needles, (const char *)sent, strlen((const char *)sent), WINDOW);
	explicit_bzero(sent, n / 3 * 4 + 5);
	explicit_bzero(login, n);
	free(sent);
	free(login);
}

static void collect_all(struct needles *needles, const struct monitor *m)
{
	monitor_each_credential(m, "", collect, needles);
	add_login(needles, &m->request.auth);
}

/* ---- readings of a text */

enum reading { AS_IT_IS, AS_URL, AS_JSON, AS_HTML, READINGS };

static int hex(const char *digits, size_t n)
{
	int value = 0;
	for (size_t i = 0; i < n; i++) {
		if (!isxdigit((unsigned char)digits[i]))
			return -1;
		value = value * 16 +
			(isdigit((unsigned char)digits[i])
					? digits[i] - '0'
					: tolower((unsigned char)digits[i]) - 'a' + 10);
	}
	return value;
}

static size_t read_url(const char *p, int *byte)
{
	if (*p == '+')
		*byte = ' ';
	else if (*p == '%' && (*byte = hex(p + 1, 2)) > 0)
		return 3;
	return *p == '+' ? 1 : 0;
}

static size_t read_json(const char *p, int *byte)
{
	static const char letters[] = "\"\\/nrtbf", meant[] = "\"\\/\n\r\t\b\f";
	const char *letter;
	if (*p != '\\' || p[1] == '\0')
		return 0;
	if (p[1] == 'u') {
		*byte = hex(p + 2, 4);
		return *byte > 0 && *byte < 0x80 ? 6 : 0;
	}
	letter = strchr(letters, p[1]);
	*byte = letter != NULL ? meant[letter - letters] : 0;
	return letter != NULL ? 2 : 0;
}

static size_t read_html(const char *p, int *byte)
{
	static const struct {
		const char *entity;
		int byte;
	} entities[] = {
		{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}};
	char *end;
	if (*p != '&')
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(entities); i++) {
		*byte = entities[i].byte;
		if (strncasecmp(p, entities[i].entity, strlen(entities[i].entity)) == 0)
			return strlen(entities[i].entity);
	}
	if (p[1] != '#')
		return 0;
	bool is_hex = p[2] == 'x' || p[2] == 'X';
	long value = strtol(p + (is_hex ? 3 : 2), &end, is_hex ? 16 : 10);
	*byte = (int)value;
	return *end == ';' && value > 0 && value < 0x80 ? (size_t)(end - p) + 1 : 0;
}

/* The bytes of TEXT in one reading; byte I is what stands at at[I] … at[I + 1]. */
struct bytes {
	unsigned char *byte;
	size_t *at;
	size_t n;
};

static void read_text(const char *text, enum reading reading, struct bytes *out)
{
	static size_t (*const readers[READINGS])(const char *p, int *byte) = {
		[AS_URL] = read_url, [AS_JSON] = read_json, [AS_HTML] = read_html};
	out->n = 0;
	for (size_t i = 0; text[i] != '\0';) {
		int byte = 0;
		size_t used = readers[reading] != NULL ? readers[reading](text + i, &byte) : 0;
		out->at[out->n] = i;
		out->byte[out->n++] =
			(unsigned char)tolower(used > 0 ? byte : (unsigned char)text[i]);
		i += used > 0 ? used : 1;
		out->at[out->n] = i;
	}
}

/* ---- finding and replacing */

static void mark(const struct bytes *b, size_t from, size_t n, char *hidden)
{
	for (size_t i = b->at[from]; i < b->at[from + n]; i++)
		hidden[i] = HIDDEN;
}

static bool occurs(const struct needle *needle, const unsigned char *window)
{
	unsigned bit = hash(window, needle->window);
	return (needle->filter[bit / 8] >> bit % 8 & 1) != 0 &&
	       memmem(needle->text, needle->n, window, needle->window) != NULL;
}

/* The end of a text that was cut may be a value's beginning, too short for a window. */
static void mark_tail(const struct bytes *b, const struct needle *needle, char *hidden)
{
	size_t most = needle->window - 1 < b->n ? needle->window - 1 : b->n;
	for (size_t n = most; n >= TAIL_MIN; n--) {
		if (memcmp(b->byte + b->n - n, needle->text, n) != 0)
			continue;
		mark(b, b->n - n, n, hidden);
		return;
	}
}

static void mark_all(const struct bytes *b, const struct needle *needle, char *hidden)
{
	for (size_t i = 0; i + needle->window <= b->n; i++)
		if (occurs(needle, b->byte + i))
			mark(b, i, needle->window, hidden);
	if (needle->window <= WINDOW)
		mark_tail(b, needle, hidden);
}

/* A character of several bytes is hidden as a whole. */
static void hide_whole_characters(const char *text, char *hidden)
{
	size_t left = strlen(text), n;
	for (; left > 0; text += n, hidden += n, left -= n) {
		n = utf8_length(text, left);
		if (n > 1 && memchr(hidden, HIDDEN, n) != NULL)
			memset(hidden, HIDDEN, n);
		n += n == 0;
	}
}

/* TEXT with a marker for each stretch that is hidden. */
static char *without_hidden(const char *text, const char *hidden, size_t max_bytes)
{
	size_t n = strlen(text), used = 0;
	char *out = mem_alloc(n * sizeof(MARKER) + 1);
	for (size_t i = 0; i < n; i++) {
		if (!hidden[i])
			out[used++] = text[i];
		else if (i == 0 || !hidden[i - 1])
			used += (size_t)(stpcpy(out + used, MARKER) - (out + used));
	}
	out[used < max_bytes ? used : max_bytes] = '\0';
	return utf8_trim(out);
}

static void redact_text(const struct needles *needles, char **text, size_t max_bytes)
{
	static const char *const escapes[READINGS] = {
		[AS_URL] = "%+", [AS_JSON] = "\\", [AS_HTML] = "&"};
	size_t n = *text != NULL ? strlen(*text) : 0;
	if (n == 0)
		return;
	char *hidden = mem_array(n + 1, sizeof(*hidden));
	struct bytes b = {mem_alloc(n + 1), mem_array(n + 1, sizeof(*b.at)), 0};
	for (enum reading reading = AS_IT_IS; reading < READINGS; reading++) {
		if (escapes[reading] != NULL && strpbrk(*text, escapes[reading]) == NULL)
			continue; /* it reads as it is */
		read_text(*text, reading, &b);
		for (size_t i = 0; i < needles->n; i++)
			mark_all(&b, &needles->item[i], hidden);
	}
	if (memchr(hidden, HIDDEN, n) != NULL) {
		hide_whole_characters(*text, hidden);
		char *shown = without_hidden(*text, hidden, max_bytes);
		explicit_bzero(*text, n);
		free(*text);
		*text = shown;
	}
	explicit_bzero(b.byte, n);
	free(b.byte);
	free(b.at);
	free(hidden);
}

/* ---- every text of a result */

static void redact_object(const struct needles *needles, const struct schema *schema, void *object)
{
	for (size_t i = 0; i < schema->n_fields; i++) {
		const struct field *f = &schema->fields[i];
		void *value = (char *)object + f->offset;
		const struct list *list = value;
		if (f->type == FIELD_STRING)
			redact_text(needles, value, (size_t)f->max);
		else if (f->type == FIELD_OBJECT)
			redact_object(needles, f->sub, value);
		for (size_t k = 0; f->type == FIELD_LIST && k < list->n; k++)
			redact_object(needles, f->sub, (char *)list->item + k * f->sub->size_bytes);
	}
}

void redact_result(struct result *result, const struct monitor *m)
{
	struct needles needles = {.n = 0};
	collect_all(&needles, m);
	if (needles.n > 0)
		redact_object(&needles, &result_schema, result);
	clear_needles(&needles);
}

void redact_words(char **text, const struct monitor *m)
{
	struct needles needles = {.n = 0};
	collect_all(&needles, m);
	if (needles.n > 0)
		redact_text(&needles, text, strlen(*text) + sizeof(MARKER));
	clear_needles(&needles);
}
