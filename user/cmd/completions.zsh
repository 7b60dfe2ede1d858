
# What follows is the same for every version.

# Process ids with their commands; what is typed may also be a part of the command.
_pybpfprof_pids() {
	local -a pids lines
	local line
	lines=("${(@f)$(_call_program pids "$_pybpfprof_program completions --list pids" 2>/dev/null)}")
	for line in $lines; do
		pids+=("${line%%$'\t'*}:${line#*$'\t'}")
	done
	compset -P '*,'
	_describe -V 'process' pids
}

_pybpfprof_cgroups() {
	local -a groups
	if [[ $PREFIX == /* ]]; then
		_path_files -/
		return
	fi
	groups=("${(@f)$(_call_program cgroups "$_pybpfprof_program completions --list cgroups" 2>/dev/null)}")
	_multi_parts / groups
}

_pybpfprof_formats() {
	local -a names
	local line
	for line in "${(@f)$(_call_program formats "$_pybpfprof_program completions --list formats" 2>/dev/null)}"; do
		names+=("${line%%$'\t'*}:${line#*$'\t'}")
	done
	_describe 'format' names
}

_pybpfprof_targets() {
	_alternative 'pids:process:_pybpfprof_pids' 'files:cgroup or program:_files'
}

# A beginning of a command's name is enough; none at all means the first.
_pybpfprof() {
	local _pybpfprof_program=${(q)words[1]} name command=
	local -i end=${words[(i)--]}
	# behind `--` another program's words begin
	if (( end < CURRENT )); then
		shift $end words
		(( CURRENT -= end ))
		_normal
		return
	fi
	if (( CURRENT == 2 )) && [[ $words[2] != -* ]]; then
		_describe 'command' _pybpfprof_commands
		return
	fi
	if [[ $words[2] != -* ]]; then
		for name in ${_pybpfprof_commands%%:*}; do
			[[ -z $command && $name == "$words[2]"* ]] && command=$name
		done
		[[ -n $command ]] || return 1
		shift words
		(( CURRENT-- ))
	fi
	_pybpfprof_arguments ${command:-${_pybpfprof_commands[1]%%:*}}
}

if [[ $funcstack[1] == _pybpfprof ]]; then
	_pybpfprof "$@"
else
	compdef _pybpfprof pybpfprof
fi
