/* What the configured repository knows of the deploys that were recognised. The worker's. */
#ifndef MEMCULPRIT_APP_DAEMON_TAGS_H
#define MEMCULPRIT_APP_DAEMON_TAGS_H

#include "daemon.h"

/* Asks for the deploys above *asked_id of which version or commit is known, and has the loop write what it
 * finds. p may be NULL. */
void tags_ask(struct daemon_shared *shared, struct mc_store *s, const struct mc_program_config *p, int64_t program, int64_t *asked_id);
/* Whether the program's repository has other tags or branches than at the last call: then every deploy without a
 * version is worth asking for again. A few stat() calls. */
bool tags_moved(const struct mc_program_config *p, uint64_t *refs);

#endif
