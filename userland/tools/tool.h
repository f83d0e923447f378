/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What all programs say alike: errors, wrong usage, their version.
 */
#ifndef TESSERA_TOOLS_TOOL_H
#define TESSERA_TOOLS_TOOL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Name of the running program, as its messages have it. */
extern const char *tool_name;

/* "NAME: ...", and the exit status that belongs to it: 1. */
int tool_failed(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* "NAME: ...; try 'NAME --help'": 2. */
int tool_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* What getopt_long() may return in any of them: 'h', 'V', or a wrong option.  The exit status. */
int tool_option(int option, void (*help)(FILE *out));
/* 0, or 1 and a message if standard output could not be written. */
int tool_end(void);

/* A decimal number and nothing else. */
bool tool_number(const char *text, long min, long max, long *ret_number);

#endif
