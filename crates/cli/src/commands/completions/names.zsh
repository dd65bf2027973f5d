# The names of credentials. They stand in the configuration and in a folder: nothing is opened, asked or sent.
(( $+functions[_renewd_names] )) ||
_renewd_names() {
    local option
    local -a places names
    for option in --config --state-dir; do
        (( ${+opt_args[$option]} )) && places+=("$option" "${(Q)opt_args[$option]}")
    done
    names=(${(f)"$(command renewd completions --names $places 2>/dev/null </dev/null)"})
    compadd "$@" -a names
}
