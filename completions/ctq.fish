# fish completion for ctq, printed by "ctq completion fish"

# scope|word|offer|summary
set -g __ctq_table \
    '.|worker||run tasks' \
    '.|beat||send tasks when their time has come' \
    '.|send||send a task by name' \
    '.|inspect||ask workers what they do and hold' \
    '.|control||tell workers to do something' \
    '.|status||list the workers that are up' \
    '.|events||print events of workers and tasks as they happen' \
    '.|find||tell where a task is: queued, delayed, held, running, done' \
    '.|keys||tell what broker and result backend hold, key by key' \
    '.|result||print the state and the value of a task' \
    '.|failed||list the tasks that failed' \
    '.|doctor||say what is wrong with a live estate' \
    '.|retry||run failed tasks again' \
    '.|queues||tell what waits in each queue, and who takes from it' \
    '.|purge||remove messages that wait in queues, and bring them back' \
    '.|migrate||move messages from one broker to another' \
    '.|top||show workers, queues, tasks and failures on one screen, and act on them' \
    '.|exporter||give metrics of all workers and queues to Prometheus' \
    '.|completion||print what lets a shell complete ctq\'s words' \
    '.|help||print help' \
    'help|1|=worker,beat,send,inspect,control,status,events,find,keys,result,failed,doctor,retry,queues,purge,migrate,top,exporter,completion|the command to tell about' \
    '*|-A|file|module with the app: tasks, proj.tasks, worker:app (CTQ_APP)' \
    '*|--app|file|module with the app: tasks, proj.tasks, worker:app (CTQ_APP)' \
    '*|-b|any|where messages wait (CTQ_BROKER_URL); default: an SQLite file, .ctq/ctq.db' \
    '*|--broker|any|where messages wait (CTQ_BROKER_URL); default: an SQLite file, .ctq/ctq.db' \
    '*|--result-backend|any|where results are kept (CTQ_RESULT_BACKEND); default: the broker\'s own engine' \
    '*|--config|file|read this config file (CTQ_CONFIG) instead of looking for one' \
    '*|--workdir|folder|change to this folder first' \
    '*|--connect-timeout|any|give up after this long without a connection; default 4, a worker never does' \
    '*|--json||print JSON' \
    '*|-q||no hints, spinners and progress' \
    '*|--quiet||no hints, spinners and progress' \
    '*|-C||no colours' \
    '*|--no-color||no colours' \
    '*|--version||print the version' \
    '*|-h||print this help' \
    '*|--help||print this help' \
    'worker|-n|any|node name: name or name@host, with %h %n %d; default celery@%h' \
    'worker|--hostname|any|node name: name or name@host, with %h %n %d; default celery@%h' \
    'worker|-c|any|how many tasks run at once; default 100 in async, one a core in prefork and threads' \
    'worker|--concurrency|any|how many tasks run at once; default 100 in async, one a core in prefork and threads' \
    'worker|-P|=async,threads,prefork,solo,eventlet,gevent|async (default): one event loop, for tasks that wait; prefork and threads: for tasks that compute or must be killed; solo: one at a time' \
    'worker|--pool|=async,threads,prefork,solo,eventlet,gevent|async (default): one event loop, for tasks that wait; prefork and threads: for tasks that compute or must be killed; solo: one at a time' \
    'worker|-Q|queue,|take from these queues only' \
    'worker|--queues|queue,|take from these queues only' \
    'worker|-X|queue,|take from all but these' \
    'worker|--exclude-queues|queue,|take from all but these' \
    'worker|-I|file|import these modules, too' \
    'worker|--include|file|import these modules, too' \
    'worker|--prefetch-multiplier|any|reserve so many messages for each slot; 0 is no limit' \
    'worker|-E||send task events, for ctq events and other monitors' \
    'worker|--task-events||send task events, for ctq events and other monitors' \
    'worker|--heartbeat-interval|any|seconds between heartbeat events; default 2' \
    'worker|--without-heartbeat||send no heartbeat events: monitors take this worker for dead' \
    'worker|--without-gossip||do not listen to the events of other workers' \
    'worker|--without-mingle||do not ask the others at start what was revoked' \
    'worker|-B||run a beat, too: it sends tasks when their time has come' \
    'worker|--beat||run a beat, too: it sends tasks when their time has come' \
    'worker|-s|file|with --beat: keep last runs in this file; default: in the broker' \
    'worker|--schedule|file|with --beat: keep last runs in this file; default: in the broker' \
    'worker|--purge||empty the queues before taking from them' \
    'worker|--time-limit|any|hard time limit of tasks that have none' \
    'worker|--soft-time-limit|any|soft time limit of tasks that have none' \
    'worker|--autoscale|any|run between so many and so many tasks at once, as they come; instead of -c' \
    'worker|--max-tasks-per-child|any|replace a child of prefork or threads after so many tasks' \
    'worker|--max-memory-per-child|any|replace a child of prefork or threads that is larger after a task' \
    'worker|-O|=default,fair|fair (and default): a child is given its next task when it is free' \
    'worker|--optimization|=default,fair|fair (and default): a child is given its next task when it is free' \
    'worker|-S|file|remember revoked ids in this file; %n %h %d %p expand' \
    'worker|--statedb|file|remember revoked ids in this file; %n %h %d %p expand' \
    'worker|--health|file|answer probes there: GET /live and /ready on 127.0.0.1 or host:port, or a file' \
    'worker|--health-patience|any|with --health: not live when it has been stuck for so long; default 60' \
    'worker|--metrics|any|give metrics in Prometheus\' form: GET /metrics on 127.0.0.1, or host:port' \
    'worker|--allow-root||run as root, without a warning; also worker_allow_root, CTQ_ALLOW_ROOT, C_FORCE_ROOT' \
    'worker|--watch||start again when a module changes, for development' \
    'worker|-l|=debug,info,warning,error,critical,fatal|debug, info, warning (default), error or critical' \
    'worker|--loglevel|=debug,info,warning,error,critical,fatal|debug, info, warning (default), error or critical' \
    'worker|-f|file|log to a file instead of stderr; %n %h %d %p %i %I %P expand' \
    'worker|--logfile|file|log to a file instead of stderr; %n %h %d %p %i %I %P expand' \
    'worker|--logfile-format|=text,json|text (default) or json' \
    'worker|--pidfile|file|write the pid there; refuse to start while another process holds it' \
    'worker|-D||run in the background; come back when it is ready' \
    'worker|--detach||run in the background; come back when it is ready' \
    'worker|--uid|any|run as this user' \
    'worker|--gid|any|run as this group' \
    'worker|--umask|any|mode bits that new files do not get, octal: 027' \
    'beat|list||show all entries; without -A those of every app at the broker' \
    'beat|add||add or replace an entry' \
    'beat|rm||remove an entry' \
    'beat|pause||stop an entry (this, resume and rm find it without -A, too)' \
    'beat|resume||let it go on' \
    'beat|run-now||send it now' \
    'beat|-s|file|keep last runs in this file; default: in the broker, else celerybeat-schedule' \
    'beat|--schedule|file|keep last runs in this file; default: in the broker, else celerybeat-schedule' \
    'beat|--max-interval|any|sleep no longer between two looks at the schedule; default 300' \
    'beat|--next|any|print the coming firings, 10 or so many, and exit' \
    'beat|--metrics|any|give metrics in Prometheus\' form: GET /metrics on 127.0.0.1, or host:port' \
    'beat|--allow-root||run as root, without a warning; also worker_allow_root, CTQ_ALLOW_ROOT, C_FORCE_ROOT' \
    'beat|-l|=debug,info,warning,error,critical,fatal|debug, info, warning (default), error or critical' \
    'beat|--loglevel|=debug,info,warning,error,critical,fatal|debug, info, warning (default), error or critical' \
    'beat|-f|file|log to a file instead of stderr; %n %h %d %p %P expand' \
    'beat|--logfile|file|log to a file instead of stderr; %n %h %d %p %P expand' \
    'beat|--logfile-format|=text,json|text (default) or json' \
    'beat|--pidfile|file|write the pid there; refuse to start while another process holds it' \
    'beat|-D||run in the background; come back when it is ready' \
    'beat|--detach||run in the background; come back when it is ready' \
    'beat|--uid|any|run as this user' \
    'beat|--gid|any|run as this group' \
    'beat|--umask|any|mode bits that new files do not get, octal: 027' \
    'beat|--every|any|add: fire every so often: 10, 90s, 1h30m' \
    'beat|--crontab|any|add: fire when all five match: minute hour day-of-month month day-of-week, such as "0 8 * * mon-fri"' \
    'beat|--solar|any|add: fire with the sun: "sunset,52.5,13.4"; north and east are positive' \
    'beat|--args|any|add: positional arguments as a JSON list' \
    'beat|-k|any|add: keyword argument; repeatable' \
    'beat|--kwarg|any|add: keyword argument; repeatable' \
    'beat|--kwargs|any|add: keyword arguments as a JSON object' \
    'beat|-Q|queue|add: queue' \
    'beat|--queue|queue|add: queue' \
    'beat|--options|any|add: further options of the call, such as {"expires": 30}' \
    'beat|--timezone|any|add: zone of the crontab; default the app\'s' \
    'beat|--catch-up|=skip,once,all|add: what becomes of missed firings: skip, once (default) or all' \
    'beat|--relative||add: round firings of --every down to whole days, hours, minutes' \
    'beat add|2|task|task' \
    'send|--args|any|positional arguments as a JSON list' \
    'send|-k|any|keyword argument; repeatable' \
    'send|--kwarg|any|keyword argument; repeatable' \
    'send|--kwargs|any|keyword arguments as a JSON object' \
    'send|--countdown|any|run it that much later' \
    'send|--eta|any|run it not before; UTC without an offset' \
    'send|--expires|any|discard it when it has not begun by then' \
    'send|-Q|queue|queue; default by the routes of the config file, else celery' \
    'send|--queue|queue|queue; default by the routes of the config file, else celery' \
    'send|--exchange|any|exchange' \
    'send|--routing-key|any|routing key' \
    'send|--priority|any|on Redis and SQLite 0 is first (Celery: 0, 3, 6, 9), on RabbitMQ last' \
    'send|--task-id|any|id; default a random UUID' \
    'send|--shadow|any|name to show in logs instead of the task\'s own' \
    'send|--serializer|=json,yaml,msgpack|json, yaml or msgpack' \
    'send|--compression|=gzip,zlib,brotli,bzip2,bzip,lzma,xz,zstd,zstandard|zlib, gzip, bzip2, brotli ...' \
    'send|-H|any|message header; repeatable' \
    'send|--header|any|message header; repeatable' \
    'send|--link|task|call this task with the value; name or JSON signature, repeatable' \
    'send|--link-error|task|call this task when it fails; repeatable' \
    'send|--time-limit|any|hard time limit' \
    'send|--soft-time-limit|any|soft time limit' \
    'send|--ignore-result||store no result' \
    'send|--retry||publish again when the connection fails (default); --no-retry does not' \
    'send|--no-retry||publish again when the connection fails (default); --no-retry does not' \
    'send|--retry-policy|any|such as {"max_retries": 3, "interval_step": 0.2}' \
    'send|--chain|file|send the chain in a file: signatures as Celery writes them in JSON' \
    'send|--group|file|send a group' \
    'send|--chord|file|send a chord, {"header": [...], "body": ...}' \
    'send|-w||wait, and print the value instead of the id: a text as it is, else JSON' \
    'send|--wait||wait, and print the value instead of the id: a text as it is, else JSON' \
    'send|--timeout|any|wait no longer; exit code 75 then' \
    'send|--batch|file|send a task for each line, {"task": ..., "args": [...], "kwargs": {...}, "options": {...}}' \
    'send|1|task|the name of the task' \
    'inspect|active||tasks that run now' \
    'inspect|active_queues||queues that workers take from' \
    'inspect|clock||workers\' logical clocks' \
    'inspect|conf||settings in force, without secrets; with true also those left at their defaults' \
    'inspect|memdump||earlier samples of memsample, and the memory now' \
    'inspect|memsample||resident memory of workers, remembered for memdump' \
    'inspect|objgraph||figures of the worker\'s heap, for hunting memory leaks (Celery: a graph of objects)' \
    'inspect|ping||ask whether workers are there' \
    'inspect|query_task||where tasks are, by id: active, reserved or ready; ids that a worker does not hold are left out' \
    'inspect|registered||tasks that workers know, with the attributes asked for (rate_limit, max_retries ...)' \
    'inspect|report||versions, machine and settings, for bug reports' \
    'inspect|reserved||tasks that a worker has taken and not begun; those with an eta are in scheduled' \
    'inspect|revoked||ids of revoked tasks' \
    'inspect|scheduled||tasks that wait in a worker for their eta' \
    'inspect|stats||what workers have done, and with what: tasks, pool, broker, memory, time' \
    'inspect|-d|node,|only these nodes' \
    'inspect|--destination|node,|only these nodes' \
    'inspect|-t|any|wait so long for the next answer; default 1' \
    'inspect|--timeout|any|wait so long for the next answer; default 1' \
    'inspect|--kwargs|any|arguments by name as a JSON object; lets any method through' \
    'inspect|--list||print the methods' \
    'inspect query_task|1+|held|ids' \
    'control|add_consumer||take from one more queue' \
    'control|autoscale||set between how many and how many tasks the pool may run at once' \
    'control|cancel_consumer||take from a queue no longer' \
    'control|disable_events||send no task events' \
    'control|election||choose one worker for an action' \
    'control|enable_events||send task events' \
    'control|heartbeat||send a heartbeat event now' \
    'control|pool_grow||run more tasks at once' \
    'control|pool_restart||replace the processes of the pool, so that they load the app afresh (worker_pool_restarts)' \
    'control|pool_shrink||run fewer tasks at once' \
    'control|rate_limit||set how often a task may begin in each worker; 0 lifts the limit' \
    'control|revoke||keep tasks from running, by id' \
    'control|revoke_by_stamped_headers||keep tasks from running, by the stamps in their headers' \
    'control|shutdown||stop workers warmly: what runs ends, what waits goes back' \
    'control|terminate||revoke tasks, and end those that run with a signal' \
    'control|time_limit||set a task\'s soft and hard time limit in seconds' \
    'control|-d|node,|only these nodes' \
    'control|--destination|node,|only these nodes' \
    'control|-t|any|wait so long for the next answer; default 1' \
    'control|--timeout|any|wait so long for the next answer; default 1' \
    'control|--kwargs|any|arguments by name as a JSON object; lets any method through' \
    'control|--list||print the methods' \
    'control add_consumer|1|queue|queue' \
    'control cancel_consumer|1|queue|queue' \
    'control rate_limit|1|task|task name' \
    'control revoke|1+|held|task id' \
    'control terminate|1|=SIGTERM,SIGKILL,SIGINT,SIGQUIT,SIGUSR1,SIGHUP|signal' \
    'control terminate|2+|held|task id' \
    'control time_limit|1|task|task name' \
    'status|-d|node,|only these nodes' \
    'status|--destination|node,|only these nodes' \
    'status|-t|any|wait so long for the next answer; default 1' \
    'status|--timeout|any|wait so long for the next answer; default 1' \
    'status|--probe||only say whether a worker answers, or all that -d names: exit code 0 or 69' \
    'status|--health|file|with --probe: ask there, as the worker was told, and not through the broker' \
    'status|--ready||with --probe --health: whether it is ready, rather than whether it lives' \
    'events|--type|any,|only events of these types: task-failed, worker-* ...' \
    'events|--task|task,|only events of tasks with these names; * stands for any text' \
    'events|--worker|any,|only events of these nodes; * stands for any text' \
    'events|--limit|any|end after so many events' \
    'events|-d||print all fields, in the form of Celery\'s own dump' \
    'events|--dump||print all fields, in the form of Celery\'s own dump' \
    'events|--enable||first tell workers that were started without -E to send task events' \
    'find|--timeout|any|look through queues no longer; default 30' \
    'find|1|held|the id of the task, or the beginning of it' \
    'keys|show||decode one key' \
    'keys|clean||remove what nobody will want again' \
    'keys|--kind|=queue,binding,unacked,unacked index,unacked mutex,delayed,dead letters,failed tasks,removed,result,group result,chord,pidbox queue,reply queue,event queue,worker,lock,limit,revoked,beat,unknown|only keys of this kind; may be given several times' \
    'keys|--sort|=bytes,members,ttl,name|bytes (default), members, ttl or name' \
    'keys|--limit|any|list so many; on a screen 20, show 10' \
    'keys|--offset|any|show: leave out so many entries' \
    'keys|--orphans||only what nobody will want again' \
    'keys|--dry-run||clean: only say what would go' \
    'keys|-f||clean: do not ask' \
    'keys|--force||clean: do not ask' \
    'keys|--watch||print it again every two seconds, until Ctrl-C; with --json one document a line' \
    'keys|--interval|any|with --watch: the time between' \
    'result|-w||wait until it is ready' \
    'result|--wait||wait until it is ready' \
    'result|--timeout|any|wait no longer; exit code 75 then' \
    'result|--traceback||print the traceback of a failure, on stderr' \
    'result|--tree||print the tasks and groups that it sent, and theirs' \
    'result|--forget||remove the result after printing it' \
    'failed|show||tell everything about these, with the traceback' \
    'failed|rm||drop these: their messages and their results' \
    'failed|--task|task|only tasks of this name: tasks.mail.*' \
    'failed|--since|any|only what failed in this time: 30m, 6h, 2d' \
    'failed|-Q|queue,|only from these queues' \
    'failed|--queues|queue,|only from these queues' \
    'failed|--watch||print it again every two seconds, until Ctrl-C; with --json one document a line' \
    'failed|--interval|any|with --watch: the time between' \
    'failed|--all||rm: all of them' \
    'failed|--keep-copy|file|rm: write their messages to this file first' \
    'failed|-f||rm: do not ask before many go' \
    'failed|--force||rm: do not ask before many go' \
    'failed|--limit|any|print the newest so many; default 100, 0 prints all' \
    'failed show|1+|failed|ids, or their beginnings' \
    'failed rm|1+|failed|ids, or their beginnings; or --all, --task, --since, --queues' \
    'doctor|-t|any|wait so long for the next answer of a worker; default 1' \
    'doctor|--timeout|any|wait so long for the next answer of a worker; default 1' \
    'retry|--task|task|only tasks of this name: tasks.mail.*' \
    'retry|--since|any|only what failed in this time: 30m, 6h, 2d' \
    'retry|-Q|queue,|only from these queues' \
    'retry|--queues|queue,|only from these queues' \
    'retry|--failed||all failed tasks, or those that --task, --since and --queues choose' \
    'retry|--to|queue|send to this queue instead of the one it came from' \
    'retry|--dry-run||only say what would be sent' \
    'retry|-f||do not ask before many are sent' \
    'retry|--force||do not ask before many are sent' \
    'retry|1+|failed|ids of failed tasks, or their beginnings' \
    'queues|peek||show the next messages, decoded' \
    'queues|pause||let nobody take from them' \
    'queues|resume||let everybody go on' \
    'queues|-Q|queue,|only these' \
    'queues|--queues|queue,|only these' \
    'queues|--by-task||also how many messages of which task; of a long queue a sample tells' \
    'queues|--limit|any|peek: show so many; default 10' \
    'queues|--offset|any|peek: leave out so many' \
    'queues|--watch||print it again every two seconds, until Ctrl-C; with --json one document a line' \
    'queues|--interval|any|with --watch: the time between' \
    'queues|2+|queue|the queues it is about' \
    'queues peek|1|queue|its name' \
    'queues pause|1+|queue|its name' \
    'queues resume|1+|queue|its name' \
    'purge|-Q|queue,|these queues; default those of the app (-A) or config file, else celery' \
    'purge|--queues|queue,|these queues; default those of the app (-A) or config file, else celery' \
    'purge|-X|queue,|but not these' \
    'purge|--exclude-queues|queue,|but not these' \
    'purge|--task|task|only messages of this task: tasks.mail.*' \
    'purge|--older-than|any|only messages sent longer ago: 30m, 6h, 2d; needs messages that say when (ctq\'s do)' \
    'purge|--delayed||also those that workers have parked until their time' \
    'purge|--dry-run||only say how many would go' \
    'purge|--keep-copy|file|write them to this file first; default ctq-purge-<time>.jsonl' \
    'purge|--undo|file|bring back what that file has: the same messages in the same order, before all others' \
    'purge|-f||do not ask' \
    'purge|--force||do not ask' \
    'migrate|-Q|queue,|only these queues; default all that the source has' \
    'migrate|--queue|queue,|only these queues; default all that the source has' \
    'migrate|--task|task|only messages of this task: tasks.mail.*' \
    'migrate|--limit|any|at most so many' \
    'migrate|--dry-run||only say how many wait' \
    'migrate|--put-back||bring back to their queues what unfinished migrations set aside' \
    'migrate|-f||--put-back: also what may have arrived' \
    'migrate|--force||--put-back: also what may have arrived' \
    'migrate|--source-options|any|transport options of the source; default broker_transport_options' \
    'migrate|--destination-options|any|those of the destination; the same default' \
    'top|-d|any|the time between two looks; default 2' \
    'top|--interval|any|the time between two looks; default 2' \
    'top|-n|any|print it so many times instead of filling the screen' \
    'top|--times|any|print it so many times instead of filling the screen' \
    'top|--once||print it once' \
    'top|-Q|queue,|only these queues' \
    'top|--queues|queue,|only these queues' \
    'top|--view|=workers,queues,tasks,failures|begin with workers, queues, tasks or failures' \
    'top|--sort|any|order of the view: ready, running, runs-for ...; with a - before it the other way round' \
    'top|--filter|any|only rows that have all of these words' \
    'exporter|-p|any|listen there, on 127.0.0.1 or host:port; default 9808' \
    'exporter|--port|any|listen there, on 127.0.0.1 or host:port; default 9808' \
    'exporter|-Q|queue,|tell of these queues only; default all there are' \
    'exporter|--queues|queue,|tell of these queues only; default all there are' \
    'exporter|--worker-timeout|any|a worker that was silent for so long is down; default 60' \
    'exporter|--forget-after|any|forget a silent worker and its numbers after so long, 0 never; default 600' \
    'exporter|--enable||first tell workers that were started without -E to send task events' \
    'exporter|-l|=debug,info,warning,error,critical,fatal|debug, info, warning (default), error or critical' \
    'exporter|--loglevel|=debug,info,warning,error,critical,fatal|debug, info, warning (default), error or critical' \
    'exporter|-f|file|log to a file instead of stderr; %n %h %d %p %P expand' \
    'exporter|--logfile|file|log to a file instead of stderr; %n %h %d %p %P expand' \
    'exporter|--logfile-format|=text,json|text (default) or json' \
    'exporter|--pidfile|file|write the pid there; refuse to start while another process holds it' \
    'exporter|-D||run in the background; come back when it is ready' \
    'exporter|--detach||run in the background; come back when it is ready' \
    'exporter|--uid|any|run as this user' \
    'exporter|--gid|any|run as this group' \
    'exporter|--umask|any|mode bits that new files do not get, octal: 027' \
    'completion|1|=bash,zsh,fish,powershell|the name of the shell: bash, zsh, fish or powershell'

