/* Changepoints, slopes and their errors over arrays. A library that could be taken away and used
 * alone: it knows no SQL, HTTP, git, clock or file. */
#ifndef MEMCULPRIT_DETECT_H
#define MEMCULPRIT_DETECT_H

#include "memculprit/base.h"

#endif
