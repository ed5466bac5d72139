/* The tables of words. A name is compared whole first, then by its parts: snake_case and camelCase. */
#include "tokens.h"

#include <ctype.h>
#include <string.h>

enum { CC = MC_LANG_C | MC_LANG_CPP, GO = MC_LANG_GO, RS = MC_LANG_RUST, PY = MC_LANG_PYTHON, JV = MC_LANG_JAVA, JS = MC_LANG_JS };

struct token {
	const char *word;
	unsigned char langs, kind;
};

static const struct token names[] = {
	{ "malloc", CC, MC_TOKEN_ACQUIRE }, { "calloc", CC, MC_TOKEN_ACQUIRE }, { "realloc", CC, MC_TOKEN_ACQUIRE },
	{ "reallocarray", CC, MC_TOKEN_ACQUIRE }, { "aligned_alloc", CC, MC_TOKEN_ACQUIRE }, { "memalign", CC, MC_TOKEN_ACQUIRE },
	{ "valloc", CC, MC_TOKEN_ACQUIRE }, { "posix_memalign", CC, MC_TOKEN_ACQUIRE_OUT }, { "strdup", CC, MC_TOKEN_ACQUIRE },
	{ "strndup", CC, MC_TOKEN_ACQUIRE }, { "wcsdup", CC, MC_TOKEN_ACQUIRE }, { "asprintf", CC, MC_TOKEN_ACQUIRE_OUT },
	{ "vasprintf", CC, MC_TOKEN_ACQUIRE_OUT }, { "getline", CC, MC_TOKEN_ACQUIRE_OUT }, { "getdelim", CC, MC_TOKEN_ACQUIRE_OUT },
	{ "open_memstream", CC, MC_TOKEN_ACQUIRE_OUT }, { "getaddrinfo", CC, MC_TOKEN_ACQUIRE_OUT }, { "fopen", CC, MC_TOKEN_ACQUIRE },
	{ "fdopen", CC, MC_TOKEN_ACQUIRE }, { "popen", CC, MC_TOKEN_ACQUIRE }, { "opendir", CC, MC_TOKEN_ACQUIRE },
	{ "fdopendir", CC, MC_TOKEN_ACQUIRE }, { "scandir", CC, MC_TOKEN_ACQUIRE_OUT }, { "realpath", CC, MC_TOKEN_ACQUIRE },
	{ "mmap", CC, MC_TOKEN_ACQUIRE }, { "dlopen", CC, MC_TOKEN_ACQUIRE }, { "new", MC_LANG_CPP, MC_TOKEN_ACQUIRE },
	{ "g_malloc", CC, MC_TOKEN_ACQUIRE }, { "g_strdup_printf", CC, MC_TOKEN_ACQUIRE }, { "curl_easy_init", CC, MC_TOKEN_ACQUIRE },
	{ "json_loads", CC, MC_TOKEN_ACQUIRE }, { "cJSON_Parse", CC, MC_TOKEN_ACQUIRE }, { "cJSON_Print", CC, MC_TOKEN_ACQUIRE },
	{ "PyObject_CallObject", CC, MC_TOKEN_ACQUIRE }, { "Py_BuildValue", CC, MC_TOKEN_ACQUIRE }, { "BN_new", CC, MC_TOKEN_ACQUIRE },
	{ "free", CC, MC_TOKEN_RELEASE }, { "cfree", CC, MC_TOKEN_RELEASE }, { "freeaddrinfo", CC, MC_TOKEN_RELEASE },
	{ "fclose", CC, MC_TOKEN_RELEASE }, { "pclose", CC, MC_TOKEN_RELEASE }, { "closedir", CC, MC_TOKEN_RELEASE },
	{ "munmap", CC, MC_TOKEN_RELEASE }, { "dlclose", CC, MC_TOKEN_RELEASE }, { "json_decref", CC, MC_TOKEN_RELEASE },
	{ "Py_DECREF", CC, MC_TOKEN_RELEASE }, { "Py_XDECREF", CC, MC_TOKEN_RELEASE }, { "delete", MC_LANG_CPP, MC_TOKEN_RELEASE },
	{ "reset", MC_LANG_CPP, MC_TOKEN_RELEASE }, { "release", MC_LANG_CPP, MC_TOKEN_OWNER },
	/* functions that only sound like it */
	{ "memcpy", CC, MC_TOKEN_HARMLESS }, { "memset", CC, MC_TOKEN_HARMLESS }, { "snprintf", CC, MC_TOKEN_HARMLESS },
	{ "strtol", CC, MC_TOKEN_HARMLESS }, { "strtoul", CC, MC_TOKEN_HARMLESS }, { "strtod", CC, MC_TOKEN_HARMLESS },
	{ "strtoll", CC, MC_TOKEN_HARMLESS }, { "strtoull", CC, MC_TOKEN_HARMLESS }, { "strtok_r", CC, MC_TOKEN_HARMLESS },
	{ "strsep", CC, MC_TOKEN_HARMLESS }, { "time", CC, MC_TOKEN_HARMLESS }, { "dup2", CC, MC_TOKEN_HARMLESS },
	{ "dup", CC, MC_TOKEN_HARMLESS }, { "pthread_create", CC, MC_TOKEN_HARMLESS }, { "timer_create", CC, MC_TOKEN_HARMLESS },
	{ "epoll_create", CC, MC_TOKEN_HARMLESS }, { "epoll_create1", CC, MC_TOKEN_HARMLESS }, { "alloca", CC, MC_TOKEN_HARMLESS },
	{ "gettimeofday", CC, MC_TOKEN_HARMLESS }, { "clock_gettime", CC, MC_TOKEN_HARMLESS }, { "va_copy", CC, MC_TOKEN_HARMLESS },
	{ "pthread_join", CC, MC_TOKEN_HARMLESS }, { "waitpid", CC, MC_TOKEN_HARMLESS }, { "accept", CC, MC_TOKEN_HARMLESS },
	{ "getsockopt", CC, MC_TOKEN_HARMLESS }, { "sscanf", CC, MC_TOKEN_HARMLESS }, { "push_back", MC_LANG_CPP, MC_TOKEN_ADD },
	{ "emplace_back", MC_LANG_CPP, MC_TOKEN_ADD }, { "emplace", MC_LANG_CPP, MC_TOKEN_ADD }, { "insert", MC_LANG_CPP, MC_TOKEN_ADD },
	{ "push", MC_LANG_CPP, MC_TOKEN_ADD }, { "erase", MC_LANG_CPP, MC_TOKEN_TAKE }, { "pop", MC_LANG_CPP, MC_TOKEN_TAKE },
	{ "pop_back", MC_LANG_CPP, MC_TOKEN_TAKE }, { "pop_front", MC_LANG_CPP, MC_TOKEN_TAKE }, { "clear", MC_LANG_CPP, MC_TOKEN_TAKE },
	{ "extract", MC_LANG_CPP, MC_TOKEN_TAKE }, { "swap", MC_LANG_CPP, MC_TOKEN_TAKE },
	/* Go */
	{ "Open", GO, MC_TOKEN_ACQUIRE }, { "OpenFile", GO, MC_TOKEN_ACQUIRE }, { "Dial", GO, MC_TOKEN_ACQUIRE },
	{ "NewTicker", GO, MC_TOKEN_ACQUIRE }, { "NewReader", GO, MC_TOKEN_HARMLESS }, { "WithCancel", GO, MC_TOKEN_HARMLESS },
	{ "CString", GO, MC_TOKEN_ACQUIRE }, { "CBytes", GO, MC_TOKEN_ACQUIRE }, { "Query", GO, MC_TOKEN_ACQUIRE },
	{ "QueryContext", GO, MC_TOKEN_ACQUIRE }, { "Do", GO, MC_TOKEN_ACQUIRE }, { "Close", GO, MC_TOKEN_RELEASE },
	{ "Stop", GO, MC_TOKEN_RELEASE }, { "free", GO, MC_TOKEN_RELEASE }, { "Release", GO, MC_TOKEN_RELEASE }, { "append", GO, MC_TOKEN_ADD },
	{ "Store", GO, MC_TOKEN_ADD }, { "PushBack", GO, MC_TOKEN_ADD }, { "PushFront", GO, MC_TOKEN_ADD }, { "delete", GO, MC_TOKEN_TAKE },
	{ "Delete", GO, MC_TOKEN_TAKE }, { "Remove", GO, MC_TOKEN_TAKE }, { "clear", GO, MC_TOKEN_TAKE },
	/* Rust */
	{ "leak", RS, MC_TOKEN_OWNER }, { "forget", RS, MC_TOKEN_OWNER }, { "into_raw", RS, MC_TOKEN_OWNER },
	{ "from_raw", RS, MC_TOKEN_RELEASE }, { "alloc", RS, MC_TOKEN_ACQUIRE }, { "alloc_zeroed", RS, MC_TOKEN_ACQUIRE },
	{ "malloc", RS, MC_TOKEN_ACQUIRE }, { "dealloc", RS, MC_TOKEN_RELEASE }, { "free", RS, MC_TOKEN_RELEASE },
	{ "drop", RS, MC_TOKEN_RELEASE }, { "push", RS, MC_TOKEN_ADD }, { "push_back", RS, MC_TOKEN_ADD }, { "insert", RS, MC_TOKEN_ADD },
	{ "extend", RS, MC_TOKEN_ADD }, { "remove", RS, MC_TOKEN_TAKE }, { "pop", RS, MC_TOKEN_TAKE }, { "pop_front", RS, MC_TOKEN_TAKE },
	{ "clear", RS, MC_TOKEN_TAKE }, { "drain", RS, MC_TOKEN_TAKE }, { "truncate", RS, MC_TOKEN_TAKE }, { "retain", RS, MC_TOKEN_TAKE },
	{ "take", RS, MC_TOKEN_TAKE }, { "swap_remove", RS, MC_TOKEN_TAKE },
	/* Python */
	{ "open", PY, MC_TOKEN_ACQUIRE }, { "urlopen", PY, MC_TOKEN_ACQUIRE }, { "close", PY, MC_TOKEN_RELEASE },
	{ "append", PY, MC_TOKEN_ADD }, { "add", PY, MC_TOKEN_ADD }, { "extend", PY, MC_TOKEN_ADD }, { "setdefault", PY, MC_TOKEN_ADD },
	{ "appendleft", PY, MC_TOKEN_ADD }, { "pop", PY, MC_TOKEN_TAKE }, { "popleft", PY, MC_TOKEN_TAKE }, { "remove", PY, MC_TOKEN_TAKE },
	{ "clear", PY, MC_TOKEN_TAKE }, { "discard", PY, MC_TOKEN_TAKE }, { "popitem", PY, MC_TOKEN_TAKE }, { "del", PY, MC_TOKEN_TAKE },
	{ "lru_cache", PY, MC_TOKEN_OWNER },
	/* Java and Kotlin */
	{ "put", JV, MC_TOKEN_ADD }, { "add", JV, MC_TOKEN_ADD }, { "putIfAbsent", JV, MC_TOKEN_ADD }, { "computeIfAbsent", JV, MC_TOKEN_ADD },
	{ "addListener", JV, MC_TOKEN_ADD }, { "remove", JV, MC_TOKEN_TAKE }, { "clear", JV, MC_TOKEN_TAKE }, { "poll", JV, MC_TOKEN_TAKE },
	{ "removeIf", JV, MC_TOKEN_TAKE }, { "removeListener", JV, MC_TOKEN_TAKE }, { "allocateDirect", JV, MC_TOKEN_OWNER },
	{ "close", JV, MC_TOKEN_RELEASE },
	/* JavaScript and TypeScript */
	{ "setInterval", JS, MC_TOKEN_ACQUIRE }, { "createReadStream", JS, MC_TOKEN_HARMLESS }, { "clearInterval", JS, MC_TOKEN_RELEASE },
	{ "close", JS, MC_TOKEN_RELEASE }, { "destroy", JS, MC_TOKEN_RELEASE }, { "push", JS, MC_TOKEN_ADD }, { "set", JS, MC_TOKEN_ADD },
	{ "add", JS, MC_TOKEN_ADD }, { "unshift", JS, MC_TOKEN_ADD }, { "addEventListener", JS, MC_TOKEN_ADD }, { "on", JS, MC_TOKEN_ADD },
	{ "addListener", JS, MC_TOKEN_ADD }, { "pop", JS, MC_TOKEN_TAKE }, { "shift", JS, MC_TOKEN_TAKE }, { "splice", JS, MC_TOKEN_TAKE },
	{ "delete", JS, MC_TOKEN_TAKE }, { "clear", JS, MC_TOKEN_TAKE }, { "removeEventListener", JS, MC_TOKEN_TAKE },
	{ "removeListener", JS, MC_TOKEN_TAKE }, { "off", JS, MC_TOKEN_TAKE }, { "removeAllListeners", JS, MC_TOKEN_TAKE },
};

