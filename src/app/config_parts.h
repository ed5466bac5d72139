/* Between the files of the configuration. App only. */
#ifndef MEMCULPRIT_APP_CONFIG_PARTS_H
#define MEMCULPRIT_APP_CONFIG_PARTS_H

#include "memculprit/app.h"
#include "yaml_tree.h"

enum { CONFIG_MAX_PROGRAMS = 1000, CONFIG_MAX_LISTEN = 16 };

/* Fills c (which holds the defaults) from the tree. What is wrong goes to r. 0 or MC_ENOMEM. */
int config_take(struct mc_config *c, const struct tree *t, struct tree_report *r, struct mc_error *err);
/* Replaces *to by a copy. 0 or MC_ENOMEM. */
int config_set(char **to, const char *from, struct mc_error *err);
/* Replaces *to by the path, which is relative to the folder of the file `beside` (may be NULL). 0 or MC_ENOMEM. */
int config_set_path(char **to, const char *path, const char *beside, struct mc_error *err);

#endif
