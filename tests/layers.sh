#!/bin/sh
# Which folder may include which header. Anything else is a wrong turn of an arrow.
cd "${MC_SRC:-.}" || exit 1
fail=0
allow() { # folder, allowed include patterns (ERE)
	bad=$(grep -rnE '^#[[:space:]]*include' "src/$1" |
		grep -E '"(memculprit/|\.\./|sql)|<(sqlite3|git2|microhttpd|yaml|jansson|pcre2|zlib|gnutls|curl)' | grep -vE "$2")
	[ -z "$bad" ] || { echo "$bad"; fail=1; }
}
allow base      'memculprit/base\.h|<jansson\.h>'
allow sample    'memculprit/(base|sample)\.h|<pcre2\.h>'
allow store     'memculprit/(base|store)\.h|<sqlite3\.h>|"sql_gen\.h"'
allow deploy    'memculprit/(base|deploy)\.h|<git2'
allow detect    'memculprit/(base|detect)\.h'
allow attribute 'memculprit/(base|detect|deploy|attribute)\.h'
allow serve     'memculprit/(base|serve)\.h|<(microhttpd|zlib|gnutls/[a-z0-9]+)\.h>'
allow app       'memculprit/(app|base|sample|store|deploy|detect|attribute|serve)\.h|<yaml\.h>|http_client\.c:[0-9]+:#include <curl/curl\.h>'
allow cli       'memculprit/(app|base|attribute|deploy|store|serve|sample)\.h'
bad=$(grep -nE '<(sqlite3|git2|microhttpd|yaml|jansson|pcre2|zlib|curl)' include/memculprit/*.h)
[ -z "$bad" ] || { echo "$bad"; fail=1; }
exit $fail