/* Parts of C and C++ names. A release wins over an acquisition: "free_alloc_list" releases. */
static const struct token parts[] = {
	{ "free", CC, MC_TOKEN_RELEASE }, { "kfree", CC, MC_TOKEN_RELEASE }, { "destroy", CC, MC_TOKEN_RELEASE },
	{ "delete", CC, MC_TOKEN_RELEASE }, { "release", CC, MC_TOKEN_RELEASE }, { "unref", CC, MC_TOKEN_RELEASE },
	{ "decref", CC, MC_TOKEN_RELEASE }, { "dealloc", CC, MC_TOKEN_RELEASE }, { "dispose", CC, MC_TOKEN_RELEASE },
	{ "cleanup", CC, MC_TOKEN_RELEASE }, { "uninit", CC, MC_TOKEN_RELEASE }, { "deinit", CC, MC_TOKEN_RELEASE },
	{ "fini", CC, MC_TOKEN_RELEASE }, { "drop", CC, MC_TOKEN_RELEASE }, { "close", CC, MC_TOKEN_RELEASE },
	{ "put", CC, MC_TOKEN_RELEASE }, { "del", CC, MC_TOKEN_RELEASE }, { "unintern", CC, MC_TOKEN_RELEASE },
	{ "purge", CC, MC_TOKEN_RELEASE }, { "clear", CC, MC_TOKEN_RELEASE }, { "flush", CC, MC_TOKEN_RELEASE },
	{ "finish", CC, MC_TOKEN_RELEASE }, { "remove", CC, MC_TOKEN_RELEASE }, { "alloc", CC, MC_TOKEN_ACQUIRE },
	{ "malloc", CC, MC_TOKEN_ACQUIRE }, { "xmalloc", CC, MC_TOKEN_ACQUIRE }, { "calloc", CC, MC_TOKEN_ACQUIRE },
	{ "xcalloc", CC, MC_TOKEN_ACQUIRE }, { "zalloc", CC, MC_TOKEN_ACQUIRE }, { "xzalloc", CC, MC_TOKEN_ACQUIRE },
	{ "realloc", CC, MC_TOKEN_ACQUIRE }, { "xrealloc", CC, MC_TOKEN_ACQUIRE }, { "kmalloc", CC, MC_TOKEN_ACQUIRE },
	{ "strdup", CC, MC_TOKEN_ACQUIRE }, { "xstrdup", CC, MC_TOKEN_ACQUIRE }, { "strndup", CC, MC_TOKEN_ACQUIRE },
	{ "xmemdup", CC, MC_TOKEN_ACQUIRE }, { "memdup", CC, MC_TOKEN_ACQUIRE }, { "xmemdup0", CC, MC_TOKEN_ACQUIRE },
	{ "xasprintf", CC, MC_TOKEN_ACQUIRE }, { "dup", CC, MC_TOKEN_ACQUIRE }, { "clone", CC, MC_TOKEN_ACQUIRE },
	{ "new", CC, MC_TOKEN_ACQUIRE }, { "create", CC, MC_TOKEN_ACQUIRE }, { "steal", CC, MC_TOKEN_ACQUIRE },
	{ "ref", CC, MC_TOKEN_ACQUIRE }, { "incref", CC, MC_TOKEN_ACQUIRE }, { "insert", CC, MC_TOKEN_ADD }, { "push", CC, MC_TOKEN_ADD },
	{ "append", CC, MC_TOKEN_ADD }, { "add", CC, MC_TOKEN_ADD }, { "enqueue", CC, MC_TOKEN_ADD }, { "register", CC, MC_TOKEN_ADD },
	{ "attach", CC, MC_TOKEN_ADD }, { "link", CC, MC_TOKEN_ADD }, { "queue", CC, MC_TOKEN_ADD }, { "set", CC, MC_TOKEN_ADD },
	{ "steal", CC, MC_TOKEN_ADD }, { "nocopy", CC, MC_TOKEN_ADD }, { "replace", CC, MC_TOKEN_ADD }, { "store", CC, MC_TOKEN_ADD },
};

