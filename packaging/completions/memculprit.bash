# bash completion for memculprit
_memculprit_programs() {
	memculprit "${globals[@]}" status --json 2>/dev/null |
		grep -o '"program": *"[^"]*"' | sed 's/.*: *"//; s/"$//' | sort -u
}

_memculprit() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command='' sub='' n=0 i
	local -a globals=()
	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--config | --db | --color)
			if [ -z "$command" ]; then
				[ "${COMP_WORDS[i]}" = --color ] || globals+=("${COMP_WORDS[i]}" "${COMP_WORDS[i + 1]}")
				((i++))
			fi
			;;
		-*) ;;
		*)
			if [ -z "$command" ]; then
				command=${COMP_WORDS[i]}
			else
				n=$((n + 1))
				[ -n "$sub" ] || sub=${COMP_WORDS[i]}
			fi
			;;
		esac
	done
	case $prev in
	--config | --db | --svg | --web.config.file)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	--path.procfs | --path.sysfs | --path.rootfs)
		mapfile -t COMPREPLY < <(compgen -d -- "$cur")
		return
		;;
	--color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur"); return ;;
	--log.level) mapfile -t COMPREPLY < <(compgen -W 'debug info warn error' -- "$cur"); return ;;
	--log.format) mapfile -t COMPREPLY < <(compgen -W 'logfmt json' -- "$cur"); return ;;
	esac
	local words=''
	case $command in
	'') words='--config --db --color --help --version serve status blame diff deploys mark plot analyze import export check-config db' ;;
	serve) words='--web.listen-address --web.config.file --web.telemetry-path --web.enable-mark --path.procfs --path.sysfs --path.rootfs --log.level --log.format' ;;
	status) words='--json --utc' ;;
	blame) words='--json --utc --as-of --exit-code' ;;
	diff) words='--json --from --to' ;;
	deploys) words='--json --utc' ;;
	mark) words='--at --host --note --delete --url --json' ;;
	plot) words='--svg --since --until --utc' ;;
	analyze) words='--json --as-of --jobs' ;;
	db) [ -n "$sub" ] || words='check backup compact salvage' ;;
	esac
	if [[ $cur != -* ]]; then
		case $command in
		status | blame | diff | deploys | mark | plot | import | export)
			[ $n != 0 ] || words="$words $(_memculprit_programs)"
			;;
		esac
		case $command:$n in
		analyze:* | import:1 | export:1)
			mapfile -t COMPREPLY < <(compgen -d -- "$cur")
			return
			;;
		check-config:* | db:1)
			mapfile -t COMPREPLY < <(compgen -f -- "$cur")
			return
			;;
		esac
	fi
	[ -z "$command" ] || words="$words --help"
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}
complete -F _memculprit memculprit
