# SPDX-License-Identifier: MIT
# What zsh would offer: zsh_capture.zsh FUNCTIONS LINE prints <<word>> for each. Completion needs zle, and zle a
# terminal: an interactive zsh runs in a pseudo-terminal, with compadd telling what it is given (with -O, -A or -D
# it only filters arrays). The list of all completions is kept as FUNCTIONS.dump.
zmodload zsh/zpty
zpty z zsh -f -i
zpty -w z "PS1= PS2=; autoload -U compinit; compinit -C -u -d ${(q)1}.dump; source ${(q)1}"
zpty -w z 'compadd() {
	local -a hits
	if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)[[:space:]]* ]]; then builtin compadd "$@"; return $?; fi
	builtin compadd -A hits "$@"
	local one; for one in $hits; do print -r -- "<<$one>>"; done
	(( $#hits ))
}'
zpty -w z 'collect() { print "\n<<be""gin>>"; _main_complete; print "<<e""nd>>"; exit }
zle -C collect complete-word collect; bindkey "^I" collect; print rea""dy'
while zpty -r z line; do [[ $line == *ready* ]] && break; done
zpty -w -n z "$2"$'\t'
while zpty -r z line; do
	print -r -- "${line%%$'\r'*}"
	[[ $line == *'<<end>>'* ]] && break
done
