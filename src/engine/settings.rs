//! One table of typed settings: what each is called by each engine. It is read in both directions, to write command lines
//! and to understand them.
//!
//! Which of several spellings a version has is looked up in the engine's own flag table, so the rows list spellings in order
//! of preference and carry no versions themselves.

use super::EngineKind;
use super::argv::Argv;
use super::codes;
use super::scan::{Meaning, Occurrence, Scan, Word, resolve, scan};
use super::table::{Presence, Program};
use super::version::Version;
use crate::diagnostic::{Diagnostic, Ledger};
use crate::value::{Ids, Node, Str, Value};

/// What the value of a setting is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A truth value.
    Bool,
    /// A whole number.
    Int,
    /// A whole number, or a string such as `128k` (thousands) or `128K` (powers of 1024).
    Size,
    /// A number.
    Float,
    /// A string.
    Text,
    /// A string, or a list of strings.
    List,
    /// A mapping.
    Json,
}

/// How an engine spells a setting.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// A word that is no flag: the model.
    Positional,
    /// `--flag VALUE`. A dot leads into a JSON flag.
    Value(&'static str),
    /// `--flag VALUE VALUE`.
    List(&'static str),
    /// `--flag` for true, nothing for false.
    On(&'static str),
    /// `--flag` for false, nothing for true.
    Off(&'static str),
    /// `--flag` for true, `--no-flag` for false.
    Pair(&'static str),
    /// These flags and values when the setting is the given truth value, else nothing.
    Fixed(&'static [(&'static str, &'static str)], bool),
    /// `--switch --flag VALUE`: the second works only with the first.
    With(&'static str, &'static str),
    /// A mapping whose keys become flags with this prefix.
    Keys(&'static str),
    /// No flag: a key of the engine's configuration file, with dots.
    File(&'static str),
    /// No flag: the opposite truth value under a key of the configuration file.
    FileNot(&'static str),
    /// No flag: `null` under a key of the configuration file when true, nothing when false.
    FileNull(&'static str),
}

/// Whether a setting may be changed by the user's own arguments.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    /// It concerns the engine alone.
    Plain,
    /// Pods, ports or roles depend on it: only the spec may set it.
    Shape,
}

/// One setting.
#[derive(Debug)]
pub struct Row {
    /// Its key in the spec.
    pub key: &'static str,
    /// What its value is.
    pub kind: Kind,
    /// Whether the same value means the same in every engine that has it.
    pub portable: bool,
    /// Who may set it.
    pub scope: Scope,
    /// vLLM's spellings, preferred first.
    pub vllm: &'static [Form],
    /// SGLang's.
    pub sglang: &'static [Form],
    /// TensorRT-LLM's.
    pub trtllm: &'static [Form],
}

macro_rules! rows {
    ($($scope:ident $key:ident: $kind:ident $portable:literal [$($vllm:expr),*] [$($sglang:expr),*] [$($trtllm:expr),*];)*) => {
        /// All settings.
        pub const ROWS: &[Row] = &[$(Row {
            key: stringify!($key), kind: Kind::$kind, portable: $portable, scope: Scope::$scope,
            vllm: &[$($vllm),*], sglang: &[$($sglang),*], trtllm: &[$($trtllm),*],
        }),*];
    };
}

use Form::{File, FileNot, FileNull, Fixed, Keys, List, Off, On, Pair, Positional, Value as One, With};

rows! {
    // What is served.
    Shape model: Text true [Positional, One("--model")] [One("--model-path")] [Positional];
    Plain servedName: List true [List("--served-model-name")] [One("--served-model-name")] [One("--served_model_name")];
    Plain tokenizer: Text true [One("--tokenizer")] [One("--tokenizer-path")] [One("--tokenizer")];
    Plain revision: Text true [One("--revision")] [One("--revision")] [One("--revision")];
    Plain trustRemoteCode: Bool true [On("--trust-remote-code")] [On("--trust-remote-code")] [On("--trust_remote_code")];
    Plain loadFormat: Text true [One("--load-format")] [One("--load-format")] [File("load_format")];
    Plain downloadDir: Text true [One("--download-dir")] [One("--download-dir")] [];
    Plain configFile: Text false [One("--config")] [One("--config")] [One("--config")];
    // Where it is served.
    Shape host: Text true [One("--host")] [One("--host")] [One("--host")];
    Shape port: Int true [One("--port")] [One("--port")] [One("--port")];
    Shape socket: Text false [One("--uds")] [] [];
    // How it is spread.
    Shape tensor: Int false [One("--tensor-parallel-size")] [One("--tp-size")] [One("--tp_size")];
    Shape pipeline: Int true [One("--pipeline-parallel-size")] [One("--pp-size")] [One("--pp_size")];
    Shape data: Int false [One("--data-parallel-size")] [One("--dp-size")] [];
    Shape attentionData: Int false [] [One("--attn-dp-size")] [];
    Shape attentionDataEnabled: Bool true [] [On("--enable-dp-attention")] [On("--enable_attention_dp")];
    Shape expert: Bool true [On("--enable-expert-parallel")] [] [];
    Shape expertSize: Int true [] [One("--ep-size")] [One("--ep_size")];
    Shape nodes: Int true [One("--nnodes")] [One("--nnodes")] [];
    Shape nodeRank: Int true [One("--node-rank")] [One("--node-rank")] [];
    Shape leaderAddress: Text false [One("--master-addr")] [One("--dist-init-addr")] [];
    Shape leaderPort: Int false [One("--master-port")] [] [];
    Shape gpusPerNode: Int true [] [] [One("--gpus_per_node")];
    Shape headless: Bool true [On("--headless")] [] [];
    Shape executor: Text false [One("--distributed-executor-backend")] [] [];
    Shape dataLocal: Int false [One("--data-parallel-size-local")] [] [];
    Shape dataStartRank: Int false [One("--data-parallel-start-rank")] [] [];
    Shape dataRank: Int false [One("--data-parallel-rank")] [] [];
    Shape dataAddress: Text false [One("--data-parallel-address")] [] [];
    Shape dataRpcPort: Int false [One("--data-parallel-rpc-port")] [] [];
    Shape dataBackend: Text false [One("--data-parallel-backend")] [] [];
    Shape hybridLoadBalancing: Bool false [On("--data-parallel-hybrid-lb")] [] [];
    Shape externalLoadBalancing: Bool false [On("--data-parallel-external-lb")] [] [];
    Shape multiPortLoadBalancing: Bool false [On("--data-parallel-multi-port-external-lb")] [] [];
    Shape supervisorPort: Int false [One("--data-parallel-supervisor-port")] [] [];
    Shape prefillContextParallel: Int false [One("--prefill-context-parallel-size")] [] [One("--context_parallel_size")];
    Plain all2allBackend: Text false [One("--all2all-backend")] [One("--moe-a2a-backend")] [];
    Plain moeBackend: Text false [One("--moe-backend")] [One("--moe-runner-backend")] [File("moe_config.backend")];
    Plain expertBalancing: Bool true [On("--enable-eplb")] [On("--enable-eplb")] [];
    Plain redundantExperts: Int true [One("--eplb-config.num_redundant_experts"), One("--num-redundant-experts")] [One("--ep-num-redundant-experts")] [];
    Plain decodeContextParallel: Int true [One("--decode-context-parallel-size")] [One("--dcp-size")] [];
    // Roles.
    Shape kvTransfer: Json false [One("--kv-transfer-config")] [] [];
    Shape disaggregationMode: Text false [] [One("--disaggregation-mode")] [One("--server_role")];
    Shape transferBackend: Text false [] [One("--disaggregation-transfer-backend")] [File("cache_transceiver_config.backend")];
    Shape bootstrapPort: Int false [] [One("--disaggregation-bootstrap-port")] [];
    // Memory and batches.
    Plain maxModelLen: Size true [One("--max-model-len")] [One("--context-length")] [One("--max_seq_len")];
    Plain memoryFraction: Float false [One("--gpu-memory-utilization")] [One("--mem-fraction-static")] [One("--free_gpu_memory_fraction"), One("--kv_cache_free_gpu_memory_fraction")];
    Plain maxNumSeqs: Int true [One("--max-num-seqs")] [One("--max-running-requests")] [One("--max_batch_size")];
    Plain maxNumBatchedTokens: Size false [One("--max-num-batched-tokens")] [One("--max-prefill-tokens")] [One("--max_num_tokens")];
    Plain maxKvTokens: Int true [] [One("--max-total-tokens")] [File("kv_cache_config.max_tokens")];
    Plain blockSize: Int true [One("--block-size")] [One("--page-size")] [File("kv_cache_config.tokens_per_block")];
    Plain kvCacheDtype: Text false [One("--kv-cache-dtype")] [One("--kv-cache-dtype")] [One("--kv_cache_dtype")];
    Plain dtype: Text true [One("--dtype")] [One("--dtype")] [File("dtype")];
    Plain quantization: Text false [One("--quantization")] [One("--quantization")] [];
    Plain cpuOffloadGb: Float true [One("--cpu-offload-gb")] [One("--cpu-offload-gb")] [];
    Plain kvOffloadGb: Float true [One("--kv-offloading-size")] [With("--enable-hierarchical-cache", "--hicache-size")] [];
    Plain chunkedPrefill: Bool true [Pair("--enable-chunked-prefill")] [Fixed(&[("--chunked-prefill-size", "-1")], false)] [On("--enable_chunked_prefill")];
    Plain prefixCaching: Bool true [Pair("--enable-prefix-caching")] [Off("--disable-radix-cache")] [File("kv_cache_config.enable_block_reuse")];
    // How it computes.
    Plain enforceEager: Bool true [On("--enforce-eager")]
        [Fixed(&[("--cuda-graph-backend-decode", "disabled"), ("--cuda-graph-backend-prefill", "disabled")], true), On("--disable-cuda-graph")]
        [FileNull("cuda_graph_config")];
    Plain cudaGraphSizes: List true [List("--cudagraph-capture-sizes"), List("--cuda-graph-sizes")] [List("--cuda-graph-bs-decode"), List("--cuda-graph-bs")] [File("cuda_graph_config.batch_sizes")];
    Plain cudaGraphMaxSize: Int true [One("--max-cudagraph-capture-size")] [One("--cuda-graph-max-bs-decode"), One("--cuda-graph-max-bs")] [File("cuda_graph_config.max_batch_size")];
    Plain attentionBackend: Text false [One("--attention-backend")] [One("--attention-backend")] [File("attn_backend")];
    Plain speculative: Json false [One("--speculative-config")] [Keys("--speculative-")] [File("speculative_config")];
    Plain schedulingPolicy: Text false [One("--scheduling-policy")] [One("--schedule-policy")] [];
    Plain overlapScheduling: Bool true [Pair("--async-scheduling")] [Off("--disable-overlap-schedule")] [FileNot("disable_overlap_scheduler")];
    Plain seed: Int true [One("--seed")] [One("--random-seed")] [];
    // What clients see.
    Plain toolCallParser: Text false [With("--enable-auto-tool-choice", "--tool-call-parser")] [One("--tool-call-parser")] [One("--tool_parser")];
    Plain reasoningParser: Text false [One("--reasoning-parser")] [One("--reasoning-parser")] [One("--reasoning_parser")];
    Plain chatTemplate: Text true [One("--chat-template")] [One("--chat-template")] [One("--chat_template")];
    Plain structuredOutput: Text false [One("--structured-outputs-config.backend"), One("--guided-decoding-backend")] [One("--grammar-backend")] [File("guided_decoding_backend")];
    Plain lora: Bool true [On("--enable-lora")] [On("--enable-lora")] [];
    Plain loraAdapters: List true [List("--lora-modules")] [List("--lora-paths")] [];
    Plain maxLoras: Int true [One("--max-loras")] [One("--max-loras-per-batch")] [];
    Plain kvEvents: Json true [One("--kv-events-config")] [One("--kv-events-config")] [];
    Plain metrics: Bool true [Off("--disable-log-stats")] [On("--enable-metrics")] [File("enable_iter_perf_stats")];
}

impl Form {
    /// The flags that it is made of, without keys into JSON.
    pub fn flags(self) -> impl Iterator<Item = &'static str> {
        let (one, two, many): (_, _, &[(&str, &str)]) = match self {
            Self::Value(f) | Self::List(f) | Self::On(f) | Self::Off(f) | Self::Pair(f) => {
                (Some(f), None, &[])
            }
            Self::With(a, b) => (Some(a), Some(b), &[]),
            Self::Fixed(pairs, _) => (None, None, pairs),
            Self::Positional | Self::Keys(_) | Self::File(_) | Self::FileNot(_) | Self::FileNull(_) => {
                (None, None, &[])
            }
        };
        one.into_iter()
            .chain(two)
            .chain(many.iter().map(|(f, _)| *f))
            .map(|f| f.split('.').next().unwrap_or(f))
    }

    /// Whether it is a key of the configuration file rather than a flag.
    pub fn in_file(self) -> bool {
        matches!(self, Self::File(_) | Self::FileNot(_) | Self::FileNull(_))
    }
}

/// The row of a key.
pub fn row(key: &str) -> Option<&'static Row> {
    ROWS.iter().find(|r| r.key == key)
}

impl Row {
    /// The spellings of an engine, preferred first.
    pub fn forms(&self, engine: EngineKind) -> &'static [Form] {
        match engine {
            EngineKind::Vllm => self.vllm,
            EngineKind::Sglang => self.sglang,
            EngineKind::Trtllm => self.trtllm,
            EngineKind::Custom => &[],
        }
    }

    /// The spelling for a version: the first that it surely has, else the first that it may have.
    pub fn form(&self, engine: EngineKind, version: &Version) -> Option<Form> {
        let forms = self.forms(engine);
        let known = |form: &Form| {
            form.flags()
                .map(|f| presence(engine, version, f))
                .min()
                .unwrap_or(Presence::Present)
        };
        let best = |least| forms.iter().find(|f| known(f) >= least).copied();
        best(Presence::Present).or_else(|| best(Presence::Perhaps))
    }
}

/// Whether a version of an engine has a flag.
pub fn presence(engine: EngineKind, version: &Version, flag: &str) -> Presence {
    let Some(program) = engine.program() else {
        return Presence::Perhaps;
    };
    let table = program.table();
    table
        .exact(flag)
        .map_or(Presence::NotYet, |f| table.presence(f, version))
}

/// What settings turn into: flags, and a configuration file for what has none.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct Emission {
    /// The command line.
    pub argv: Argv,
    /// The configuration file, a mapping; null if there is nothing to put in.
    pub file: Node,
}

/// Writes one setting. Says so if the engine has no such setting or the value does not fit.
pub fn write(
    key: &str,
    value: &Node,
    engine: EngineKind,
    version: &Version,
    out: &mut Emission,
    ledger: &mut Ledger,
) {
    let ids = value.all_ids();
    let Some(row) = row(key) else {
        let message = format!("there is no engine setting {key}");
        return ledger.report(Diagnostic::new(&codes::SETTING_UNSUPPORTED, message).at_ids(&ids));
    };
    if !row.fits(value) {
        let message = format!("{key} is {}", row.kind.said());
        return ledger.report(Diagnostic::new(&codes::SETTING_KIND, message).at_ids(&ids));
    }
    let Some(form) = row.form(engine, version) else {
        return ledger.report(row.unsupported(engine, version).at_ids(&ids));
    };
    if let (Form::Value(flag), Some(items)) = (form, value.as_seq())
        && items.len() != 1
    {
        let message = format!("{flag} of {} takes one value, not {}", engine.name(), items.len());
        return ledger.report(Diagnostic::new(&codes::SETTING_KIND, message).at_ids(&ids));
    }
    out.argv.of_setting(row.key);
    row.write(form, value, engine, out);
    out.argv.of_setting("");
}

impl Kind {
    /// What messages call a value of this kind.
    pub const fn said(self) -> &'static str {
        match self {
            Self::Bool => "true or false",
            Self::Int => "a whole number",
            Self::Size => "a whole number, or one with k, m, g (thousands) or K, M, G (powers of 1024)",
            Self::Float => "a number",
            Self::Text => "a string",
            Self::List => "a string or a list of strings",
            Self::Json => "a mapping",
        }
    }
}

impl Row {
    /// Whether a value is of the row's kind. A string that is not yet complete is taken for right where strings are.
    pub fn fits(&self, value: &Node) -> bool {
        let scalar = |n: &Node| {
            matches!(
                n.value,
                Value::Str(_) | Value::Text(_) | Value::Int(_) | Value::Float(_)
            )
        };
        match (self.kind, &value.value) {
            (Kind::Bool, Value::Bool(_)) | (Kind::Int | Kind::Size | Kind::Float, Value::Int(_)) => true,
            (Kind::Float, Value::Float(_)) | (Kind::Json, Value::Map(_)) => true,
            (Kind::Size, Value::Str(s)) => s == "auto" || size(s).is_some(),
            (Kind::Text | Kind::List, Value::Str(_) | Value::Text(_)) => true,
            (Kind::List, Value::Seq(items)) => items.iter().all(scalar),
            _ => false,
        }
    }

    fn unsupported(&self, engine: EngineKind, version: &Version) -> Diagnostic {
        let flags: Vec<_> = self.forms(engine).iter().flat_map(|f| f.flags()).collect();
        let message = if flags.is_empty() {
            format!("{} has no setting for {}", engine.name(), self.key)
        } else {
            format!(
                "{} {version} does not have {} ({})",
                engine.name(),
                self.key,
                flags.join(", ")
            )
        };
        let others: Vec<_> = EngineKind::ALL
            .iter()
            .filter(|e| !self.forms(**e).is_empty())
            .map(|e| e.name())
            .collect();
        let mut said = Diagnostic::new(&codes::SETTING_UNSUPPORTED, message)
            .remedy("leave it out, or pass what the engine has for it in engine.args");
        if flags.is_empty() && !others.is_empty() {
            said = said.reason(format!("only {} has it", others.join(" and ")));
        }
        said
    }

    fn write(&self, form: Form, value: &Node, engine: EngineKind, out: &mut Emission) {
        let ids = value.all_ids();
        let truth = value.as_bool();
        let value = match (self.kind, value.as_str().and_then(size)) {
            (Kind::Size, Some(number)) if engine != EngineKind::Vllm => &Node::derived(number, &ids),
            _ => value,
        };
        let argv = &mut out.argv;
        match (form, truth) {
            (Form::Positional, _) => argv.positional(value),
            (Form::Value(flag), _) => argv.value(flag, &single(value)),
            (Form::List(flag), _) => match value.as_seq() {
                Some(items) if !items.is_empty() => argv.values(flag, items),
                Some(_) => argv.leave_out(&ids),
                None => argv.value(flag, value),
            },
            (Form::On(flag) | Form::Pair(flag), Some(true)) | (Form::Off(flag), Some(false)) => {
                argv.switch(flag, &ids)
            }
            (Form::Pair(flag), _) => argv.switch(&flag.replacen("--", "--no-", 1), &ids),
            (Form::On(_) | Form::Off(_), _) => argv.leave_out(&ids),
            (Form::Fixed(pairs, when), Some(is)) if when == is => {
                pairs
                    .iter()
                    .for_each(|(flag, fixed)| argv.value(flag, &Node::derived(*fixed, &ids)));
            }
            (Form::Fixed(..), _) => argv.leave_out(&ids),
            (Form::With(switch, flag), _) => {
                argv.switch(switch, &ids);
                argv.value(flag, value);
            }
            (Form::Keys(prefix), _) => {
                for (key, item) in value.as_map().into_iter().flatten() {
                    argv.value(&format!("{prefix}{}", kebab(key)), item);
                }
                argv.leave_out(&value.ids);
            }
            (Form::File(path), _) => *out.file.at_mut(&steps(path)) = value.clone(),
            (Form::FileNot(path), _) => {
                *out.file.at_mut(&steps(path)) = Node::derived(truth != Some(true), &ids)
            }
            (Form::FileNull(path), Some(true)) => {
                *out.file.at_mut(&steps(path)) = Node::derived(Value::Null, &ids)
            }
            (Form::FileNull(_), _) => argv.leave_out(&ids),
        }
    }
}

/// A list of one as its only element.
fn single(value: &Node) -> Node {
    match value.as_seq() {
        Some([only]) => Node::derived(only.clone(), &value.ids),
        _ => value.clone(),
    }
}

fn steps(path: &str) -> Vec<&str> {
    path.split('.').collect()
}

/// `draftModelPath` and `draft_model_path` as `draft-model-path`.
pub(super) fn kebab(key: &str) -> String {
    let mut out = String::new();
    for c in key.chars() {
        if c.is_ascii_uppercase() && !out.is_empty() {
            out.push('-');
        }
        out.push(if c == '_' { '-' } else { c.to_ascii_lowercase() });
    }
    out
}

/// `8k` is 8000, `8K` is 8192.
fn size(text: &str) -> Option<i64> {
    let text = text.trim();
    let (digits, unit) = match text.char_indices().last()? {
        (at, letter) if letter.is_ascii_alphabetic() => (&text[..at], Some(letter)),
        _ => (text, None),
    };
    let power = match unit.map(|u| u.to_ascii_lowercase()) {
        None => 0,
        Some('k') => 1,
        Some('m') => 2,
        Some('g') => 3,
        Some('t') => 4,
        Some(_) => return None,
    };
    let base: i64 = if unit.is_some_and(|u| u.is_ascii_uppercase()) {
        1024
    } else {
        1000
    };
    digits.parse::<i64>().ok()?.checked_mul(base.checked_pow(power)?)
}

/// A setting that was found in a command line.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Its row.
    pub row: &'static Row,
    /// Its value, with the origin of the words that said it.
    pub value: Node,
    /// Those words.
    pub words: Vec<usize>,
}

/// A command line, understood as far as the table goes.
#[derive(Clone, Default, Debug)]
pub struct Understood {
    /// The settings, in order of their first word.
    pub settings: Vec<Setting>,
    /// The words that no setting stands for, in order.
    pub rest: Vec<usize>,
}

/// Reads the words after the engine's own name (see [`entry`](super::scan::entry)) as settings.
pub fn read(engine: EngineKind, version: &Version, words: &[Node]) -> Understood {
    let Some(program) = engine.program() else {
        return Understood {
            settings: Vec::new(),
            rest: (0..words.len()).collect(),
        };
    };
    let scan = scan(program, version, words);
    let mut found = Understood::default();
    let mut taken = vec![false; words.len()];
    for seen in &scan.flags {
        if taken[seen.word] {
            continue;
        }
        if let Some(setting) = ROWS.iter().find_map(|row| {
            row.forms(engine)
                .iter()
                .find_map(|form| row.read(*form, seen, &scan, words))
        }) {
            setting.words.iter().for_each(|w| taken[*w] = true);
            found.settings.push(setting);
        }
    }
    let positional = row("model").filter(|r| r.forms(engine).contains(&Form::Positional));
    if let (Some(row), Some(first)) = (positional, scan.positionals.first())
        && !found.settings.iter().any(|s| s.row.key == "model")
    {
        taken[*first] = true;
        found.settings.push(Setting {
            row,
            value: words[*first].clone(),
            words: vec![*first],
        });
    }
    found.settings.sort_by_key(|s| s.words[0]);
    found.rest = (0..words.len()).filter(|w| !taken[*w]).collect();
    found
}

impl Row {
    fn read(&'static self, form: Form, seen: &Occurrence, scan: &Scan, words: &[Node]) -> Option<Setting> {
        let flag = seen.flag()?;
        let is = |name: &str| {
            let (base, key) = name.split_once('.').map_or((name, None), |(b, k)| (b, Some(k)));
            (flag.name == base || flag.aliases().any(|a| a == base)) && seen.key.as_deref() == key
        };
        let mut used: Vec<usize> = seen.words().collect();
        let mut origin = Ids::none();
        used.iter().for_each(|w| origin.merge(&words[*w].ids));
        let values: Vec<&Node> = seen.all_values(words).collect();
        let value = match form {
            Form::Value(name) if is(name) && values.len() == 1 => self.parse(values[0], &origin)?,
            Form::List(name) if is(name) && !values.is_empty() => match values.as_slice() {
                [one] => (*one).clone(),
                many => Node::derived(many.iter().map(|v| (*v).clone()).collect::<Vec<_>>(), &origin),
            },
            Form::On(name) | Form::Pair(name) if is(name) => Node::derived(!seen.negated(), &origin),
            Form::Off(name) if is(name) => Node::derived(seen.negated(), &origin),
            Form::With(switch, name) if is(name) && values.len() == 1 => {
                let other = scan
                    .flags
                    .iter()
                    .find(|f| f.flag().is_some_and(|f| f.name == switch) && !f.negated())?;
                used.push(other.word);
                origin.merge(&words[other.word].ids);
                self.parse(values[0], &origin)?
            }
            Form::Fixed(pairs, when) => {
                for (name, fixed) in pairs {
                    let other = scan
                        .flags
                        .iter()
                        .find(|f| f.flag().is_some_and(|f| f.name == *name))?;
                    let says = other
                        .all_values(words)
                        .next()
                        .is_some_and(|v| Word::of(v).known() == Some(*fixed));
                    if !says || (*name == pairs[0].0 && other.word != seen.word) {
                        return None;
                    }
                    other.words().for_each(|w| {
                        origin.merge(&words[w].ids);
                        used.push(w);
                    });
                }
                used.sort_unstable();
                used.dedup();
                Node::derived(when, &origin)
            }
            _ => return None,
        };
        Some(Setting {
            row: self,
            value,
            words: used,
        })
    }

    /// A word as a value of the row's kind; `None` if it is not one, so that the word stays as it is.
    fn parse(&self, word: &Node, origin: &Ids) -> Option<Node> {
        let text = Word::of(word).text().to_owned();
        let value: Node = match (self.kind, &word.value) {
            (Kind::Text | Kind::List, _) => word.clone(),
            (_, Value::Text(_)) => return None,
            (Kind::Int, _) => text.trim().parse::<i64>().ok()?.into(),
            (Kind::Size, _) => text
                .trim()
                .parse::<i64>()
                .map(Node::from)
                .ok()
                .or_else(|| size(&text).map(|_| text.as_str().into()))?,
            (Kind::Float, _) => {
                Value::Float(text.trim().parse::<f64>().ok().filter(|f| f.is_finite())?).into()
            }
            (Kind::Json, _) => from_json(&serde_json::from_str(&text).ok()?, &word.ids),
            (Kind::Bool, _) => return None,
        };
        Some(Node::derived(value, origin))
    }
}

/// A JSON value as a tree; every node of it has the origin of the text.
pub(super) fn from_json(json: &serde_json::Value, ids: &Ids) -> Node {
    use serde_json::Value as Json;
    let value = match json {
        Json::Null => Value::Null,
        Json::Bool(b) => Value::Bool(*b),
        Json::Number(n) => match (n.as_i64(), n.as_u64()) {
            (Some(i), _) => Value::Int(i),
            (_, Some(u)) => Value::UInt(u),
            _ => Value::Float(n.as_f64().unwrap_or_default()),
        },
        Json::String(s) => Value::Str(s.as_str().into()),
        Json::Array(items) => Value::Seq(items.iter().map(|i| from_json(i, ids)).collect()),
        Json::Object(map) => Value::Map(
            map.iter()
                .map(|(k, v)| (Str::from(k.as_str()), from_json(v, ids)))
                .collect(),
        ),
    };
    Node {
        value,
        ids: ids.clone(),
    }
}

/// The row that a flag of a command line belongs to.
pub fn row_of(engine: EngineKind, version: &Version, spelling: &str) -> Option<&'static Row> {
    let program = engine.program()?;
    let Meaning::Flag { flag, .. } = resolve(program, version, spelling) else {
        return None;
    };
    let spelled = |f: &str| flag.name == f || flag.aliases().any(|a| a == f);
    ROWS.iter().find(|r| {
        r.forms(engine).iter().any(|form| {
            let keyed = matches!(form, Form::Keys(prefix) if flag.name.starts_with(prefix));
            keyed || form.flags().any(spelled)
        })
    })
}

/// The program that an engine's server is.
impl EngineKind {
    /// The program whose flags the engine's server takes; none for a custom one.
    pub const fn program(self) -> Option<Program> {
        match self {
            Self::Vllm => Some(Program::Vllm),
            Self::Sglang => Some(Program::Sglang),
            Self::Trtllm => Some(Program::TrtllmServe),
            Self::Custom => None,
        }
    }
}
