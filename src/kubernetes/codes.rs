//! The findings about Kubernetes objects, 3001 to 3099.

use crate::diagnostic::{Code, Severity};

macro_rules! codes {
    ($($name:ident $id:literal $severity:ident $title:literal $explanation:literal)*) => {
        $(
            #[doc = $title]
            pub const $name: Code = Code {
                id: $id,
                title: $title,
                severity: Severity::$severity,
                explanation: $explanation,
            };
        )*
        /// All of them, by number.
        pub const CODES: &[&Code] = &[$(&$name),*];
    };
}

codes! {
    UNKNOWN_FIELD "INF3001" Warning "unknown field in a pod template"
        "Kubernetes 1.36 has no field of this name at this place of a pod template. The field is carried to the output as it is, in case \
         the cluster is newer than this program.\n\nAn API server that does not know it either drops it in silence or refuses the \
         object, depending on how it is sent. If a similar name is suggested, that one was probably meant; if the field belongs to \
         another object (a field of the pod written in a container is common), move it there."
    WRONG_TYPE "INF3002" Error "value of the wrong type"
        "The field holds another type of value than Kubernetes expects there, and the API server refuses the object.\n\nThe usual reason is \
         YAML's reading of plain words: `true`, `8000` and `1.10` are no strings unless they are quoted, and environment variables, labels, \
         annotations, arguments and node selectors must be strings."
    REQUIRED "INF3003" Error "required field missing"
        "The object is invalid without this field and the API server refuses it.\n\nAdd the field. In an overlay (a partial pod template) \
         nothing is required except what identifies an element of a list, usually its name."
    DUPLICATE "INF3004" Error "two elements with the same key"
        "Kubernetes refuses two containers, volumes, mount paths or named ports with the same name in one pod, because it could not tell them \
         apart.\n\nRename one of them, or remove it if it was meant to replace the other."
    HIDDEN "INF3005" Warning "an element hides an earlier one"
        "Two environment variables of a container have the same name, or two ports the same number and protocol. The API server accepts this \
         when the object is created, with a warning, but the last one hides the others; server-side apply (`kubectl apply --server-side`, and \
         `kubectl infer apply`) refuses it, as do most custom resources.\n\nRemove the one that is not meant."
    BAD_QUANTITY "INF3006" Error "not a quantity"
        "A quantity is a number with an optional suffix: n, u, m, k, M, G, T, P, E (powers of 1000), Ki, Mi, Gi, Ti, Pi, Ei (powers of 1024), or a \
         decimal exponent like e3. `16GB` and `16gi` are none; write `16G` or `16Gi`. Note that `m` means thousandths: `500m` of memory is half a \
         byte."
    BAD_PORT "INF3007" Error "not a port"
        "A port is a number from 1 to 65535. Where a port may be given by name, the name is that of a port of the same container: at most 15 \
         lower case letters, digits and '-', with at least one letter."
    BAD_NAME "INF3008" Error "not a valid name"
        "Names of containers, volumes and most parts of a pod are DNS labels: at most 63 lower case letters, digits and '-', starting and ending \
         with a letter or digit. Names of objects (claims, config maps, service accounts) may also have dots and be up to 253 characters long. \
         Port names have at most 15 characters and at least one letter."
    BAD_ENV_NAME "INF3009" Error "not a valid name of an environment variable"
        "The name of an environment variable is one or more printable ASCII characters other than '='. Clusters older than Kubernetes 1.34 may also \
         refuse anything but letters, digits, '_', '-' and '.', and a digit in front."
    BAD_LABEL "INF3010" Error "not a valid label or annotation"
        "A key is a name of at most 63 letters, digits, '-', '_' and '.', starting and ending with a letter or digit, optionally with a DNS domain \
         and a '/' in front. The value of a label follows the same rule and may be empty; the value of an annotation is free.\n\nA value that is \
         no label (an image, a URL, a path) can be an annotation instead."
    PROBE_HANDLER "INF3011" Error "a probe or hook needs exactly one action"
        "A probe says how to look with exactly one of exec, httpGet, tcpSocket and grpc; a lifecycle hook what to do with exactly one of exec, \
         httpGet, tcpSocket and sleep. The API server refuses none and refuses two.\n\nIn an overlay, a new action replaces the one that was \
         there, so only name the new one."
    NO_SUCH_VOLUME "INF3012" Error "a mount without a volume"
        "A container mounts a volume that the pod does not define, and the API server refuses the pod.\n\nAdd the volume under `volumes` of the pod, \
         or correct the name."
    NO_IMAGE "INF3013" Error "a container without an image"
        "Every container needs an image.\n\nName it, or leave the container's role to the engine section of the spec, which fills it in."
    NOT_ALLOWED "INF3014" Error "a value that is not allowed here"
        "The API server refuses this value at this place: the field takes one of a few words, spelled exactly as Kubernetes spells them, or \
         what another field says rules it out. The message says which."
    VOLUME_SOURCE "INF3015" Error "a volume with several sources"
        "A volume has a name and one source (emptyDir, persistentVolumeClaim, configMap, …); without one it is an emptyDir. The API server refuses \
         two.\n\nIn an overlay, a new source replaces the one that was there, so only name the new one."
    ENV_SOURCE "INF3016" Error "an environment variable with several values"
        "An environment variable has either `value` or `valueFrom`; `valueFrom` has exactly one source, and so has each element of `envFrom`. The \
         API server refuses none and refuses two."
    OUT_OF_RANGE "INF3017" Error "number out of range"
        "The number is outside what the API server accepts for this field."
    RESOURCES "INF3018" Error "requests and limits that cannot be"
        "The API server refuses a request above its limit. Extended resources like nvidia.com/gpu cannot be overcommitted: their requests must \
         equal their limits, a limit must be given, and they come in whole numbers."
    NO_SUCH_PORT "INF3019" Warning "a port name that the container does not have"
        "A probe or hook names a port that the container does not declare. The API server accepts this, but the kubelet cannot resolve the name, \
         so the probe always fails.\n\nDeclare a port with this name, or give the number."
    NO_SUCH_CLAIM "INF3020" Error "a resource claim that the pod does not define"
        "A container uses a claim of dynamic resource allocation that is not listed under `resourceClaims` of the pod, and the API server refuses \
         the pod.\n\nAdd it there, or correct the name."
    NO_MERGE_KEY "INF3021" Error "an element of an overlay without its key"
        "Lists like containers, volumes and env are merged element by element, and the elements are told apart by a key (usually `name`). An \
         element of the overlay lacks it, so it is not clear which one it changes.\n\nAdd the key."
    BAD_DIRECTIVE "INF3022" Error "not a directive of strategic merge"
        "Strategic merge knows `$patch: replace | delete | merge` in mappings and elements, `$retainKeys`, `$deleteFromPrimitiveList/<field>` and \
         `$setElementOrder/<field>`, each with a list. What stands here is none of these, or does not fit the field that it is about."
    PATCH_FAILED "INF3023" Error "a patch that does not apply"
        "An operation of a JSON patch (RFC 6902) failed: its path does not exist, a test did not hold, or it is malformed. Patches apply all or \
         nothing.\n\nCompare the path with the object as it is rendered without patches. In a path, `~1` stands for `/` and `~0` for `~`."
    BAD_PATH "INF3024" Error "not a valid path"
        "Paths inside a volume are relative and do not leave it (no '..'); paths on a node or server are absolute. Only one of subPath and \
         subPathExpr of a mount may be set."
    PRUNED "INF3025" Warning "values beside a directive are dropped"
        "In a strategic merge patch, the API server drops an element or mapping that holds `$patch: replace` (or one that adds a field which does \
         not exist yet), with everything else in it: the directive speaks about the whole list, not about that element.\n\nPut the directive in an \
         element of its own."
    ONE_OF "INF3026" Error "exactly one of several fields must be set"
        "The object takes exactly one of the named fields, and the API server refuses none and refuses two.\n\nIn an overlay, a new one replaces \
         the one that was there, so only name the new one."
}

#[cfg(test)]
mod tests {
    use super::CODES;

    #[test]
    fn in_order_and_in_their_block() {
        assert!(CODES.is_sorted_by_key(|c| c.id));
        assert!(
            CODES
                .iter()
                .all(|c| ("INF3001".."INF3100").contains(&c.id) && c.explanation.len() > 60)
        );
    }
}
