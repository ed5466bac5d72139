/* What the objects of docs/schema have in common, for those who write them. App only. */
#ifndef MEMCULPRIT_APP_JSON_PUT_H
#define MEMCULPRIT_APP_JSON_PUT_H

#include "memculprit/app.h"

/* null where it is MC_NO_TIME. */
void put_time(struct mc_json *j, const char *key, int64_t ms);
/* Whole bytes; null where v is not finite. */
void put_bytes(struct mc_json *j, const char *key, double v);
/* "version", "commit" of an open object; NULL is "". */
void put_release(struct mc_json *j, const char *version, const char *commit);
/* What is stored of a deploy, "id" to "tag_ms", into an open object. */
void put_stored_deploy(struct mc_json *j, const char *program, const struct mc_deploy_row *d);

#endif
