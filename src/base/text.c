/* Text from outside made fit for JSON, terminals and HTML. */
#include "memculprit/base.h"

#include <string.h>
#include <wchar.h>

size_t mc_utf8_len(const char *text, size_t len)
{
	const unsigned char *s = (const unsigned char *)text;
	if (len == 0)
		return 0;
	if (s[0] < 0x80)
		return 1;
	size_t n = s[0] >= 0xc2 && s[0] <= 0xdf ? 2 : (s[0] & 0xf0) == 0xe0 ? 3 : s[0] >= 0xf0 && s[0] <= 0xf4 ? 4 : 0;
	if (n == 0 || n > len)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	/* overlong forms, surrogates, beyond U+10FFFF (RFC 3629, section 4) */
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

static uint32_t decode(const char *text, size_t n)
{
	const unsigned char *s = (const unsigned char *)text;
	if (n == 1)
		return s[0];
	uint32_t c = s[0] & (0xffu >> (n + 1));
	for (size_t i = 1; i < n; i++)
		c = c << 6 | (s[i] & 0x3fu);
	return c;
}

/* What can move the cursor or reverse the reading direction (Unicode TR 36). */
static bool is_control(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) ||
	       c == 0x200e || c == 0x200f || c == 0x061c || c == 0x2028 || c == 0x2029;
}

static const char replacement[] = "\xef\xbf\xbd";

void mc_utf8_add(struct mc_buf *b, const char *s, size_t len)
{
	size_t from = 0, i = 0;
	while (i < len) {
		size_t n = mc_utf8_len(s + i, len - i);
		if (n == 0) {
			mc_buf_add(b, s + from, i - from);
			mc_buf_str(b, replacement);
			from = ++i;
		} else {
			i += n;
		}
	}
	mc_buf_add(b, s + from, i - from);
}

static void add_escape(struct mc_buf *b, uint32_t c)
{
	if (c == '\n')
		mc_buf_str(b, "\\n");
	else if (c == '\t')
		mc_buf_str(b, "\\t");
	else if (c < 0x100)
		mc_buf_printf(b, "\\x%02x", (unsigned)c);
	else
		mc_buf_printf(b, "\\u%04x", (unsigned)c);
}

int mc_name_len(const char *name, int most)
{
	enum { WHOLE = 40, SHORT = 12 };
	size_t len = strlen(name);
	bool commit = len == WHOLE && strspn(name, "0123456789abcdefABCDEF") == WHOLE;
	return commit ? SHORT : len < (size_t)most ? (int)len : most;
}

void mc_text_add(struct mc_buf *b, const char *s, size_t len)
{
	for (size_t i = 0; i < len;) {
		size_t n = mc_utf8_len(s + i, len - i);
		uint32_t c = n ? decode(s + i, n) : 0xfffd;
		if (n == 0)
			mc_buf_str(b, replacement);
		else if (is_control(c))
			add_escape(b, c);
		else
			mc_buf_add(b, s + i, n);
		i += n ? n : 1;
	}
}

void mc_html_add(struct mc_buf *b, const char *s, size_t len)
{
	for (size_t i = 0; i < len;) {
		size_t n = mc_utf8_len(s + i, len - i);
		uint32_t c = n ? decode(s + i, n) : 0xfffd;
		if (c == '&')
			mc_buf_str(b, "&amp;");
		else if (c == '<')
			mc_buf_str(b, "&lt;");
		else if (c == '>')
			mc_buf_str(b, "&gt;");
		else if (c == '"')
			mc_buf_str(b, "&quot;");
		else if (c == '\'')
			mc_buf_str(b, "&#39;");
		else if (n == 0 || (is_control(c) && c != '\n' && c != '\t'))
			mc_buf_str(b, replacement);
		else
			mc_buf_add(b, s + i, n);
		i += n ? n : 1;
	}
}

/* Zero for combining marks, two for the wide blocks of East Asia and emoji (Unicode TR 11, by block). */
static size_t columns(uint32_t c)
{
	if ((c >= 0x300 && c <= 0x36f) || (c >= 0x200b && c <= 0x200d) || (c >= 0xfe00 && c <= 0xfe0f))
		return 0;
	if ((c >= 0x1100 && c <= 0x115f) || (c >= 0x2e80 && c <= 0xa4cf) || (c >= 0xac00 && c <= 0xd7a3) ||
	    (c >= 0xf900 && c <= 0xfaff) || (c >= 0xfe30 && c <= 0xfe6f) || (c >= 0xff00 && c <= 0xff60) ||
	    (c >= 0x1f300 && c <= 0x1faff) || (c >= 0x20000 && c <= 0x3fffd))
		return 2;
	return 1;
}

size_t mc_text_width(const char *s, size_t len)
{
	size_t w = 0;
	for (size_t i = 0; i < len;) {
		size_t n = mc_utf8_len(s + i, len - i);
		w += n ? columns(decode(s + i, n)) : 1;
		i += n ? n : 1;
	}
	return w;
}