# Prints the offer of the word in the scope; fails when it has no such word.
function __ctq_offer
    set -l key (string escape --style=regex -- "$argv[1]|$argv[2]|")
    set -l found (string match -r -- "^$key([^|]*)" $__ctq_table); or return 1
    echo "$found[2]"
end

function __ctq_option
    test -n "$argv[1]"; and __ctq_offer $argv[1] $argv[2]; or __ctq_offer '*' $argv[2]
end

# The argument with this number, or one that takes all the rest.
function __ctq_argument
    __ctq_offer $argv[1] $argv[2]; and return
    for number in (seq $argv[2] -1 1)
        __ctq_offer $argv[1] "$number+"; and return
    end
    return 1
end

# Prints the words of this scope with their summaries: commands and verbs, or options.
function __ctq_words
    set -l key (string escape --style=regex -- "$argv[1]|")
    set -l first '[^-0-9|]'
    test $argv[2] = options; and set first -
    string replace -fr -- "^$key($first"'[^|]*)\|[^|]*\|(.*)' '$1\t$2' $__ctq_table
end

# Prints the values of an offer, with what stands before them in the same word.
function __ctq_values
    set -l offer $argv[1]
    set -l kept $argv[2]
    set -l value $argv[3]
    if string match -q '*,' -- $offer
        set offer (string replace -r ',$' '' -- $offer)
        set -l before (string match -r '^.*,' -- $value)
        set kept "$kept$before"
        set value (string replace -r '^.*,' '' -- $value)
    end
    switch $offer
        case '=*'
            for word in (string split , -- (string sub -s 2 -- $offer))
                echo $kept$word
            end
        case file
            for path in (__fish_complete_path "$value")
                echo $kept$path
            end
        case folder
            for path in (__fish_complete_directories "$value" '')
                echo $kept$path
            end
        case queue task node held failed
            set -l line (commandline -opc)
            for word in ($line[1] __complete $offer $line[2..-1] "$value" 2>/dev/null </dev/null)
                echo $kept$word
            end
    end