/* The parts of parseHTTPRequest or parse_http_request: lower-cased into out; where the next begins. */
static size_t next_part(const char *s, size_t at, size_t len, char out[24], size_t *n)
{
	*n = 0;
	while (at < len && !isalnum((unsigned char)s[at]))
		at++;
	size_t start = at;
	for (; at < len && isalnum((unsigned char)s[at]); at++) {
		bool up = isupper((unsigned char)s[at]);
		if (at > start && up && (islower((unsigned char)s[at - 1]) || (at + 1 < len && islower((unsigned char)s[at + 1]))))
			break;
		if (*n + 1 < 24)
			out[(*n)++] = (char)tolower((unsigned char)s[at]);
	}
	out[*n] = '\0';
	return at;
}

enum mc_token_kind mc_token(enum mc_lang lang, const char *name, size_t len, enum mc_token_how *how)
{
	*how = MC_BY_NAME;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if ((names[i].langs & lang) && strlen(names[i].word) == len && memcmp(names[i].word, name, len) == 0)
			return names[i].kind;
	*how = MC_BY_PART;
	size_t best = SIZE_MAX, n;
	char part[24];
	for (size_t at = 0; at < len;) {
		at = next_part(name, at, len, part, &n);
		for (size_t i = 0; i < sizeof parts / sizeof *parts && i < best; i++)
			if ((parts[i].langs & lang) && strcmp(parts[i].word, part) == 0)
				best = i;
	}
	return best == SIZE_MAX ? MC_TOKEN_NONE : (enum mc_token_kind)parts[best].kind;
}

