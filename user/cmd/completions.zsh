#compdef pybpfprof
# SPDX-License-Identifier: MIT
# zsh completion of pybpfprof, written by `pybpfprof completions zsh`.

_pybpfprof() {
	local line program=${(Q)words[1]}
	local -a lines found
	local -i end=${words[(i)--]} result=1
	# behind `--` another program's words begin
	if (( end < CURRENT )); then
		shift $end words
		(( CURRENT -= end ))
		_normal
		return
	fi
	lines=("${(@f)$($program completions --words "${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
	[[ $PREFIX == --*=* ]] && compset -P '*='
	for line in $lines; do
		case $line in
		:files) _files && result=0 ;;
		:dirs) _path_files -/ && result=0 ;;
		*) found+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}") ;;
		esac
	done
	_describe -V value found && result=0
	return result
}

if [[ $funcstack[1] == _pybpfprof ]]; then
	_pybpfprof "$@"
else
	compdef _pybpfprof pybpfprof
fi
