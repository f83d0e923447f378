/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where hpcd's messages go: in the foreground to standard error, otherwise to
 * syslog or, where there is none, as on a node in RAM, to the kernel's log.
 */
#ifndef TESSERA_HPCD_LOG_H
#define TESSERA_HPCD_LOG_H

#include <stdbool.h>
#include <syslog.h>

/* @verbose: also what is LOG_DEBUG. */
void hpcd_log_open(bool foreground, bool verbose);
/* Not in the foreground: from here on standard error is nobody's any more. */
void hpcd_log_detach(void);
/* The descriptor in use, to be kept open; -1: none. */
int hpcd_log_fd(void);

void hpcd_log(int priority, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
