//! Typed settings by the keys of the engine table.

use crate::spec::engine::Settings;
use crate::value::{Ids, Node};

/// The settings that are set, by the key of their row in the engine table, in the order of the language.
pub fn rows(settings: &Settings) -> Vec<(&'static str, Node)> {
    let Settings {
        ids,
        max_model_len,
        memory_fraction,
        max_num_seqs,
        max_num_batched_tokens,
        kv_cache_dtype,
        block_size,
        dtype,
        quantization,
        load_format,
        chunked_prefill,
        prefix_caching,
        enforce_eager,
        attention_backend,
        all2all_backend,
        trust_remote_code,
        tool_call_parser,
        reasoning_parser,
        chat_template,
    } = settings;
    let number = |v: &Option<crate::value::Traced<crate::spec::decode::Positive>>| {
        v.as_ref().map(|v| v.number().node())
    };
    let word = |v: &Option<crate::value::Traced<crate::value::Str>>| v.as_ref().map(Node::from);
    let switch = |v: &Option<crate::value::Traced<bool>>| v.as_ref().map(|v| v.node());
    let fraction = memory_fraction
        .as_ref()
        .map(|v| Node::derived(crate::value::Value::Float(v.value), &v.ids));
    let rows = [
        ("maxModelLen", number(max_model_len)),
        ("memoryFraction", fraction),
        ("maxNumSeqs", number(max_num_seqs)),
        ("maxNumBatchedTokens", number(max_num_batched_tokens)),
        ("kvCacheDtype", word(kv_cache_dtype)),
        ("blockSize", number(block_size)),
        ("dtype", word(dtype)),
        ("quantization", word(quantization)),
        ("loadFormat", word(load_format)),
        ("chunkedPrefill", switch(chunked_prefill)),
        ("prefixCaching", switch(prefix_caching)),
        ("enforceEager", switch(enforce_eager)),
        ("attentionBackend", word(attention_backend)),
        ("all2allBackend", word(all2all_backend)),
        ("trustRemoteCode", switch(trust_remote_code)),
        ("toolCallParser", word(tool_call_parser)),
        ("reasoningParser", word(reasoning_parser)),
        ("chatTemplate", word(chat_template)),
    ];
    let mut own: Ids = ids.clone();
    rows.into_iter()
        .filter_map(|(key, node)| {
            let mut node = node?;
            node.ids.merge(&std::mem::take(&mut own));
            Some((key, node))
        })
        .collect()
}
