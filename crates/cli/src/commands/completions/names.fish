
# The names of credentials. They stand in the configuration and in a folder: nothing is opened, asked or sent.
function __renewd_names
    set -l words (commandline -opc)
    set -l places
    set -l last
    for word in $words[2..]
        switch "$last"
            case --config --state-dir
                set -a places $last $word
        end
        set last $word
        switch $word
            case '--config=*' '--state-dir=*'
                set -a places $word
        end
    end
    $words[1] completions --names $places 2>/dev/null </dev/null
end

# Whether what comes next is one.
function __renewd_asks_for_a_name
    set -l words (commandline -opc)
    set -l plain
    set -l last
    for word in $words[2..]
        if test -n "$last"
            set last
            continue
        end
        switch $word
            case --
                return 1
            case @VALUED@
                set last $word
            case '-*'
            case '*'
                set -a plain $word
        end
    end
    test -z "$last"
    and contains -- "$plain" @COMMANDS@
end

complete -c renewd -n __renewd_asks_for_a_name -f -a "(__renewd_names)"
