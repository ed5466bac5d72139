/* Between the two files of the page. App only. */
#ifndef MEMCULPRIT_APP_PAGE_H
#define MEMCULPRIT_APP_PAGE_H

#include "daemon.h"

/* What every page says; borrows from the snapshot, which may be NULL. */
void page_base(const struct api *a, const struct snapshot *now, struct mc_page *ret);
/* GET /?program=NAME (page_program.c). */
int page_program(struct api *a, const struct mc_request *rq, const char *program, struct mc_reply *reply);
/* An error as a page. */
int page_fail(const struct mc_page *p, const struct mc_error *err, struct mc_reply *reply);
/* A page's view of a program's status; borrows from it. */
void page_take_status(struct mc_page_program *p, const struct mc_program_status *st);
/* The last memory that was seen of a program that does not run. */
void page_take_last(struct mc_page_program *p, const struct mc_curves *c);

#endif
