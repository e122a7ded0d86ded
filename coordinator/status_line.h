// SPDX-License-Identifier: MIT
/* How the coordinator is, in one line for people (systemctl status). */
#ifndef QUORATE_COORDINATOR_STATUS_LINE_H
#define QUORATE_COORDINATOR_STATUS_LINE_H

#include "coordinator/coordinator.h"
#include "proto/base/service.h"

void status_line(const struct coordinator *c, char text[SERVICE_STATUS_SIZE]);

#endif
