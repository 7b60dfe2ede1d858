# SPDX-License-Identifier: MIT
# fish completion of pybpfprof, written by `pybpfprof completions fish`.

function __pybpfprof
    set -l words (commandline -opc)
    set -l cur (commandline -ct)
    # Behind `--`: what the profiled program's own completion says.
    if contains -- -- $words
        set -e words[1..(contains -i -- -- $words)]
        complete -C (string join ' ' -- (string escape -- $words) $cur)
        return
    end
    set -l program $words[1]
    set -e words[1]
    set -l before (string match -r -- '^--[a-z-]+=' $cur)
    for line in (command $program completions --words $words "$cur" 2>/dev/null)
        switch $line
            case :files
                string replace -r -- '^' "$before" (__fish_complete_path (string replace -- "$before" '' $cur))
            case :dirs
                string replace -r -- '^' "$before" (__fish_complete_directories (string replace -- "$before" '' $cur))
            case '*'
                echo "$before$line"
        end
    end
end

complete -c pybpfprof -f -a '(__pybpfprof)'
