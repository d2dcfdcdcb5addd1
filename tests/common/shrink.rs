//! The smallest document that still fails, and documents with one leaf changed.

use serde_json::Value;

/// How many documents are tried at most.
const TRIES: usize = 400;

/// Takes away keys and elements as long as `fails` holds.
pub fn smallest(document: &Value, fails: &dyn Fn(&Value) -> bool) -> Value {
    let mut best = document.clone();
    let mut tries = 0;
    loop {
        let mut smaller = false;
        for path in paths(&best) {
            if tries > TRIES {
                return best;
            }
            if best.pointer(&path).is_none() || path.is_empty() {
                continue;
            }
            let mut candidate = best.clone();
            remove(&mut candidate, &path);
            tries += 1;
            if fails(&candidate) {
                best = candidate;
                smaller = true;
            }
        }
        if !smaller {
            return best;
        }
    }
}

/// The places of all nodes, larger ones first.
fn paths(document: &Value) -> Vec<String> {
    let mut out = Vec::new();
    let mut queue = std::collections::VecDeque::from([(String::new(), document)]);
    while let Some((path, value)) = queue.pop_front() {
        for (key, inner) in children(value) {
            queue.push_back((format!("{path}/{key}"), inner));
        }
        out.push(path);
    }
    out
}

fn children(value: &Value) -> Vec<(String, &Value)> {
    match value {
        Value::Object(map) => map
            .iter()
            .map(|(k, v)| (k.replace('~', "~0").replace('/', "~1"), v))
            .collect(),
        // From the end, so that taking one away moves none that are still to come.
        Value::Array(items) => items
            .iter()
            .enumerate()
            .rev()
            .map(|(i, v)| (i.to_string(), v))
            .collect(),
        _ => Vec::new(),
    }
}

fn remove(document: &mut Value, path: &str) {
    let (parent, key) = path.rsplit_once('/').unwrap();
    match document.pointer_mut(parent) {
        Some(Value::Object(map)) => drop(map.shift_remove(&key.replace("~1", "/").replace("~0", "~"))),
        Some(Value::Array(items)) => drop(items.remove(key.parse().unwrap())),
        _ => {}
    }
}

/// The places of all leaves.
pub fn leaves(document: &Value) -> Vec<String> {
    let all = paths(document);
    all.into_iter()
        .filter(|p| children(document.pointer(p).unwrap()).is_empty())
        .collect()
}

/// Changes a leaf into another one that looks much like it.
pub fn bend(leaf: &mut Value) {
    *leaf = match &*leaf {
        Value::Bool(b) => (!b).into(),
        Value::Number(n) => match n.as_i64() {
            Some(i) => (i + 1).into(),
            None => (n.as_f64().unwrap() * 0.5).into(),
        },
        Value::String(s) => match s.parse::<i64>() {
            Ok(i) => (i + 1).to_string().into(),
            Err(_) if s.ends_with("Gi") => format!("7{s}").into(),
            Err(_) => format!("{s}q").into(),
        },
        Value::Object(_) => serde_json::json!({"q": 1}),
        Value::Array(_) => serde_json::json!(["q"]),
        Value::Null => "q".into(),
    };
}
