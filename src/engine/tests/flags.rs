//! What is wrong with command lines.

use super::{version, words};
use crate::diagnostic::Severity;
use crate::engine::scan::entry;
use crate::engine::{Problem, Program, lint};

fn found(program: Program, at: &str, line: &str) -> Vec<(String, Problem)> {
    lint(program, &version(at), &words(line))
        .into_iter()
        .map(|f| (f.flag.to_string(), f.problem))
        .collect()
}

fn clean(program: Program, at: &str, line: &str) {
    let findings = lint(program, &version(at), &words(line));
    assert!(
        findings
            .iter()
            .all(|f| f.severity == Severity::Note && f.problem == Problem::Deprecated),
        "{line}: {findings:#?}"
    );
}

fn one(program: Program, at: &str, line: &str, flag: &str, problem: Problem) {
    assert_eq!(found(program, at, line), [(flag.to_owned(), problem)], "{line}");
}

#[test]
fn vllm_reads_its_own_way() {
    clean(
        Program::Vllm,
        "0.33.0",
        "m --tensor_parallel_size 8 -dp=2 -O3 --kv-transfer-config.kv_connector NixlConnector --max-model-len 128k",
    );
    clean(
        Program::Vllm,
        "0.33.0",
        "m --no-enable-prefix-caching --disable-log-requests --compilation-config.cudagraph_capture_sizes+ 4 -cc.level=3",
    );
    clean(
        Program::Vllm,
        "0.33.0",
        "m --speculative-config {\"method\":\"ngram\"} --served-model-name a b c --port 80",
    );
    one(
        Program::Vllm,
        "0.33.0",
        "m --tensor-parallel 8",
        "--tensor-parallel",
        Problem::Abbreviated,
    );
    one(
        Program::Vllm,
        "0.33.0",
        "m --tensor-parralel-size 8",
        "--tensor-parralel-size",
        Problem::Unknown,
    );
    one(
        Program::Vllm,
        "0.33.0",
        "m --enforce-eager=true",
        "--enforce-eager",
        Problem::UnexpectedValue,
    );
    one(
        Program::Vllm,
        "0.33.0",
        "m --port.x 1",
        "--port",
        Problem::UnexpectedValue,
    );
    one(
        Program::Vllm,
        "0.33.0",
        "m --port --headless",
        "--port",
        Problem::MissingValue,
    );
    one(
        Program::Vllm,
        "0.33.0",
        "m --port http",
        "--port",
        Problem::BadValue,
    );
    one(
        Program::Vllm,
        "0.33.0",
        "m --kv-transfer-config {bad",
        "--kv-transfer-config",
        Problem::BadValue,
    );
    one(
        Program::Vllm,
        "0.33.0",
        "m -tp 2 --tensor-parallel-size 4",
        "--tensor-parallel-size",
        Problem::Duplicate,
    );
    one(
        Program::Vllm,
        "0.33.0",
        "m --tensor-parallel-size",
        "--tensor-parallel-size",
        Problem::MissingValue,
    );
}

#[test]
fn versions_decide() {
    // Seen in 0.11.2, absent in 0.10.2: in between nobody knows.
    one(
        Program::Vllm,
        "0.10.2",
        "m --nnodes 2",
        "--nnodes",
        Problem::NotYet,
    );
    clean(Program::Vllm, "0.11.0", "m --nnodes 2");
    clean(Program::Vllm, "0.11.2", "m --nnodes 2");
    // Seen in 0.16.0, absent in 0.19.1.
    clean(Program::Vllm, "0.17.0", "m --swap-space 4");
    one(
        Program::Vllm,
        "0.19.1",
        "m --swap-space 4",
        "--swap-space",
        Problem::Removed,
    );
    one(
        Program::Vllm,
        "0.24.0",
        "m --disable-log-requests",
        "--disable-log-requests",
        Problem::Removed,
    );
    // An unknown version calls nothing missing; only names that never were are errors.
    clean(Program::Vllm, "", "m --swap-space 4 --nnodes 2");
    one(
        Program::Vllm,
        "latest",
        "m --never-was 1",
        "--never-was",
        Problem::Unknown,
    );
    // Outside of the versions that were read, a name may be one that nobody has seen.
    let doubtful = lint(Program::Vllm, &version("0.99.0"), &words("m --never-was 1"));
    assert_eq!(doubtful[0].severity, Severity::Warning);
    let certain = lint(Program::Vllm, &version("0.30.0"), &words("m --never-was 1"));
    assert_eq!(certain[0].severity, Severity::Error);
}

