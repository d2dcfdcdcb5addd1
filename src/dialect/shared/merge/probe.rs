//! Probes of several members made into one that looks at the rank.

use super::script::{Script, branches, from};
use super::{MERGE_PROBE, Merger, Parts, absorbed, children, identical, keys, origins};
use crate::diagnostic::{Diagnostic, Outcome};
use crate::kubernetes::container::list;
use crate::kubernetes::shell::{shell_join, shell_quote};
use crate::value::{Map, Node};

const HANDLERS: &[&str] = &["httpGet", "tcpSocket", "exec", "grpc"];
/// The least time for a probe that starts a program.
const TIMEOUT: i64 = 5;

impl Merger<'_> {
    /// `ports` are those of the container, to find a port by its name.
    pub(super) fn probe(&mut self, parts: &Parts<'_>, ports: &Node, path: &str) -> Option<Node> {
        if identical(parts) {
            return absorbed(parts);
        }
        let mut merged = Map::new();
        for key in keys(parts)
            .into_iter()
            .filter(|k| !HANDLERS.contains(&k.as_str()))
        {
            // The patience of the most patient.
            let value = super::largest(&children(parts, &key));
            merged.insert_some(key, value);
        }
        let timeout = merged
            .get("timeoutSeconds")
            .and_then(Node::as_int)
            .unwrap_or(1)
            .max(TIMEOUT);
        let ids = merged
            .get("timeoutSeconds")
            .map(|n| n.ids.clone())
            .unwrap_or_default();
        merged.insert("timeoutSeconds", Node::derived(timeout, &ids));
        let mut checks: Vec<Option<Script>> = Vec::new();
        for part in parts {
            match part.map(|probe| self.check(probe, ports, timeout)) {
                None => checks.push(None),
                Some(Some(check)) => checks.push(Some(check)),
                Some(None) => return self.conflict(parts, path),
            }
        }
        let mut script = self.choose(checks);
        script.from(&origins(parts));
        let command = vec![Node::from("/bin/sh"), "-c".into(), script.into_node()];
        let mut probe = Map::from_iter([("exec", Node::from(Map::from_iter([("command", command)])))]);
        for (key, value) in merged {
            probe.insert(key, value);
        }
        Some(probe.into())
    }

    /// What each member asks, chosen by rank; a member without a probe is well as long as it runs.
    fn choose(&self, checks: Vec<Option<Script>>) -> Script {
        let ends = self.ends();
        let mut checks = checks;
        if checks.iter().skip(1).all(Option::is_none) {
            let mut script = Script::default();
            if let Some(Some(check)) = checks.drain(..).next() {
                script
                    .raw(&format!("{} || ", from(self.rank, ends[0])))
                    .node(&check.into_node());
            }
            return script;
        }
        let always = || {
            let mut script = Script::default();
            script.raw("true");
            script
        };
        branches(
            self.rank,
            &ends,
            checks.into_iter().map(|c| c.unwrap_or_else(always)).collect(),
        )
    }

    /// A probe as a shell command; none for what no program of an image can ask.
    fn check(&mut self, probe: &Node, ports: &Node, timeout: i64) -> Option<Script> {
        let mut script = Script::default();
        if let Some(exec) = probe.get("exec") {
            script.node(&shell_join(list(exec, "command")));
            return Some(script);
        }
        let python = self.role.engine.engine.is_some();
        let text = match (probe.get("httpGet"), probe.get("tcpSocket")) {
            (Some(http), _) => http_request(http, ports, timeout, python)?,
            (None, Some(tcp)) => connection(tcp, ports, timeout, python)?,
            (None, None) => return None,
        };
        let program = if probe.get("httpGet").is_some() {
            "curl"
        } else {
            "nc"
        };
        let message = format!(
            "the probes of `{}` run `{program}` in its container",
            self.role.name.value
        );
        let known = self
            .ledger
            .diagnostics
            .iter()
            .any(|d| d.code == &MERGE_PROBE && d.message == message);
        if !known && !python {
            self.ledger.report(
                Diagnostic::new(&MERGE_PROBE, message)
                    .at(self.role.name.at())
                    .outcome(Outcome::Emulated),
            );
        }
        script.raw(&text);
        Some(script)
    }
}

/// The number of a port that is written as a number or as a name.
fn port(port: Option<&Node>, ports: &Node) -> Option<i64> {
    let port = port?;
    port.as_int().or_else(|| {
        let named = |p: &&Node| p.get("name").is_some() && p.get("name") == Some(port);
        ports.as_seq()?.iter().find(named)?.get("containerPort")?.as_int()
    })
}

fn host(handler: &Node) -> &str {
    handler.get("host").and_then(Node::as_str).unwrap_or("127.0.0.1")
}

fn http_request(http: &Node, ports: &Node, timeout: i64, python: bool) -> Option<String> {
    let text = |key: &str| http.get(key).and_then(Node::as_str);
    let https = text("scheme") == Some("HTTPS");
    let scheme = if https { "https" } else { "http" };
    let path = text("path").unwrap_or("/");
    let url = format!(
        "{scheme}://{}:{}/{}",
        host(http),
        port(http.get("port"), ports)?,
        path.trim_start_matches('/')
    );
    let headers: Vec<(&str, &str)> = list(http, "httpHeaders")
        .iter()
        .filter_map(|h| Some((h.get("name")?.as_str()?, h.get("value")?.as_str()?)))
        .collect();
    if !python {
        let headers: String = headers
            .iter()
            .map(|(k, v)| format!(" -H {}", shell_quote(&format!("{k}: {v}"))))
            .collect();
        let insecure = if https { " -k" } else { "" };
        return Some(format!(
            "curl -fsS -m {timeout} -o /dev/null{insecure}{headers} {}",
            shell_quote(&url)
        ));
    }
    let request = if headers.is_empty() {
        format!("{url:?}")
    } else {
        let headers: Vec<String> = headers.iter().map(|(k, v)| format!("{k:?}: {v:?}")).collect();
        format!("r.Request({url:?}, headers={{{}}})", headers.join(", "))
    };
    // Like the kubelet, which does not look at certificates.
    let (import, context) = if https {
        (", ssl", ", context=ssl._create_unverified_context()")
    } else {
        ("", "")
    };
    let program =
        format!("import urllib.request as r{import}; r.urlopen({request}, timeout={timeout}{context})");
    Some(format!("python3 -c {}", shell_quote(&program)))
}

fn connection(tcp: &Node, ports: &Node, timeout: i64, python: bool) -> Option<String> {
    let (host, port) = (host(tcp), port(tcp.get("port"), ports)?);
    if python {
        let program = format!("import socket; socket.create_connection(({host:?}, {port}), {timeout})");
        return Some(format!("python3 -c {}", shell_quote(&program)));
    }
    Some(format!("nc -z -w {timeout} {host} {port}"))
}
