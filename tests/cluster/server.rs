//! The API server as tests see it: requests in, JSON out, none of our own code between.

use kube::Client;
use serde_json::{Value, json};
use std::sync::{Mutex, PoisonError};
use tokio::runtime::Runtime;

/// Speaks to an API server as one user.
pub struct Server(Mutex<(Runtime, Client)>);

impl Server {
    /// A user by its token.
    pub fn new(url: &str, token: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let client = runtime.block_on(async {
            let mut config = kube::Config::new(url.parse().unwrap());
            config.accept_invalid_certs = true;
            config.auth_info.token = Some(token.to_owned().into());
            Client::try_from(config).unwrap()
        });
        Self(Mutex::new((runtime, client)))
    }

    /// Status and body of a request.
    pub fn text(
        &self,
        method: &str,
        path: &str,
        body: Option<(&str, &Value)>,
    ) -> Result<(u16, String), String> {
        let (content, bytes) = body
            .map(|(c, v)| (c, v.to_string().into_bytes()))
            .unwrap_or_default();
        self.raw(method, path, content, bytes)
    }

    /// Status and body of a request of any content.
    pub fn raw(
        &self,
        method: &str,
        path: &str,
        content: &str,
        body: Vec<u8>,
    ) -> Result<(u16, String), String> {
        let mut request = http::Request::builder().method(method).uri(path);
        if !content.is_empty() {
            request = request.header("content-type", content);
        }
        let request = request
            .body(kube::client::Body::from(body))
            .map_err(|e| e.to_string())?;
        let guard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (runtime, client) = &*guard;
        runtime.block_on(async {
            let response = client.send(request).await.map_err(|e| e.to_string())?;
            let status = response.status().as_u16();
            let body = response
                .into_body()
                .collect_bytes()
                .await
                .map_err(|e| e.to_string())?;
            Ok((status, String::from_utf8_lossy(&body).into_owned()))
        })
    }

    fn json(&self, method: &str, path: &str, body: Option<(&str, &Value)>) -> Result<Value, String> {
        let (status, text) = self.text(method, path, body)?;
        let value: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
        match status {
            200..300 => Ok(value),
            _ => Err(format!("{status} {}", value["message"].as_str().unwrap_or(&text))),
        }
    }

    /// What is at a path.
    pub fn get(&self, path: &str) -> Result<Value, String> {
        self.json("GET", path, None)
    }

    /// Creates an object in a collection.
    pub fn create(&self, path: &str, object: &Value) -> Result<Value, String> {
        self.json("POST", path, Some(("application/json", object)))
    }

    /// Merges a patch into an object.
    pub fn patch(&self, path: &str, patch: &Value) -> Result<Value, String> {
        self.json("PATCH", path, Some(("application/merge-patch+json", patch)))
    }

    /// Applies an object, by server-side apply.
    pub fn apply(&self, path: &str, object: &Value) -> Result<Value, String> {
        self.json("PATCH", path, Some(("application/apply-patch+yaml", object)))
    }

    /// Allows something to a group of users, everywhere.
    pub fn grant(&self, group: &str, rules: Value) {
        let name = format!("test-{group}");
        let role = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": name}, "rules": rules,
        });
        let binding = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": name},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": group}],
        });
        let root = "/apis/rbac.authorization.k8s.io/v1";
        self.apply(
            &format!("{root}/clusterroles/{name}?fieldManager=test&force=true"),
            &role,
        )
        .unwrap();
        self.apply(
            &format!("{root}/clusterrolebindings/{name}?fieldManager=test&force=true"),
            &binding,
        )
        .unwrap();
        // The authorizer learns of it by a watch.
        std::thread::sleep(std::time::Duration::from_millis(300));
    }

    /// A namespace of its own for a test.
    pub fn namespace(&self, name: &str) {
        let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        match self.create("/api/v1/namespaces", &object) {
            Ok(_) => {}
            Err(error) if error.starts_with("409") => {}
            Err(error) => panic!("{error}"),
        }
    }

    /// The path of the collection of a kind in a namespace, by the server's own discovery.
    pub fn collection(&self, api_version: &str, kind: &str, namespace: &str) -> Result<String, String> {
        let root = if api_version.contains('/') {
            format!("/apis/{api_version}")
        } else {
            format!("/api/{api_version}")
        };
        let resources = self.get(&root)?;
        let of_kind = |r: &&Value| r["kind"] == kind && !r["name"].as_str().unwrap_or_default().contains('/');
        let found = resources["resources"]
            .as_array()
            .into_iter()
            .flatten()
            .find(of_kind);
        let found = found.ok_or_else(|| format!("{api_version} has no {kind}"))?;
        let plural = found["name"].as_str().unwrap_or_default();
        Ok(match found["namespaced"].as_bool() {
            Some(true) => format!("{root}/namespaces/{namespace}/{plural}"),
            _ => format!("{root}/{plural}"),
        })
    }
}
