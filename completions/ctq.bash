# bash completion for ctq, printed by "ctq completion bash"

# scope|word|offer
_ctq_table='
.|worker||
.|beat||
.|send||
.|inspect||
.|control||
.|status||
.|events||
.|find||
.|keys||
.|result||
.|failed||
.|doctor||
.|retry||
.|queues||
.|purge||
.|migrate||
.|top||
.|exporter||
.|completion||
.|help||
help|1|=worker,beat,send,inspect,control,status,events,find,keys,result,failed,doctor,retry,queues,purge,migrate,top,exporter,completion|
*|-A|file|
*|--app|file|
*|-b|any|
*|--broker|any|
*|--result-backend|any|
*|--config|file|
*|--workdir|folder|
*|--connect-timeout|any|
*|--json||
*|-q||
*|--quiet||
*|-C||
*|--no-color||
*|--version||
*|-h||
*|--help||
worker|-n|any|
worker|--hostname|any|
worker|-c|any|
worker|--concurrency|any|
worker|-P|=async,threads,prefork,solo,eventlet,gevent|
worker|--pool|=async,threads,prefork,solo,eventlet,gevent|
worker|-Q|queue,|
worker|--queues|queue,|
worker|-X|queue,|
worker|--exclude-queues|queue,|
worker|-I|file|
worker|--include|file|
worker|--prefetch-multiplier|any|
worker|-E||
worker|--task-events||
worker|--heartbeat-interval|any|
worker|--without-heartbeat||
worker|--without-gossip||
worker|--without-mingle||
worker|-B||
worker|--beat||
worker|-s|file|
worker|--schedule|file|
worker|--purge||
worker|--time-limit|any|
worker|--soft-time-limit|any|
worker|--autoscale|any|
worker|--max-tasks-per-child|any|
worker|--max-memory-per-child|any|
worker|-O|=default,fair|
worker|--optimization|=default,fair|
worker|-S|file|
worker|--statedb|file|
worker|--health|file|
worker|--health-patience|any|
worker|--metrics|any|
worker|--allow-root||
worker|--watch||
worker|-l|=debug,info,warning,error,critical,fatal|
worker|--loglevel|=debug,info,warning,error,critical,fatal|
worker|-f|file|
worker|--logfile|file|
worker|--logfile-format|=text,json|
worker|--pidfile|file|
worker|-D||
worker|--detach||
worker|--uid|any|
worker|--gid|any|
worker|--umask|any|
beat|list||
beat|add||
beat|rm||
beat|pause||
beat|resume||
beat|run-now||
beat|-s|file|
beat|--schedule|file|
beat|--max-interval|any|
beat|--next|any|
beat|--metrics|any|
beat|--allow-root||
beat|-l|=debug,info,warning,error,critical,fatal|
beat|--loglevel|=debug,info,warning,error,critical,fatal|
beat|-f|file|
beat|--logfile|file|
beat|--logfile-format|=text,json|
beat|--pidfile|file|
beat|-D||
beat|--detach||
beat|--uid|any|
beat|--gid|any|
beat|--umask|any|
beat|--every|any|
beat|--crontab|any|
beat|--solar|any|
beat|--args|any|
beat|-k|any|
beat|--kwarg|any|
beat|--kwargs|any|
beat|-Q|queue|
beat|--queue|queue|
beat|--options|any|
beat|--timezone|any|
beat|--catch-up|=skip,once,all|
beat|--relative||
beat add|2|task|
send|--args|any|
send|-k|any|
send|--kwarg|any|
send|--kwargs|any|
send|--countdown|any|
send|--eta|any|
send|--expires|any|
send|-Q|queue|
send|--queue|queue|
send|--exchange|any|
send|--routing-key|any|
send|--priority|any|
send|--task-id|any|
send|--shadow|any|
send|--serializer|=json,yaml,msgpack|
send|--compression|=gzip,zlib,brotli,bzip2,bzip,lzma,xz,zstd,zstandard|
send|-H|any|
send|--header|any|
send|--link|task|
send|--link-error|task|
send|--time-limit|any|
send|--soft-time-limit|any|
send|--ignore-result||
send|--retry||
send|--no-retry||
send|--retry-policy|any|
send|--chain|file|
send|--group|file|
send|--chord|file|
send|-w||
send|--wait||
send|--timeout|any|
send|--batch|file|
send|1|task|
inspect|active||
inspect|active_queues||
inspect|clock||
inspect|conf||
inspect|memdump||
inspect|memsample||
inspect|objgraph||
inspect|ping||
inspect|query_task||
inspect|registered||
inspect|report||
inspect|reserved||
inspect|revoked||
inspect|scheduled||
inspect|stats||
inspect|-d|node,|
inspect|--destination|node,|
inspect|-t|any|
inspect|--timeout|any|
inspect|--kwargs|any|
inspect|--list||
inspect query_task|1+|held|
control|add_consumer||
control|autoscale||
control|cancel_consumer||
control|disable_events||
control|election||
control|enable_events||
control|heartbeat||
control|pool_grow||
control|pool_restart||
control|pool_shrink||
control|rate_limit||
control|revoke||
control|revoke_by_stamped_headers||
control|shutdown||
control|terminate||
control|time_limit||
control|-d|node,|
control|--destination|node,|
control|-t|any|
control|--timeout|any|
control|--kwargs|any|
control|--list||
control add_consumer|1|queue|
control cancel_consumer|1|queue|
control rate_limit|1|task|
control revoke|1+|held|
control terminate|1|=SIGTERM,SIGKILL,SIGINT,SIGQUIT,SIGUSR1,SIGHUP|
control terminate|2+|held|
control time_limit|1|task|
status|-d|node,|
status|--destination|node,|
status|-t|any|
status|--timeout|any|
status|--probe||
status|--health|file|
status|--ready||
events|--type|any,|
events|--task|task,|
events|--worker|any,|
events|--limit|any|
events|-d||
events|--dump||
events|--enable||
find|--timeout|any|
find|1|held|
keys|show||
keys|clean||
keys|--kind|=queue,binding,unacked,unacked index,unacked mutex,delayed,dead letters,failed tasks,removed,result,group result,chord,pidbox queue,reply queue,event queue,worker,lock,limit,revoked,beat,unknown|
keys|--sort|=bytes,members,ttl,name|
keys|--limit|any|
keys|--offset|any|
keys|--orphans||
keys|--dry-run||
keys|-f||
keys|--force||
keys|--watch||
keys|--interval|any|
result|-w||
result|--wait||
result|--timeout|any|
result|--traceback||
result|--tree||
result|--forget||
failed|show||
failed|rm||
failed|--task|task|
failed|--since|any|
failed|-Q|queue,|
failed|--queues|queue,|
failed|--watch||
failed|--interval|any|
failed|--all||
failed|--keep-copy|file|
failed|-f||
failed|--force||
failed|--limit|any|
failed show|1+|failed|
failed rm|1+|failed|
doctor|-t|any|
doctor|--timeout|any|
retry|--task|task|
retry|--since|any|
retry|-Q|queue,|
retry|--queues|queue,|
retry|--failed||
retry|--to|queue|
retry|--dry-run||
retry|-f||
retry|--force||
retry|1+|failed|
queues|peek||
queues|pause||
queues|resume||
queues|-Q|queue,|
queues|--queues|queue,|
queues|--by-task||
queues|--limit|any|
queues|--offset|any|
queues|--watch||
queues|--interval|any|
queues|2+|queue|
queues peek|1|queue|
queues pause|1+|queue|
queues resume|1+|queue|
purge|-Q|queue,|
purge|--queues|queue,|
purge|-X|queue,|
purge|--exclude-queues|queue,|
purge|--task|task|
purge|--older-than|any|
purge|--delayed||
purge|--dry-run||
purge|--keep-copy|file|
purge|--undo|file|
purge|-f||
purge|--force||
migrate|-Q|queue,|
migrate|--queue|queue,|
migrate|--task|task|
migrate|--limit|any|
migrate|--dry-run||
migrate|--put-back||
migrate|-f||
migrate|--force||
migrate|--source-options|any|
migrate|--destination-options|any|
top|-d|any|
top|--interval|any|
top|-n|any|
top|--times|any|
top|--once||
top|-Q|queue,|
top|--queues|queue,|
top|--view|=workers,queues,tasks,failures|
top|--sort|any|
top|--filter|any|
exporter|-p|any|
exporter|--port|any|
exporter|-Q|queue,|
exporter|--queues|queue,|
exporter|--worker-timeout|any|
exporter|--forget-after|any|
exporter|--enable||
exporter|-l|=debug,info,warning,error,critical,fatal|
exporter|--loglevel|=debug,info,warning,error,critical,fatal|
exporter|-f|file|
exporter|--logfile|file|
exporter|--logfile-format|=text,json|
exporter|--pidfile|file|
exporter|-D||
exporter|--detach||
exporter|--uid|any|
exporter|--gid|any|
exporter|--umask|any|
completion|1|=bash,zsh,fish,powershell|
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
