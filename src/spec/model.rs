//! The model and where its weights come from.

use super::decode::object;
use super::scalar::Quantity;
use crate::value::{Str, Traced};

object! {
    /// The model that is served.
    pub struct Model ("model") {
        /// Where the weights are: `hf://ORG/NAME`, `pvc://CLAIM/PATH`, `s3://BUCKET/PATH`, `oci://IMAGE`, or a path in the
        /// container that starts with `/`.
        @required uri: "uri" => Traced<Str>,
        /// The name that requests use. Default: the repository of `hf://`, else the last part of the path.
        served_name: "servedName" => Traced<Str>,
        /// The revision of an `hf://` repository: a branch, tag or commit.
        revision: "revision" => Traced<Str>,
        /// A Secret with the token that opens the source.
        auth_secret: "authSecret" => SecretKey,
        /// Where downloaded weights and compiled kernels are kept. Default: in the container, until it ends.
        cache: "cache" => Cache,
    }
}

object! {
    /// A key of a Secret in the same namespace.
    pub struct SecretKey ("authSecret") {
        /// The Secret.
        @required name: "name" => Traced<Str>,
        /// The key in it. Default: `HF_TOKEN`.
        key: "key" => Traced<Str>,
    }
}

object! {
    /// A place for weights and compiled kernels that outlives a container. One of `persistentVolumeClaim`, `hostPath` and
    /// `sizeLimit` (an emptyDir of that size).
    pub struct Cache ("cache") {
        /// An existing claim. All pods mount it, so it should be ReadWriteMany.
        persistent_volume_claim: "persistentVolumeClaim" => Traced<Str>,
        /// A directory of the node, made if it is not there.
        host_path: "hostPath" => Traced<Str>,
        /// The size of an emptyDir.
        size_limit: "sizeLimit" => Traced<Quantity>,
        /// Where it is mounted. Default: `/cache`.
        mount_path: "mountPath" => Traced<Str>,
    }
}
