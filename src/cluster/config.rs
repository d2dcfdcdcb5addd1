//! From kubeconfig files, flags and the environment to a client.

use super::error::{Error, causes};
use super::options::Connection;
use super::proxy;
use crate::kubernetes::duration;
use kube::Config;
use kube::config::{AuthInfo, Cluster as Entry, KubeConfigOptions, Kubeconfig};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What a run needs to know of its connection.
pub(super) struct Settings {
    /// For the client.
    pub config: Config,
    /// The longest that a request may take.
    pub timeout: Option<Duration>,
}

/// Finds the cluster as kubectl would: flags win over files, files over the pod's own account.
pub(super) async fn settings(options: &Connection) -> Result<Settings, Error> {
    let timeout = timeout(&options.request_timeout)?;
    let kubeconfig = kubeconfig(options)?;
    let explicit_proxy = kubeconfig
        .as_ref()
        .and_then(|k| entry(k, options)?.proxy_url.clone())
        .is_some();
    let mut config = match (kubeconfig, &options.server) {
        (Some(kubeconfig), _) => from_files(kubeconfig, options).await?,
        (None, Some(server)) => Config::new(uri(server)?),
        (None, None) => Config::incluster().map_err(|_| nowhere())?,
    };
    overrides(&mut config, options)?;
    if !explicit_proxy {
        config.proxy_url = proxy::from_environment(&config.cluster_url)?;
    }
    let agent = format!("kubectl-infer/{}", env!("CARGO_PKG_VERSION"));
    if let Ok(agent) = agent.parse() {
        config.headers.push((http::header::USER_AGENT, agent));
    }
    config.connect_timeout = Some(timeout.map_or(CONNECT, |t| t.min(CONNECT)));
    // Retries are our own: these would hide how often and for how long.
    config.default_retry = false;
    Ok(Settings { config, timeout })
}

/// The longest that a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(15);

fn nowhere() -> Error {
    Error::Config(
        "no cluster is configured: there is no kubeconfig (--kubeconfig, KUBECONFIG, ~/.kube/config), no --server, and this \
         is no pod"
            .into(),
    )
}

fn timeout(text: &str) -> Result<Option<Duration>, Error> {
    let bad = || {
        Error::Config(format!(
            "--request-timeout {text}: expected a time like 30s or 2m, or 0"
        ))
    };
    let seconds = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let span = duration::Duration::parse(text).map_err(|_| bad())?.nanoseconds();
            Duration::from_nanos(u64::try_from(span).map_err(|_| bad())?)
        }
    };
    Ok((!seconds.is_zero()).then_some(seconds))
}

fn uri(text: &str) -> Result<http::Uri, Error> {
    let with_scheme = if text.contains("://") {
        text.to_owned()
    } else {
        format!("https://{text}")
    };
    with_scheme
        .parse()
        .map_err(|_| Error::Config(format!("--server {text}: not the address of a server")))
}

/// The kubeconfig files: the flag's, those of KUBECONFIG, or the one at home. Files of a list that are missing are skipped, as
/// kubectl does.
fn kubeconfig(options: &Connection) -> Result<Option<Kubeconfig>, Error> {
    if let Some(path) = &options.kubeconfig {
        return read(path).map(Some);
    }
    let listed = std::env::var_os("KUBECONFIG").filter(|v| !v.is_empty());
    let paths: Vec<PathBuf> = match listed {
        Some(list) => std::env::split_paths(&list)
            .filter(|p| !p.as_os_str().is_empty())
            .collect(),
        None => std::env::home_dir()
            .map(|home| home.join(".kube/config"))
            .into_iter()
            .collect(),
    };
    let mut merged: Option<Kubeconfig> = None;
    for path in paths.iter().filter(|p| p.exists()) {
        let next = read(path)?;
        merged = Some(match merged {
            Some(before) => before.merge(next).map_err(|e| Error::Config(causes(&e)))?,
            None => next,
        });
    }
    // An empty configuration is none.
    Ok(merged.filter(|k| !k.clusters.is_empty() || options.server.is_some()))
}