end

function __ctq_complete
    set -l line (commandline -opc)
    set -l value (commandline -ct)
    set -l command ''
    set -l verb ''
    set -l count 0
    set -l awaits ''
    set -l options yes
    set -e line[1]
    for word in $line
        if test -n "$awaits"; and not string match -q -- '-?*' $word
            set awaits ''
            continue
        end
        set awaits ''
        if test $options = yes; and test "$word" = --
            set options no
        else if test $options = yes; and string match -q -- '-?*' $word
            if not string match -q -- '*=*' $word
                set awaits (__ctq_option "$command" $word)
            end
        else if test -z "$command"
            set command $word
        else
            test $count -eq 0; and set verb $word
            set count (math $count + 1)
        end
    end

    if test $options = yes; and string match -q -- '--*=*' $value
        set -l parts (string split -m 1 = -- $value)
        __ctq_values (__ctq_option "$command" $parts[1]) "$parts[1]=" "$parts[2]"
    else if test -n "$awaits"; and not string match -q -- '-?*' $value
        __ctq_values $awaits '' "$value"
    else if test $options = yes; and string match -q -- '-*' $value
        test -n "$command"; and __ctq_words $command options
        __ctq_words '*' options
    else if test -z "$command"
        __ctq_words . words
    else if test $count -eq 0
        __ctq_words $command words
        __ctq_values (__ctq_argument $command 1) '' "$value"
    else if __ctq_offer $command $verb >/dev/null
        __ctq_values (__ctq_argument "$command $verb" $count) '' "$value"
    else
        __ctq_values (__ctq_argument $command (math $count + 1)) '' "$value"
    end
end

complete -c ctq -f -a '(__ctq_complete)'
