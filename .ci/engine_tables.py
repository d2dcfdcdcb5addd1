#!/usr/bin/env python3
"""Writes src/engine/data/*.tsv from extracted command-line facts.

Usage: engine_tables.py FACTS [OUT]

FACTS holds <program>.json (every flag of the newest version that was read) and history-<program>.json (first and last
version in which a spelling was seen). One row per flag:

  name  aliases  kind  values  choices  since  last  marks  note

aliases   comma separated; `alias@VERSION` where the alias is younger than the name
kind      bool int size float str json text (text: a string or JSON), `size` takes 1k and 1K
values    how many values follow: 0 1 ? * +
since     first version of those read that has it; empty: the oldest one read has it already
last      last version of those read that has it; empty: the newest one has it
marks     n --no-x exists, r may be repeated, f only where there is an HTTP frontend, a accepts values beyond `choices`
note      `=NAME` renamed to NAME; `!TEXT` deprecated in the newest version; anything else is said when it is gone
"""
import json, os, sys

FACTS, OUT = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else 'src/engine/data'
PROGRAMS = ['vllm', 'sglang', 'trtllm-serve', 'sglang-router', 'vllm-router', 'dynamo-frontend', 'dynamo-vllm', 'dynamo-sglang', 'dynamo-trtllm']

# What took the place of flags that are gone, where the engine's own code does not say so.
GONE = {
    'vllm': {
        '--disable-log-requests': '=--no-enable-log-requests',
        '--task': 'use --runner and --convert', '--guided-decoding-backend': 'use --structured-outputs-config',
        '--guided-decoding-disable-additional-properties': 'use --structured-outputs-config',
        '--guided-decoding-disable-any-whitespace': 'use --structured-outputs-config',
        '--guided-decoding-disable-fallback': 'use --structured-outputs-config',
        '--cuda-graph-sizes': '=--cudagraph-capture-sizes', '--max-seq-len-to-capture': '=--max-cudagraph-capture-size',
        '--rope-scaling': 'use --hf-overrides', '--rope-theta': 'use --hf-overrides',
        '--num-redundant-experts': 'use --eplb-config', '--eplb-window-size': 'use --eplb-config',
        '--eplb-step-interval': 'use --eplb-config', '--eplb-log-balancedness': 'use --eplb-config',
        '--override-pooler-config': '=--pooler-config', '--enable-reasoning': '=--reasoning-parser',
        '--swap-space': 'the V1 engine has no swap space; leave it out',
        '--num-scheduler-steps': 'the V1 engine has no multi-step scheduling; leave it out',
        '--use-v2-block-manager': 'leave it out', '--device': 'the platform decides; leave it out',
        '--disable-frontend-multiprocessing': 'leave it out',
    },
    'sglang': {
        '--disaggregation-decode-tp': 'the sides agree by themselves; leave it out',
        '--disaggregation-decode-dp': 'the sides agree by themselves; leave it out',
        '--disaggregation-prefill-pp': 'the sides agree by themselves; leave it out',
        '--prefill-round-robin-balance': 'leave it out',
    },
    'dynamo-vllm': {'--is-prefill-worker': 'use --disaggregation-mode prefill', '--is-decode-worker': 'use --disaggregation-mode decode',
                    '--store-kv': '=--discovery-backend', '--migration-limit': 'it is a flag of the frontend now'},
    'dynamo-sglang': {'--store-kv': '=--discovery-backend', '--migration-limit': 'it is a flag of the frontend now'},
    'dynamo-trtllm': {'--store-kv': '=--discovery-backend', '--migration-limit': 'it is a flag of the frontend now',
                      '--publish-events-and-metrics': 'use --publish-kv-events and --publish-metrics'},
    'dynamo-frontend': {'--store-kv': '=--discovery-backend', '--no-kv-events': '=--no-router-kv-events', '--router-reset-states': 'leave it out',
                        '--busy-threshold': 'leave it out'},
}
for role in ('--multimodal-decode-worker', '--multimodal-encode-worker', '--multimodal-worker', '--multimodal-processor', '--multimodal-encode-prefill-worker'):
    for program in ('dynamo-vllm', 'dynamo-sglang'):
        GONE[program][role] = 'use --enable-multimodal with --disaggregation-mode'