fn read(path: &Path) -> Result<Kubeconfig, Error> {
    Kubeconfig::read_from(path).map_err(|e| Error::Config(format!("{}: {}", path.display(), causes(&e))))
}

/// The entry of the cluster that will be chosen.
fn entry<'a>(kubeconfig: &'a Kubeconfig, options: &Connection) -> Option<&'a Entry> {
    let context = options.context.as_ref().or(kubeconfig.current_context.as_ref());
    let of_context = || {
        let named = kubeconfig.contexts.iter().find(|c| Some(&c.name) == context)?;
        Some(named.context.as_ref()?.cluster.clone())
    };
    let name = options.cluster.clone().or_else(of_context)?;
    kubeconfig
        .clusters
        .iter()
        .find(|c| c.name == name)?
        .cluster
        .as_ref()
}

async fn from_files(kubeconfig: Kubeconfig, options: &Connection) -> Result<Config, Error> {
    let names = |list: Vec<&String>| list.iter().map(|n| n.as_str()).collect::<Vec<_>>().join(", ");
    let contexts = names(kubeconfig.contexts.iter().map(|c| &c.name).collect());
    if let Some(wanted) = &options.context {
        if !kubeconfig.contexts.iter().any(|c| &c.name == wanted) {
            return Err(Error::Config(format!(
                "the kubeconfig has no context `{wanted}`; it has: {contexts}"
            )));
        }
    } else if kubeconfig.current_context.as_ref().is_none_or(|c| c.is_empty()) && options.cluster.is_none() {
        return Err(Error::Config(format!(
            "the kubeconfig names no current context; choose with --context: {contexts}"
        )));
    }
    let chosen = KubeConfigOptions {
        context: options.context.clone(),
        cluster: options.cluster.clone(),
        user: options.user.clone(),
    };
    Config::from_custom_kubeconfig(kubeconfig, &chosen)
        .await
        .map_err(|e| Error::Config(causes(&e)))
}

fn overrides(config: &mut Config, options: &Connection) -> Result<(), Error> {
    if let Some(server) = &options.server {
        config.cluster_url = uri(server)?;
    }
    if let Some(file) = &options.certificate_authority {
        config.root_cert_file = Some(file.clone());
    }
    if options.insecure_skip_tls_verify {
        config.accept_invalid_certs = true;
    }
    if options.tls_server_name.is_some() {
        config.tls_server_name.clone_from(&options.tls_server_name);
    }
    credentials(&mut config.auth_info, options);
    Ok(())
}

fn credentials(auth: &mut AuthInfo, options: &Connection) {
    let text = |path: &PathBuf| path.to_string_lossy().into_owned();
    if let Some(token) = &options.token {
        auth.token = Some(token.clone().into());
        (auth.token_file, auth.exec, auth.auth_provider) = (None, None, None);
        (auth.username, auth.password) = (None, None);
    }
    if let Some(name) = &options.username {
        auth.username = Some(name.clone());
        auth.password = Some(options.password.clone().unwrap_or_default().into());
        (auth.token, auth.token_file, auth.exec) = (None, None, None);
    }
    if let Some(file) = &options.client_certificate {
        (auth.client_certificate, auth.client_certificate_data) = (Some(text(file)), None);
    }
    if let Some(file) = &options.client_key {
        (auth.client_key, auth.client_key_data) = (Some(text(file)), None);
    }
    if options.act_as.is_some() {
        auth.impersonate.clone_from(&options.act_as);
    }
    if options.act_as_uid.is_some() {
        auth.impersonate_uid.clone_from(&options.act_as_uid);
    }
    if !options.act_as_groups.is_empty() {
        auth.impersonate_groups = Some(options.act_as_groups.clone());
    }
}
