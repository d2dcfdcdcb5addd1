//! A real Kubernetes control plane for tests: etcd, kube-apiserver and kube-controller-manager on loopback ports of
//! their own, started when the first test asks and gone with this process.

use crate::common;
use crate::server::Server;
use serde_json::{Value, json};
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// The tokens that the API server knows, with the user and the group of each.
const TOKENS: &[(&str, &str, &str)] = &[
    ("admin", "admin", "system:masters"),
    ("reader", "reader", "readers"),
    ("differ", "differ", "differs"),
    ("applier", "applier", "appliers"),
    ("nobody", "nobody", "nobodies"),
];

/// A running control plane.
pub struct ControlPlane {
    /// Where the API server listens.
    pub url: String,
    admin: Server,
    dir: PathBuf,
    children: Mutex<Vec<Child>>,
}

static RUNNING: OnceLock<Result<ControlPlane, String>> = OnceLock::new();

/// Where the binaries are: `KUBEBUILDER_ASSETS`, or what `tests/controlplane/build` made, or why neither.
pub fn assets() -> Result<PathBuf, String> {
    static ASSETS: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let find = || {
        if let Some(dir) = std::env::var_os("KUBEBUILDER_ASSETS").map(PathBuf::from) {
            let there = ["etcd", "kube-apiserver"].iter().all(|b| dir.join(b).exists());
            return if there {
                Ok(dir)
            } else {
                Err("KUBEBUILDER_ASSETS holds no etcd and kube-apiserver".into())
            };
        }
        let built = Command::new(common::root().join("tests/controlplane/build"))
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .map_err(|e| format!("tests/controlplane/build does not run: {e}"))?;
        match built.status.success() {
            true => Ok(PathBuf::from(String::from_utf8_lossy(&built.stdout).trim())),
            false => Err("no KUBEBUILDER_ASSETS, and tests/controlplane/build failed".into()),
        }
    };
    ASSETS.get_or_init(find).clone()
}

/// The control plane, which starts now if it does not run yet.
///
/// # Errors
/// Why it cannot run.
pub fn control_plane() -> Result<&'static ControlPlane, String> {
    RUNNING
        .get_or_init(ControlPlane::start)
        .as_ref()
        .map_err(Clone::clone)
}

/// Ends the control plane, if one runs.
pub fn stop() {
    if let Some(Ok(plane)) = RUNNING.get() {
        plane.stop();
    }
}

impl ControlPlane {
    fn start() -> Result<Self, String> {
        let assets = assets()?;
        let dir = common::scratch("controlplane");
        std::fs::create_dir_all(&dir).map_err(|e| e.to_string())?;
        let (client, peer, api) = (port()?, port()?, port()?);
        let url = format!("https://127.0.0.1:{api}");
        let plane = Self {
            admin: Server::new(&url, "admin"),
            url,
            dir: dir.clone(),
            children: Mutex::new(Vec::new()),
        };
        plane.write_files()?;
        plane.spawn(&assets.join("etcd"), &etcd_flags(&dir, client, peer))?;
        plane.spawn(
            &assets.join("kube-apiserver"),
            &api_server_flags(&dir, client, api),
        )?;
        plane.wait_ready()?;
        let manager = assets.join("kube-controller-manager");
        if manager.exists() {
            plane.spawn(&manager, &manager_flags(&dir, &plane.kubeconfig("admin")))?;
        }
        plane.install_crds()?;
        Ok(plane)
    }

    /// The API server for the administrator.
    pub fn admin(&self) -> &Server {
        &self.admin
    }

