/* Filling struct mc_error. */
#include "memculprit/base.h"

#include <string.h>

int (mc_fail)(struct mc_error *err, int code, int sys, const char *fmt, ...)
{
	if (!err)
		return code;
	err->code = code;
	err->sys = sys;
	va_list ap;
	va_start(ap, fmt);
	int len = vsnprintf(err->text, sizeof err->text, fmt, ap);
	va_end(ap);
	if (len < 0)
		len = 0;
	char why[128];
	if (sys != 0 && (size_t)len < sizeof err->text)
		snprintf(err->text + len, sizeof err->text - (size_t)len, ": %s", strerror_r(sys, why, sizeof why));
	return code;
}

int (mc_nomem)(struct mc_error *err, const char *what)
{
	return mc_fail(err, MC_ENOMEM, 0, "no memory for %s", what);
}
