#compdef ctq
# zsh completion for ctq, printed by "ctq completion zsh"

# scope|word|offer|summary
typeset -ga _ctq_table=(
@TABLE@
)

# Sets offer and summary to what the table says of the word in the scope; fails when it has no such word.
_ctq_offer() {
  local -a found
  found=("${(@M)_ctq_table:#"$1|$2|"*}")
  [[ -n $found ]] || return 1
  offer=${${found[1]#*|*|}%%|*}
  summary=${found[1]#*|*|*|}
}

_ctq_option() {
  { [[ -n $1 ]] && _ctq_offer "$1" "$2" } || _ctq_offer '*' "$2"
}

# The argument with this number, or one that takes all the rest.
_ctq_argument() {
  local number
  _ctq_offer "$1" "$2" && return
  for ((number = $2; number > 0; number--)); do
    _ctq_offer "$1" "$number+" && return
  done
  return 1
}

# Adds the words of this scope with their summaries: commands and verbs, or options.
_ctq_add_words() {
  local line word wants
  local -a described
  for line in "${(@M)_ctq_table:#"$1|"*}"; do
    word=${${line#*|}%%|*}
    [[ $word == [0-9]* ]] && continue
    [[ $word == -* ]] && wants=options || wants=words
    [[ $wants == "$2" ]] || continue
    described+=("${word//:/\\:}:${line#*|*|*|}")
  done
  ((${#described})) && _describe -t "$3" "$3" described
}

_ctq_add_offer() {
  local -a found
  if [[ $offer == *, ]]; then
    offer=${offer%,}
    compset -P '*,'
  fi
  case $offer in
    \=*) found=(${(s:,:)offer#=}) ;;
    file) _files && return ;;
    folder) _files -/ && return ;;
    # PREFIX is what compset left of the word.
    queue | task | node | held | failed)
      found=(${(f)"$("${(Q)line[1]/#\~/$HOME}" __complete "$offer" "${(@Q)line[2,-2]}" "$PREFIX" 2>/dev/null </dev/null)"})
      ;;
    *) _message "$summary" ;;
  esac
  ((${#found})) && _wanted values expl "$summary" compadd -a found
}

_ctq() {
  local -a line expl
  local index word command= verb= awaits= options=yes offer= summary= value
  local -i count=0
  line=("${(@)words[1,CURRENT]}")
  value=${(Q)PREFIX}
  for ((index = 2; index < CURRENT; index++)); do
    word=${(Q)words[index]}
    if [[ -n $awaits && $word != -?* ]]; then
      awaits=
      continue
    fi
    awaits=
    if [[ $options == yes && $word == -- ]]; then
      options=
    elif [[ $options == yes && $word == -?* ]]; then
      [[ $word != *=* ]] && _ctq_option "$command" "$word" && awaits=$offer
    elif [[ -z $command ]]; then
      command=$word
    else
      ((count++)) || verb=$word
    fi
  done

  if [[ $options == yes && $value == --*=* ]]; then
    compset -P '*='
    _ctq_option "$command" "${value%%=*}" && _ctq_add_offer
  elif [[ -n $awaits && $value != -?* ]]; then
    _ctq_option "$command" "${(Q)words[CURRENT-1]}" && _ctq_add_offer
  elif [[ $options == yes && $value == -* ]]; then
    [[ -n $command ]] && _ctq_add_words "$command" options 'options'
    _ctq_add_words '*' options 'global options'
  elif [[ -z $command ]]; then
    _ctq_add_words . words 'commands'
  elif ((count == 0)); then
    _ctq_add_words "$command" words 'words'
    _ctq_argument "$command" 1 && _ctq_add_offer
  elif _ctq_offer "$command" "$verb"; then
    _ctq_argument "$command $verb" "$count" && _ctq_add_offer
  else
    _ctq_argument "$command" $((count + 1)) && _ctq_add_offer
  fi
}

# As a file of fpath this is the body of _ctq; sourced, it is registered.
if [[ $funcstack[1] == _ctq ]]; then
  _ctq "$@"
else
  compdef _ctq ctq
fi
