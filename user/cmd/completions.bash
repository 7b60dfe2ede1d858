# SPDX-License-Identifier: MIT
# bash completion of pybpfprof, written by `pybpfprof completions bash`.

# WORD_INDEX: completes the command line of the program that begins there, behind `--`.
_pybpfprof_program() {
	if declare -F _command_offset >/dev/null; then
		_command_offset "$1"
	else
		local kind=f
		(($1 == COMP_CWORD)) && kind=c
		mapfile -t COMPREPLY < <(compgen -$kind -- "${COMP_WORDS[COMP_CWORD]}")
	fi
}

_pybpfprof() {
	local cur=${COMP_WORDS[COMP_CWORD]} at value text found=() several=()
	COMPREPLY=()
	for ((at = 1; at < COMP_CWORD; at++)); do
		[[ ${COMP_WORDS[at]} == -- ]] && { _pybpfprof_program $((at + 1)); return; }
	done
	# bash splits `--option=value` into three words and replaces the last of them
	while IFS=$'\t' read -r value text; do
		case $value in
		:files | :dirs)
			[[ $cur == = ]] && cur=
			compopt -o filenames 2>/dev/null
			mapfile -t -O ${#found[@]} found < <(compgen "-${value:1:1}" -- "$cur")
			;;
		*)
			found+=("$value")
			[[ $value == *[0-9] && $value != *[^0-9,]* ]] && several[${#found[@]} - 1]="$value  ($text)"
			;;
		esac
	done < <("${COMP_WORDS[0]}" completions --words "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
	# several process ids are shown with their commands
	((${#found[@]} > 1)) && for at in "${!several[@]}"; do found[at]=${several[at]}; done
	COMPREPLY=("${found[@]}")
}

complete -F _pybpfprof pybpfprof
