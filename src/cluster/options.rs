//! Which cluster, as whom: kubectl's own flags.

use clap::Args;
use std::path::PathBuf;

/// Options of every verb that talks to a cluster, named as kubectl names them.
#[derive(Args, Clone, Default, Debug)]
#[command(next_help_heading = "Cluster")]
pub struct Connection {
    /// Kubeconfig file; default: those of KUBECONFIG, ~/.kube/config, or the pod's own account
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig
    #[arg(long, value_name = "NAME")]
    pub context: Option<String>,
    /// Cluster of the kubeconfig
    #[arg(long, value_name = "NAME")]
    pub cluster: Option<String>,
    /// User of the kubeconfig
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    /// Address of the API server
    #[arg(short, long, value_name = "URL")]
    pub server: Option<String>,
    /// Bearer token
    #[arg(long)]
    pub token: Option<String>,
    /// User name for basic authentication
    #[arg(long, value_name = "NAME")]
    pub username: Option<String>,
    /// Password for basic authentication
    #[arg(long)]
    pub password: Option<String>,
    /// Certificate of the authority that signed the server's
    #[arg(long, value_name = "FILE")]
    pub certificate_authority: Option<PathBuf>,
    /// Certificate to show to the server
    #[arg(long, value_name = "FILE")]
    pub client_certificate: Option<PathBuf>,
    /// Key of the certificate to show to the server
    #[arg(long, value_name = "FILE")]
    pub client_key: Option<PathBuf>,
    /// Name that the server's certificate must bear
    #[arg(long, value_name = "NAME")]
    pub tls_server_name: Option<String>,
    /// Do not check the server's certificate
    #[arg(long)]
    pub insecure_skip_tls_verify: bool,
    /// User to impersonate
    #[arg(long = "as", value_name = "USER")]
    pub act_as: Option<String>,
    /// Group to impersonate; may be repeated
    #[arg(long = "as-group", value_name = "GROUP")]
    pub act_as_groups: Vec<String>,
    /// UID to impersonate
    #[arg(long = "as-uid", value_name = "UID")]
    pub act_as_uid: Option<String>,
    /// The longest that one request may take, for instance 30s or 2m; 0 means for ever
    #[arg(long, value_name = "TIME", default_value = "60s")]
    pub request_timeout: String,
}