#[test]
fn replacements_are_named() {
    let of = |line: &str| lint(Program::Sglang, &version("0.5.23"), &words(line)).remove(0);
    assert_eq!(
        of("--cuda-graph-max-bs 8").remedy.as_deref(),
        Some("use --cuda-graph-max-bs-decode")
    );
    assert_eq!(of("--enable-ep-moe").problem, Problem::Removed);
    assert_eq!(
        of("--mem-fraction-statik 0.8").replacement.as_deref(),
        Some("--mem-fraction-static")
    );
    let task = lint(Program::Vllm, &version("0.33.0"), &words("m --task embed")).remove(0);
    assert!(task.remedy.is_some_and(|r| r.contains("--runner")));
}

#[test]
fn sglang_is_plain_argparse() {
    clean(
        Program::Sglang,
        "0.5.23",
        "--model m --ep 8 --tp-size 8 --enable-dp-attention",
    );
    one(Program::Sglang, "0.5.23", "--tp 8", "--tp", Problem::Abbreviated);
    one(Program::Sglang, "0.5.23", "--dp 8", "--dp", Problem::Abbreviated);
    one(Program::Sglang, "0.5.23", "--pp 8", "--pp", Problem::Ambiguous);
    one(
        Program::Sglang,
        "0.5.23",
        "--kv-cache-dtype fp8",
        "--kv-cache-dtype",
        Problem::BadValue,
    );
    clean(
        Program::Sglang,
        "0.5.23",
        "--chunked-prefill-size -1 --disaggregation-mode prefill",
    );
    one(
        Program::Sglang,
        "0.5.18",
        "--attn-dp-size 8",
        "--attn-dp-size",
        Problem::NotYet,
    );
}

#[test]
fn click_is_exact() {
    clean(
        Program::TrtllmServe,
        "",
        "m --tp_size 8 --kv_cache_dtype fp8 --generation-config auto --no-telemetry",
    );
    let hyphens = lint(Program::TrtllmServe, &version(""), &words("m --tp-size 8")).remove(0);
    assert_eq!(
        (hyphens.problem, hyphens.replacement.as_deref()),
        (Problem::Unknown, Some("--tp_size"))
    );
    one(
        Program::TrtllmServe,
        "",
        "m --max_batch 8",
        "--max_batch",
        Problem::Unknown,
    );
    clean(Program::TrtllmDisaggregated, "", "-c f.yaml -t 300 -r 300");
}

#[test]
fn wrappers_take_the_flags_of_both() {
    clean(
        Program::DynamoVllm,
        "1.6.1",
        "--model m --tensor-parallel-size 4 --disaggregation-mode prefill --kv-transfer-config {}",
    );
    one(
        Program::DynamoVllm,
        "1.6.1",
        "--model m --port 8000",
        "--port",
        Problem::Unknown,
    );
    one(
        Program::DynamoVllm,
        "1.6.1",
        "--model m --is-prefill-worker",
        "--is-prefill-worker",
        Problem::Removed,
    );
    clean(
        Program::DynamoSglang,
        "1.6.1",
        "--model-path m --tp-size 4 --disaggregation-mode prefill",
    );
}

#[test]
fn what_the_target_completes_is_right() {
    clean(
        Program::Vllm,
        "0.33.0",
        "m --node-rank $(LWS_WORKER_INDEX) --port $PORT",
    );
}

#[test]
fn entries_are_recognised() {
    for (line, program, from) in [
        ("vllm serve m", Program::Vllm, 2),
        (
            "/usr/bin/python3 -m vllm.entrypoints.openai.api_server --model m",
            Program::Vllm,
            3,
        ),
        (
            "python3 -m sglang.launch_server --model-path m",
            Program::Sglang,
            3,
        ),
        ("exec sglang serve --model-path m", Program::Sglang, 3),
        (
            "HF_HOME=/x trtllm-llmapi-launch trtllm-serve m",
            Program::TrtllmServe,
            3,
        ),
        ("trtllm-serve disaggregated -c f", Program::TrtllmDisaggregated, 2),
        ("python3 -u -m dynamo.vllm --model m", Program::DynamoVllm, 4),
        ("smg launch", Program::SglangRouter, 2),
    ] {
        assert_eq!(entry(&words(line)), Some((program, from)), "{line}");
    }
    assert_eq!(entry(&words("bash -c x")), None);
    assert_eq!(entry(&[]), None);
}
