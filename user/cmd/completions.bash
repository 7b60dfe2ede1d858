
# What follows is the same for every version: it works on the three tables above.

# COMMAND: the name of the command in the words so far; its beginning is enough, none means the first.
_pybpfprof_command() {
	local word name
	word=${COMP_WORDS[1]}
	if [[ $COMP_CWORD -gt 1 && $word && $word != -* ]]; then
		for name in $_pybpfprof_commands; do
			[[ $name == "$word"* ]] && { echo "$name"; return; }
		done
	fi
	echo "${_pybpfprof_commands%% *}"
}

# KIND CUR: candidates from the program itself, which may be the one just built.
_pybpfprof_list() {
	"${COMP_WORDS[0]}" completions --list "$1" 2>/dev/null
}

# CUR: process ids; what is typed may also be a part of the command. Several are shown with their commands.
_pybpfprof_pids() {
	local before= cur=$1 pid command found=()
	[[ $cur == *,* ]] && before=${cur%,*}, cur=${cur##*,}
	while IFS=$'\t' read -r pid command; do
		[[ $pid == "$cur"* || ( $cur && $command == *"$cur"* ) ]] && found+=("$before$pid  ($command)")
	done < <(_pybpfprof_list pids)
	((${#found[@]} == 1)) && found=("${found[0]%%  (*}")
	COMPREPLY=("${found[@]}")
}

_pybpfprof_files() {
	local one
	compopt -o filenames 2>/dev/null
	while IFS= read -r one; do
		COMPREPLY+=("$one")
	done < <(compgen -f -- "$1")
}

# bash splits words at `:`, and only the last piece is replaced.
_pybpfprof_cgroups() {
	local cur=$1 one
	compopt -o nospace 2>/dev/null
	if [[ $cur == /* ]]; then
		compopt -o filenames 2>/dev/null
		COMPREPLY=($(compgen -d -- "$cur"))
		return
	fi
	while IFS= read -r one; do
		[[ $one == "$cur"* ]] && COMPREPLY+=("$one")
	done < <(_pybpfprof_list cgroups)
}

_pybpfprof_value_of() { # KIND CUR
	case $1 in
	words\ *) COMPREPLY=($(compgen -W "${1#words }" -- "$2")) ;;
	formats) COMPREPLY=($(compgen -W "$(_pybpfprof_list formats | cut -f 1)" -- "$2")) ;;
	pids) _pybpfprof_pids "$2" ;;
	cgroups) _pybpfprof_cgroups "$2" ;;
	files) _pybpfprof_files "$2" ;;
	targets)
		_pybpfprof_pids "$2"
		[[ $2 && ${COMPREPLY[*]} ]] || _pybpfprof_files "$2"
		;;
	esac
}

# Behind `--` another program's words begin: its own completion where there is one.
_pybpfprof_program() {
	local at
	for ((at = 1; at < COMP_CWORD; at++)); do
		[[ ${COMP_WORDS[at]} == -- ]] || continue
		if declare -F _command_offset >/dev/null; then
			_command_offset $((at + 1))
		elif ((at + 1 == COMP_CWORD)); then
			COMPREPLY=($(compgen -c -- "${COMP_WORDS[COMP_CWORD]}"))
		else
			_pybpfprof_files "${COMP_WORDS[COMP_CWORD]}"
		fi
		return 0
	done
	return 1
}

_pybpfprof() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command kind
	COMPREPLY=()
	_pybpfprof_program && return
	# `--option=value` arrives as three words
	[[ $cur == = ]] && cur= || { [[ $prev == = ]] && prev=${COMP_WORDS[COMP_CWORD - 2]}; }
	command=$(_pybpfprof_command)
	if kind=$(_pybpfprof_value "$command" "$prev"); then
		_pybpfprof_value_of "$kind" "$cur"
	elif [[ $cur == -* ]]; then
		COMPREPLY=($(compgen -W "$(_pybpfprof_options "$command")" -- "$cur"))
	elif ((COMP_CWORD == 1)); then
		COMPREPLY=($(compgen -W "$_pybpfprof_commands" -- "$cur"))
	elif kind=$(_pybpfprof_argument "$command"); then
		_pybpfprof_value_of "$kind" "$cur"
	fi
}

complete -F _pybpfprof pybpfprof
