//! Server-side apply of one object.

use super::MANAGER;
use super::client::{Client, Content};
use super::discovery::Resource;
use super::error::{Error, Status};
use super::object::ObjectName;
use crate::value::Node;
use http::Method;

/// How an object is applied.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mode {
    /// Only say what would come of it.
    pub dry_run: bool,
    /// Take over fields that somebody else owns.
    pub force: bool,
}

/// A field that somebody else owns.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Conflict {
    /// Who.
    pub manager: String,
    /// The subresource by which it writes, if it writes by one.
    pub subresource: String,
    /// Which field, as the server names it: `.spec.replicas`.
    pub field: String,
}

impl Conflict {
    /// Who, with the way it writes where that matters.
    pub fn title(&self) -> String {
        match self.subresource.as_str() {
            "" => self.manager.clone(),
            subresource => format!("{} ({subresource})", self.manager),
        }
    }
}

/// An object as the server has it after it was applied.
#[derive(Debug)]
pub struct Applied {
    /// It.
    pub object: Node,
    /// Whether it is new.
    pub created: bool,
    /// What the server thinks should be known.
    pub warnings: Vec<String>,
    /// Fields that somebody else owns and that were, or would be, taken over.
    pub conflicts: Vec<Conflict>,
    /// Fields that were left to an autoscaler, which sets them by the `scale` subresource.
    pub left: Vec<Conflict>,
}

/// Applies an object. Fields that an autoscaler sets are left to it; other conflicts are taken over in a second request if
/// `force` is set, else they are the error.
///
/// # Errors
/// No answer, or a refusal: 409 with the conflicts.
pub async fn apply(
    client: &Client,
    resource: &Resource,
    name: &ObjectName,
    object: &Node,
    mode: Mode,
) -> Result<Applied, Error> {
    let mut body = object.clone();
    let gentle = Mode { force: false, ..mode };
    let first = send(client, resource, name, &body, gentle).await;
    let conflicts = match first {
        Ok(applied) => return Ok(applied),
        Err(Error::Status(status)) if status.code == 409 => conflicts(&status),
        Err(other) => return Err(other),
    };
    let (scaled, others): (Vec<Conflict>, Vec<Conflict>) = conflicts
        .into_iter()
        .partition(|c| c.subresource == "scale" && remove(&mut body, &c.field));
    let force = mode.force && !others.is_empty();
    let mut applied = send(client, resource, name, &body, Mode { force, ..mode }).await?;
    applied.left = scaled;
    applied.conflicts = others;
    Ok(applied)
}

async fn send(
    client: &Client,
    resource: &Resource,
    name: &ObjectName,
    body: &Node,
    mode: Mode,
) -> Result<Applied, Error> {
    let query = format!(
        "{}?fieldManager={MANAGER}&fieldValidation=Strict&force={}{}",
        resource.object(&name.namespace, &name.name),
        mode.force,
        if mode.dry_run { "&dryRun=All" } else { "" },
    );
    let answer = client
        .send(Method::PATCH, &query, Some(Content::apply(body)))
        .await?;
    Ok(Applied {
        object: answer.body,
        created: answer.created,
        warnings: answer.warnings,
        conflicts: Vec::new(),
        left: Vec::new(),
    })
}

/// The conflicts of a refusal; the message of each reads `conflict with "hpa" with subresource "scale" using apps/v1`.
pub fn conflicts(status: &Status) -> Vec<Conflict> {
    let quoted = |text: &str, before: &str| {
        let (_, rest) = text.split_once(before)?;
        Some(rest.split_once('"')?.0.to_owned())
    };
    let conflicts = status
        .causes
        .iter()
        .filter(|c| c.reason == "FieldManagerConflict");
    conflicts
        .map(|cause| Conflict {
            manager: quoted(&cause.message, "conflict with \"").unwrap_or_else(|| cause.message.clone()),
            subresource: quoted(&cause.message, "with subresource \"").unwrap_or_default(),
            field: cause.field.clone(),
        })
        .collect()
}

/// Takes a field like `.spec.replicas` out of an object; whether it could be named.
fn remove(object: &mut Node, field: &str) -> bool {
    let steps: Vec<&str> = field.trim_start_matches('.').split('.').collect();
    let Some((last, parents)) = steps.split_last() else {
        return false;
    };
    if field.contains('[') || object.at(&steps).is_none() {
        return false;
    }
    object.at_mut(parents).map_mut().remove(last).is_some()
}

#[cfg(test)]
mod tests {
    use super::super::error::Cause;
    use super::*;

    #[test]
    fn conflicts_are_read() {
        let cause = |message: &str, field: &str| Cause {
            reason: "FieldManagerConflict".into(),
            message: message.into(),
            field: field.into(),
        };
        let status = Status {
            causes: vec![
                cause(
                    r#"conflict with "hpa" with subresource "scale" using apps/v1"#,
                    ".spec.replicas",
                ),
                cause(r#"conflict with "kubectl-client-side-apply" using v1"#, ".data.a"),
            ],
            ..Status::default()
        };
        let found = conflicts(&status);
        assert_eq!(
            (found[0].manager.as_str(), found[0].subresource.as_str()),
            ("hpa", "scale")
        );
        assert_eq!(
            (found[1].manager.as_str(), found[1].subresource.as_str()),
            ("kubectl-client-side-apply", "")
        );
    }
}
