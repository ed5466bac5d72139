/* Sizes in bytes, in and out. */
#include "memculprit/base.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

static double factor(const char *unit)
{
	static const struct {
		const char *name;
		double bytes;
	} table[] = {
		{ "", 1 }, { "B", 1 }, { "K", 1024 }, { "KiB", 1024 }, { "kB", 1e3 }, { "KB", 1e3 }, { "M", 0x1p20 }, { "MiB", 0x1p20 },
		{ "MB", 1e6 }, { "G", 0x1p30 }, { "GiB", 0x1p30 }, { "GB", 1e9 }, { "T", 0x1p40 }, { "TiB", 0x1p40 }, { "TB", 1e12 },
	};
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		if (strcmp(unit, table[i].name) == 0)
			return table[i].bytes;
	return 0;
}

int mc_size_parse(const char *text, uint64_t *ret, struct mc_error *err)
{
	const char *p = text;
	double v;
	while (isdigit((unsigned char)*p) || *p == '.')
		p++;
	bool number = mc_parse_double(text, (size_t)(p - text), &v);
	while (*p == ' ')
		p++;
	double f = factor(p);
	if (!number || f == 0 || !(v * f < 9e18))
		return mc_fail(err, MC_EUSAGE, 0, "'%.60s' is not a size; give bytes, or a number with KiB, MiB, GiB or TiB", text);
	*ret = (uint64_t)(v * f + 0.5);
	return 0;
}

const char *mc_size_text(double bytes, char out[MC_TIME_TEXT])
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	if (!isfinite(bytes)) {
		snprintf(out, MC_TIME_TEXT, "unknown");
		return out;
	}
	size_t u = 0;
	double a = fabs(bytes);
	while (a >= 999.5 && u + 1 < sizeof units / sizeof units[0]) {
		a /= 1024;
		u++;
	}
	snprintf(out, MC_TIME_TEXT, "%s%.*f %s", bytes < 0 ? "-" : "", u == 0 || a >= 99.95 ? 0 : a >= 9.995 ? 1 : 2, a, units[u]);
	return out;
}
