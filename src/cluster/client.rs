//! Requests and answers.

use super::config::{self, Settings};
use super::error::{Cause, Error, Status, causes};
use super::json;
use super::options::Connection;
use crate::value::Node;
use http::{HeaderMap, Method, Request};
use kube::client::Body;
use std::time::Duration;

/// A connection to an API server.
pub struct Client {
    client: kube::Client,
    timeout: Option<Duration>,
    /// The address of the server.
    pub server: String,
    /// The namespace of the context.
    pub namespace: String,
}

/// A successful answer.
#[derive(Debug)]
pub struct Answer {
    /// Whether something new was made.
    pub created: bool,
    /// What the server thinks should be known.
    pub warnings: Vec<String>,
    /// The body.
    pub body: Node,
}

/// What is sent with a request.
pub struct Content {
    /// Its media type.
    pub kind: &'static str,
    /// It itself.
    pub text: String,
}

impl Content {
    /// JSON.
    pub fn json(node: &Node) -> Self {
        Self {
            kind: "application/json",
            text: json::write(node),
        }
    }

    /// A configuration for server-side apply.
    pub fn apply(node: &Node) -> Self {
        Self {
            kind: "application/apply-patch+yaml",
            text: json::write(node),
        }
    }
}

/// How often a request is sent again that the server was too busy for.
const RETRIES: u32 = 4;
/// The longest pause that the server may ask for.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

impl Client {
    /// Connects; nothing is sent yet, but plugins for credentials run.
    ///
    /// # Errors
    /// The configuration cannot be used.
    pub async fn new(options: &Connection) -> Result<Self, Error> {
        let Settings { config, timeout } = config::settings(options).await?;
        let (server, namespace) = (config.cluster_url.to_string(), config.default_namespace.clone());
        let client = kube::Client::try_from(config).map_err(|e| Error::Config(causes(&e)))?;
        Ok(Self {
            client,
            timeout,
            server: server.trim_end_matches('/').to_owned(),
            namespace,
        })
    }

    /// Gets what is at a path.
    ///
    /// # Errors
    /// No answer, or none that is a success.
    pub async fn get(&self, path: &str) -> Result<Node, Error> {
        Ok(self.send(Method::GET, path, None).await?.body)
    }

