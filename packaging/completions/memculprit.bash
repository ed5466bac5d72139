# bash completion for memculprit; made by 'memculprit completion bash'
_memculprit_programs() {
	memculprit "${globals[@]}" status --json 2>/dev/null |
		sed -n 's/^ *"program": *"\([^"]*\)".*/\1/p' | sort -u
}

_memculprit() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command='' n=0 i words='' options=''
	local -a globals=()
	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--config | --db) globals+=("${COMP_WORDS[i]}" "${COMP_WORDS[i + 1]}"); ((i++)) ;;
		--color) ((i++)) ;;
		-*) ;;
		*) if [ -z "$command" ]; then command=${COMP_WORDS[i]}; else n=$((n + 1)); fi ;;
		esac
	done
	case $prev in
	--config) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	--db) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	--color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur"); return ;;
	--web.listen-address) :; return ;;
	--web.telemetry-path) :; return ;;
	--web.config.file) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	--path.procfs) mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
	--path.sysfs) mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
	--path.rootfs) mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
	--log.level) mapfile -t COMPREPLY < <(compgen -W 'debug info warn error' -- "$cur"); return ;;
	--log.format) mapfile -t COMPREPLY < <(compgen -W 'logfmt json' -- "$cur"); return ;;
	--as-of) :; return ;;
	--from) :; return ;;
	--to) :; return ;;
	--at) :; return ;;
	--host) :; return ;;
	--note) :; return ;;
	--delete) :; return ;;
	--url) :; return ;;
	--since) :; return ;;
	--until) :; return ;;
	--svg) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	--jobs) :; return ;;
	esac
	case $command in
	'') options='--config --db --color --help --version' ;;
	serve) options='--web.listen-address --web.telemetry-path --web.config.file --web.enable-mark --path.procfs --path.sysfs --path.rootfs --log.level --log.format --config --db --color --help --version' ;;
	status) options='--watch --json --utc --config --db --color --help --version' ;;
	blame) options='--as-of --exit-code --json --utc --config --db --color --help --version' ;;
	diff) options='--from --to --json --utc --config --db --color --help --version' ;;
	deploys) options='--json --utc --config --db --color --help --version' ;;
	mark) options='--at --host --note --delete --url --json --utc --config --db --color --help --version' ;;
	plot) options='--since --until --svg --json --utc --config --db --color --help --version' ;;
	analyze) options='--as-of --jobs --json --utc --config --db --color --help --version' ;;
	import) options='--json --config --db --color --help --version' ;;
	export) options='--json --config --db --color --help --version' ;;
	check-config) options='--json --config --db --color --help --version' ;;
	db) options='--json --config --db --color --help --version' ;;
	esac
	if [[ $cur != -* ]]; then
		case $command:$n in
		:*) words='serve status blame diff deploys mark plot analyze import export check-config db' ;;
		status:0) words=$(_memculprit_programs) ;;
		blame:0) words=$(_memculprit_programs) ;;
		diff:0) words=$(_memculprit_programs) ;;
		deploys:0) words=$(_memculprit_programs) ;;
		mark:0) words=$(_memculprit_programs) ;;
		mark:1) ;;
		plot:0) words=$(_memculprit_programs) ;;
		analyze:*) mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
		import:0) words=$(_memculprit_programs) ;;
		import:1) mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
		export:0) words=$(_memculprit_programs) ;;
		export:1) mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
		check-config:0) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
		db:0) words='check backup compact salvage' ;;
		db:1) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
		esac
	fi
	[ -n "$words" ] && [[ $cur != -* ]] || words="$words $options"
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}
complete -F _memculprit memculprit
