
using namespace System.Management.Automation
using namespace System.Management.Automation.Language

Register-ArgumentCompleter -Native -CommandName 'redisk' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $commandElements = $commandAst.CommandElements
    $command = @(
        'redisk'
        for ($i = 1; $i -lt $commandElements.Count; $i++) {
            $element = $commandElements[$i]
            if ($element -isnot [StringConstantExpressionAst] -or
                $element.StringConstantType -ne [StringConstantType]::BareWord -or
                $element.Value.StartsWith('-') -or
                $element.Value -eq $wordToComplete) {
                break
        }
        $element.Value
    }) -join ';'

    $completions = @(switch ($command) {
        'redisk' {
            [CompletionResult]::new('--error-format', '--error-format', [CompletionResultType]::ParameterName, 'How errors and warnings are written: for people, or one JSON object a line (kind, file, offset, db, key, message)')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colours: auto, always or never. NO_COLOR is respected')
            [CompletionResult]::new('--key-format', '--key-format', [CompletionResultType]::ParameterName, 'How keys are written: escape, hex or base64. Says it for keys on the command line too, which otherwise are exact bytes; a key with a zero byte cannot be given there in any other way')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No progress bar, and no hints')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No progress bar, and no hints')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('info', 'info', [CompletionResultType]::ParameterValue, 'What a file is: who wrote it and when, what is in it, whether it is whole')
            [CompletionResult]::new('dump', 'dump', [CompletionResultType]::ParameterValue, 'The contents of a file, one key after the other')
            [CompletionResult]::new('get', 'get', [CompletionResultType]::ParameterValue, 'A key''s value, type, expiry, encoding, size and where in the file it lies')
            [CompletionResult]::new('log', 'log', [CompletionResultType]::ParameterValue, 'The commands of an append-only file, in their order')
            [CompletionResult]::new('replay', 'replay', [CompletionResultType]::ParameterValue, 'Runs a log through the built-in engine, and says what state it leads to')
            [CompletionResult]::new('verify', 'verify', [CompletionResultType]::ParameterValue, 'Whether a file is whole, down to the last element, and which servers would load it')
            [CompletionResult]::new('diff', 'diff', [CompletionResultType]::ParameterValue, 'What differs between any two sources, key by key and element by element')
            [CompletionResult]::new('repair', 'repair', [CompletionResultType]::ParameterValue, 'What can be kept of a damaged file, and a repaired copy of it')
            [CompletionResult]::new('convert', 'convert', [CompletionResultType]::ParameterValue, 'Any source in another form, for another server')
            [CompletionResult]::new('compact', 'compact', [CompletionResultType]::ParameterValue, 'The append-only file as the smallest one that leads to the same state: BGREWRITEAOF without a server')
            [CompletionResult]::new('split', 'split', [CompletionResultType]::ParameterValue, 'One source cut into several RDBs: for the nodes of a cluster, by database, by prefix, or by size')
            [CompletionResult]::new('merge', 'merge', [CompletionResultType]::ParameterValue, 'Several sources as one RDB: the shards of a cluster in one file')
            [CompletionResult]::new('completions', 'completions', [CompletionResultType]::ParameterValue, 'Print the completions for a shell')
            [CompletionResult]::new('man', 'man', [CompletionResultType]::ParameterValue, 'Print the manual page of the program, or of one command')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'redisk;info' {
            [CompletionResult]::new('--top', '--top', [CompletionResultType]::ParameterName, 'How many of the biggest values to name')
            [CompletionResult]::new('--now', '--now', [CompletionResultType]::ParameterName, 'The moment against which expiries are measured, instead of the clock (2026-11-20T14:05:00Z, 1795183500)')
            [CompletionResult]::new('--threads', '--threads', [CompletionResultType]::ParameterName, 'Threads to work with; the output is the same whatever their number [default: the cores]')
            [CompletionResult]::new('--max-memory', '--max-memory', [CompletionResultType]::ParameterName, 'Use no more memory than this (64mb, 2gb): fewer threads where that is enough, else an error instead of more')
            [CompletionResult]::new('--error-format', '--error-format', [CompletionResultType]::ParameterName, 'How errors and warnings are written: for people, or one JSON object a line (kind, file, offset, db, key, message)')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colours: auto, always or never. NO_COLOR is respected')
            [CompletionResult]::new('--key-format', '--key-format', [CompletionResultType]::ParameterName, 'How keys are written: escape, hex or base64. Says it for keys on the command line too, which otherwise are exact bytes; a key with a zero byte cannot be given there in any other way')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'One JSON document: an object, or an array of them for several files')
            [CompletionResult]::new('--deep', '--deep', [CompletionResultType]::ParameterName, 'Of an append-only file: the state that it leads to, too. Its commands are run through the built-in engine')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No progress bar, and no hints')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No progress bar, and no hints')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'redisk;dump' {
            [CompletionResult]::new('-f', '-f', [CompletionResultType]::ParameterName, 'The form: jsonl (an object a line, losing nothing), json (the same objects in an array), csv (a row an element), table (for eyes), keys (names alone), resp (SET, RPUSH … for redis-cli --pipe), restore (RESTORE commands)')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'The form: jsonl (an object a line, losing nothing), json (the same objects in an array), csv (a row an element), table (for eyes), keys (names alone), resp (SET, RPUSH … for redis-cli --pipe), restore (RESTORE commands)')
            [CompletionResult]::new('--binary', '--binary', [CompletionResultType]::ParameterName, 'How byte strings are written: auto (in JSON text as text, other bytes and giant strings as {"base64":…}; in CSV those as base64:…; for people as escape), base64 (every one), escape and hex (for eyes)')
            [CompletionResult]::new('--target', '--target', [CompletionResultType]::ParameterName, 'With --format resp or restore: the server that the commands are for [default: by the file''s RDB version]')
            [CompletionResult]::new('--limit', '--limit', [CompletionResultType]::ParameterName, 'At most so many keys')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Write to this file instead of stdout. It is written beside its place and put there when it is complete; after an error nothing is left')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Write to this file instead of stdout. It is written beside its place and put there when it is complete; after an error nothing is left')
            [CompletionResult]::new('--db', '--db', [CompletionResultType]::ParameterName, 'In these databases')
            [CompletionResult]::new('--not-db', '--not-db', [CompletionResultType]::ParameterName, 'Not those that --db takes')
            [CompletionResult]::new('--key', '--key', [CompletionResultType]::ParameterName, 'Whose name matches, by the rules of KEYS and SCAN: * ? [a-z] [^a] \x')
            [CompletionResult]::new('--not-key', '--not-key', [CompletionResultType]::ParameterName, 'Not those that --key takes')
            [CompletionResult]::new('--key-exact', '--key-exact', [CompletionResultType]::ParameterName, 'With exactly this name (see --key-format)')
            [CompletionResult]::new('--not-key-exact', '--not-key-exact', [CompletionResultType]::ParameterName, 'Not those that --key-exact takes')
            [CompletionResult]::new('--key-regex', '--key-regex', [CompletionResultType]::ParameterName, 'In whose name this expression matches somewhere; (?-u) lets it match bytes that are no text')
            [CompletionResult]::new('--not-key-regex', '--not-key-regex', [CompletionResultType]::ParameterName, 'Not those that --key-regex takes')
            [CompletionResult]::new('--type', '--type', [CompletionResultType]::ParameterName, 'Of these types: string, list, set, zset, hash, stream, module, array, gcra')
            [CompletionResult]::new('--not-type', '--not-type', [CompletionResultType]::ParameterName, 'Not those that --type takes')
            [CompletionResult]::new('--encoding', '--encoding', [CompletionResultType]::ParameterName, 'Stored like this in the file: raw, int, lzf, listpack, quicklist2, hashtable and so on')
            [CompletionResult]::new('--not-encoding', '--not-encoding', [CompletionResultType]::ParameterName, 'Not those that --encoding takes')
            [CompletionResult]::new('--min-size', '--min-size', [CompletionResultType]::ParameterName, 'Whose serialized value has at least so many bytes (512, 10kb, 1.5mb)')
            [CompletionResult]::new('--not-min-size', '--not-min-size', [CompletionResultType]::ParameterName, 'Not those that --min-size takes')
            [CompletionResult]::new('--max-size', '--max-size', [CompletionResultType]::ParameterName, 'Whose serialized value has at most so many bytes')
            [CompletionResult]::new('--not-max-size', '--not-max-size', [CompletionResultType]::ParameterName, 'Not those that --max-size takes')
            [CompletionResult]::new('--min-len', '--min-len', [CompletionResultType]::ParameterName, 'With at least so many elements (a string: bytes)')
            [CompletionResult]::new('--not-min-len', '--not-min-len', [CompletionResultType]::ParameterName, 'Not those that --min-len takes')
            [CompletionResult]::new('--max-len', '--max-len', [CompletionResultType]::ParameterName, 'With at most so many elements (a string: bytes)')
            [CompletionResult]::new('--not-max-len', '--not-max-len', [CompletionResultType]::ParameterName, 'Not those that --max-len takes')
            [CompletionResult]::new('--ttl', '--ttl', [CompletionResultType]::ParameterName, 'By expiry: none, any, expired, ''<1h'' (within an hour, or past), ''>7d''')
            [CompletionResult]::new('--not-ttl', '--not-ttl', [CompletionResultType]::ParameterName, 'Not those that --ttl takes')
            [CompletionResult]::new('--slot', '--slot', [CompletionResultType]::ParameterName, 'In these cluster slots')
            [CompletionResult]::new('--not-slot', '--not-slot', [CompletionResultType]::ParameterName, 'Not those that --slot takes')
            [CompletionResult]::new('--idle', '--idle', [CompletionResultType]::ParameterName, 'Not used for longer than ''>1h'', or used within ''<1h'' (files of servers with an LRU policy)')
            [CompletionResult]::new('--not-idle', '--not-idle', [CompletionResultType]::ParameterName, 'Not those that --idle takes')
            [CompletionResult]::new('--freq', '--freq', [CompletionResultType]::ParameterName, 'Used more often than ''>N'', or less than ''<N'' (the counter of an LFU policy, 0 to 255)')
            [CompletionResult]::new('--not-freq', '--not-freq', [CompletionResultType]::ParameterName, 'Not those that --freq takes')
            [CompletionResult]::new('--now', '--now', [CompletionResultType]::ParameterName, 'The moment for --ttl, instead of the clock (2026-11-20T14:05:00Z, 1795183500)')
            [CompletionResult]::new('--threads', '--threads', [CompletionResultType]::ParameterName, 'Threads to work with; the output is the same whatever their number [default: the cores]')
            [CompletionResult]::new('--max-memory', '--max-memory', [CompletionResultType]::ParameterName, 'Use no more memory than this (64mb, 2gb): fewer threads where that is enough, else an error instead of more')
            [CompletionResult]::new('--error-format', '--error-format', [CompletionResultType]::ParameterName, 'How errors and warnings are written: for people, or one JSON object a line (kind, file, offset, db, key, message)')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colours: auto, always or never. NO_COLOR is respected')
            [CompletionResult]::new('--key-format', '--key-format', [CompletionResultType]::ParameterName, 'How keys are written: escape, hex or base64. Says it for keys on the command line too, which otherwise are exact bytes; a key with a zero byte cannot be given there in any other way')
            [CompletionResult]::new('--data-only', '--data-only', [CompletionResultType]::ParameterName, 'Keys only: no line for the header, aux fields, functions and other records')
            [CompletionResult]::new('-0', '-0', [CompletionResultType]::ParameterName, 'With --format keys: the exact bytes, each key followed by a zero byte')
            [CompletionResult]::new('--null', '--null', [CompletionResultType]::ParameterName, 'With --format keys: the exact bytes, each key followed by a zero byte')
            [CompletionResult]::new('--csv-safe', '--csv-safe', [CompletionResultType]::ParameterName, 'With --format csv: a '' in front of cells that a spreadsheet would run as formulas')
            [CompletionResult]::new('--sort', '--sort', [CompletionResultType]::ParameterName, 'Order by database and key, through temporary files where it is much')
            [CompletionResult]::new('--drop-expired', '--drop-expired', [CompletionResultType]::ParameterName, 'Leave out keys, and fields of hashes, whose expiry has passed (see --now)')
            [CompletionResult]::new('--force', '--force', [CompletionResultType]::ParameterName, 'Replace the output file where it exists, and write beside the files of a server that works there, too')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No progress bar, and no hints')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No progress bar, and no hints')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'redisk;get' {
            [CompletionResult]::new('--db', '--db', [CompletionResultType]::ParameterName, 'Look in these databases alone, and stop when all is found')
            [CompletionResult]::new('--binary', '--binary', [CompletionResultType]::ParameterName, 'How byte strings are written: auto (in JSON text as text, other bytes and giant strings as {"base64":…}; in CSV those as base64:…; for people as escape), base64 (every one), escape and hex (for eyes)')
            [CompletionResult]::new('--now', '--now', [CompletionResultType]::ParameterName, 'The moment against which expiries are measured, instead of the clock (2026-11-20T14:05:00Z, 1795183500)')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Write to this file instead of stdout. It is written beside its place and put there when it is complete; after an error nothing is left')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Write to this file instead of stdout. It is written beside its place and put there when it is complete; after an error nothing is left')
            [CompletionResult]::new('--error-format', '--error-format', [CompletionResultType]::ParameterName, 'How errors and warnings are written: for people, or one JSON object a line (kind, file, offset, db, key, message)')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colours: auto, always or never. NO_COLOR is respected')
            [CompletionResult]::new('--key-format', '--key-format', [CompletionResultType]::ParameterName, 'How keys are written: escape, hex or base64. Says it for keys on the command line too, which otherwise are exact bytes; a key with a zero byte cannot be given there in any other way')
            [CompletionResult]::new('--full', '--full', [CompletionResultType]::ParameterName, 'All of a long value')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'An object a key, a line each: as dump writes them, and where the key lies')
            [CompletionResult]::new('--raw', '--raw', [CompletionResultType]::ParameterName, 'The exact bytes of a string, and nothing else. Takes one key; the first one that the file has')
            [CompletionResult]::new('--force', '--force', [CompletionResultType]::ParameterName, 'Replace the output file where it exists, and write beside the files of a server that works there, too')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No progress bar, and no hints')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No progress bar, and no hints')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'redisk;log' {
            [CompletionResult]::new('--key', '--key', [CompletionResultType]::ParameterName, 'With a key whose name matches, by the rules of KEYS and SCAN. Commands without keys, FLUSHALL too, are left out')
            [CompletionResult]::new('--key-exact', '--key-exact', [CompletionResultType]::ParameterName, 'With a key of exactly this name (see --key-format)')
            [CompletionResult]::new('--key-regex', '--key-regex', [CompletionResultType]::ParameterName, 'With a key in whose name this expression matches somewhere; (?-u) lets it match bytes that are no text')
            [CompletionResult]::new('--slot', '--slot', [CompletionResultType]::ParameterName, 'With a key in these cluster slots')
            [CompletionResult]::new('--command', '--command', [CompletionResultType]::ParameterName, 'With this name, in any case; `xgroup|create` for a subcommand')
            [CompletionResult]::new('--db', '--db', [CompletionResultType]::ParameterName, 'In these databases')
            [CompletionResult]::new('--not-key', '--not-key', [CompletionResultType]::ParameterName, 'Without a key that --key takes; commands without keys stay')
            [CompletionResult]::new('--not-key-exact', '--not-key-exact', [CompletionResultType]::ParameterName, 'Without a key of exactly this name')
            [CompletionResult]::new('--not-key-regex', '--not-key-regex', [CompletionResultType]::ParameterName, 'Without a key that --key-regex takes')
            [CompletionResult]::new('--not-slot', '--not-slot', [CompletionResultType]::ParameterName, 'Without a key in these cluster slots')
            [CompletionResult]::new('--not-command', '--not-command', [CompletionResultType]::ParameterName, 'Not with this name')
            [CompletionResult]::new('--not-db', '--not-db', [CompletionResultType]::ParameterName, 'Not in these databases')
            [CompletionResult]::new('--since', '--since', [CompletionResultType]::ParameterName, 'Not before this time (2026-11-20T14:05:00Z, 1795183500). Commands without a time stand before all that have one')
            [CompletionResult]::new('--until', '--until', [CompletionResultType]::ParameterName, 'Not after this time')
            [CompletionResult]::new('--from-offset', '--from-offset', [CompletionResultType]::ParameterName, 'Starting at this offset of their file, or behind it (0x for hex)')
            [CompletionResult]::new('--to-offset', '--to-offset', [CompletionResultType]::ParameterName, 'Starting before this offset of their file')
            [CompletionResult]::new('--file', '--file', [CompletionResultType]::ParameterName, 'In this file of a set, by its name in the manifest')
            [CompletionResult]::new('--limit', '--limit', [CompletionResultType]::ParameterName, 'At most so many commands')
            [CompletionResult]::new('--binary', '--binary', [CompletionResultType]::ParameterName, 'How byte strings are written: auto (in JSON text as text, other bytes and giant strings as {"base64":…}; in CSV those as base64:…; for people as escape), base64 (every one), escape and hex (for eyes)')
            [CompletionResult]::new('--history', '--history', [CompletionResultType]::ParameterName, 'Follow one key through RENAME, COPY, MOVE, SWAPDB and flushes, and say whether an RDB base holds it')
            [CompletionResult]::new('--top', '--top', [CompletionResultType]::ParameterName, 'With --stats: how many keys and prefixes to name')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Write to this file instead of stdout. It is written beside its place and put there when it is complete; after an error nothing is left')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Write to this file instead of stdout. It is written beside its place and put there when it is complete; after an error nothing is left')
            [CompletionResult]::new('--threads', '--threads', [CompletionResultType]::ParameterName, 'Threads to work with; the output is the same whatever their number [default: the cores]')
            [CompletionResult]::new('--max-memory', '--max-memory', [CompletionResultType]::ParameterName, 'Use no more memory than this (64mb, 2gb): fewer threads where that is enough, else an error instead of more')
            [CompletionResult]::new('--error-format', '--error-format', [CompletionResultType]::ParameterName, 'How errors and warnings are written: for people, or one JSON object a line (kind, file, offset, db, key, message)')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colours: auto, always or never. NO_COLOR is respected')
            [CompletionResult]::new('--key-format', '--key-format', [CompletionResultType]::ParameterName, 'How keys are written: escape, hex or base64. Says it for keys on the command line too, which otherwise are exact bytes; a key with a zero byte cannot be given there in any other way')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Write JSON Lines, one object a command and a summary as the last line; with --stats, one document')
            [CompletionResult]::new('--resp', '--resp', [CompletionResultType]::ParameterName, 'Write the commands as a log that servers load: SELECT where it is needed, transactions whole. An RDB base comes first, as the preamble that servers since 4.0 load, where all is wanted, or all up to a time, an offset or a limit, or all but some commands. With conditions on keys and databases alone, keys of the base come as commands; with other conditions they are left out')
            [CompletionResult]::new('--stats', '--stats', [CompletionResultType]::ParameterName, 'Count instead: commands, the keys and prefixes written most, a timeline')
            [CompletionResult]::new('-f', '-f', [CompletionResultType]::ParameterName, 'Go on as the log grows, like `tail -f`, across the switch to a new file by a rewrite. Ends with Ctrl-C, or --limit')
            [CompletionResult]::new('--follow', '--follow', [CompletionResultType]::ParameterName, 'Go on as the log grows, like `tail -f`, across the switch to a new file by a rewrite. Ends with Ctrl-C, or --limit')
            [CompletionResult]::new('--force', '--force', [CompletionResultType]::ParameterName, 'Replace the output file where it exists, and write beside the files of a server that works there, too')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No progress bar, and no hints')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No progress bar, and no hints')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'redisk;replay' {
            [CompletionResult]::new('--until-time', '--until-time', [CompletionResultType]::ParameterName, 'In front of the first command logged after this time (2026-11-20T14:05:00Z, 1795183500). Needs a log with timestamps')
            [CompletionResult]::new('--until-offset', '--until-offset', [CompletionResultType]::ParameterName, 'In front of the first command of the last file that starts at this offset or behind it (0x for hex)')
            [CompletionResult]::new('--until-command', '--until-command', [CompletionResultType]::ParameterName, 'Behind so many commands')
            [CompletionResult]::new('--before', '--before', [CompletionResultType]::ParameterName, 'In front of the first command that matches, its words joined by blanks, in any case of its name: ''FLUSHALL*''')
            [CompletionResult]::new('--from', '--from', [CompletionResultType]::ParameterName, 'Load this RDB or log first')
            [CompletionResult]::new('--target', '--target', [CompletionResultType]::ParameterName, 'Behave as this server [default: the newest Redis, or Valkey where the file is one''s]')
            [CompletionResult]::new('--out', '--out', [CompletionResultType]::ParameterName, 'Write the state to this file as JSON Lines, as dump would; as one array where the name ends in .json')
            [CompletionResult]::new('--now', '--now', [CompletionResultType]::ParameterName, 'The moment against which expiries are measured, instead of the clock (2026-11-20T14:05:00Z, 1795183500)')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Write to this file instead of stdout. It is written beside its place and put there when it is complete; after an error nothing is left')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Write to this file instead of stdout. It is written beside its place and put there when it is complete; after an error nothing is left')
            [CompletionResult]::new('--threads', '--threads', [CompletionResultType]::ParameterName, 'Threads to work with; the output is the same whatever their number [default: the cores]')
            [CompletionResult]::new('--max-memory', '--max-memory', [CompletionResultType]::ParameterName, 'Use no more memory than this (64mb, 2gb): fewer threads where that is enough, else an error instead of more')
            [CompletionResult]::new('--error-format', '--error-format', [CompletionResultType]::ParameterName, 'How errors and warnings are written: for people, or one JSON object a line (kind, file, offset, db, key, message)')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colours: auto, always or never. NO_COLOR is respected')
            [CompletionResult]::new('--key-format', '--key-format', [CompletionResultType]::ParameterName, 'How keys are written: escape, hex or base64. Says it for keys on the command line too, which otherwise are exact bytes; a key with a zero byte cannot be given there in any other way')
            [CompletionResult]::new('--skip-unknown', '--skip-unknown', [CompletionResultType]::ParameterName, 'Step over commands that no server knows, and count them')
            [CompletionResult]::new('--skip-scripts', '--skip-scripts', [CompletionResultType]::ParameterName, 'Step over scripts that were logged as such (Redis 4.0 and older), and count them')
            [CompletionResult]::new('--no-digest', '--no-digest', [CompletionResultType]::ParameterName, 'Do without the digest of the state')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Write one JSON document')
            [CompletionResult]::new('--force', '--force', [CompletionResultType]::ParameterName, 'Replace the output file where it exists, and write beside the files of a server that works there, too')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No progress bar, and no hints')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No progress bar, and no hints')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'redisk;verify' {
            [CompletionResult]::new('--target', '--target', [CompletionResultType]::ParameterName, 'Whether this server would load it: redis-2.8 to redis-8.10, valkey-7.2 to valkey-9.1')
            [CompletionResult]::new('--threads', '--threads', [CompletionResultType]::ParameterName, 'Threads to work with; the output is the same whatever their number [default: the cores]')
            [CompletionResult]::new('--max-memory', '--max-memory', [CompletionResultType]::ParameterName, 'Use no more memory than this (64mb, 2gb): fewer threads where that is enough, else an error instead of more')
            [CompletionResult]::new('--error-format', '--error-format', [CompletionResultType]::ParameterName, 'How errors and warnings are written: for people, or one JSON object a line (kind, file, offset, db, key, message)')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colours: auto, always or never. NO_COLOR is respected')
            [CompletionResult]::new('--key-format', '--key-format', [CompletionResultType]::ParameterName, 'How keys are written: escape, hex or base64. Says it for keys on the command line too, which otherwise are exact bytes; a key with a zero byte cannot be given there in any other way')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'One JSON document: an object, or an array of them for several files')
            [CompletionResult]::new('--checksum-only', '--checksum-only', [CompletionResultType]::ParameterName, 'The checksum alone, many times faster. A file without one cannot be judged so: exit code 2')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No progress bar, and no hints')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No progress bar, and no hints')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'redisk;diff' {
            [CompletionResult]::new('--ttl-tolerance', '--ttl-tolerance', [CompletionResultType]::ParameterName, 'Expiries that are no further apart count as the same (2s)')
            [CompletionResult]::new('--limit', '--limit', [CompletionResultType]::ParameterName, 'At most so many keys; more are counted')
            [CompletionResult]::new('--patch', '--patch', [CompletionResultType]::ParameterName, 'Write the commands that make A what B is to this file, for redis-cli --pipe')
            [CompletionResult]::new('--target', '--target', [CompletionResultType]::ParameterName, 'The server that the patch is for [default: by A''s RDB version; where A is a log, the server that it is of or, where it does not tell, the oldest that can hold all of it]')
            [CompletionResult]::new('--binary', '--binary', [CompletionResultType]::ParameterName, 'How byte strings are written: auto (in JSON text as text, other bytes and giant strings as {"base64":…}; in CSV those as base64:…; for people as escape), base64 (every one), escape and hex (for eyes)')
            [CompletionResult]::new('--db', '--db', [CompletionResultType]::ParameterName, 'In these databases')
            [CompletionResult]::new('--not-db', '--not-db', [CompletionResultType]::ParameterName, 'Not those that --db takes')
            [CompletionResult]::new('--key', '--key', [CompletionResultType]::ParameterName, 'Whose name matches, by the rules of KEYS and SCAN: * ? [a-z] [^a] \x')
            [CompletionResult]::new('--not-key', '--not-key', [CompletionResultType]::ParameterName, 'Not those that --key takes')
            [CompletionResult]::new('--key-exact', '--key-exact', [CompletionResultType]::ParameterName, 'With exactly this name (see --key-format)')
            [CompletionResult]::new('--not-key-exact', '--not-key-exact', [CompletionResultType]::ParameterName, 'Not those that --key-exact takes')
            [CompletionResult]::new('--key-regex', '--key-regex', [CompletionResultType]::ParameterName, 'In whose name this expression matches somewhere; (?-u) lets it match bytes that are no text')
            [CompletionResult]::new('--not-key-regex', '--not-key-regex', [CompletionResultType]::ParameterName, 'Not those that --key-regex takes')
            [CompletionResult]::new('--type', '--type', [CompletionResultType]::ParameterName, 'Of these types: string, list, set, zset, hash, stream, module, array, gcra')
            [CompletionResult]::new('--not-type', '--not-type', [CompletionResultType]::ParameterName, 'Not those that --type takes')
            [CompletionResult]::new('--not-encoding', '--not-encoding', [CompletionResultType]::ParameterName, 'Not those that --encoding takes')
            [CompletionResult]::new('--min-size', '--min-size', [CompletionResultType]::ParameterName, 'Whose serialized value has at least so many bytes (512, 10kb, 1.5mb)')
            [CompletionResult]::new('--not-min-size', '--not-min-size', [CompletionResultType]::ParameterName, 'Not those that --min-size takes')
            [CompletionResult]::new('--max-size', '--max-size', [CompletionResultType]::ParameterName, 'Whose serialized value has at most so many bytes')
            [CompletionResult]::new('--not-max-size', '--not-max-size', [CompletionResultType]::ParameterName, 'Not those that --max-size takes')
            [CompletionResult]::new('--min-len', '--min-len', [CompletionResultType]::ParameterName, 'With at least so many elements (a string: bytes)')
            [CompletionResult]::new('--not-min-len', '--not-min-len', [CompletionResultType]::ParameterName, 'Not those that --min-len takes')
            [CompletionResult]::new('--max-len', '--max-len', [CompletionResultType]::ParameterName, 'With at most so many elements (a string: bytes)')
            [CompletionResult]::new('--not-max-len', '--not-max-len', [CompletionResultType]::ParameterName, 'Not those that --max-len takes')
            [CompletionResult]::new('--ttl', '--ttl', [CompletionResultType]::ParameterName, 'By expiry: none, any, expired, ''<1h'' (within an hour, or past), ''>7d''')
            [CompletionResult]::new('--not-ttl', '--not-ttl', [CompletionResultType]::ParameterName, 'Not those that --ttl takes')
            [CompletionResult]::new('--slot', '--slot', [CompletionResultType]::ParameterName, 'In these cluster slots')
            [CompletionResult]::new('--not-slot', '--not-slot', [CompletionResultType]::ParameterName, 'Not those that --slot takes')
            [CompletionResult]::new('--idle', '--idle', [CompletionResultType]::ParameterName, 'Not used for longer than ''>1h'', or used within ''<1h'' (files of servers with an LRU policy)')
            [CompletionResult]::new('--not-idle', '--not-idle', [CompletionResultType]::ParameterName, 'Not those that --idle takes')
            [CompletionResult]::new('--freq', '--freq', [CompletionResultType]::ParameterName, 'Used more often than ''>N'', or less than ''<N'' (the counter of an LFU policy, 0 to 255)')
            [CompletionResult]::new('--not-freq', '--not-freq', [CompletionResultType]::ParameterName, 'Not those that --freq takes')
            [CompletionResult]::new('--now', '--now', [CompletionResultType]::ParameterName, 'The moment for --ttl, instead of the clock (2026-11-20T14:05:00Z, 1795183500)')
            [CompletionResult]::new('--threads', '--threads', [CompletionResultType]::ParameterName, 'Threads to work with; the output is the same whatever their number [default: the cores]')
            [CompletionResult]::new('--max-memory', '--max-memory', [CompletionResultType]::ParameterName, 'Use no more memory than this (64mb, 2gb): fewer threads where that is enough, else an error instead of more')
            [CompletionResult]::new('--encoding', '--encoding', [CompletionResultType]::ParameterName, 'It counts how values are stored: ziplist is not listpack. With a value (--encoding=listpack,intset) those keys that are stored like this, as in other commands')
            [CompletionResult]::new('--error-format', '--error-format', [CompletionResultType]::ParameterName, 'How errors and warnings are written: for people, or one JSON object a line (kind, file, offset, db, key, message)')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colours: auto, always or never. NO_COLOR is respected')
            [CompletionResult]::new('--key-format', '--key-format', [CompletionResultType]::ParameterName, 'How keys are written: escape, hex or base64. Says it for keys on the command line too, which otherwise are exact bytes; a key with a zero byte cannot be given there in any other way')
            [CompletionResult]::new('--ignore-ttl', '--ignore-ttl', [CompletionResultType]::ParameterName, 'Expiries do not count, of keys and of fields')
            [CompletionResult]::new('--summary', '--summary', [CompletionResultType]::ParameterName, 'Only counts: by database, type and prefix (up to the first colon)')
            [CompletionResult]::new('--full', '--full', [CompletionResultType]::ParameterName, 'All that differs within a key, however much that is [default: the first 10; 1000 with --json]')
            [CompletionResult]::new('--exit-code-only', '--exit-code-only', [CompletionResultType]::ParameterName, 'Write nothing, and stop at the first difference')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'An object a line for each key that differs, and a summary last')
            [CompletionResult]::new('--force', '--force', [CompletionResultType]::ParameterName, 'Replace the patch where it exists, and write it beside the files of a server that works there, too')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No progress bar, and no hints')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No progress bar, and no hints')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'redisk;repair' {
            [CompletionResult]::new('--out', '--out', [CompletionResultType]::ParameterName, 'Write a repaired copy to this file; of a set, to this folder')
            [CompletionResult]::new('--open-multi', '--open-multi', [CompletionResultType]::ParameterName, 'What becomes of a MULTI without EXEC: drop (it did not happen), restart (the same, but what a restarted server wrote behind it stays), run (its commands stay)')
            [CompletionResult]::new('--target', '--target', [CompletionResultType]::ParameterName, 'Write an RDB for this server (with --out): redis-2.8 to redis-8.10, valkey-7.2 to valkey-9.1')
            [CompletionResult]::new('--until-time', '--until-time', [CompletionResultType]::ParameterName, 'In front of the first command logged after this time (2026-11-20T14:05:00Z, 1795183500). Needs a log with timestamps')
            [CompletionResult]::new('--until-offset', '--until-offset', [CompletionResultType]::ParameterName, 'In front of the first command of the last file that starts at this offset or behind it (0x for hex)')
            [CompletionResult]::new('--until-command', '--until-command', [CompletionResultType]::ParameterName, 'Behind so many commands')
            [CompletionResult]::new('--before', '--before', [CompletionResultType]::ParameterName, 'In front of the first command that matches, its words joined by blanks, in any case of its name: ''FLUSHALL*''')
            [CompletionResult]::new('--threads', '--threads', [CompletionResultType]::ParameterName, 'Threads to work with; the output is the same whatever their number [default: the cores]')
            [CompletionResult]::new('--max-memory', '--max-memory', [CompletionResultType]::ParameterName, 'Use no more memory than this (64mb, 2gb): fewer threads where that is enough, else an error instead of more')
            [CompletionResult]::new('--error-format', '--error-format', [CompletionResultType]::ParameterName, 'How errors and warnings are written: for people, or one JSON object a line (kind, file, offset, db, key, message)')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colours: auto, always or never. NO_COLOR is respected')
            [CompletionResult]::new('--key-format', '--key-format', [CompletionResultType]::ParameterName, 'How keys are written: escape, hex or base64. Says it for keys on the command line too, which otherwise are exact bytes; a key with a zero byte cannot be given there in any other way')
            [CompletionResult]::new('--in-place', '--in-place', [CompletionResultType]::ParameterName, 'Put the repaired files in the place of the old ones, which stay beside them as NAME.before-repair')
            [CompletionResult]::new('--accept-checksum', '--accept-checksum', [CompletionResultType]::ParameterName, 'Write although a checksum says that bytes are wrong which cannot be told; the output gets a new one')
            [CompletionResult]::new('--keep-unknown', '--keep-unknown', [CompletionResultType]::ParameterName, 'Keep commands that no server knows: they may be renamed ones, or a module''s')
            [CompletionResult]::new('--stop-at-damage', '--stop-at-damage', [CompletionResultType]::ParameterName, 'Cut everything behind the first damage: what is left is a state that the server had')
            [CompletionResult]::new('--force', '--force', [CompletionResultType]::ParameterName, 'Replace the output file where it exists; with --in-place: although a server seems to work there')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'One JSON document')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No progress bar, and no hints')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No progress bar, and no hints')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'redisk;convert' {
            [CompletionResult]::new('--to', '--to', [CompletionResultType]::ParameterName, 'The form of the output [default: by its name: .rdb, .aof, .resp, .jsonl]')
            [CompletionResult]::new('--target', '--target', [CompletionResultType]::ParameterName, 'The server that it is for [default: by the input''s RDB version]')
            [CompletionResult]::new('--base', '--base', [CompletionResultType]::ParameterName, 'What a log begins with: rdb or aof (commands) [default: rdb for aof-dir, aof for aof]')
            [CompletionResult]::new('--set', '--set', [CompletionResultType]::ParameterName, 'Up to where values stay packed, as in redis.conf: hash-max-listpack-entries=128. May be repeated')
            [CompletionResult]::new('--db', '--db', [CompletionResultType]::ParameterName, 'In these databases')
            [CompletionResult]::new('--not-db', '--not-db', [CompletionResultType]::ParameterName, 'Not those that --db takes')
            [CompletionResult]::new('--key', '--key', [CompletionResultType]::ParameterName, 'Whose name matches, by the rules of KEYS and SCAN: * ? [a-z] [^a] \x')
            [CompletionResult]::new('--not-key', '--not-key', [CompletionResultType]::ParameterName, 'Not those that --key takes')
            [CompletionResult]::new('--key-exact', '--key-exact', [CompletionResultType]::ParameterName, 'With exactly this name (see --key-format)')
            [CompletionResult]::new('--not-key-exact', '--not-key-exact', [CompletionResultType]::ParameterName, 'Not those that --key-exact takes')
            [CompletionResult]::new('--key-regex', '--key-regex', [CompletionResultType]::ParameterName, 'In whose name this expression matches somewhere; (?-u) lets it match bytes that are no text')
            [CompletionResult]::new('--not-key-regex', '--not-key-regex', [CompletionResultType]::ParameterName, 'Not those that --key-regex takes')
            [CompletionResult]::new('--type', '--type', [CompletionResultType]::ParameterName, 'Of these types: string, list, set, zset, hash, stream, module, array, gcra')
            [CompletionResult]::new('--not-type', '--not-type', [CompletionResultType]::ParameterName, 'Not those that --type takes')
            [CompletionResult]::new('--encoding', '--encoding', [CompletionResultType]::ParameterName, 'Stored like this in the file: raw, int, lzf, listpack, quicklist2, hashtable and so on')
            [CompletionResult]::new('--not-encoding', '--not-encoding', [CompletionResultType]::ParameterName, 'Not those that --encoding takes')
            [CompletionResult]::new('--min-size', '--min-size', [CompletionResultType]::ParameterName, 'Whose serialized value has at least so many bytes (512, 10kb, 1.5mb)')
            [CompletionResult]::new('--not-min-size', '--not-min-size', [CompletionResultType]::ParameterName, 'Not those that --min-size takes')
            [CompletionResult]::new('--max-size', '--max-size', [CompletionResultType]::ParameterName, 'Whose serialized value has at most so many bytes')
            [CompletionResult]::new('--not-max-size', '--not-max-size', [CompletionResultType]::ParameterName, 'Not those that --max-size takes')
            [CompletionResult]::new('--min-len', '--min-len', [CompletionResultType]::ParameterName, 'With at least so many elements (a string: bytes)')
            [CompletionResult]::new('--not-min-len', '--not-min-len', [CompletionResultType]::ParameterName, 'Not those that --min-len takes')
            [CompletionResult]::new('--max-len', '--max-len', [CompletionResultType]::ParameterName, 'With at most so many elements (a string: bytes)')
            [CompletionResult]::new('--not-max-len', '--not-max-len', [CompletionResultType]::ParameterName, 'Not those that --max-len takes')
            [CompletionResult]::new('--not-ttl', '--not-ttl', [CompletionResultType]::ParameterName, 'Not those that --ttl takes')
            [CompletionResult]::new('--slot', '--slot', [CompletionResultType]::ParameterName, 'In these cluster slots')
            [CompletionResult]::new('--not-slot', '--not-slot', [CompletionResultType]::ParameterName, 'Not those that --slot takes')
            [CompletionResult]::new('--idle', '--idle', [CompletionResultType]::ParameterName, 'Not used for longer than ''>1h'', or used within ''<1h'' (files of servers with an LRU policy)')
            [CompletionResult]::new('--not-idle', '--not-idle', [CompletionResultType]::ParameterName, 'Not those that --idle takes')
            [CompletionResult]::new('--freq', '--freq', [CompletionResultType]::ParameterName, 'Used more often than ''>N'', or less than ''<N'' (the counter of an LFU policy, 0 to 255)')
            [CompletionResult]::new('--not-freq', '--not-freq', [CompletionResultType]::ParameterName, 'Not those that --freq takes')
            [CompletionResult]::new('--now', '--now', [CompletionResultType]::ParameterName, 'The moment for --ttl, instead of the clock (2026-11-20T14:05:00Z, 1795183500)')
            [CompletionResult]::new('--rename', '--rename', [CompletionResultType]::ParameterName, 'Rename keys as sed would: ''s/^user:/u:/'', ''s|(\w+):(\d+)|$2:$1|g''. May be repeated, one after the other')
            [CompletionResult]::new('--prefix-add', '--prefix-add', [CompletionResultType]::ParameterName, 'Put this in front of each key''s name (see --key-format)')
            [CompletionResult]::new('--prefix-strip', '--prefix-strip', [CompletionResultType]::ParameterName, 'Take this off the front of keys'' names; those that do not begin with it stay')
            [CompletionResult]::new('--db-map', '--db-map', [CompletionResultType]::ParameterName, 'Move a database to another number: 0:3. May be repeated; all at once, so 0:1,1:0 swaps two')
            [CompletionResult]::new('--mask', '--mask', [CompletionResultType]::ParameterName, 'Replace values, elements, members and fields of the keys whose name matches by others of the same length: for giving a dump to a developer. Names of keys stay. May be repeated')
            [CompletionResult]::new('--mask-key', '--mask-key', [CompletionResultType]::ParameterName, 'The key of the masks, 32 hex digits, for the same masks in another run [default: random]')
            [CompletionResult]::new('--threads', '--threads', [CompletionResultType]::ParameterName, 'Threads to work with; the output is the same whatever their number [default: the cores]')
            [CompletionResult]::new('--max-memory', '--max-memory', [CompletionResultType]::ParameterName, 'Use no more memory than this (64mb, 2gb): fewer threads where that is enough, else an error instead of more')
            [CompletionResult]::new('--ttl', '--ttl', [CompletionResultType]::ParameterName, 'By expiry: none, any, expired, ''<1h'' (within an hour, or past), ''>7d''; or what becomes of expiries, of hash fields too: keep, strip, shift=DURATION (shift=7d, shift=-90m)')
            [CompletionResult]::new('--error-format', '--error-format', [CompletionResultType]::ParameterName, 'How errors and warnings are written: for people, or one JSON object a line (kind, file, offset, db, key, message)')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colours: auto, always or never. NO_COLOR is respected')
            [CompletionResult]::new('--key-format', '--key-format', [CompletionResultType]::ParameterName, 'How keys are written: escape, hex or base64. Says it for keys on the command line too, which otherwise are exact bytes; a key with a zero byte cannot be given there in any other way')
            [CompletionResult]::new('--strict', '--strict', [CompletionResultType]::ParameterName, 'Write nothing where the target cannot hold all of it (exit code 2)')
            [CompletionResult]::new('--drop-modules', '--drop-modules', [CompletionResultType]::ParameterName, 'Leave the values and data of modules out')
            [CompletionResult]::new('--no-compress', '--no-compress', [CompletionResultType]::ParameterName, 'Without compression of strings')
            [CompletionResult]::new('--no-checksum', '--no-checksum', [CompletionResultType]::ParameterName, 'Without a checksum at the end of an RDB, as under rdbchecksum no')
            [CompletionResult]::new('--force', '--force', [CompletionResultType]::ParameterName, 'Replace the output file where it exists, and write beside the files of a server that works there, too')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Write a report as one JSON document to stdout: what was written, and each loss with its key')
            [CompletionResult]::new('--drop-expired', '--drop-expired', [CompletionResultType]::ParameterName, 'Leave out keys, and fields of hashes, whose expiry has passed (see --now)')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No progress bar, and no hints')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No progress bar, and no hints')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'redisk;compact' {
            [CompletionResult]::new('--base', '--base', [CompletionResultType]::ParameterName, 'What the new base is: rdb or aof (commands) [default: what the old one is]')
            [CompletionResult]::new('--target', '--target', [CompletionResultType]::ParameterName, 'The server that it is for [default: the one that wrote it]')
            [CompletionResult]::new('--out', '--out', [CompletionResultType]::ParameterName, 'Leave the log as it is, and write the new one into this folder')
            [CompletionResult]::new('--now', '--now', [CompletionResultType]::ParameterName, 'The moment against which expiries are measured, instead of the clock (2026-11-20T14:05:00Z, 1795183500)')
            [CompletionResult]::new('--threads', '--threads', [CompletionResultType]::ParameterName, 'Threads to work with; the output is the same whatever their number [default: the cores]')
            [CompletionResult]::new('--max-memory', '--max-memory', [CompletionResultType]::ParameterName, 'Use no more memory than this (64mb, 2gb): fewer threads where that is enough, else an error instead of more')
            [CompletionResult]::new('--error-format', '--error-format', [CompletionResultType]::ParameterName, 'How errors and warnings are written: for people, or one JSON object a line (kind, file, offset, db, key, message)')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colours: auto, always or never. NO_COLOR is respected')
            [CompletionResult]::new('--key-format', '--key-format', [CompletionResultType]::ParameterName, 'How keys are written: escape, hex or base64. Says it for keys on the command line too, which otherwise are exact bytes; a key with a zero byte cannot be given there in any other way')
            [CompletionResult]::new('--drop-expired', '--drop-expired', [CompletionResultType]::ParameterName, 'Leave out keys, and fields of hashes, whose expiry has passed (see --now)')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Write nothing, and say what there would be')
            [CompletionResult]::new('--keep-history', '--keep-history', [CompletionResultType]::ParameterName, 'Leave the old files where they are, listed as history')
            [CompletionResult]::new('--timestamps', '--timestamps', [CompletionResultType]::ParameterName, 'Begin the new log with the time of the last #TS annotation of the old one')
            [CompletionResult]::new('--force', '--force', [CompletionResultType]::ParameterName, 'Go on although a server seems to work there (with --out: where the new log goes), or the space on the disk seems too little')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Write one JSON document')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No progress bar, and no hints')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No progress bar, and no hints')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'redisk;split' {
            [CompletionResult]::new('--out', '--out', [CompletionResultType]::ParameterName, 'The folder to make: it is there when all parts are complete, or not at all')
            [CompletionResult]::new('--slots', '--slots', [CompletionResultType]::ParameterName, 'By cluster slots, a part a range: 0-5460,5461-10922,10923-16383; + joins ranges to one part: 0-99+200-299,100-199')
            [CompletionResult]::new('--nodes', '--nodes', [CompletionResultType]::ParameterName, 'By the masters of this nodes.conf (or what CLUSTER NODES says)')
            [CompletionResult]::new('--parts', '--parts', [CompletionResultType]::ParameterName, 'Into so many parts of equally many cluster slots')
            [CompletionResult]::new('--by-prefix', '--by-prefix', [CompletionResultType]::ParameterName, 'By what stands in front of the first SEP in the key''s name (see --key-format)')
            [CompletionResult]::new('--max-size', '--max-size', [CompletionResultType]::ParameterName, 'Into parts of at most this size (1gb), in the order of the input')
            [CompletionResult]::new('--target', '--target', [CompletionResultType]::ParameterName, 'The server that the parts are for [default: the one that wrote the input; of a log that does not tell, the oldest that can hold all of it]')
            [CompletionResult]::new('--now', '--now', [CompletionResultType]::ParameterName, 'The moment against which expiries are measured, instead of the clock (2026-11-20T14:05:00Z, 1795183500)')
            [CompletionResult]::new('--threads', '--threads', [CompletionResultType]::ParameterName, 'Threads to work with; the output is the same whatever their number [default: the cores]')
            [CompletionResult]::new('--max-memory', '--max-memory', [CompletionResultType]::ParameterName, 'Use no more memory than this (64mb, 2gb): fewer threads where that is enough, else an error instead of more')
            [CompletionResult]::new('--error-format', '--error-format', [CompletionResultType]::ParameterName, 'How errors and warnings are written: for people, or one JSON object a line (kind, file, offset, db, key, message)')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colours: auto, always or never. NO_COLOR is respected')
            [CompletionResult]::new('--key-format', '--key-format', [CompletionResultType]::ParameterName, 'How keys are written: escape, hex or base64. Says it for keys on the command line too, which otherwise are exact bytes; a key with a zero byte cannot be given there in any other way')
            [CompletionResult]::new('--by-db', '--by-db', [CompletionResultType]::ParameterName, 'By database')
            [CompletionResult]::new('--strict', '--strict', [CompletionResultType]::ParameterName, 'Write nothing where the target cannot hold all of it (exit code 2)')
            [CompletionResult]::new('--force', '--force', [CompletionResultType]::ParameterName, 'Write beside the files of a server that works there, too')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Write the index to stdout, too')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No progress bar, and no hints')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No progress bar, and no hints')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'redisk;merge' {
            [CompletionResult]::new('--out', '--out', [CompletionResultType]::ParameterName, 'The RDB to write')
            [CompletionResult]::new('--on-conflict', '--on-conflict', [CompletionResultType]::ParameterName, 'Which key is taken where several sources have it: error, first, last, newest-ttl or largest')
            [CompletionResult]::new('--db-map', '--db-map', [CompletionResultType]::ParameterName, 'Move a database of the Nth source, or of all, to another number: 0:3, 2/0:1. May be repeated')
            [CompletionResult]::new('--target', '--target', [CompletionResultType]::ParameterName, 'The server that the output is for [default: the newest of those that wrote the sources; where none tells, the oldest that can hold all of it]')
            [CompletionResult]::new('--now', '--now', [CompletionResultType]::ParameterName, 'The moment against which expiries are measured, instead of the clock (2026-11-20T14:05:00Z, 1795183500)')
            [CompletionResult]::new('--threads', '--threads', [CompletionResultType]::ParameterName, 'Threads to work with; the output is the same whatever their number [default: the cores]')
            [CompletionResult]::new('--max-memory', '--max-memory', [CompletionResultType]::ParameterName, 'Use no more memory than this (64mb, 2gb): fewer threads where that is enough, else an error instead of more')
            [CompletionResult]::new('--error-format', '--error-format', [CompletionResultType]::ParameterName, 'How errors and warnings are written: for people, or one JSON object a line (kind, file, offset, db, key, message)')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colours: auto, always or never. NO_COLOR is respected')
            [CompletionResult]::new('--key-format', '--key-format', [CompletionResultType]::ParameterName, 'How keys are written: escape, hex or base64. Says it for keys on the command line too, which otherwise are exact bytes; a key with a zero byte cannot be given there in any other way')
            [CompletionResult]::new('--strict', '--strict', [CompletionResultType]::ParameterName, 'Write nothing where the target cannot hold all of it (exit code 2)')
            [CompletionResult]::new('--force', '--force', [CompletionResultType]::ParameterName, 'Replace the output file where it exists, and write beside the files of a server that works there, too')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Write a report as one JSON document to stdout')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No progress bar, and no hints')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No progress bar, and no hints')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'redisk;completions' {
            [CompletionResult]::new('--error-format', '--error-format', [CompletionResultType]::ParameterName, 'How errors and warnings are written: for people, or one JSON object a line (kind, file, offset, db, key, message)')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colours: auto, always or never. NO_COLOR is respected')
            [CompletionResult]::new('--key-format', '--key-format', [CompletionResultType]::ParameterName, 'How keys are written: escape, hex or base64. Says it for keys on the command line too, which otherwise are exact bytes; a key with a zero byte cannot be given there in any other way')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No progress bar, and no hints')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No progress bar, and no hints')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'redisk;man' {
            [CompletionResult]::new('--error-format', '--error-format', [CompletionResultType]::ParameterName, 'How errors and warnings are written: for people, or one JSON object a line (kind, file, offset, db, key, message)')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colours: auto, always or never. NO_COLOR is respected')
            [CompletionResult]::new('--key-format', '--key-format', [CompletionResultType]::ParameterName, 'How keys are written: escape, hex or base64. Says it for keys on the command line too, which otherwise are exact bytes; a key with a zero byte cannot be given there in any other way')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No progress bar, and no hints')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No progress bar, and no hints')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'redisk;help' {
            [CompletionResult]::new('info', 'info', [CompletionResultType]::ParameterValue, 'What a file is: who wrote it and when, what is in it, whether it is whole')
            [CompletionResult]::new('dump', 'dump', [CompletionResultType]::ParameterValue, 'The contents of a file, one key after the other')
            [CompletionResult]::new('get', 'get', [CompletionResultType]::ParameterValue, 'A key''s value, type, expiry, encoding, size and where in the file it lies')
            [CompletionResult]::new('log', 'log', [CompletionResultType]::ParameterValue, 'The commands of an append-only file, in their order')
            [CompletionResult]::new('replay', 'replay', [CompletionResultType]::ParameterValue, 'Runs a log through the built-in engine, and says what state it leads to')
            [CompletionResult]::new('verify', 'verify', [CompletionResultType]::ParameterValue, 'Whether a file is whole, down to the last element, and which servers would load it')
            [CompletionResult]::new('diff', 'diff', [CompletionResultType]::ParameterValue, 'What differs between any two sources, key by key and element by element')
            [CompletionResult]::new('repair', 'repair', [CompletionResultType]::ParameterValue, 'What can be kept of a damaged file, and a repaired copy of it')
            [CompletionResult]::new('convert', 'convert', [CompletionResultType]::ParameterValue, 'Any source in another form, for another server')
            [CompletionResult]::new('compact', 'compact', [CompletionResultType]::ParameterValue, 'The append-only file as the smallest one that leads to the same state: BGREWRITEAOF without a server')
            [CompletionResult]::new('split', 'split', [CompletionResultType]::ParameterValue, 'One source cut into several RDBs: for the nodes of a cluster, by database, by prefix, or by size')
            [CompletionResult]::new('merge', 'merge', [CompletionResultType]::ParameterValue, 'Several sources as one RDB: the shards of a cluster in one file')
            [CompletionResult]::new('completions', 'completions', [CompletionResultType]::ParameterValue, 'Print the completions for a shell')
            [CompletionResult]::new('man', 'man', [CompletionResultType]::ParameterValue, 'Print the manual page of the program, or of one command')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'redisk;help;info' {
            break
        }
        'redisk;help;dump' {
            break
        }
        'redisk;help;get' {
            break
        }
        'redisk;help;log' {
            break
        }
        'redisk;help;replay' {
            break
        }
        'redisk;help;verify' {
            break
        }
        'redisk;help;diff' {
            break
        }
        'redisk;help;repair' {
            break
        }
        'redisk;help;convert' {
            break
        }
        'redisk;help;compact' {
            break
        }
        'redisk;help;split' {
            break
        }
        'redisk;help;merge' {
            break
        }
        'redisk;help;completions' {
            break
        }
        'redisk;help;man' {
            break
        }
        'redisk;help;help' {
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}
