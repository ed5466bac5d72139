# Sourced by the tests of the command line: the incident in a folder of its own.
# make_fixture DIR : DIR/incident, DIR/week-2 (scenario folders), DIR/logic (repository), DIR/memculprit.yml,
# DIR/memculprit.db; the environment names configuration and database, and the time zone is UTC.

fixture_commit() { # DATE AUTHOR SUBJECT
	git -C "$repo" add -A
	GIT_AUTHOR_NAME=$2 GIT_AUTHOR_EMAIL=dev@example.org GIT_AUTHOR_DATE="$1" GIT_COMMITTER_NAME=$2 GIT_COMMITTER_EMAIL=dev@example.org \
		GIT_COMMITTER_DATE="$1" git -C "$repo" commit -q -m "$3"
}

# The worker as it is in release $1: from v2.3 on it uses the library's Encode() and never frees what that allocates.
fixture_worker() {
	cat <<-END
	#include "worker.h"

	#include <stdlib.h>
	#include <string.h>

	/* release $1 */
	int send_reply(struct connection *c, const struct reply *r)
	{
	END
	case $1 in
	v2.0 | v2.1 | v2.2)
		cat <<-END
			char buf[4096];
			size_t len = serialise(r, buf, sizeof buf);
			if (len == 0)
				return -1;
			return write_all(c, buf, len);
		END
		;;
	v2.3 | v2.4 | v2.5)
		cat <<-END
			char *buf = NULL;
			size_t len = 0;
			if (Encode(&buf, &len, r) != 0)
				return -1;
			if (len > c->window)
				return -1;
			return write_all(c, buf, len);
		END
		;;
	*)
		cat <<-END
			char *buf = NULL;
			size_t len = 0;
			int rc = -1;
			if (Encode(&buf, &len, r) != 0)
				goto out;
			if (len <= c->window)
				rc = write_all(c, buf, len);
		out:
			free(buf);
			return rc;
		END
		;;
	esac
	echo "}"
}

make_repository() { # DIR
	repo=$1
	git init -q -b main "$repo"
	mkdir -p "$repo/src"
	i=0
	for day in 2026-01-29 2026-01-31 2026-02-02 2026-02-03 2026-02-04 2026-02-07 2026-02-09; do
		v=v2.$i
		echo "timeout = $((30 + i))" >"$repo/worker.conf"
		fixture_commit "$day 08:00:00 +0000" "Li Na" "config: a longer timeout for slow clients"
		printf 'int next_id(void)\n{\n\tstatic int id = %s;\n\treturn ++id;\n}\n' "$i" >"$repo/src/id.c"
		fixture_commit "$day 08:10:00 +0000" "Sam Reed" "id: ids of release $v"
		fixture_worker "$v" >"$repo/src/reply.c"
		case $v in
		v2.3) subject="reply: encode with the protocol library" ;;
		v2.6) subject="reply: one exit, which frees the buffer" ;;
		*) subject="reply: release $v" ;;
		esac
		fixture_commit "$day 08:20:00 +0000" "Wang Wei" "$subject"
		git -C "$repo" tag "$v"
		i=$((i + 1))
	done
}

make_fixture() { # DIR
	mkdir -p "$1" || return
	export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
	make_repository "$1/logic" || return
	# shellcheck disable=SC2046
	python3 "$MC_SRC/tests/e2e/cli_incident.py" "$1/incident" $(for k in 0 1 2 3 4 5 6; do git -C "$1/logic" rev-parse "v2.$k"; done) || return
	cp -r "$1/incident" "$1/week-2" || return
	cat >"$1/memculprit.yml" <<-END
	store: {path: $1/memculprit.db}
	programs:
	  - name: logic_worker
	    match: {comm: logic_worker}
	    repository: $1/logic
	    tags: "v*"
	END
	export MEMCULPRIT_CONFIG=$1/memculprit.yml MEMCULPRIT_DB=$1/memculprit.db TZ=UTC
	unset NO_COLOR COLUMNS MEMCULPRIT_PAGER PAGER
	"$MC_BIN" import logic_worker "$1/incident"
}