    /// A kubeconfig file for one of the users.
    pub fn kubeconfig(&self, user: &str) -> PathBuf {
        let path = self.dir.join(format!("kubeconfig-{user}"));
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{"name": "test", "cluster": {"server": self.url, "insecure-skip-tls-verify": true}}],
            "users": [{"name": user, "user": {"token": user}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": user}}],
        });
        // Other tests may be reading it.
        let new = common::scratch("kubeconfig");
        std::fs::write(&new, config.to_string()).unwrap();
        std::fs::rename(&new, &path).unwrap();
        path
    }

    fn write_files(&self) -> Result<(), String> {
        let tokens: String = TOKENS
            .iter()
            .map(|(token, user, group)| format!("{token},{user},{user},{group}\n"))
            .collect();
        std::fs::write(self.dir.join("tokens.csv"), tokens).map_err(|e| e.to_string())?;
        // It signs tokens of service accounts that nobody uses.
        let key = Command::new("openssl")
            .args(["genrsa", "-out"])
            .arg(self.dir.join("sa.key"))
            .output();
        match key {
            Ok(output) if output.status.success() => Ok(()),
            _ => Err("openssl cannot make a key".into()),
        }
    }

    /// Starts a program that ends with this process, however that ends: its shell waits for the end of our pipe.
    fn spawn(&self, program: &Path, flags: &[String]) -> Result<(), String> {
        let name = program
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let log = std::fs::File::create(self.dir.join(format!("{name}.log"))).map_err(|e| e.to_string())?;
        let child = Command::new("sh")
            .args([
                "-c",
                r#""$@" </dev/null & pid=$!; trap 'kill -9 $pid' EXIT; read -r _"#,
                "sh",
            ])
            .arg(program)
            .args(flags)
            .stdin(Stdio::piped())
            .stdout(log.try_clone().map_err(|e| e.to_string())?)
            .stderr(log)
            .spawn()
            .map_err(|e| format!("{name} does not start: {e}"))?;
        self.children
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(child);
        Ok(())
    }

    fn wait_ready(&self) -> Result<(), String> {
        let until = Instant::now() + Duration::from_secs(90);
        loop {
            if self
                .admin()
                .text("GET", "/readyz", None)
                .is_ok_and(|(status, _)| status == 200)
            {
                // The last thing that an API server makes of itself.
                if self.admin().get("/api/v1/namespaces/default").is_ok() {
                    return Ok(());
                }
            }
            if Instant::now() > until {
                return Err(format!(
                    "the API server is not ready; its log is in {}",
                    self.dir.display()
                ));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn install_crds(&self) -> Result<(), String> {
        let Some(shared) = common::shared() else {
            return Ok(());
        };
        let mut names = Vec::new();
        for crd in common::crds::definitions(&shared.join("crds")) {
            let name = crd["metadata"]["name"].as_str().unwrap_or_default().to_owned();
            self.admin()
                .create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", &crd)?;
            names.push(name);
        }
        let until = Instant::now() + Duration::from_secs(60);
        for name in names {
            let path = format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}");
            while !established(&self.admin().get(&path)?) {
                if Instant::now() > until {
                    return Err(format!("CRD {name} is not served"));
                }
                std::thread::sleep(Duration::from_millis(50));
            }
        }
        Ok(())
    }

    fn stop(&self) {
        for child in self
            .children
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter_mut()
        {
            drop(child.stdin.take().map(|mut pipe| pipe.write_all(b"\n")));
            let _ = child.wait();
        }
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

fn established(crd: &Value) -> bool {
    let conditions = crd["status"]["conditions"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    conditions
        .iter()
        .any(|c| c["type"] == "Established" && c["status"] == "True")
}

/// A port that is free now.
pub fn port() -> Result<u16, String> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|e| e.to_string())?;
    Ok(listener.local_addr().map_err(|e| e.to_string())?.port())
}

fn flags(list: &[(&str, String)]) -> Vec<String> {
    list.iter()
        .map(|(flag, value)| format!("--{flag}={value}"))
        .collect()
}

fn etcd_flags(dir: &Path, client: u16, peer: u16) -> Vec<String> {
    let (client, peer) = (
        format!("http://127.0.0.1:{client}"),
        format!("http://127.0.0.1:{peer}"),
    );
    flags(&[
        ("data-dir", dir.join("etcd").display().to_string()),
        ("listen-client-urls", client.clone()),
        ("advertise-client-urls", client),
        ("listen-peer-urls", peer.clone()),
        ("initial-advertise-peer-urls", peer.clone()),
        ("initial-cluster", format!("default={peer}")),
        ("unsafe-no-fsync", "true".into()),
    ])
}

fn api_server_flags(dir: &Path, etcd: u16, api: u16) -> Vec<String> {
    let key = dir.join("sa.key").display().to_string();
    flags(&[
        ("etcd-servers", format!("http://127.0.0.1:{etcd}")),
        ("secure-port", api.to_string()),
        ("bind-address", "127.0.0.1".into()),
        ("cert-dir", dir.join("certs").display().to_string()),
        ("service-account-key-file", key.clone()),
        ("service-account-signing-key-file", key),
        ("service-account-issuer", "https://controlplane.test".into()),
        ("token-auth-file", dir.join("tokens.csv").display().to_string()),
        ("authorization-mode", "RBAC".into()),
        ("service-cluster-ip-range", "10.0.0.0/16".into()),
        ("endpoint-reconciler-type", "none".into()),
        ("disable-admission-plugins", "ServiceAccount".into()),
        ("max-requests-inflight", "0".into()),
        ("max-mutating-requests-inflight", "0".into()),
        ("enable-priority-and-fairness", "false".into()),
    ])
}

fn manager_flags(dir: &Path, kubeconfig: &Path) -> Vec<String> {
    flags(&[
        ("kubeconfig", kubeconfig.display().to_string()),
        ("leader-elect", "false".into()),
        ("secure-port", "0".into()),
        (
            "service-account-private-key-file",
            dir.join("sa.key").display().to_string(),
        ),
        (
            "controllers",
            "*,-node-ipam-controller,-node-route-controller,-cloud-node-lifecycle-controller,\
             -taint-eviction-controller,-node-lifecycle-controller"
                .into(),
        ),
    ])
}
