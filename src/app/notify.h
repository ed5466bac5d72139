/* What systemd wants to hear of a service (sd_notify), and how often. App only. */
#ifndef MEMCULPRIT_APP_NOTIFY_H
#define MEMCULPRIT_APP_NOTIFY_H

#include <stdint.h>

/* Sends one datagram to $NOTIFY_SOCKET; does nothing where there is none. "READY=1\nSTATUS=..." */
void notify_send(const char *text);
/* How often WATCHDOG=1 is due, in ms: half of what was asked for; 0: never. */
int64_t notify_watchdog_ms(void);

#endif