    /// Gets what is at a path, if anything is.
    ///
    /// # Errors
    /// No answer, or one that is neither a success nor 404.
    pub async fn find(&self, path: &str) -> Result<Option<Node>, Error> {
        match self.get(path).await {
            Ok(node) => Ok(Some(node)),
            Err(error) if error.code() == Some(404) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Gets all that a list holds, page by page.
    ///
    /// # Errors
    /// No answer, or none that is a success.
    pub async fn list(&self, path: &str, selector: &str) -> Result<Vec<Node>, Error> {
        let (mut items, mut token) = (Vec::new(), String::new());
        loop {
            let query = format!(
                "{path}?limit=500&labelSelector={}&continue={}",
                encode(selector),
                encode(&token)
            );
            let mut page = self.get(&query).await?;
            let kind = page
                .get("kind")
                .and_then(Node::as_str)
                .unwrap_or_default()
                .trim_end_matches("List")
                .to_owned();
            let version = page.get("apiVersion").cloned().unwrap_or_default();
            token = page
                .at(&["metadata", "continue"])
                .and_then(Node::as_str)
                .unwrap_or_default()
                .to_owned();
            for mut item in std::mem::take(page.at_mut(&["items"]).seq_mut()) {
                // Elements of a list do not say what they are.
                if item.get("kind").is_none() {
                    item.set("apiVersion", version.clone());
                    item.set("kind", kind.as_str());
                }
                items.push(item);
            }
            if token.is_empty() {
                return Ok(items);
            }
        }
    }

    /// Sends a request, again after a pause where the server was too busy to look at it.
    ///
    /// # Errors
    /// No answer, or none that is a success.
    pub async fn send(&self, method: Method, path: &str, content: Option<Content>) -> Result<Answer, Error> {
        let mut pause = Duration::from_millis(200);
        for _ in 0..RETRIES {
            match self.send_once(&method, path, content.as_ref()).await {
                Err((Error::Status(status), wait)) if matches!(status.code, 429 | 503 | 504) => {
                    tokio::time::sleep(wait.unwrap_or(pause).min(LONGEST_PAUSE)).await;
                    pause *= 2;
                }
                other => return other.map_err(|(error, _)| error),
            }
        }
        self.send_once(&method, path, content.as_ref())
            .await
            .map_err(|(error, _)| error)
    }

    async fn send_once(
        &self,
        method: &Method,
        path: &str,
        content: Option<&Content>,
    ) -> Result<Answer, (Error, Option<Duration>)> {
        let mut request = Request::builder()
            .method(method.clone())
            .uri(path)
            .header("accept", "application/json");
        if let Some(content) = content {
            request = request.header("content-type", content.kind);
        }
        let body = content.map(|c| c.text.clone().into_bytes()).unwrap_or_default();
        let request = request
            .body(Body::from(body))
            .map_err(|e| (Error::Answer(causes(&e)), None))?;
        let exchange = async {
            let response = self.client.send(request).await?;
            let (parts, body) = response.into_parts();
            Ok::<_, kube::Error>((parts, body.collect_bytes().await?))
        };
        let answer = match self.timeout {
            Some(after) => tokio::time::timeout(after, exchange).await.map_err(|_| {
                let server = self.server.clone();
                (Error::TimedOut { server, after }, None)
            })?,
            None => exchange.await,
        };
        let (parts, bytes) = answer.map_err(|e| (self.unreachable(&e), None))?;
        if !parts.status.is_success() {
            return Err((
                Error::Status(Box::new(status(parts.status.as_u16(), &bytes))),
                retry_after(&parts.headers),
            ));
        }
        let body =
            json::parse(&bytes).map_err(|e| (Error::Answer(format!("the answer is no JSON: {e}")), None))?;
        Ok(Answer {
            created: parts.status.as_u16() == 201,
            warnings: warnings(&parts.headers),
            body,
        })
    }

    fn unreachable(&self, error: &kube::Error) -> Error {
        match error {
            kube::Error::Auth(inner) => Error::Config(format!("cannot get credentials: {}", causes(inner))),
            other => Error::Unreachable {
                server: self.server.clone(),
                why: network(other),
            },
        }
    }
}

/// What the network said: the innermost causes, without the names of the layers of this program.
fn network(error: &kube::Error) -> String {
    let text = causes(error);
    let plain = [
        "ServiceError: ",
        "HyperError: ",
        "client error (Connect): ",
        "client error (SendRequest): ",
    ];
    plain.iter().fold(text, |text, layer| text.replace(layer, ""))
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get("retry-after")?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// The texts of `Warning: 299 - "text"`.
fn warnings(headers: &HeaderMap) -> Vec<String> {
    let text = |value: &http::HeaderValue| {
        let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
        let (_, quoted) = text.split_once('"')?;
        Some(quoted.trim_end_matches('"').replace("\\\"", "\""))
    };
    headers.get_all("warning").iter().filter_map(text).collect()
}

/// The body of a refusal: a `Status`, or whatever a proxy wrote.
fn status(code: u16, body: &[u8]) -> Status {
    let text = |node: &Node, key: &str| {
        node.get(key)
            .and_then(Node::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let parsed = json::parse(body)
        .ok()
        .filter(|n| n.get("kind").and_then(Node::as_str) == Some("Status"));
    let Some(node) = parsed else {
        let body = String::from_utf8_lossy(body);
        let line = body
            .lines()
            .find(|l| !l.trim().is_empty())
            .unwrap_or_default()
            .trim();
        let message = format!("the API server, or a proxy before it, answered {code}: {line}");
        return Status {
            code,
            message: message.trim_end_matches(": ").to_owned(),
            ..Status::default()
        };
    };
    let causes = node
        .at(&["details", "causes"])
        .and_then(Node::as_seq)
        .unwrap_or_default();
    Status {
        code,
        reason: text(&node, "reason"),
        message: text(&node, "message"),
        causes: causes
            .iter()
            .map(|c| Cause {
                reason: text(c, "reason"),
                message: text(c, "message"),
                field: text(c, "field"),
            })
            .collect(),
    }
}

/// A text as part of a path or query.
pub fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}
