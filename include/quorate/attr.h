// SPDX-License-Identifier: MIT
/* Compiler attributes and the few macros that everybody uses. */
#ifndef QUORATE_ATTR_H
#define QUORATE_ATTR_H

#include <stddef.h>

#define MUST_CHECK        __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))
#define NORETURN          __attribute__((noreturn))
#define UNUSED            __attribute__((unused))
#define NOINLINE          __attribute__((noinline))

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#endif
