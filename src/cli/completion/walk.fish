# fish completion for ctq, printed by "ctq completion fish"

# scope|word|offer|summary
set -g __ctq_table \
@TABLE@

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
