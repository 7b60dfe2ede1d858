# The command in the words so far; a beginning is enough, none at all means the first.
function __pybpfprof_command
    set -l words (commandline -opc)
    if test (count $words) -gt 1; and not string match -q -- '-*' $words[2]
        for name in $__pybpfprof_commands
            if string match -q -- "$words[2]*" $name
                echo $name
                return
            end
        end
    end
    echo $__pybpfprof_commands[1]
end

function __pybpfprof_is
    # Behind `--` another program's words begin.
    not contains -- -- (commandline -opc); and test (__pybpfprof_command) = $argv[1]
end

function __pybpfprof_needs_command
    test (count (commandline -opc)) -eq 1
end

function __pybpfprof_list
    set -l program (commandline -opc)[1]
    command $program completions --list $argv[1] 2>/dev/null
end

# Also behind a comma, with what is before it.
function __pybpfprof_pids
    set -l before (string match -r -- '^(?:--?[a-z]+=?)?(.*,)' (commandline -ct))[2]
    __pybpfprof_list pids | string replace -r '^' "$before"
end

# Behind `--`: what the profiled program's own completion says.
function __pybpfprof_program
    set -l words (commandline -opc)
    set -e words[1..(contains -i -- -- $words)]
    complete -C (string join ' ' -- (string escape -- $words) (commandline -ct))
end

complete -c pybpfprof -n 'contains -- -- (commandline -opc)' -a '(__pybpfprof_program)'

