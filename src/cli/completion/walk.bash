# bash completion for ctq, printed by "ctq completion bash"

# scope|word|offer
_ctq_table='
@TABLE@
'

# The words up to the cursor: bash also splits at : and =, which URLs have.
_ctq_split() {
  local rest=${COMP_LINE:0:COMP_POINT} word
  words=()
  for word in "${COMP_WORDS[@]:0:COMP_CWORD+1}"; do
    if [[ $rest == [[:space:]]* || ${#words[@]} -eq 0 ]]; then
      rest=${rest#"${rest%%[![:space:]]*}"}
      words+=("${rest:0:${#word}}")
    else
      words[${#words[@]}-1]+=${rest:0:${#word}}
    fi
    rest=${rest:${#word}}
  done
}

# Sets offer to what may follow the word in the scope; fails when the table has no such word.
_ctq_offer() {
  local rest key=$'\n'"$1|$2|"
  [[ $_ctq_table == *"$key"* ]] || return 1
  rest=${_ctq_table#*"$key"}
  offer=${rest%%|*}
}

_ctq_option() {
  [[ -n $1 ]] && _ctq_offer "$1" "$2" || _ctq_offer '*' "$2"
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

# Adds those of the given words that begin as the value does.
_ctq_add() {
  local word
  for word in "$@"; do
    [[ $word == "$value"* ]] && COMPREPLY+=("$kept$word")
  done
}

# Adds the words of these scopes: commands and verbs, or options.
_ctq_add_words() {
  local scope word rest
  while IFS='|' read -r scope word rest; do
    [[ $scope == "$1" && $word != [0-9]* ]] || continue
    if [[ $2 == options ]]; then
      [[ $word == -* ]] && _ctq_add "$word"
    elif [[ $word != -* ]]; then
      _ctq_add "$word"
    fi
  done <<<"$_ctq_table"
}

_ctq_add_offer() {
  local word
  if [[ $offer == *, ]]; then
    offer=${offer%,}
    [[ $value == *,* ]] && kept+=${value%,*}, value=${value##*,}
  fi
  case $offer in
    =*)
      while IFS= read -r -d , word; do
        printf -v word %q "$word"
        _ctq_add "$word"
      done <<<"${offer#=},"
      ;;
    file | folder)
      compopt -o filenames 2>/dev/null
      while IFS= read -r word; do
        COMPREPLY+=("$kept$word")
      done < <(compgen -"$([[ $offer == file ]] && echo f || echo d)" -- "$value")
      ;;
    queue | task | node | held | failed)
      while IFS= read -r word; do
        _ctq_add "$word"
      done < <("${COMP_WORDS[0]/#\~/$HOME}" __complete "$offer" "${words[@]:1}" 2>/dev/null </dev/null)
      ;;
  esac
}

_ctq() {
  local words index last word command='' verb='' count=0 awaits='' options=yes offer='' value kept='' cut
  COMPREPLY=()
  _ctq_split
  last=$((${#words[@]} - 1))
  value=${words[last]}
  for ((index = 1; index < last; index++)); do
    word=${words[index]}
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
    kept=${value%%=*}= word=${value%%=*} value=${value#*=}
    _ctq_option "$command" "$word" && _ctq_add_offer
  elif [[ -n $awaits && $value != -?* ]]; then
    offer=$awaits
    _ctq_add_offer
  elif [[ $options == yes && $value == -* ]]; then
    [[ -n $command ]] && _ctq_add_words "$command" options
    _ctq_add_words '*' options
  elif [[ -z $command ]]; then
    _ctq_add_words .
  elif ((count == 0)); then
    _ctq_add_words "$command"
    _ctq_argument "$command" 1 && _ctq_add_offer
  elif _ctq_offer "$command" "$verb"; then
    _ctq_argument "$command $verb" "$count" && _ctq_add_offer
  else
    _ctq_argument "$command" $((count + 1)) && _ctq_add_offer
  fi

  # Bash replaces only what stands behind the last : or =.
  cut=${words[last]}
  if [[ $cut == *[:=]* && $COMP_WORDBREAKS == *[:=]* ]]; then
    cut=${cut%"${cut##*[:=]}"}
    for ((index = 0; index < ${#COMPREPLY[@]}; index++)); do
      COMPREPLY[index]=${COMPREPLY[index]#"$cut"}
    done
  fi
}

complete -F _ctq ctq
