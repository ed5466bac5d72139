/* node_exporter's web configuration file: TLS, basic auth, headers. App only. */
#ifndef MEMCULPRIT_APP_WEB_CONFIG_H
#define MEMCULPRIT_APP_WEB_CONFIG_H

#include "memculprit/serve.h"

/* Reads it; accepts and refuses what exporter-toolkit does, or says 'not supported: ...'. File names become
 * absolute or relative to the file. MC_EUSAGE: "FILE:LINE:COLUMN: what"; MC_EUNSUPPORTED; MC_EIO. */
int web_config_read(const char *path, struct mc_web_config **ret, struct mc_error *err);
/* The same for a text, of which file is the name. */
int web_config_text(const char *file, const char *text, size_t len, struct mc_web_config **ret, struct mc_error *err);
void web_config_free(struct mc_web_config *w); /* takes NULL */

#endif
