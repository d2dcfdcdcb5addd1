//! What went wrong between us and the API server, in words.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

/// Why a request, or a connection, came to nothing.
#[derive(Clone, PartialEq, Debug)]
pub enum Error {
    /// The configuration names no cluster, or cannot be used.
    Config(String),
    /// No answer came.
    Unreachable {
        /// The address of the server.
        server: String,
        /// What the network said.
        why: String,
    },
    /// No answer came in time.
    TimedOut {
        /// The address of the server.
        server: String,
        /// How long was waited.
        after: Duration,
    },
    /// The server refused.
    Status(Box<Status>),
    /// The answer makes no sense.
    Answer(String),
    /// The server does not know the kind.
    Unserved {
        /// API version of the object.
        api_version: String,
        /// Kind of the object.
        kind: String,
    },
}

/// An answer of the API server that is no success.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Status {
    /// Of HTTP.
    pub code: u16,
    /// One word of Kubernetes: `NotFound`, `Conflict`.
    pub reason: String,
    /// For people.
    pub message: String,
    /// The single faults.
    pub causes: Vec<Cause>,
}

/// A fault of a [`Status`].
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Cause {
    /// One word: `FieldManagerConflict`.
    pub reason: String,
    /// For people.
    pub message: String,
    /// The field, as `.spec.replicas`.
    pub field: String,
}

impl Error {
    /// The HTTP status of a refusal.
    pub fn code(&self) -> Option<u16> {
        match self {
            Self::Status(status) => Some(status.code),
            _ => None,
        }
    }

    /// Whether nothing can be done without the thing that failed: no later request will fare better.
    pub const fn is_of_connection(&self) -> bool {
        matches!(
            self,
            Self::Config(_) | Self::Unreachable { .. } | Self::TimedOut { .. }
        )
    }

    /// What to do about it.
    pub fn remedy(&self) -> Option<&'static str> {
        match self {
            Self::Unserved { .. } => Some("install the orchestrator (its CRDs), or choose another target"),
            Self::Status(status) => match status.code {
                401 => Some("the credentials are missing or no longer valid: log in again"),
                403 => {
                    Some("ask for the permission; the README lists the exact ones that diff and apply need")
                }
                _ => None,
            },
            Self::TimedOut { .. } => Some("try again, or give --request-timeout more time"),
            Self::Config(_) | Self::Unreachable { .. } | Self::Answer(_) => None,
        }
    }
}

impl Display for Error {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(text) | Self::Answer(text) => f.write_str(text),
            Self::Unreachable { server, why } => write!(f, "cannot reach the API server {server}: {why}"),
            Self::TimedOut { server, after } => {
                write!(
                    f,
                    "the API server {server} did not answer within {} s",
                    after.as_secs_f64()
                )
            }
            Self::Status(status) if status.message.is_empty() => {
                write!(f, "the API server answered {}", status.code)
            }
            Self::Status(status) => f.write_str(&status.message),
            Self::Unserved { api_version, kind } => {
                write!(
                    f,
                    "the cluster does not know the kind {kind} of {api_version}: its CRD is not installed"
                )
            }
        }
    }
}

impl std::error::Error for Error {}

/// An error and its causes in one line, nothing twice.
pub(super) fn causes(error: &dyn std::error::Error) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let text = error.to_string();
        if !parts.iter().any(|p| p.contains(&text)) {
            // The inner text says it all where the outer one ends with it.
            parts.retain(|p| !text.contains(p.as_str()));
            parts.push(text);
        }
        next = error.source();
    }
    parts.join(": ")
}