static bool has_part(const char *name, size_t len, const char *const *words, size_t nwords)
{
	char part[24];
	size_t n;
	for (size_t at = 0; at < len;) {
		at = next_part(name, at, len, part, &n);
		for (size_t i = 0; i < nwords; i++)
			if (strcmp(words[i], part) == 0)
				return true;
	}
	return false;
}

bool mc_name_is_startup(const char *name, size_t len)
{
	static const char *const words[] = { "main", "init", "initialize", "initialise", "setup", "startup", "boot", "bootstrap", "start",
		"config", "configure", "preload", "prefork", "construct", "constructor", "__init__", "warmup", "usage", "args", "options" };
	return has_part(name, len, words, sizeof words / sizeof *words) && !mc_name_is_reload(name, len);
}

bool mc_name_is_request(const char *name, size_t len)
{
	static const char *const words[] = { "handle", "handler", "request", "req", "reply", "respond", "response", "serve", "process",
		"send", "recv", "receive", "message", "msg", "packet", "query", "work", "job", "task", "loop", "run", "tick", "poll", "event",
		"read", "write", "parse", "encode", "decode", "update" };
	return has_part(name, len, words, sizeof words / sizeof *words);
}

bool mc_name_is_reload(const char *name, size_t len)
{
	static const char *const words[] = { "reload", "reconfigure", "reconfig", "sighup", "hup", "refresh", "rotate", "reopen" };
	return has_part(name, len, words, sizeof words / sizeof *words);
}
