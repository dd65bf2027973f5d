
# The names of credentials. They stand in the configuration and in a folder: nothing is opened, asked or sent.
_renewd() {
    local current="${COMP_WORDS[COMP_CWORD]}" word last='' plain='' want='' i name
    local -a places=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        word="${COMP_WORDS[i]}"
        [[ ${word} == '=' ]] && continue
        if [[ -n ${last} ]]; then
            case "${last}" in
                --config|--state-dir) places+=("${last}" "${word}") ;;
            esac
            last=''
            continue
        fi
        case "${word}" in
            --) plain='--'; break ;;
            @VALUED@) last="${word}" ;;
            -*) ;;
            *) plain="${plain:+${plain} }${word}" ;;
        esac
    done
    [[ ${current} == '=' ]] && current=''
    case "${last}" in
        '') case "${plain}" in
                @COMMANDS@) [[ ${current} != -* ]] && want=1 ;;
            esac ;;
        @OPTIONS@) want=1 ;;
    esac
    if [[ -n ${want} ]]; then
        COMPREPLY=()
        while IFS= read -r name; do
            [[ ${name} == "${current}"* ]] && COMPREPLY+=("${name}")
        done < <("${COMP_WORDS[0]}" completions --names "${places[@]}" 2>/dev/null </dev/null)
        [[ ${#COMPREPLY[@]} -gt 0 ]] && return 0
    fi
    _renewd_words "$@"
}