# The value of flags that are gone: those not listed take one.
SWITCHES = ('--enable-', '--disable-', '--use-', '--no-', '--calculate-', '--multi-step-', '--expand-', '--enforce-', '--is-', '--multimodal-', '--omni-enable-',
            '--omni-vae-use', '--crash-', '--durable-', '--keep-', '--collect-', '--prefill-round', '--elastic-ep-rejoin', '--stream-output', '--custom-sig',
            '--debug-tensor-dump-prefill', '--disaggregation-decode-enable', '--speculative-skip', '--vllm-native', '--publish-events', '--router-reset',
            '--router-durable', '--exp-python', '--static-', '--decode-fallback', '--fuse-qkv', '--override-attention-dtype_', '--guided-decoding-disable')
REPEATABLE = {'sglang-router': {'--prefill', '--decode'}, 'vllm-router': {'--prefill', '--decode'}, 'vllm': {'--api-key'}}
# Flags of newer documentation than the table that was read.
EXTRA = {'trtllm-serve': [['--set', '', 'str', '1', '', '', '', 'r', '', 'serve']]}
KINDS = {'bool': 'bool', 'int': 'int', 'float': 'float', 'str': 'str', 'choice': 'str', 'list': 'str', 'json': 'json', 'str|json': 'text', 'NoneType': 'str'}

def rows(program):
    table = json.load(open(f'{FACTS}/{program}.json'))
    path = f'{FACTS}/history-{program}.json'
    history = json.load(open(path)) if os.path.exists(path) else None
    seen = {x['flag']: x for x in history['flags']} if history else {}
    versions = history['versions_read'] if history else ['1.2.1.post1' if program == 'trtllm-serve' else table['version']]
    frontend = set(table.get('frontend_only', []))
    since = lambda n: '' if seen.get(n, {}).get('first', '<=').startswith('<=') else seen[n]['first']
    out, named = [], set()
    for f in table['flags']:
        name, first = f['name'], since(f['name'])
        aliases = []
        for a in f['aliases'] + f.get('obsolete_aliases', []):
            own = since(a)
            aliases.append(a if own == first or a not in seen else f"{a}@{own}")
        named.update([name] + f['aliases'] + f.get('obsolete_aliases', []))
        kind = 'size' if f.get('human_readable') else KINDS[f['type']]
        values = str(f['nargs']) if 'nargs' in f else ('1' if f['takes_value'] else '0')
        choices = [c for c in f.get('choices') or f.get('known_values') or [] if c is not None]
        marks = ''.join(m for m, on in (('n', f.get('negatable')), ('r', f.get('repeatable') or name in REPEATABLE.get(program, ())), ('f', name in frontend),
                                         ('a', not f.get('choices') and choices)) if on)
        if values not in '01?*+':
            raise SystemExit(f'{program} {name}: nargs {values}')
        note = f"!{f['deprecated']}" if f.get('deprecated') else ''
        out.append([name, ','.join(aliases), kind, values, '|'.join(map(str, choices)), first, '', marks, note] + ([f['command']] if 'command' in f else []))
    for name, x in sorted(seen.items()):
        if name in named:
            continue
        note = GONE.get(program, {}).get(name) or x.get('deprecated', '')
        note = '' if note == 'deprecated' else note
        values = '0' if name.startswith(SWITCHES) else '*'
        out.append([name, '', 'bool' if values == '0' else 'str', values, '', since(name), x['last'], '', note])
    out += EXTRA.get(program, [])
    return versions, sorted(out, key=lambda r: (r[0], r[9:])), [i['engine'] for i in table.get('includes', [])]

for program in PROGRAMS:
    versions, table, includes = rows(program)
    with open(f'{OUT}/{program}.tsv', 'w') as page:
        page.write('#versions\t' + '\t'.join(versions) + '\n')
        for engine in includes:
            page.write(f'#includes\t{engine}\n')
        for row in table:
            page.write('\t'.join(row).rstrip('\t') + '\n')
