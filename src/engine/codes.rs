//! The codes of findings about engines and routers: INF2001 to INF2099.

use crate::diagnostic::{Code, Severity};

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident $id:literal $severity:ident $title:literal $explanation:literal;)*) => {
        $($(#[$doc])* pub const $name: Code = Code { id: $id, title: $title, severity: Severity::$severity, explanation: $explanation };)*
        /// All of them, for `explain`.
        pub const CODES: &[&Code] = &[$(&$name),*];
    };
}

codes! {
    /// A flag that no version has.
    UNKNOWN_FLAG "INF2001" Error "unknown flag"
        "No version of the program has a flag of this name, so it would refuse to start.\n\nCheck the spelling: vLLM takes `_` for `-`, trtllm-serve wants underscores, \
         and only argparse programs take shortened names. Where the image's version is newer or older than all versions that are known, this is a warning: the flag \
         may exist there. Flags of plugins and of patched images are unknown, too: suppress the code for them.";
    /// The beginning of several flags.
    AMBIGUOUS_FLAG "INF2002" Error "ambiguous flag"
        "argparse takes the beginning of a flag for the whole, but this one begins several, and the program would refuse to start.\n\nWrite the whole name.";
    /// A flag of a later version.
    FLAG_NOT_YET "INF2003" Error "flag of a later version"
        "The version of the image does not have this flag yet: the newest earlier version that was read lacks it, and this version is not newer than that one.\n\nUse a newer image or leave the flag out. If the \
         tag does not tell the version, set `engine.version`.";
    /// A flag of an earlier version.
    FLAG_REMOVED "INF2004" Error "flag of an earlier version"
        "The flag was removed before the version of the image, so the engine would refuse to start.\n\nUse what took its place, or an older image.";
    /// A flag that works but should be written otherwise.
    FLAG_DISCOURAGED "INF2005" Note "discouraged spelling"
        "The flag works, but it is deprecated or written shorter than it is called. A later version may not have it, or may have a second flag that begins the same.\n\nWrite what the message names.";
    /// A value too many or too few.
    FLAG_ARITY "INF2006" Error "value missing or unexpected"
        "A flag that needs a value has none, or a switch is given one.\n\nIn a list of arguments the flag and its value are two elements, or one of the form `--flag=value`.";
    /// A value that a flag does not take.
    FLAG_VALUE "INF2007" Error "value not accepted"
        "The flag takes numbers, JSON, or one of a list of values, and this is none of them. For other versions than the newest that was read, a value outside of the list is only a warning.";
    /// A flag that stands twice.
    FLAG_TWICE "INF2008" Warning "flag given twice"
        "The parser keeps the last one and ignores the others without a word.\n\nRemove all but one.";
    /// The version of the engine cannot be told.
    VERSION_UNKNOWN "INF2009" Note "engine version unknown"
        "The image's tag does not tell the engine's version: it is missing, is a digest, is a moving tag such as `latest` or `nightly`, or belongs to an image that is not published under the engine's version. \
         The command line is written for the newest version that is known, and no flag is called missing.\n\nSet `engine.version`.";
    /// A typed setting that the engine does not have.
    SETTING_UNSUPPORTED "INF2010" Error "setting without a counterpart"
        "The engine, or its version, has nothing for this setting.\n\nLeave it out, or pass what the engine has for the purpose in `engine.args`.";
    /// A typed setting with a value of another type.
    SETTING_KIND "INF2011" Error "setting of the wrong type"
        "The setting takes a value of another type.";
    /// An argument that replaces a typed setting.
    SETTING_OVERRIDDEN "INF2012" Warning "setting overridden by an argument"
        "`engine.args` has a flag that a typed setting stands for as well. The argument wins, and the flag of the setting is left out.\n\nKeep one of the two.";
    /// An argument that would change the shape of the deployment.
    ARGUMENT_SHAPE "INF2013" Error "argument changes GPUs, ports or roles"
        "Pods, probes, Services and routers are derived from the spec. An argument that changes how many GPUs a replica takes, where it listens, or which role it plays would make them wrong, so it is refused even though \
         arguments usually have the last word.\n\nUse the field of the spec that the message names.";
    /// A flag that needs another one.
    FLAG_ALONE "INF2014" Error "flag without the one it needs"
        "The program refuses to start when this flag stands without another one.\n\nAdd the flag that the message names, or leave this one out.";
    /// A variable that nothing reads.
    VARIABLE "INF2015" Warning "environment variable without effect"
        "This version of the engine does not read the variable, or reads it as something else.\n\nUse the flag that the message names.";
    /// No model.
    MODEL_MISSING "INF2016" Error "no model"
        "An engine must be told what to serve.\n\nSet `model.uri`, or give the whole command line of the engine as `command`.";
    /// GPUs that do not divide.
    WORLD "INF2020" Error "GPUs do not divide over the nodes"
        "The degrees of parallelism multiply to the GPUs of a replica, and each node runs the same share of them. The message shows the sum.";
    /// A shape that the engine cannot run.
    SHAPE_UNSUPPORTED "INF2021" Error "parallelism that the engine cannot run"
        "The engine, or its version, cannot run this combination of parallelism and nodes.";
    /// An executor that the version does not have.
    EXECUTOR "INF2022" Error "executor not available"
        "vLLM spans nodes by a process group of its own (`mp`, in 0.11.2 but not in 0.10.2) or by Ray. Other engines have no choice.";
    /// Ray may not be in the image.
    RAY_MISSING "INF2023" Warning "Ray may be missing in the image"
        "vLLM's package depended on Ray up to 0.16 and no longer does in 0.19.1: images of newer versions may lack it.\n\nUse `executor: mp`, or an image with Ray.";
    /// A load-balancing mode that does not fit.
    LOAD_BALANCING "INF2024" Error "load balancing does not fit"
        "vLLM's modes of data-parallel load balancing have conditions: `hybrid` from 0.10.2, `external` one rank a pod, `multiPort` from 0.24.0 and two or more ranks a pod. Other engines balance by themselves.";
    /// A connector that the engine does not have.
    CONNECTOR_UNKNOWN "INF2030" Error "connector not available"
        "The engine, or its version, does not have this KV connector. The message lists those it has.";
    /// An option that a connector does not take.
    CONNECTOR_OPTION "INF2031" Error "connector option not accepted"
        "`kvTransfer.options` holds a key that the engine would refuse, or one that the compiler sets.\n\nvLLM takes the keys of its KVTransferConfig; what belongs to the connector itself goes to \
         `kv_connector_extra_config`, and what belongs to LMCache to `lmcache`, which becomes LMCACHE_* variables. For SGLang the keys are the rest of a flag's name after `--disaggregation-`. TensorRT-LLM takes the \
         keys of `cache_transceiver_config`.";
    /// A connector that needs more than the compiler knows.
    CONNECTOR_INCOMPLETE "INF2032" Error "connector needs more options"
        "The connector works only with further values that cannot be derived from the spec.\n\nGive them in `kvTransfer.options`.";
    /// A connector that is no way from prefill to decode.
    CONNECTOR_ROLE "INF2033" Error "connector is not for prefill and decode"
        "The connector keeps KV caches in another tier of memory or on disk. It does not carry them from a prefill to a decode engine.";
    /// A role that must exchange KV without a connector.
    CONNECTOR_MISSING "INF2034" Error "prefill or decode without a connector"
        "A prefill or decode engine must know what carries the KV caches between them.\n\nSet `kvTransfer.connector`.";
    /// Several nodes of TensorRT-LLM need ssh keys.
    SSH_KEYS "INF2040" Error "several nodes need ssh keys"
        "TensorRT-LLM spans nodes as one MPI world: mpirun on the leader starts a process on each node over ssh. The keys for that are a Secret that you make; the compiler cannot invent keys, because its output must be the same each time.\n\n\
         ssh-keygen -t ed25519 -N '' -f private.key, then kubectl create secret generic NAME --from-file=private.key --from-file=private.key.pub. Or fit the engine on one node, or use an orchestrator that launches MPI itself (`-t dynamo`).";
    /// A configuration file that the compiler would have to merge.
    CONFIG_FILE "INF2041" Error "two configuration files"
        "Some settings exist only as keys of TensorRT-LLM's configuration file, which the start script writes. A file of your own replaces it.\n\nPut the settings in your file, or leave your file out.";
    /// A router that cannot be used for this.
    ROUTER "INF2050" Error "router does not fit"
        "The router cannot serve these roles, engines or connectors.";
}
