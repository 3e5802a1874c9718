# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_redisk_global_optspecs
    string join \n q/quiet error-format= color= key-format= h/help V/version
end

function __fish_redisk_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_redisk_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_redisk_using_subcommand
    set -l cmd (__fish_redisk_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c redisk -n "__fish_redisk_needs_command" -l error-format -d 'How errors and warnings are written: for people, or one JSON object a line (kind, file, offset, db, key, message)' -r -f -a "text\t'A line for people'
json\t'An object a line'"
complete -c redisk -n "__fish_redisk_needs_command" -l color -d 'When to use colours: auto, always or never. NO_COLOR is respected' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c redisk -n "__fish_redisk_needs_command" -l key-format -d 'How keys are written: escape, hex or base64. Says it for keys on the command line too, which otherwise are exact bytes; a key with a zero byte cannot be given there in any other way' -r -f -a "escape\t'Text, with what is none as `\\xHH`'
hex\t'Two hex digits a byte'
base64\t'Base64'"
complete -c redisk -n "__fish_redisk_needs_command" -s q -l quiet -d 'No progress bar, and no hints'
complete -c redisk -n "__fish_redisk_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c redisk -n "__fish_redisk_needs_command" -s V -l version -d 'Print version'
complete -c redisk -n "__fish_redisk_needs_command" -f -a "info" -d 'What a file is: who wrote it and when, what is in it, whether it is whole'
complete -c redisk -n "__fish_redisk_needs_command" -f -a "dump" -d 'The contents of a file, one key after the other'
complete -c redisk -n "__fish_redisk_needs_command" -f -a "get" -d 'A key\'s value, type, expiry, encoding, size and where in the file it lies'
complete -c redisk -n "__fish_redisk_needs_command" -f -a "log" -d 'The commands of an append-only file, in their order'
complete -c redisk -n "__fish_redisk_needs_command" -f -a "replay" -d 'Runs a log through the built-in engine, and says what state it leads to'
complete -c redisk -n "__fish_redisk_needs_command" -f -a "verify" -d 'Whether a file is whole, down to the last element, and which servers would load it'
complete -c redisk -n "__fish_redisk_needs_command" -f -a "diff" -d 'What differs between any two sources, key by key and element by element'
complete -c redisk -n "__fish_redisk_needs_command" -f -a "repair" -d 'What can be kept of a damaged file, and a repaired copy of it'
complete -c redisk -n "__fish_redisk_needs_command" -f -a "convert" -d 'Any source in another form, for another server'
complete -c redisk -n "__fish_redisk_needs_command" -f -a "compact" -d 'The append-only file as the smallest one that leads to the same state: BGREWRITEAOF without a server'
complete -c redisk -n "__fish_redisk_needs_command" -f -a "split" -d 'One source cut into several RDBs: for the nodes of a cluster, by database, by prefix, or by size'
complete -c redisk -n "__fish_redisk_needs_command" -f -a "merge" -d 'Several sources as one RDB: the shards of a cluster in one file'
complete -c redisk -n "__fish_redisk_needs_command" -f -a "completions" -d 'Print the completions for a shell'
complete -c redisk -n "__fish_redisk_needs_command" -f -a "man" -d 'Print the manual page of the program, or of one command'
complete -c redisk -n "__fish_redisk_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c redisk -n "__fish_redisk_using_subcommand info" -l top -d 'How many of the biggest values to name' -r
complete -c redisk -n "__fish_redisk_using_subcommand info" -l now -d 'The moment against which expiries are measured, instead of the clock (2026-11-20T14:05:00Z, 1795183500)' -r
complete -c redisk -n "__fish_redisk_using_subcommand info" -l threads -d 'Threads to work with; the output is the same whatever their number [default: the cores]' -r
complete -c redisk -n "__fish_redisk_using_subcommand info" -l max-memory -d 'Use no more memory than this (64mb, 2gb): fewer threads where that is enough, else an error instead of more' -r
complete -c redisk -n "__fish_redisk_using_subcommand info" -l error-format -d 'How errors and warnings are written: for people, or one JSON object a line (kind, file, offset, db, key, message)' -r -f -a "text\t'A line for people'
json\t'An object a line'"
complete -c redisk -n "__fish_redisk_using_subcommand info" -l color -d 'When to use colours: auto, always or never. NO_COLOR is respected' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c redisk -n "__fish_redisk_using_subcommand info" -l key-format -d 'How keys are written: escape, hex or base64. Says it for keys on the command line too, which otherwise are exact bytes; a key with a zero byte cannot be given there in any other way' -r -f -a "escape\t'Text, with what is none as `\\xHH`'
hex\t'Two hex digits a byte'
base64\t'Base64'"
complete -c redisk -n "__fish_redisk_using_subcommand info" -l json -d 'One JSON document: an object, or an array of them for several files'
complete -c redisk -n "__fish_redisk_using_subcommand info" -l deep -d 'Of an append-only file: the state that it leads to, too. Its commands are run through the built-in engine'
complete -c redisk -n "__fish_redisk_using_subcommand info" -s q -l quiet -d 'No progress bar, and no hints'
complete -c redisk -n "__fish_redisk_using_subcommand info" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c redisk -n "__fish_redisk_using_subcommand dump" -s f -l format -d 'The form: jsonl (an object a line, losing nothing), json (the same objects in an array), csv (a row an element), table (for eyes), keys (names alone), resp (SET, RPUSH … for redis-cli --pipe), restore (RESTORE commands)' -r -f -a "jsonl\t'JSON Lines'
json\t'One JSON array'
csv\t'Rows of cells'
table\t'Lines for eyes'
keys\t'Names alone'
resp\t'Commands'
restore\t'RESTORE commands'"
complete -c redisk -n "__fish_redisk_using_subcommand dump" -l binary -d 'How byte strings are written: auto (in JSON text as text, other bytes and giant strings as {"base64":…}; in CSV those as base64:…; for people as escape), base64 (every one), escape and hex (for eyes)' -r -f -a "auto\t'Text as text'
base64\t'All as base64'
escape\t'With escapes'
hex\t'As hex'"
complete -c redisk -n "__fish_redisk_using_subcommand dump" -l target -d 'With --format resp or restore: the server that the commands are for [default: by the file\'s RDB version]' -r -f -a "redis-2.8\t''
redis-3.0\t''
redis-3.2\t''
redis-4.0\t''
redis-5.0\t''
redis-6.0\t''
redis-6.2\t''
redis-7.0\t''
redis-7.2\t''
redis-7.4\t''
redis-8.0\t''
redis-8.2\t''
redis-8.4\t''
redis-8.6\t''
redis-8.8\t''
redis-8.10\t''
valkey-7.2\t''
valkey-8.0\t''
valkey-8.1\t''
valkey-9.0\t''
valkey-9.1\t''"
complete -c redisk -n "__fish_redisk_using_subcommand dump" -l limit -d 'At most so many keys' -r
complete -c redisk -n "__fish_redisk_using_subcommand dump" -s o -l output -d 'Write to this file instead of stdout. It is written beside its place and put there when it is complete; after an error nothing is left' -r -F
complete -c redisk -n "__fish_redisk_using_subcommand dump" -l db -d 'In these databases' -r
complete -c redisk -n "__fish_redisk_using_subcommand dump" -l not-db -d 'Not those that --db takes' -r
complete -c redisk -n "__fish_redisk_using_subcommand dump" -l key -d 'Whose name matches, by the rules of KEYS and SCAN: * ? [a-z] [^a] \\x' -r
complete -c redisk -n "__fish_redisk_using_subcommand dump" -l not-key -d 'Not those that --key takes' -r
complete -c redisk -n "__fish_redisk_using_subcommand dump" -l key-exact -d 'With exactly this name (see --key-format)' -r
complete -c redisk -n "__fish_redisk_using_subcommand dump" -l not-key-exact -d 'Not those that --key-exact takes' -r
complete -c redisk -n "__fish_redisk_using_subcommand dump" -l key-regex -d 'In whose name this expression matches somewhere; (?-u) lets it match bytes that are no text' -r
complete -c redisk -n "__fish_redisk_using_subcommand dump" -l not-key-regex -d 'Not those that --key-regex takes' -r
complete -c redisk -n "__fish_redisk_using_subcommand dump" -l type -d 'Of these types: string, list, set, zset, hash, stream, module, array, gcra' -r -f -a "string\t''
list\t''
set\t''
zset\t''
hash\t''
stream\t''
module\t''
array\t''
gcra\t''"
complete -c redisk -n "__fish_redisk_using_subcommand dump" -l not-type -d 'Not those that --type takes' -r -f -a "string\t''
list\t''
set\t''
zset\t''
hash\t''
stream\t''
module\t''
array\t''
gcra\t''"
complete -c redisk -n "__fish_redisk_using_subcommand dump" -l encoding -d 'Stored like this in the file: raw, int, lzf, listpack, quicklist2, hashtable and so on' -r -f -a "raw\t''
int\t''
lzf\t''
linkedlist\t''
hashtable\t''
skiplist\t''
zipmap\t''
ziplist\t''
intset\t''
listpack\t''
listpackex\t''
quicklist\t''
quicklist2\t''
stream\t''
module\t''
array\t''
template\t''"
complete -c redisk -n "__fish_redisk_using_subcommand dump" -l not-encoding -d 'Not those that --encoding takes' -r -f -a "raw\t''
int\t''
lzf\t''
linkedlist\t''
hashtable\t''
skiplist\t''
zipmap\t''
ziplist\t''
intset\t''
listpack\t''
listpackex\t''
quicklist\t''
quicklist2\t''
stream\t''
module\t''
array\t''
template\t''"
complete -c redisk -n "__fish_redisk_using_subcommand dump" -l min-size -d 'Whose serialized value has at least so many bytes (512, 10kb, 1.5mb)' -r
complete -c redisk -n "__fish_redisk_using_subcommand dump" -l not-min-size -d 'Not those that --min-size takes' -r
complete -c redisk -n "__fish_redisk_using_subcommand dump" -l max-size -d 'Whose serialized value has at most so many bytes' -r
complete -c redisk -n "__fish_redisk_using_subcommand dump" -l not-max-size -d 'Not those that --max-size takes' -r
complete -c redisk -n "__fish_redisk_using_subcommand dump" -l min-len -d 'With at least so many elements (a string: bytes)' -r
complete -c redisk -n "__fish_redisk_using_subcommand dump" -l not-min-len -d 'Not those that --min-len takes' -r
complete -c redisk -n "__fish_redisk_using_subcommand dump" -l max-len -d 'With at most so many elements (a string: bytes)' -r
complete -c redisk -n "__fish_redisk_using_subcommand dump" -l not-max-len -d 'Not those that --max-len takes' -r
complete -c redisk -n "__fish_redisk_using_subcommand dump" -l ttl -d 'By expiry: none, any, expired, \'<1h\' (within an hour, or past), \'>7d\'' -r -f -a "none\t''
any\t''
expired\t''"
complete -c redisk -n "__fish_redisk_using_subcommand dump" -l not-ttl -d 'Not those that --ttl takes' -r -f -a "none\t''
any\t''
expired\t''"
complete -c redisk -n "__fish_redisk_using_subcommand dump" -l slot -d 'In these cluster slots' -r
complete -c redisk -n "__fish_redisk_using_subcommand dump" -l not-slot -d 'Not those that --slot takes' -r
complete -c redisk -n "__fish_redisk_using_subcommand dump" -l idle -d 'Not used for longer than \'>1h\', or used within \'<1h\' (files of servers with an LRU policy)' -r
complete -c redisk -n "__fish_redisk_using_subcommand dump" -l not-idle -d 'Not those that --idle takes' -r
complete -c redisk -n "__fish_redisk_using_subcommand dump" -l freq -d 'Used more often than \'>N\', or less than \'<N\' (the counter of an LFU policy, 0 to 255)' -r
complete -c redisk -n "__fish_redisk_using_subcommand dump" -l not-freq -d 'Not those that --freq takes' -r
complete -c redisk -n "__fish_redisk_using_subcommand dump" -l now -d 'The moment for --ttl, instead of the clock (2026-11-20T14:05:00Z, 1795183500)' -r
complete -c redisk -n "__fish_redisk_using_subcommand dump" -l threads -d 'Threads to work with; the output is the same whatever their number [default: the cores]' -r
complete -c redisk -n "__fish_redisk_using_subcommand dump" -l max-memory -d 'Use no more memory than this (64mb, 2gb): fewer threads where that is enough, else an error instead of more' -r
complete -c redisk -n "__fish_redisk_using_subcommand dump" -l error-format -d 'How errors and warnings are written: for people, or one JSON object a line (kind, file, offset, db, key, message)' -r -f -a "text\t'A line for people'
json\t'An object a line'"
complete -c redisk -n "__fish_redisk_using_subcommand dump" -l color -d 'When to use colours: auto, always or never. NO_COLOR is respected' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c redisk -n "__fish_redisk_using_subcommand dump" -l key-format -d 'How keys are written: escape, hex or base64. Says it for keys on the command line too, which otherwise are exact bytes; a key with a zero byte cannot be given there in any other way' -r -f -a "escape\t'Text, with what is none as `\\xHH`'
hex\t'Two hex digits a byte'
base64\t'Base64'"
complete -c redisk -n "__fish_redisk_using_subcommand dump" -l data-only -d 'Keys only: no line for the header, aux fields, functions and other records'
complete -c redisk -n "__fish_redisk_using_subcommand dump" -s 0 -l null -d 'With --format keys: the exact bytes, each key followed by a zero byte'
complete -c redisk -n "__fish_redisk_using_subcommand dump" -l csv-safe -d 'With --format csv: a \' in front of cells that a spreadsheet would run as formulas'
complete -c redisk -n "__fish_redisk_using_subcommand dump" -l sort -d 'Order by database and key, through temporary files where it is much'
complete -c redisk -n "__fish_redisk_using_subcommand dump" -l drop-expired -d 'Leave out keys, and fields of hashes, whose expiry has passed (see --now)'
complete -c redisk -n "__fish_redisk_using_subcommand dump" -l force -d 'Replace the output file where it exists, and write beside the files of a server that works there, too'
complete -c redisk -n "__fish_redisk_using_subcommand dump" -s q -l quiet -d 'No progress bar, and no hints'
complete -c redisk -n "__fish_redisk_using_subcommand dump" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c redisk -n "__fish_redisk_using_subcommand get" -l db -d 'Look in these databases alone, and stop when all is found' -r
complete -c redisk -n "__fish_redisk_using_subcommand get" -l binary -d 'How byte strings are written: auto (in JSON text as text, other bytes and giant strings as {"base64":…}; in CSV those as base64:…; for people as escape), base64 (every one), escape and hex (for eyes)' -r -f -a "auto\t'Text as text'
base64\t'All as base64'
escape\t'With escapes'
hex\t'As hex'"
complete -c redisk -n "__fish_redisk_using_subcommand get" -l now -d 'The moment against which expiries are measured, instead of the clock (2026-11-20T14:05:00Z, 1795183500)' -r
complete -c redisk -n "__fish_redisk_using_subcommand get" -s o -l output -d 'Write to this file instead of stdout. It is written beside its place and put there when it is complete; after an error nothing is left' -r -F
complete -c redisk -n "__fish_redisk_using_subcommand get" -l error-format -d 'How errors and warnings are written: for people, or one JSON object a line (kind, file, offset, db, key, message)' -r -f -a "text\t'A line for people'
json\t'An object a line'"
complete -c redisk -n "__fish_redisk_using_subcommand get" -l color -d 'When to use colours: auto, always or never. NO_COLOR is respected' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c redisk -n "__fish_redisk_using_subcommand get" -l key-format -d 'How keys are written: escape, hex or base64. Says it for keys on the command line too, which otherwise are exact bytes; a key with a zero byte cannot be given there in any other way' -r -f -a "escape\t'Text, with what is none as `\\xHH`'
hex\t'Two hex digits a byte'
base64\t'Base64'"
complete -c redisk -n "__fish_redisk_using_subcommand get" -l full -d 'All of a long value'
complete -c redisk -n "__fish_redisk_using_subcommand get" -l json -d 'An object a key, a line each: as dump writes them, and where the key lies'
complete -c redisk -n "__fish_redisk_using_subcommand get" -l raw -d 'The exact bytes of a string, and nothing else. Takes one key; the first one that the file has'
complete -c redisk -n "__fish_redisk_using_subcommand get" -l force -d 'Replace the output file where it exists, and write beside the files of a server that works there, too'
complete -c redisk -n "__fish_redisk_using_subcommand get" -s q -l quiet -d 'No progress bar, and no hints'
complete -c redisk -n "__fish_redisk_using_subcommand get" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c redisk -n "__fish_redisk_using_subcommand log" -l key -d 'With a key whose name matches, by the rules of KEYS and SCAN. Commands without keys, FLUSHALL too, are left out' -r
complete -c redisk -n "__fish_redisk_using_subcommand log" -l key-exact -d 'With a key of exactly this name (see --key-format)' -r
complete -c redisk -n "__fish_redisk_using_subcommand log" -l key-regex -d 'With a key in whose name this expression matches somewhere; (?-u) lets it match bytes that are no text' -r
complete -c redisk -n "__fish_redisk_using_subcommand log" -l slot -d 'With a key in these cluster slots' -r
complete -c redisk -n "__fish_redisk_using_subcommand log" -l command -d 'With this name, in any case; `xgroup|create` for a subcommand' -r
complete -c redisk -n "__fish_redisk_using_subcommand log" -l db -d 'In these databases' -r
complete -c redisk -n "__fish_redisk_using_subcommand log" -l not-key -d 'Without a key that --key takes; commands without keys stay' -r
complete -c redisk -n "__fish_redisk_using_subcommand log" -l not-key-exact -d 'Without a key of exactly this name' -r
complete -c redisk -n "__fish_redisk_using_subcommand log" -l not-key-regex -d 'Without a key that --key-regex takes' -r
complete -c redisk -n "__fish_redisk_using_subcommand log" -l not-slot -d 'Without a key in these cluster slots' -r
complete -c redisk -n "__fish_redisk_using_subcommand log" -l not-command -d 'Not with this name' -r
complete -c redisk -n "__fish_redisk_using_subcommand log" -l not-db -d 'Not in these databases' -r
complete -c redisk -n "__fish_redisk_using_subcommand log" -l since -d 'Not before this time (2026-11-20T14:05:00Z, 1795183500). Commands without a time stand before all that have one' -r
complete -c redisk -n "__fish_redisk_using_subcommand log" -l until -d 'Not after this time' -r
complete -c redisk -n "__fish_redisk_using_subcommand log" -l from-offset -d 'Starting at this offset of their file, or behind it (0x for hex)' -r
complete -c redisk -n "__fish_redisk_using_subcommand log" -l to-offset -d 'Starting before this offset of their file' -r
complete -c redisk -n "__fish_redisk_using_subcommand log" -l file -d 'In this file of a set, by its name in the manifest' -r
complete -c redisk -n "__fish_redisk_using_subcommand log" -l limit -d 'At most so many commands' -r
complete -c redisk -n "__fish_redisk_using_subcommand log" -l binary -d 'How byte strings are written: auto (in JSON text as text, other bytes and giant strings as {"base64":…}; in CSV those as base64:…; for people as escape), base64 (every one), escape and hex (for eyes)' -r -f -a "auto\t'Text as text'
base64\t'All as base64'
escape\t'With escapes'
hex\t'As hex'"
complete -c redisk -n "__fish_redisk_using_subcommand log" -l history -d 'Follow one key through RENAME, COPY, MOVE, SWAPDB and flushes, and say whether an RDB base holds it' -r
complete -c redisk -n "__fish_redisk_using_subcommand log" -l top -d 'With --stats: how many keys and prefixes to name' -r
complete -c redisk -n "__fish_redisk_using_subcommand log" -s o -l output -d 'Write to this file instead of stdout. It is written beside its place and put there when it is complete; after an error nothing is left' -r -F
complete -c redisk -n "__fish_redisk_using_subcommand log" -l threads -d 'Threads to work with; the output is the same whatever their number [default: the cores]' -r
complete -c redisk -n "__fish_redisk_using_subcommand log" -l max-memory -d 'Use no more memory than this (64mb, 2gb): fewer threads where that is enough, else an error instead of more' -r
complete -c redisk -n "__fish_redisk_using_subcommand log" -l error-format -d 'How errors and warnings are written: for people, or one JSON object a line (kind, file, offset, db, key, message)' -r -f -a "text\t'A line for people'
json\t'An object a line'"
complete -c redisk -n "__fish_redisk_using_subcommand log" -l color -d 'When to use colours: auto, always or never. NO_COLOR is respected' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c redisk -n "__fish_redisk_using_subcommand log" -l key-format -d 'How keys are written: escape, hex or base64. Says it for keys on the command line too, which otherwise are exact bytes; a key with a zero byte cannot be given there in any other way' -r -f -a "escape\t'Text, with what is none as `\\xHH`'
hex\t'Two hex digits a byte'
base64\t'Base64'"
complete -c redisk -n "__fish_redisk_using_subcommand log" -l json -d 'Write JSON Lines, one object a command and a summary as the last line; with --stats, one document'
complete -c redisk -n "__fish_redisk_using_subcommand log" -l resp -d 'Write the commands as a log that servers load: SELECT where it is needed, transactions whole. An RDB base comes first, as the preamble that servers since 4.0 load, where all is wanted, or all up to a time, an offset or a limit, or all but some commands. With conditions on keys and databases alone, keys of the base come as commands; with other conditions they are left out'
complete -c redisk -n "__fish_redisk_using_subcommand log" -l stats -d 'Count instead: commands, the keys and prefixes written most, a timeline'
complete -c redisk -n "__fish_redisk_using_subcommand log" -s f -l follow -d 'Go on as the log grows, like `tail -f`, across the switch to a new file by a rewrite. Ends with Ctrl-C, or --limit'
complete -c redisk -n "__fish_redisk_using_subcommand log" -l force -d 'Replace the output file where it exists, and write beside the files of a server that works there, too'
complete -c redisk -n "__fish_redisk_using_subcommand log" -s q -l quiet -d 'No progress bar, and no hints'
complete -c redisk -n "__fish_redisk_using_subcommand log" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c redisk -n "__fish_redisk_using_subcommand replay" -l until-time -d 'In front of the first command logged after this time (2026-11-20T14:05:00Z, 1795183500). Needs a log with timestamps' -r
complete -c redisk -n "__fish_redisk_using_subcommand replay" -l until-offset -d 'In front of the first command of the last file that starts at this offset or behind it (0x for hex)' -r
complete -c redisk -n "__fish_redisk_using_subcommand replay" -l until-command -d 'Behind so many commands' -r
complete -c redisk -n "__fish_redisk_using_subcommand replay" -l before -d 'In front of the first command that matches, its words joined by blanks, in any case of its name: \'FLUSHALL*\'' -r
complete -c redisk -n "__fish_redisk_using_subcommand replay" -l from -d 'Load this RDB or log first' -r -F
complete -c redisk -n "__fish_redisk_using_subcommand replay" -l target -d 'Behave as this server [default: the newest Redis, or Valkey where the file is one\'s]' -r -f -a "redis-2.8\t''
redis-3.0\t''
redis-3.2\t''
redis-4.0\t''
redis-5.0\t''
redis-6.0\t''
redis-6.2\t''
redis-7.0\t''
redis-7.2\t''
redis-7.4\t''
redis-8.0\t''
redis-8.2\t''
redis-8.4\t''
redis-8.6\t''
redis-8.8\t''
redis-8.10\t''
valkey-7.2\t''
valkey-8.0\t''
valkey-8.1\t''
valkey-9.0\t''
valkey-9.1\t''"
complete -c redisk -n "__fish_redisk_using_subcommand replay" -l out -d 'Write the state to this file as JSON Lines, as dump would; as one array where the name ends in .json' -r -F
complete -c redisk -n "__fish_redisk_using_subcommand replay" -l now -d 'The moment against which expiries are measured, instead of the clock (2026-11-20T14:05:00Z, 1795183500)' -r
complete -c redisk -n "__fish_redisk_using_subcommand replay" -s o -l output -d 'Write to this file instead of stdout. It is written beside its place and put there when it is complete; after an error nothing is left' -r -F
complete -c redisk -n "__fish_redisk_using_subcommand replay" -l threads -d 'Threads to work with; the output is the same whatever their number [default: the cores]' -r
complete -c redisk -n "__fish_redisk_using_subcommand replay" -l max-memory -d 'Use no more memory than this (64mb, 2gb): fewer threads where that is enough, else an error instead of more' -r
complete -c redisk -n "__fish_redisk_using_subcommand replay" -l error-format -d 'How errors and warnings are written: for people, or one JSON object a line (kind, file, offset, db, key, message)' -r -f -a "text\t'A line for people'
json\t'An object a line'"
complete -c redisk -n "__fish_redisk_using_subcommand replay" -l color -d 'When to use colours: auto, always or never. NO_COLOR is respected' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c redisk -n "__fish_redisk_using_subcommand replay" -l key-format -d 'How keys are written: escape, hex or base64. Says it for keys on the command line too, which otherwise are exact bytes; a key with a zero byte cannot be given there in any other way' -r -f -a "escape\t'Text, with what is none as `\\xHH`'
hex\t'Two hex digits a byte'
base64\t'Base64'"
complete -c redisk -n "__fish_redisk_using_subcommand replay" -l skip-unknown -d 'Step over commands that no server knows, and count them'
complete -c redisk -n "__fish_redisk_using_subcommand replay" -l skip-scripts -d 'Step over scripts that were logged as such (Redis 4.0 and older), and count them'
complete -c redisk -n "__fish_redisk_using_subcommand replay" -l no-digest -d 'Do without the digest of the state'
complete -c redisk -n "__fish_redisk_using_subcommand replay" -l json -d 'Write one JSON document'
complete -c redisk -n "__fish_redisk_using_subcommand replay" -l force -d 'Replace the output file where it exists, and write beside the files of a server that works there, too'
complete -c redisk -n "__fish_redisk_using_subcommand replay" -s q -l quiet -d 'No progress bar, and no hints'
complete -c redisk -n "__fish_redisk_using_subcommand replay" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c redisk -n "__fish_redisk_using_subcommand verify" -l target -d 'Whether this server would load it: redis-2.8 to redis-8.10, valkey-7.2 to valkey-9.1' -r -f -a "redis-2.8\t''
redis-3.0\t''
redis-3.2\t''
redis-4.0\t''
redis-5.0\t''
redis-6.0\t''
redis-6.2\t''
redis-7.0\t''
redis-7.2\t''
redis-7.4\t''
redis-8.0\t''
redis-8.2\t''
redis-8.4\t''
redis-8.6\t''
redis-8.8\t''
redis-8.10\t''
valkey-7.2\t''
valkey-8.0\t''
valkey-8.1\t''
valkey-9.0\t''
valkey-9.1\t''"
complete -c redisk -n "__fish_redisk_using_subcommand verify" -l threads -d 'Threads to work with; the output is the same whatever their number [default: the cores]' -r
complete -c redisk -n "__fish_redisk_using_subcommand verify" -l max-memory -d 'Use no more memory than this (64mb, 2gb): fewer threads where that is enough, else an error instead of more' -r
complete -c redisk -n "__fish_redisk_using_subcommand verify" -l error-format -d 'How errors and warnings are written: for people, or one JSON object a line (kind, file, offset, db, key, message)' -r -f -a "text\t'A line for people'
json\t'An object a line'"
complete -c redisk -n "__fish_redisk_using_subcommand verify" -l color -d 'When to use colours: auto, always or never. NO_COLOR is respected' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c redisk -n "__fish_redisk_using_subcommand verify" -l key-format -d 'How keys are written: escape, hex or base64. Says it for keys on the command line too, which otherwise are exact bytes; a key with a zero byte cannot be given there in any other way' -r -f -a "escape\t'Text, with what is none as `\\xHH`'
hex\t'Two hex digits a byte'
base64\t'Base64'"
complete -c redisk -n "__fish_redisk_using_subcommand verify" -l json -d 'One JSON document: an object, or an array of them for several files'
complete -c redisk -n "__fish_redisk_using_subcommand verify" -l checksum-only -d 'The checksum alone, many times faster. A file without one cannot be judged so: exit code 2'
complete -c redisk -n "__fish_redisk_using_subcommand verify" -s q -l quiet -d 'No progress bar, and no hints'
complete -c redisk -n "__fish_redisk_using_subcommand verify" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c redisk -n "__fish_redisk_using_subcommand diff" -l ttl-tolerance -d 'Expiries that are no further apart count as the same (2s)' -r
complete -c redisk -n "__fish_redisk_using_subcommand diff" -l limit -d 'At most so many keys; more are counted' -r
complete -c redisk -n "__fish_redisk_using_subcommand diff" -l patch -d 'Write the commands that make A what B is to this file, for redis-cli --pipe' -r -F
complete -c redisk -n "__fish_redisk_using_subcommand diff" -l target -d 'The server that the patch is for [default: by A\'s RDB version; where A is a log, the server that it is of or, where it does not tell, the oldest that can hold all of it]' -r -f -a "redis-2.8\t''
redis-3.0\t''
redis-3.2\t''
redis-4.0\t''
redis-5.0\t''
redis-6.0\t''
redis-6.2\t''
redis-7.0\t''
redis-7.2\t''
redis-7.4\t''
redis-8.0\t''
redis-8.2\t''
redis-8.4\t''
redis-8.6\t''
redis-8.8\t''
redis-8.10\t''
valkey-7.2\t''
valkey-8.0\t''
valkey-8.1\t''
valkey-9.0\t''
valkey-9.1\t''"
complete -c redisk -n "__fish_redisk_using_subcommand diff" -l binary -d 'How byte strings are written: auto (in JSON text as text, other bytes and giant strings as {"base64":…}; in CSV those as base64:…; for people as escape), base64 (every one), escape and hex (for eyes)' -r -f -a "auto\t'Text as text'
base64\t'All as base64'
escape\t'With escapes'
hex\t'As hex'"
complete -c redisk -n "__fish_redisk_using_subcommand diff" -l db -d 'In these databases' -r
complete -c redisk -n "__fish_redisk_using_subcommand diff" -l not-db -d 'Not those that --db takes' -r
complete -c redisk -n "__fish_redisk_using_subcommand diff" -l key -d 'Whose name matches, by the rules of KEYS and SCAN: * ? [a-z] [^a] \\x' -r
complete -c redisk -n "__fish_redisk_using_subcommand diff" -l not-key -d 'Not those that --key takes' -r
complete -c redisk -n "__fish_redisk_using_subcommand diff" -l key-exact -d 'With exactly this name (see --key-format)' -r
complete -c redisk -n "__fish_redisk_using_subcommand diff" -l not-key-exact -d 'Not those that --key-exact takes' -r
complete -c redisk -n "__fish_redisk_using_subcommand diff" -l key-regex -d 'In whose name this expression matches somewhere; (?-u) lets it match bytes that are no text' -r
complete -c redisk -n "__fish_redisk_using_subcommand diff" -l not-key-regex -d 'Not those that --key-regex takes' -r
complete -c redisk -n "__fish_redisk_using_subcommand diff" -l type -d 'Of these types: string, list, set, zset, hash, stream, module, array, gcra' -r -f -a "string\t''
list\t''
set\t''
zset\t''
hash\t''
stream\t''
module\t''
array\t''
gcra\t''"
complete -c redisk -n "__fish_redisk_using_subcommand diff" -l not-type -d 'Not those that --type takes' -r -f -a "string\t''
list\t''
set\t''
zset\t''
hash\t''
stream\t''
module\t''
array\t''
gcra\t''"
complete -c redisk -n "__fish_redisk_using_subcommand diff" -l not-encoding -d 'Not those that --encoding takes' -r -f -a "raw\t''
int\t''
lzf\t''
linkedlist\t''
hashtable\t''
skiplist\t''
zipmap\t''
ziplist\t''
intset\t''
listpack\t''
listpackex\t''
quicklist\t''
quicklist2\t''
stream\t''
module\t''
array\t''
template\t''"
complete -c redisk -n "__fish_redisk_using_subcommand diff" -l min-size -d 'Whose serialized value has at least so many bytes (512, 10kb, 1.5mb)' -r
complete -c redisk -n "__fish_redisk_using_subcommand diff" -l not-min-size -d 'Not those that --min-size takes' -r
complete -c redisk -n "__fish_redisk_using_subcommand diff" -l max-size -d 'Whose serialized value has at most so many bytes' -r
complete -c redisk -n "__fish_redisk_using_subcommand diff" -l not-max-size -d 'Not those that --max-size takes' -r
complete -c redisk -n "__fish_redisk_using_subcommand diff" -l min-len -d 'With at least so many elements (a string: bytes)' -r
complete -c redisk -n "__fish_redisk_using_subcommand diff" -l not-min-len -d 'Not those that --min-len takes' -r
complete -c redisk -n "__fish_redisk_using_subcommand diff" -l max-len -d 'With at most so many elements (a string: bytes)' -r
complete -c redisk -n "__fish_redisk_using_subcommand diff" -l not-max-len -d 'Not those that --max-len takes' -r
complete -c redisk -n "__fish_redisk_using_subcommand diff" -l ttl -d 'By expiry: none, any, expired, \'<1h\' (within an hour, or past), \'>7d\'' -r -f -a "none\t''
any\t''
expired\t''"
complete -c redisk -n "__fish_redisk_using_subcommand diff" -l not-ttl -d 'Not those that --ttl takes' -r -f -a "none\t''
any\t''
expired\t''"
complete -c redisk -n "__fish_redisk_using_subcommand diff" -l slot -d 'In these cluster slots' -r
complete -c redisk -n "__fish_redisk_using_subcommand diff" -l not-slot -d 'Not those that --slot takes' -r
complete -c redisk -n "__fish_redisk_using_subcommand diff" -l idle -d 'Not used for longer than \'>1h\', or used within \'<1h\' (files of servers with an LRU policy)' -r
complete -c redisk -n "__fish_redisk_using_subcommand diff" -l not-idle -d 'Not those that --idle takes' -r
complete -c redisk -n "__fish_redisk_using_subcommand diff" -l freq -d 'Used more often than \'>N\', or less than \'<N\' (the counter of an LFU policy, 0 to 255)' -r
complete -c redisk -n "__fish_redisk_using_subcommand diff" -l not-freq -d 'Not those that --freq takes' -r
complete -c redisk -n "__fish_redisk_using_subcommand diff" -l now -d 'The moment for --ttl, instead of the clock (2026-11-20T14:05:00Z, 1795183500)' -r
complete -c redisk -n "__fish_redisk_using_subcommand diff" -l threads -d 'Threads to work with; the output is the same whatever their number [default: the cores]' -r
complete -c redisk -n "__fish_redisk_using_subcommand diff" -l max-memory -d 'Use no more memory than this (64mb, 2gb): fewer threads where that is enough, else an error instead of more' -r
complete -c redisk -n "__fish_redisk_using_subcommand diff" -l encoding -d 'It counts how values are stored: ziplist is not listpack. With a value (--encoding=listpack,intset) those keys that are stored like this, as in other commands' -r -f -a "raw\t''
int\t''
lzf\t''
linkedlist\t''
hashtable\t''
skiplist\t''
zipmap\t''
ziplist\t''
intset\t''
listpack\t''
listpackex\t''
quicklist\t''
quicklist2\t''
stream\t''
module\t''
array\t''
template\t''"
complete -c redisk -n "__fish_redisk_using_subcommand diff" -l error-format -d 'How errors and warnings are written: for people, or one JSON object a line (kind, file, offset, db, key, message)' -r -f -a "text\t'A line for people'
json\t'An object a line'"
complete -c redisk -n "__fish_redisk_using_subcommand diff" -l color -d 'When to use colours: auto, always or never. NO_COLOR is respected' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c redisk -n "__fish_redisk_using_subcommand diff" -l key-format -d 'How keys are written: escape, hex or base64. Says it for keys on the command line too, which otherwise are exact bytes; a key with a zero byte cannot be given there in any other way' -r -f -a "escape\t'Text, with what is none as `\\xHH`'
hex\t'Two hex digits a byte'
base64\t'Base64'"
complete -c redisk -n "__fish_redisk_using_subcommand diff" -l ignore-ttl -d 'Expiries do not count, of keys and of fields'
complete -c redisk -n "__fish_redisk_using_subcommand diff" -l summary -d 'Only counts: by database, type and prefix (up to the first colon)'
complete -c redisk -n "__fish_redisk_using_subcommand diff" -l full -d 'All that differs within a key, however much that is [default: the first 10; 1000 with --json]'
complete -c redisk -n "__fish_redisk_using_subcommand diff" -l exit-code-only -d 'Write nothing, and stop at the first difference'
complete -c redisk -n "__fish_redisk_using_subcommand diff" -l json -d 'An object a line for each key that differs, and a summary last'
complete -c redisk -n "__fish_redisk_using_subcommand diff" -l force -d 'Replace the patch where it exists, and write it beside the files of a server that works there, too'
complete -c redisk -n "__fish_redisk_using_subcommand diff" -s q -l quiet -d 'No progress bar, and no hints'
complete -c redisk -n "__fish_redisk_using_subcommand diff" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c redisk -n "__fish_redisk_using_subcommand repair" -l out -d 'Write a repaired copy to this file; of a set, to this folder' -r -F
complete -c redisk -n "__fish_redisk_using_subcommand repair" -l open-multi -d 'What becomes of a MULTI without EXEC: drop (it did not happen), restart (the same, but what a restarted server wrote behind it stays), run (its commands stay)' -r -f -a "drop\t'It did not happen'
restart\t'What a restarted server wrote behind it stays'
run\t'Its commands stay'"
complete -c redisk -n "__fish_redisk_using_subcommand repair" -l target -d 'Write an RDB for this server (with --out): redis-2.8 to redis-8.10, valkey-7.2 to valkey-9.1' -r -f -a "redis-2.8\t''
redis-3.0\t''
redis-3.2\t''
redis-4.0\t''
redis-5.0\t''
redis-6.0\t''
redis-6.2\t''
redis-7.0\t''
redis-7.2\t''
redis-7.4\t''
redis-8.0\t''
redis-8.2\t''
redis-8.4\t''
redis-8.6\t''
redis-8.8\t''
redis-8.10\t''
valkey-7.2\t''
valkey-8.0\t''
valkey-8.1\t''
valkey-9.0\t''
valkey-9.1\t''"
complete -c redisk -n "__fish_redisk_using_subcommand repair" -l until-time -d 'In front of the first command logged after this time (2026-11-20T14:05:00Z, 1795183500). Needs a log with timestamps' -r
complete -c redisk -n "__fish_redisk_using_subcommand repair" -l until-offset -d 'In front of the first command of the last file that starts at this offset or behind it (0x for hex)' -r
complete -c redisk -n "__fish_redisk_using_subcommand repair" -l until-command -d 'Behind so many commands' -r
complete -c redisk -n "__fish_redisk_using_subcommand repair" -l before -d 'In front of the first command that matches, its words joined by blanks, in any case of its name: \'FLUSHALL*\'' -r
complete -c redisk -n "__fish_redisk_using_subcommand repair" -l threads -d 'Threads to work with; the output is the same whatever their number [default: the cores]' -r
complete -c redisk -n "__fish_redisk_using_subcommand repair" -l max-memory -d 'Use no more memory than this (64mb, 2gb): fewer threads where that is enough, else an error instead of more' -r
complete -c redisk -n "__fish_redisk_using_subcommand repair" -l error-format -d 'How errors and warnings are written: for people, or one JSON object a line (kind, file, offset, db, key, message)' -r -f -a "text\t'A line for people'
json\t'An object a line'"
complete -c redisk -n "__fish_redisk_using_subcommand repair" -l color -d 'When to use colours: auto, always or never. NO_COLOR is respected' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c redisk -n "__fish_redisk_using_subcommand repair" -l key-format -d 'How keys are written: escape, hex or base64. Says it for keys on the command line too, which otherwise are exact bytes; a key with a zero byte cannot be given there in any other way' -r -f -a "escape\t'Text, with what is none as `\\xHH`'
hex\t'Two hex digits a byte'
base64\t'Base64'"
complete -c redisk -n "__fish_redisk_using_subcommand repair" -l in-place -d 'Put the repaired files in the place of the old ones, which stay beside them as NAME.before-repair'
complete -c redisk -n "__fish_redisk_using_subcommand repair" -l accept-checksum -d 'Write although a checksum says that bytes are wrong which cannot be told; the output gets a new one'
complete -c redisk -n "__fish_redisk_using_subcommand repair" -l keep-unknown -d 'Keep commands that no server knows: they may be renamed ones, or a module\'s'
complete -c redisk -n "__fish_redisk_using_subcommand repair" -l stop-at-damage -d 'Cut everything behind the first damage: what is left is a state that the server had'
complete -c redisk -n "__fish_redisk_using_subcommand repair" -l force -d 'Replace the output file where it exists; with --in-place: although a server seems to work there'
complete -c redisk -n "__fish_redisk_using_subcommand repair" -l json -d 'One JSON document'
complete -c redisk -n "__fish_redisk_using_subcommand repair" -s q -l quiet -d 'No progress bar, and no hints'
complete -c redisk -n "__fish_redisk_using_subcommand repair" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c redisk -n "__fish_redisk_using_subcommand convert" -l to -d 'The form of the output [default: by its name: .rdb, .aof, .resp, .jsonl]' -r -f -a "rdb\t'A snapshot'
aof\t'One append-only file'
aof-dir\t'A multi-part set'
resp\t'Commands'
jsonl\t'JSON Lines'"
complete -c redisk -n "__fish_redisk_using_subcommand convert" -l target -d 'The server that it is for [default: by the input\'s RDB version]' -r -f -a "redis-2.8\t''
redis-3.0\t''
redis-3.2\t''
redis-4.0\t''
redis-5.0\t''
redis-6.0\t''
redis-6.2\t''
redis-7.0\t''
redis-7.2\t''
redis-7.4\t''
redis-8.0\t''
redis-8.2\t''
redis-8.4\t''
redis-8.6\t''
redis-8.8\t''
redis-8.10\t''
valkey-7.2\t''
valkey-8.0\t''
valkey-8.1\t''
valkey-9.0\t''
valkey-9.1\t''"
complete -c redisk -n "__fish_redisk_using_subcommand convert" -l base -d 'What a log begins with: rdb or aof (commands) [default: rdb for aof-dir, aof for aof]' -r -f -a "rdb\t'An RDB'
aof\t'Commands'"
complete -c redisk -n "__fish_redisk_using_subcommand convert" -l set -d 'Up to where values stay packed, as in redis.conf: hash-max-listpack-entries=128. May be repeated' -r
complete -c redisk -n "__fish_redisk_using_subcommand convert" -l db -d 'In these databases' -r
complete -c redisk -n "__fish_redisk_using_subcommand convert" -l not-db -d 'Not those that --db takes' -r
complete -c redisk -n "__fish_redisk_using_subcommand convert" -l key -d 'Whose name matches, by the rules of KEYS and SCAN: * ? [a-z] [^a] \\x' -r
complete -c redisk -n "__fish_redisk_using_subcommand convert" -l not-key -d 'Not those that --key takes' -r
complete -c redisk -n "__fish_redisk_using_subcommand convert" -l key-exact -d 'With exactly this name (see --key-format)' -r
complete -c redisk -n "__fish_redisk_using_subcommand convert" -l not-key-exact -d 'Not those that --key-exact takes' -r
complete -c redisk -n "__fish_redisk_using_subcommand convert" -l key-regex -d 'In whose name this expression matches somewhere; (?-u) lets it match bytes that are no text' -r
complete -c redisk -n "__fish_redisk_using_subcommand convert" -l not-key-regex -d 'Not those that --key-regex takes' -r
complete -c redisk -n "__fish_redisk_using_subcommand convert" -l type -d 'Of these types: string, list, set, zset, hash, stream, module, array, gcra' -r -f -a "string\t''
list\t''
set\t''
zset\t''
hash\t''
stream\t''
module\t''
array\t''
gcra\t''"
complete -c redisk -n "__fish_redisk_using_subcommand convert" -l not-type -d 'Not those that --type takes' -r -f -a "string\t''
list\t''
set\t''
zset\t''
hash\t''
stream\t''
module\t''
array\t''
gcra\t''"
complete -c redisk -n "__fish_redisk_using_subcommand convert" -l encoding -d 'Stored like this in the file: raw, int, lzf, listpack, quicklist2, hashtable and so on' -r -f -a "raw\t''
int\t''
lzf\t''
linkedlist\t''
hashtable\t''
skiplist\t''
zipmap\t''
ziplist\t''
intset\t''
listpack\t''
listpackex\t''
quicklist\t''
quicklist2\t''
stream\t''
module\t''
array\t''
template\t''"
complete -c redisk -n "__fish_redisk_using_subcommand convert" -l not-encoding -d 'Not those that --encoding takes' -r -f -a "raw\t''
int\t''
lzf\t''
linkedlist\t''
hashtable\t''
skiplist\t''
zipmap\t''
ziplist\t''
intset\t''
listpack\t''
listpackex\t''
quicklist\t''
quicklist2\t''
stream\t''
module\t''
array\t''
template\t''"
complete -c redisk -n "__fish_redisk_using_subcommand convert" -l min-size -d 'Whose serialized value has at least so many bytes (512, 10kb, 1.5mb)' -r
complete -c redisk -n "__fish_redisk_using_subcommand convert" -l not-min-size -d 'Not those that --min-size takes' -r
complete -c redisk -n "__fish_redisk_using_subcommand convert" -l max-size -d 'Whose serialized value has at most so many bytes' -r
complete -c redisk -n "__fish_redisk_using_subcommand convert" -l not-max-size -d 'Not those that --max-size takes' -r
complete -c redisk -n "__fish_redisk_using_subcommand convert" -l min-len -d 'With at least so many elements (a string: bytes)' -r
complete -c redisk -n "__fish_redisk_using_subcommand convert" -l not-min-len -d 'Not those that --min-len takes' -r
complete -c redisk -n "__fish_redisk_using_subcommand convert" -l max-len -d 'With at most so many elements (a string: bytes)' -r
complete -c redisk -n "__fish_redisk_using_subcommand convert" -l not-max-len -d 'Not those that --max-len takes' -r
complete -c redisk -n "__fish_redisk_using_subcommand convert" -l not-ttl -d 'Not those that --ttl takes' -r -f -a "none\t''
any\t''
expired\t''"
complete -c redisk -n "__fish_redisk_using_subcommand convert" -l slot -d 'In these cluster slots' -r
complete -c redisk -n "__fish_redisk_using_subcommand convert" -l not-slot -d 'Not those that --slot takes' -r
complete -c redisk -n "__fish_redisk_using_subcommand convert" -l idle -d 'Not used for longer than \'>1h\', or used within \'<1h\' (files of servers with an LRU policy)' -r
complete -c redisk -n "__fish_redisk_using_subcommand convert" -l not-idle -d 'Not those that --idle takes' -r
complete -c redisk -n "__fish_redisk_using_subcommand convert" -l freq -d 'Used more often than \'>N\', or less than \'<N\' (the counter of an LFU policy, 0 to 255)' -r
complete -c redisk -n "__fish_redisk_using_subcommand convert" -l not-freq -d 'Not those that --freq takes' -r
complete -c redisk -n "__fish_redisk_using_subcommand convert" -l now -d 'The moment for --ttl, instead of the clock (2026-11-20T14:05:00Z, 1795183500)' -r
complete -c redisk -n "__fish_redisk_using_subcommand convert" -l rename -d 'Rename keys as sed would: \'s/^user:/u:/\', \'s|(\\w+):(\\d+)|$2:$1|g\'. May be repeated, one after the other' -r
complete -c redisk -n "__fish_redisk_using_subcommand convert" -l prefix-add -d 'Put this in front of each key\'s name (see --key-format)' -r
complete -c redisk -n "__fish_redisk_using_subcommand convert" -l prefix-strip -d 'Take this off the front of keys\' names; those that do not begin with it stay' -r
complete -c redisk -n "__fish_redisk_using_subcommand convert" -l db-map -d 'Move a database to another number: 0:3. May be repeated; all at once, so 0:1,1:0 swaps two' -r
complete -c redisk -n "__fish_redisk_using_subcommand convert" -l mask -d 'Replace values, elements, members and fields of the keys whose name matches by others of the same length: for giving a dump to a developer. Names of keys stay. May be repeated' -r
complete -c redisk -n "__fish_redisk_using_subcommand convert" -l mask-key -d 'The key of the masks, 32 hex digits, for the same masks in another run [default: random]' -r
complete -c redisk -n "__fish_redisk_using_subcommand convert" -l threads -d 'Threads to work with; the output is the same whatever their number [default: the cores]' -r
complete -c redisk -n "__fish_redisk_using_subcommand convert" -l max-memory -d 'Use no more memory than this (64mb, 2gb): fewer threads where that is enough, else an error instead of more' -r
complete -c redisk -n "__fish_redisk_using_subcommand convert" -l ttl -d 'By expiry: none, any, expired, \'<1h\' (within an hour, or past), \'>7d\'; or what becomes of expiries, of hash fields too: keep, strip, shift=DURATION (shift=7d, shift=-90m)' -r -f -a "none\t''
any\t''
expired\t''"
complete -c redisk -n "__fish_redisk_using_subcommand convert" -l error-format -d 'How errors and warnings are written: for people, or one JSON object a line (kind, file, offset, db, key, message)' -r -f -a "text\t'A line for people'
json\t'An object a line'"
complete -c redisk -n "__fish_redisk_using_subcommand convert" -l color -d 'When to use colours: auto, always or never. NO_COLOR is respected' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c redisk -n "__fish_redisk_using_subcommand convert" -l key-format -d 'How keys are written: escape, hex or base64. Says it for keys on the command line too, which otherwise are exact bytes; a key with a zero byte cannot be given there in any other way' -r -f -a "escape\t'Text, with what is none as `\\xHH`'
hex\t'Two hex digits a byte'
base64\t'Base64'"
complete -c redisk -n "__fish_redisk_using_subcommand convert" -l strict -d 'Write nothing where the target cannot hold all of it (exit code 2)'
complete -c redisk -n "__fish_redisk_using_subcommand convert" -l drop-modules -d 'Leave the values and data of modules out'
complete -c redisk -n "__fish_redisk_using_subcommand convert" -l no-compress -d 'Without compression of strings'
complete -c redisk -n "__fish_redisk_using_subcommand convert" -l no-checksum -d 'Without a checksum at the end of an RDB, as under rdbchecksum no'
complete -c redisk -n "__fish_redisk_using_subcommand convert" -l force -d 'Replace the output file where it exists, and write beside the files of a server that works there, too'
complete -c redisk -n "__fish_redisk_using_subcommand convert" -l json -d 'Write a report as one JSON document to stdout: what was written, and each loss with its key'
complete -c redisk -n "__fish_redisk_using_subcommand convert" -l drop-expired -d 'Leave out keys, and fields of hashes, whose expiry has passed (see --now)'
complete -c redisk -n "__fish_redisk_using_subcommand convert" -s q -l quiet -d 'No progress bar, and no hints'
complete -c redisk -n "__fish_redisk_using_subcommand convert" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c redisk -n "__fish_redisk_using_subcommand compact" -l base -d 'What the new base is: rdb or aof (commands) [default: what the old one is]' -r -f -a "rdb\t'An RDB'
aof\t'Commands'"
complete -c redisk -n "__fish_redisk_using_subcommand compact" -l target -d 'The server that it is for [default: the one that wrote it]' -r -f -a "redis-2.8\t''
redis-3.0\t''
redis-3.2\t''
redis-4.0\t''
redis-5.0\t''
redis-6.0\t''
redis-6.2\t''
redis-7.0\t''
redis-7.2\t''
redis-7.4\t''
redis-8.0\t''
redis-8.2\t''
redis-8.4\t''
redis-8.6\t''
redis-8.8\t''
redis-8.10\t''
valkey-7.2\t''
valkey-8.0\t''
valkey-8.1\t''
valkey-9.0\t''
valkey-9.1\t''"
complete -c redisk -n "__fish_redisk_using_subcommand compact" -l out -d 'Leave the log as it is, and write the new one into this folder' -r -f -a "(__fish_complete_directories)"
complete -c redisk -n "__fish_redisk_using_subcommand compact" -l now -d 'The moment against which expiries are measured, instead of the clock (2026-11-20T14:05:00Z, 1795183500)' -r
complete -c redisk -n "__fish_redisk_using_subcommand compact" -l threads -d 'Threads to work with; the output is the same whatever their number [default: the cores]' -r
complete -c redisk -n "__fish_redisk_using_subcommand compact" -l max-memory -d 'Use no more memory than this (64mb, 2gb): fewer threads where that is enough, else an error instead of more' -r
complete -c redisk -n "__fish_redisk_using_subcommand compact" -l error-format -d 'How errors and warnings are written: for people, or one JSON object a line (kind, file, offset, db, key, message)' -r -f -a "text\t'A line for people'
json\t'An object a line'"
complete -c redisk -n "__fish_redisk_using_subcommand compact" -l color -d 'When to use colours: auto, always or never. NO_COLOR is respected' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c redisk -n "__fish_redisk_using_subcommand compact" -l key-format -d 'How keys are written: escape, hex or base64. Says it for keys on the command line too, which otherwise are exact bytes; a key with a zero byte cannot be given there in any other way' -r -f -a "escape\t'Text, with what is none as `\\xHH`'
hex\t'Two hex digits a byte'
base64\t'Base64'"
complete -c redisk -n "__fish_redisk_using_subcommand compact" -l drop-expired -d 'Leave out keys, and fields of hashes, whose expiry has passed (see --now)'
complete -c redisk -n "__fish_redisk_using_subcommand compact" -l dry-run -d 'Write nothing, and say what there would be'
complete -c redisk -n "__fish_redisk_using_subcommand compact" -l keep-history -d 'Leave the old files where they are, listed as history'
complete -c redisk -n "__fish_redisk_using_subcommand compact" -l timestamps -d 'Begin the new log with the time of the last #TS annotation of the old one'
complete -c redisk -n "__fish_redisk_using_subcommand compact" -l force -d 'Go on although a server seems to work there (with --out: where the new log goes), or the space on the disk seems too little'
complete -c redisk -n "__fish_redisk_using_subcommand compact" -l json -d 'Write one JSON document'
complete -c redisk -n "__fish_redisk_using_subcommand compact" -s q -l quiet -d 'No progress bar, and no hints'
complete -c redisk -n "__fish_redisk_using_subcommand compact" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c redisk -n "__fish_redisk_using_subcommand split" -l out -d 'The folder to make: it is there when all parts are complete, or not at all' -r -f -a "(__fish_complete_directories)"
complete -c redisk -n "__fish_redisk_using_subcommand split" -l slots -d 'By cluster slots, a part a range: 0-5460,5461-10922,10923-16383; + joins ranges to one part: 0-99+200-299,100-199' -r
complete -c redisk -n "__fish_redisk_using_subcommand split" -l nodes -d 'By the masters of this nodes.conf (or what CLUSTER NODES says)' -r -F
complete -c redisk -n "__fish_redisk_using_subcommand split" -l parts -d 'Into so many parts of equally many cluster slots' -r
complete -c redisk -n "__fish_redisk_using_subcommand split" -l by-prefix -d 'By what stands in front of the first SEP in the key\'s name (see --key-format)' -r
complete -c redisk -n "__fish_redisk_using_subcommand split" -l max-size -d 'Into parts of at most this size (1gb), in the order of the input' -r
complete -c redisk -n "__fish_redisk_using_subcommand split" -l target -d 'The server that the parts are for [default: the one that wrote the input; of a log that does not tell, the oldest that can hold all of it]' -r -f -a "redis-2.8\t''
redis-3.0\t''
redis-3.2\t''
redis-4.0\t''
redis-5.0\t''
redis-6.0\t''
redis-6.2\t''
redis-7.0\t''
redis-7.2\t''
redis-7.4\t''
redis-8.0\t''
redis-8.2\t''
redis-8.4\t''
redis-8.6\t''
redis-8.8\t''
redis-8.10\t''
valkey-7.2\t''
valkey-8.0\t''
valkey-8.1\t''
valkey-9.0\t''
valkey-9.1\t''"
complete -c redisk -n "__fish_redisk_using_subcommand split" -l now -d 'The moment against which expiries are measured, instead of the clock (2026-11-20T14:05:00Z, 1795183500)' -r
complete -c redisk -n "__fish_redisk_using_subcommand split" -l threads -d 'Threads to work with; the output is the same whatever their number [default: the cores]' -r
complete -c redisk -n "__fish_redisk_using_subcommand split" -l max-memory -d 'Use no more memory than this (64mb, 2gb): fewer threads where that is enough, else an error instead of more' -r
complete -c redisk -n "__fish_redisk_using_subcommand split" -l error-format -d 'How errors and warnings are written: for people, or one JSON object a line (kind, file, offset, db, key, message)' -r -f -a "text\t'A line for people'
json\t'An object a line'"
complete -c redisk -n "__fish_redisk_using_subcommand split" -l color -d 'When to use colours: auto, always or never. NO_COLOR is respected' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c redisk -n "__fish_redisk_using_subcommand split" -l key-format -d 'How keys are written: escape, hex or base64. Says it for keys on the command line too, which otherwise are exact bytes; a key with a zero byte cannot be given there in any other way' -r -f -a "escape\t'Text, with what is none as `\\xHH`'
hex\t'Two hex digits a byte'
base64\t'Base64'"
complete -c redisk -n "__fish_redisk_using_subcommand split" -l by-db -d 'By database'
complete -c redisk -n "__fish_redisk_using_subcommand split" -l strict -d 'Write nothing where the target cannot hold all of it (exit code 2)'
complete -c redisk -n "__fish_redisk_using_subcommand split" -l force -d 'Write beside the files of a server that works there, too'
complete -c redisk -n "__fish_redisk_using_subcommand split" -l json -d 'Write the index to stdout, too'
complete -c redisk -n "__fish_redisk_using_subcommand split" -s q -l quiet -d 'No progress bar, and no hints'
complete -c redisk -n "__fish_redisk_using_subcommand split" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c redisk -n "__fish_redisk_using_subcommand merge" -l out -d 'The RDB to write' -r -F
complete -c redisk -n "__fish_redisk_using_subcommand merge" -l on-conflict -d 'Which key is taken where several sources have it: error, first, last, newest-ttl or largest' -r -f -a "error\t'None'
first\t'Of the first source'
last\t'Of the last source'
newest-ttl\t'That expires last'
largest\t'That has the most bytes'"
complete -c redisk -n "__fish_redisk_using_subcommand merge" -l db-map -d 'Move a database of the Nth source, or of all, to another number: 0:3, 2/0:1. May be repeated' -r
complete -c redisk -n "__fish_redisk_using_subcommand merge" -l target -d 'The server that the output is for [default: the newest of those that wrote the sources; where none tells, the oldest that can hold all of it]' -r -f -a "redis-2.8\t''
redis-3.0\t''
redis-3.2\t''
redis-4.0\t''
redis-5.0\t''
redis-6.0\t''
redis-6.2\t''
redis-7.0\t''
redis-7.2\t''
redis-7.4\t''
redis-8.0\t''
redis-8.2\t''
redis-8.4\t''
redis-8.6\t''
redis-8.8\t''
redis-8.10\t''
valkey-7.2\t''
valkey-8.0\t''
valkey-8.1\t''
valkey-9.0\t''
valkey-9.1\t''"
complete -c redisk -n "__fish_redisk_using_subcommand merge" -l now -d 'The moment against which expiries are measured, instead of the clock (2026-11-20T14:05:00Z, 1795183500)' -r
complete -c redisk -n "__fish_redisk_using_subcommand merge" -l threads -d 'Threads to work with; the output is the same whatever their number [default: the cores]' -r
complete -c redisk -n "__fish_redisk_using_subcommand merge" -l max-memory -d 'Use no more memory than this (64mb, 2gb): fewer threads where that is enough, else an error instead of more' -r
complete -c redisk -n "__fish_redisk_using_subcommand merge" -l error-format -d 'How errors and warnings are written: for people, or one JSON object a line (kind, file, offset, db, key, message)' -r -f -a "text\t'A line for people'
json\t'An object a line'"
complete -c redisk -n "__fish_redisk_using_subcommand merge" -l color -d 'When to use colours: auto, always or never. NO_COLOR is respected' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c redisk -n "__fish_redisk_using_subcommand merge" -l key-format -d 'How keys are written: escape, hex or base64. Says it for keys on the command line too, which otherwise are exact bytes; a key with a zero byte cannot be given there in any other way' -r -f -a "escape\t'Text, with what is none as `\\xHH`'
hex\t'Two hex digits a byte'
base64\t'Base64'"
complete -c redisk -n "__fish_redisk_using_subcommand merge" -l strict -d 'Write nothing where the target cannot hold all of it (exit code 2)'
complete -c redisk -n "__fish_redisk_using_subcommand merge" -l force -d 'Replace the output file where it exists, and write beside the files of a server that works there, too'
complete -c redisk -n "__fish_redisk_using_subcommand merge" -l json -d 'Write a report as one JSON document to stdout'
complete -c redisk -n "__fish_redisk_using_subcommand merge" -s q -l quiet -d 'No progress bar, and no hints'
complete -c redisk -n "__fish_redisk_using_subcommand merge" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c redisk -n "__fish_redisk_using_subcommand completions" -l error-format -d 'How errors and warnings are written: for people, or one JSON object a line (kind, file, offset, db, key, message)' -r -f -a "text\t'A line for people'
json\t'An object a line'"
complete -c redisk -n "__fish_redisk_using_subcommand completions" -l color -d 'When to use colours: auto, always or never. NO_COLOR is respected' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c redisk -n "__fish_redisk_using_subcommand completions" -l key-format -d 'How keys are written: escape, hex or base64. Says it for keys on the command line too, which otherwise are exact bytes; a key with a zero byte cannot be given there in any other way' -r -f -a "escape\t'Text, with what is none as `\\xHH`'
hex\t'Two hex digits a byte'
base64\t'Base64'"
complete -c redisk -n "__fish_redisk_using_subcommand completions" -s q -l quiet -d 'No progress bar, and no hints'
complete -c redisk -n "__fish_redisk_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c redisk -n "__fish_redisk_using_subcommand man" -l error-format -d 'How errors and warnings are written: for people, or one JSON object a line (kind, file, offset, db, key, message)' -r -f -a "text\t'A line for people'
json\t'An object a line'"
complete -c redisk -n "__fish_redisk_using_subcommand man" -l color -d 'When to use colours: auto, always or never. NO_COLOR is respected' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c redisk -n "__fish_redisk_using_subcommand man" -l key-format -d 'How keys are written: escape, hex or base64. Says it for keys on the command line too, which otherwise are exact bytes; a key with a zero byte cannot be given there in any other way' -r -f -a "escape\t'Text, with what is none as `\\xHH`'
hex\t'Two hex digits a byte'
base64\t'Base64'"
complete -c redisk -n "__fish_redisk_using_subcommand man" -s q -l quiet -d 'No progress bar, and no hints'
complete -c redisk -n "__fish_redisk_using_subcommand man" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c redisk -n "__fish_redisk_using_subcommand help; and not __fish_seen_subcommand_from info dump get log replay verify diff repair convert compact split merge completions man help" -f -a "info" -d 'What a file is: who wrote it and when, what is in it, whether it is whole'
complete -c redisk -n "__fish_redisk_using_subcommand help; and not __fish_seen_subcommand_from info dump get log replay verify diff repair convert compact split merge completions man help" -f -a "dump" -d 'The contents of a file, one key after the other'
complete -c redisk -n "__fish_redisk_using_subcommand help; and not __fish_seen_subcommand_from info dump get log replay verify diff repair convert compact split merge completions man help" -f -a "get" -d 'A key\'s value, type, expiry, encoding, size and where in the file it lies'
complete -c redisk -n "__fish_redisk_using_subcommand help; and not __fish_seen_subcommand_from info dump get log replay verify diff repair convert compact split merge completions man help" -f -a "log" -d 'The commands of an append-only file, in their order'
complete -c redisk -n "__fish_redisk_using_subcommand help; and not __fish_seen_subcommand_from info dump get log replay verify diff repair convert compact split merge completions man help" -f -a "replay" -d 'Runs a log through the built-in engine, and says what state it leads to'
complete -c redisk -n "__fish_redisk_using_subcommand help; and not __fish_seen_subcommand_from info dump get log replay verify diff repair convert compact split merge completions man help" -f -a "verify" -d 'Whether a file is whole, down to the last element, and which servers would load it'
complete -c redisk -n "__fish_redisk_using_subcommand help; and not __fish_seen_subcommand_from info dump get log replay verify diff repair convert compact split merge completions man help" -f -a "diff" -d 'What differs between any two sources, key by key and element by element'
complete -c redisk -n "__fish_redisk_using_subcommand help; and not __fish_seen_subcommand_from info dump get log replay verify diff repair convert compact split merge completions man help" -f -a "repair" -d 'What can be kept of a damaged file, and a repaired copy of it'
complete -c redisk -n "__fish_redisk_using_subcommand help; and not __fish_seen_subcommand_from info dump get log replay verify diff repair convert compact split merge completions man help" -f -a "convert" -d 'Any source in another form, for another server'
complete -c redisk -n "__fish_redisk_using_subcommand help; and not __fish_seen_subcommand_from info dump get log replay verify diff repair convert compact split merge completions man help" -f -a "compact" -d 'The append-only file as the smallest one that leads to the same state: BGREWRITEAOF without a server'
complete -c redisk -n "__fish_redisk_using_subcommand help; and not __fish_seen_subcommand_from info dump get log replay verify diff repair convert compact split merge completions man help" -f -a "split" -d 'One source cut into several RDBs: for the nodes of a cluster, by database, by prefix, or by size'
complete -c redisk -n "__fish_redisk_using_subcommand help; and not __fish_seen_subcommand_from info dump get log replay verify diff repair convert compact split merge completions man help" -f -a "merge" -d 'Several sources as one RDB: the shards of a cluster in one file'
complete -c redisk -n "__fish_redisk_using_subcommand help; and not __fish_seen_subcommand_from info dump get log replay verify diff repair convert compact split merge completions man help" -f -a "completions" -d 'Print the completions for a shell'
complete -c redisk -n "__fish_redisk_using_subcommand help; and not __fish_seen_subcommand_from info dump get log replay verify diff repair convert compact split merge completions man help" -f -a "man" -d 'Print the manual page of the program, or of one command'
complete -c redisk -n "__fish_redisk_using_subcommand help; and not __fish_seen_subcommand_from info dump get log replay verify diff repair convert compact split merge completions man help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
