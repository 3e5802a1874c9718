
use builtin;
use str;

set edit:completion:arg-completer[redisk] = {|@words|
    fn spaces {|n|
        builtin:repeat $n ' ' | str:join ''
    }
    fn cand {|text desc|
        edit:complex-candidate $text &display=$text' '(spaces (- 14 (wcswidth $text)))$desc
    }
    var command = 'redisk'
    for word $words[1..-1] {
        if (str:has-prefix $word '-') {
            break
        }
        set command = $command';'$word
    }
    var completions = [
        &'redisk'= {
            cand --error-format 'How errors and warnings are written: for people, or one JSON object a line (kind, file, offset, db, key, message)'
            cand --color 'When to use colours: auto, always or never. NO_COLOR is respected'
            cand --key-format 'How keys are written: escape, hex or base64. Says it for keys on the command line too, which otherwise are exact bytes; a key with a zero byte cannot be given there in any other way'
            cand -q 'No progress bar, and no hints'
            cand --quiet 'No progress bar, and no hints'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand -V 'Print version'
            cand --version 'Print version'
            cand info 'What a file is: who wrote it and when, what is in it, whether it is whole'
            cand dump 'The contents of a file, one key after the other'
            cand get 'A key''s value, type, expiry, encoding, size and where in the file it lies'
            cand log 'The commands of an append-only file, in their order'
            cand replay 'Runs a log through the built-in engine, and says what state it leads to'
            cand verify 'Whether a file is whole, down to the last element, and which servers would load it'
            cand convert 'Any source in another form, for another server'
            cand completions 'Print the completions for a shell'
            cand man 'Print the manual page of the program, or of one command'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'redisk;info'= {
            cand --top 'How many of the biggest values to name'
            cand --now 'The moment against which expiries are measured, instead of the clock (2026-11-20T14:05:00Z, 1795183500)'
            cand --threads 'Threads to work with; the output is the same whatever their number [default: the cores]'
            cand --max-memory 'Use no more memory than this (64mb, 2gb): fewer threads where that is enough, else an error instead of more'
            cand --error-format 'How errors and warnings are written: for people, or one JSON object a line (kind, file, offset, db, key, message)'
            cand --color 'When to use colours: auto, always or never. NO_COLOR is respected'
            cand --key-format 'How keys are written: escape, hex or base64. Says it for keys on the command line too, which otherwise are exact bytes; a key with a zero byte cannot be given there in any other way'
            cand --json 'One JSON document: an object, or an array of them for several files'
            cand -q 'No progress bar, and no hints'
            cand --quiet 'No progress bar, and no hints'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'redisk;dump'= {
            cand -f 'The form: jsonl (an object a line, losing nothing), json (the same objects in an array), csv (a row an element), table (for eyes), keys (names alone), resp (SET, RPUSH … for redis-cli --pipe), restore (RESTORE commands)'
            cand --format 'The form: jsonl (an object a line, losing nothing), json (the same objects in an array), csv (a row an element), table (for eyes), keys (names alone), resp (SET, RPUSH … for redis-cli --pipe), restore (RESTORE commands)'
            cand --binary 'How byte strings are written: auto (in JSON text as text, other bytes and giant strings as {"base64":…}; in CSV those as base64:…; for people as escape), base64 (every one), escape and hex (for eyes)'
            cand --target 'With --format resp or restore: the server that the commands are for [default: by the file''s RDB version]'
            cand --limit 'At most so many keys'
            cand -o 'Write to this file instead of stdout. It is written beside its place and put there when it is complete; after an error nothing is left'
            cand --output 'Write to this file instead of stdout. It is written beside its place and put there when it is complete; after an error nothing is left'
            cand --db 'In these databases'
            cand --not-db 'Not those that --db takes'
            cand --key 'Whose name matches, by the rules of KEYS and SCAN: * ? [a-z] [^a] \x'
            cand --not-key 'Not those that --key takes'
            cand --key-exact 'With exactly this name (see --key-format)'
            cand --not-key-exact 'Not those that --key-exact takes'
            cand --key-regex 'In whose name this expression matches somewhere; (?-u) lets it match bytes that are no text'
            cand --not-key-regex 'Not those that --key-regex takes'
            cand --type 'Of these types: string, list, set, zset, hash, stream, module, array, gcra'
            cand --not-type 'Not those that --type takes'
            cand --encoding 'Stored like this in the file: raw, int, lzf, listpack, quicklist2, hashtable and so on'
            cand --not-encoding 'Not those that --encoding takes'
            cand --min-size 'Whose serialized value has at least so many bytes (512, 10kb, 1.5mb)'
            cand --not-min-size 'Not those that --min-size takes'
            cand --max-size 'Whose serialized value has at most so many bytes'
            cand --not-max-size 'Not those that --max-size takes'
            cand --min-len 'With at least so many elements (a string: bytes)'
            cand --not-min-len 'Not those that --min-len takes'
            cand --max-len 'With at most so many elements (a string: bytes)'
            cand --not-max-len 'Not those that --max-len takes'
            cand --ttl 'By expiry: none, any, expired, ''<1h'' (within an hour, or past), ''>7d'''
            cand --not-ttl 'Not those that --ttl takes'
            cand --slot 'In these cluster slots'
            cand --not-slot 'Not those that --slot takes'
            cand --idle 'Not used for longer than ''>1h'', or used within ''<1h'' (files of servers with an LRU policy)'
            cand --not-idle 'Not those that --idle takes'
            cand --freq 'Used more often than ''>N'', or less than ''<N'' (the counter of an LFU policy, 0 to 255)'
            cand --not-freq 'Not those that --freq takes'
            cand --now 'The moment for --ttl, instead of the clock (2026-11-20T14:05:00Z, 1795183500)'
            cand --threads 'Threads to work with; the output is the same whatever their number [default: the cores]'
            cand --max-memory 'Use no more memory than this (64mb, 2gb): fewer threads where that is enough, else an error instead of more'
            cand --error-format 'How errors and warnings are written: for people, or one JSON object a line (kind, file, offset, db, key, message)'
            cand --color 'When to use colours: auto, always or never. NO_COLOR is respected'
            cand --key-format 'How keys are written: escape, hex or base64. Says it for keys on the command line too, which otherwise are exact bytes; a key with a zero byte cannot be given there in any other way'
            cand --data-only 'Keys only: no line for the header, aux fields, functions and other records'
            cand -0 'With --format keys: the exact bytes, each key followed by a zero byte'
            cand --null 'With --format keys: the exact bytes, each key followed by a zero byte'
            cand --csv-safe 'With --format csv: a '' in front of cells that a spreadsheet would run as formulas'
            cand --sort 'Order by database and key, through temporary files where it is much'
            cand --force 'Replace the output file where it exists'
            cand -q 'No progress bar, and no hints'
            cand --quiet 'No progress bar, and no hints'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'redisk;get'= {
            cand --db 'Look in these databases alone, and stop when all is found'
            cand --binary 'How byte strings are written: auto (in JSON text as text, other bytes and giant strings as {"base64":…}; in CSV those as base64:…; for people as escape), base64 (every one), escape and hex (for eyes)'
            cand --now 'The moment against which expiries are measured, instead of the clock (2026-11-20T14:05:00Z, 1795183500)'
            cand -o 'Write to this file instead of stdout. It is written beside its place and put there when it is complete; after an error nothing is left'
            cand --output 'Write to this file instead of stdout. It is written beside its place and put there when it is complete; after an error nothing is left'
            cand --error-format 'How errors and warnings are written: for people, or one JSON object a line (kind, file, offset, db, key, message)'
            cand --color 'When to use colours: auto, always or never. NO_COLOR is respected'
            cand --key-format 'How keys are written: escape, hex or base64. Says it for keys on the command line too, which otherwise are exact bytes; a key with a zero byte cannot be given there in any other way'
            cand --full 'All of a long value'
            cand --json 'An object a key, a line each: as dump writes them, and where the key lies'
            cand --raw 'The exact bytes of a string, and nothing else. Takes one key; the first one that the file has'
            cand --force 'Replace the output file where it exists'
            cand -q 'No progress bar, and no hints'
            cand --quiet 'No progress bar, and no hints'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'redisk;log'= {
            cand --key 'With a key whose name matches, by the rules of KEYS and SCAN. Commands without keys, FLUSHALL too, are left out'
            cand --key-exact 'With a key of exactly this name (see --key-format)'
            cand --key-regex 'With a key in whose name this expression matches somewhere; (?-u) lets it match bytes that are no text'
            cand --slot 'With a key in these cluster slots'
            cand --command 'With this name, in any case; `xgroup|create` for a subcommand'
            cand --db 'In these databases'
            cand --not-key 'Without a key that --key takes; commands without keys stay'
            cand --not-key-exact 'Without a key of exactly this name'
            cand --not-key-regex 'Without a key that --key-regex takes'
            cand --not-slot 'Without a key in these cluster slots'
            cand --not-command 'Not with this name'
            cand --not-db 'Not in these databases'
            cand --since 'Not before this time (2026-11-20T14:05:00Z, 1795183500). Commands without a time stand before all that have one'
            cand --until 'Not after this time'
            cand --from-offset 'Starting at this offset of their file, or behind it (0x for hex)'
            cand --to-offset 'Starting before this offset of their file'
            cand --file 'In this file of a set, by its name in the manifest'
            cand --limit 'At most so many commands'
            cand --binary 'How byte strings are written: auto (in JSON text as text, other bytes and giant strings as {"base64":…}; in CSV those as base64:…; for people as escape), base64 (every one), escape and hex (for eyes)'
            cand --history 'Follow one key through RENAME, COPY, MOVE, SWAPDB and flushes, and say whether an RDB base holds it'
            cand --top 'With --stats: how many keys and prefixes to name'
            cand -o 'Write to this file instead of stdout. It is written beside its place and put there when it is complete; after an error nothing is left'
            cand --output 'Write to this file instead of stdout. It is written beside its place and put there when it is complete; after an error nothing is left'
            cand --threads 'Threads to work with; the output is the same whatever their number [default: the cores]'
            cand --max-memory 'Use no more memory than this (64mb, 2gb): fewer threads where that is enough, else an error instead of more'
            cand --error-format 'How errors and warnings are written: for people, or one JSON object a line (kind, file, offset, db, key, message)'
            cand --color 'When to use colours: auto, always or never. NO_COLOR is respected'
            cand --key-format 'How keys are written: escape, hex or base64. Says it for keys on the command line too, which otherwise are exact bytes; a key with a zero byte cannot be given there in any other way'
            cand --json 'Write JSON Lines, one object a command and a summary as the last line; with --stats, one document'
            cand --resp 'Write the commands as a log that servers load: SELECT where it is needed, transactions whole. An RDB base comes first, as the preamble that servers since 4.0 load, where all is wanted, or all up to a time, an offset or a limit, or all but some commands. With conditions on keys and databases alone, keys of the base come as commands; with other conditions they are left out'
            cand --stats 'Count instead: commands, the keys and prefixes written most, a timeline'
            cand -f 'Go on as the log grows, like `tail -f`, across the switch to a new file by a rewrite. Ends with Ctrl-C, or --limit'
            cand --follow 'Go on as the log grows, like `tail -f`, across the switch to a new file by a rewrite. Ends with Ctrl-C, or --limit'
            cand --force 'Replace the output file where it exists'
            cand -q 'No progress bar, and no hints'
            cand --quiet 'No progress bar, and no hints'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'redisk;replay'= {
            cand --until-time 'In front of the first command logged after this time (2026-11-20T14:05:00Z, 1795183500). Needs a log with timestamps'
            cand --until-offset 'In front of the first command of the last file that starts at this offset or behind it (0x for hex)'
            cand --until-command 'Behind so many commands'
            cand --before 'In front of the first command that matches, its words joined by blanks, in any case of its name: ''FLUSHALL*'''
            cand --from 'Load this RDB or log first'
            cand --target 'Behave as this server [default: the newest Redis, or Valkey where the file is one''s]'
            cand --out 'Write the state to this file as JSON Lines, as dump would; as one array where the name ends in .json'
            cand --now 'The moment against which expiries are measured, instead of the clock (2026-11-20T14:05:00Z, 1795183500)'
            cand -o 'Write to this file instead of stdout. It is written beside its place and put there when it is complete; after an error nothing is left'
            cand --output 'Write to this file instead of stdout. It is written beside its place and put there when it is complete; after an error nothing is left'
            cand --threads 'Threads to work with; the output is the same whatever their number [default: the cores]'
            cand --max-memory 'Use no more memory than this (64mb, 2gb): fewer threads where that is enough, else an error instead of more'
            cand --error-format 'How errors and warnings are written: for people, or one JSON object a line (kind, file, offset, db, key, message)'
            cand --color 'When to use colours: auto, always or never. NO_COLOR is respected'
            cand --key-format 'How keys are written: escape, hex or base64. Says it for keys on the command line too, which otherwise are exact bytes; a key with a zero byte cannot be given there in any other way'
            cand --skip-unknown 'Step over commands that no server knows, and count them'
            cand --skip-scripts 'Step over scripts that were logged as such (Redis 4.0 and older), and count them'
            cand --no-digest 'Do without the digest of the state'
            cand --json 'Write one JSON document'
            cand --force 'Replace the output file where it exists'
            cand -q 'No progress bar, and no hints'
            cand --quiet 'No progress bar, and no hints'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'redisk;verify'= {
            cand --target 'Whether this server would load it: redis-2.8 to redis-8.10, valkey-7.2 to valkey-9.1'
            cand --threads 'Threads to work with; the output is the same whatever their number [default: the cores]'
            cand --max-memory 'Use no more memory than this (64mb, 2gb): fewer threads where that is enough, else an error instead of more'
            cand --error-format 'How errors and warnings are written: for people, or one JSON object a line (kind, file, offset, db, key, message)'
            cand --color 'When to use colours: auto, always or never. NO_COLOR is respected'
            cand --key-format 'How keys are written: escape, hex or base64. Says it for keys on the command line too, which otherwise are exact bytes; a key with a zero byte cannot be given there in any other way'
            cand --json 'One JSON document: an object, or an array of them for several files'
            cand --checksum-only 'The checksum alone, many times faster. A file without one cannot be judged so: exit code 2'
            cand -q 'No progress bar, and no hints'
            cand --quiet 'No progress bar, and no hints'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'redisk;convert'= {
            cand --to 'The form of the output [default: by its name: .rdb, .aof, .resp, .jsonl]'
            cand --target 'The server that it is for [default: by the input''s RDB version]'
            cand --base 'What a log begins with: rdb or aof (commands) [default: rdb for aof-dir, aof for aof]'
            cand --set 'Up to where values stay packed, as in redis.conf: hash-max-listpack-entries=128. May be repeated'
            cand --db 'In these databases'
            cand --not-db 'Not those that --db takes'
            cand --key 'Whose name matches, by the rules of KEYS and SCAN: * ? [a-z] [^a] \x'
            cand --not-key 'Not those that --key takes'
            cand --key-exact 'With exactly this name (see --key-format)'
            cand --not-key-exact 'Not those that --key-exact takes'
            cand --key-regex 'In whose name this expression matches somewhere; (?-u) lets it match bytes that are no text'
            cand --not-key-regex 'Not those that --key-regex takes'
            cand --type 'Of these types: string, list, set, zset, hash, stream, module, array, gcra'
            cand --not-type 'Not those that --type takes'
            cand --encoding 'Stored like this in the file: raw, int, lzf, listpack, quicklist2, hashtable and so on'
            cand --not-encoding 'Not those that --encoding takes'
            cand --min-size 'Whose serialized value has at least so many bytes (512, 10kb, 1.5mb)'
            cand --not-min-size 'Not those that --min-size takes'
            cand --max-size 'Whose serialized value has at most so many bytes'
            cand --not-max-size 'Not those that --max-size takes'
            cand --min-len 'With at least so many elements (a string: bytes)'
            cand --not-min-len 'Not those that --min-len takes'
            cand --max-len 'With at most so many elements (a string: bytes)'
            cand --not-max-len 'Not those that --max-len takes'
            cand --ttl 'By expiry: none, any, expired, ''<1h'' (within an hour, or past), ''>7d'''
            cand --not-ttl 'Not those that --ttl takes'
            cand --slot 'In these cluster slots'
            cand --not-slot 'Not those that --slot takes'
            cand --idle 'Not used for longer than ''>1h'', or used within ''<1h'' (files of servers with an LRU policy)'
            cand --not-idle 'Not those that --idle takes'
            cand --freq 'Used more often than ''>N'', or less than ''<N'' (the counter of an LFU policy, 0 to 255)'
            cand --not-freq 'Not those that --freq takes'
            cand --now 'The moment for --ttl, instead of the clock (2026-11-20T14:05:00Z, 1795183500)'
            cand --threads 'Threads to work with; the output is the same whatever their number [default: the cores]'
            cand --max-memory 'Use no more memory than this (64mb, 2gb): fewer threads where that is enough, else an error instead of more'
            cand --error-format 'How errors and warnings are written: for people, or one JSON object a line (kind, file, offset, db, key, message)'
            cand --color 'When to use colours: auto, always or never. NO_COLOR is respected'
            cand --key-format 'How keys are written: escape, hex or base64. Says it for keys on the command line too, which otherwise are exact bytes; a key with a zero byte cannot be given there in any other way'
            cand --strict 'Write nothing where the target cannot hold all of it (exit code 2)'
            cand --drop-modules 'Leave the values and data of modules out'
            cand --no-compress 'Without compression of strings'
            cand --no-checksum 'Without a checksum at the end of an RDB, as under rdbchecksum no'
            cand --force 'Replace the output file where it exists'
            cand --json 'Write a report as one JSON document to stdout: what was written, and each loss with its key'
            cand -q 'No progress bar, and no hints'
            cand --quiet 'No progress bar, and no hints'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'redisk;completions'= {
            cand --error-format 'How errors and warnings are written: for people, or one JSON object a line (kind, file, offset, db, key, message)'
            cand --color 'When to use colours: auto, always or never. NO_COLOR is respected'
            cand --key-format 'How keys are written: escape, hex or base64. Says it for keys on the command line too, which otherwise are exact bytes; a key with a zero byte cannot be given there in any other way'
            cand -q 'No progress bar, and no hints'
            cand --quiet 'No progress bar, and no hints'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'redisk;man'= {
            cand --error-format 'How errors and warnings are written: for people, or one JSON object a line (kind, file, offset, db, key, message)'
            cand --color 'When to use colours: auto, always or never. NO_COLOR is respected'
            cand --key-format 'How keys are written: escape, hex or base64. Says it for keys on the command line too, which otherwise are exact bytes; a key with a zero byte cannot be given there in any other way'
            cand -q 'No progress bar, and no hints'
            cand --quiet 'No progress bar, and no hints'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'redisk;help'= {
            cand info 'What a file is: who wrote it and when, what is in it, whether it is whole'
            cand dump 'The contents of a file, one key after the other'
            cand get 'A key''s value, type, expiry, encoding, size and where in the file it lies'
            cand log 'The commands of an append-only file, in their order'
            cand replay 'Runs a log through the built-in engine, and says what state it leads to'
            cand verify 'Whether a file is whole, down to the last element, and which servers would load it'
            cand convert 'Any source in another form, for another server'
            cand completions 'Print the completions for a shell'
            cand man 'Print the manual page of the program, or of one command'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'redisk;help;info'= {
        }
        &'redisk;help;dump'= {
        }
        &'redisk;help;get'= {
        }
        &'redisk;help;log'= {
        }
        &'redisk;help;replay'= {
        }
        &'redisk;help;verify'= {
        }
        &'redisk;help;convert'= {
        }
        &'redisk;help;completions'= {
        }
        &'redisk;help;man'= {
        }
        &'redisk;help;help'= {
        }
    ]
    $completions[$command]
}
