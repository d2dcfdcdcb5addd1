//! The version of Dynamo's runtime, which the webhook wants to know of every component.

use super::super::options::ComponentType;
use super::codes::{RUNTIME_VERSION, VERSION_ASSUMED};
use super::component::Component;
use super::{Lowering, main_container};
use crate::diagnostic::{Diagnostic, Ledger, Outcome};
use crate::kubernetes::container::list;
use crate::value::{Node, Str, Traced};

/// The operator's version, if the Platform document does not say it.
const OPERATOR: &str = "1.5.0";

impl Lowering<'_> {
    /// The version that another component names for the same image: a frontend runs from the image of the workers.
    fn version_beside(&self, component: &Component<'_>, image: &str) -> Option<&Traced<Str>> {
        let same = |c: &&Component<'_>| {
            let template = &c.role.leader().template;
            let at = main_container::position(template, &c.role.engine.container);
            let main = at.and_then(|at| list(template.get("spec")?, "containers").get(at));
            main.and_then(|m| m.get("image")).and_then(Node::as_str) == Some(image)
        };
        let others = self
            .components
            .iter()
            .filter(|_| component.role.engine.wrapper.is_some());
        others.filter(same).find_map(|c| {
            c.options
                .runtime_version
                .as_ref()
                .or(c.role.engine.version.as_ref())
        })
    }

    /// What the webhook wants where the image's tag is no version.
    pub(super) fn runtime_version(
        &self,
        component: &Component<'_>,
        template: &Node,
        ledger: &mut Ledger,
    ) -> Option<Node> {
        let role = component.role;
        let of_engine = role
            .engine
            .version
            .as_ref()
            .filter(|_| role.engine.wrapper.is_some());
        let written = component.options.runtime_version.as_ref().or(of_engine);
        if let Some(written) = written.or(self.options.runtime_version.as_ref()) {
            return Some(written.node());
        }
        let image = template
            .at(&["spec", "containers"])
            .and_then(Node::as_seq)?
            .first()?
            .get("image")?;
        let text = image.as_str().unwrap_or_default();
        if tag_is_version(text) {
            return None;
        }
        if let Some(version) = self.version_beside(component, text) {
            return Some(version.node());
        }
        if component.kind.value == ComponentType::None {
            let version = self
                .platform
                .version
                .as_ref()
                .map_or(OPERATOR.into(), |v| v.value.clone());
            let message =
                format!("the tag of {text} is no version: `runtimeVersionOverride: {version}` is written");
            let said = Diagnostic::new(&VERSION_ASSUMED, message).at(image.ids.first());
            let once = |d: &Diagnostic| d.code == said.code && d.message == said.message;
            if !ledger.diagnostics.iter().any(once) {
                ledger.report(said.outcome(Outcome::Defaulted));
            }
            return Some(version.into());
        }
        let message = format!("the tag of {text} does not tell the version of Dynamo's runtime");
        let said = Diagnostic::new(&RUNTIME_VERSION, message).at_ids(&image.ids);
        let once = |d: &Diagnostic| d.code == said.code && d.message == said.message;
        if !ledger.diagnostics.iter().any(once) {
            ledger.report(said.remedy(
                "set `targets.dynamo.runtimeVersion` to the release it was built from, for instance 1.6.1",
            ));
        }
        None
    }
}

/// Whether the webhook finds a version in an image's tag: `MAJOR.MINOR.PATCH`, perhaps with a `v` before and a suffix after it.
fn tag_is_version(image: &str) -> bool {
    let reference = image.split('@').next().unwrap_or_default();
    let name = reference.rsplit('/').next().unwrap_or_default();
    let Some((_, tag)) = name.rsplit_once(':') else {
        return false;
    };
    let tag = tag.strip_prefix('v').unwrap_or(tag);
    let numbers = tag.split('-').next().unwrap_or_default();
    let parts: Vec<&str> = numbers.split('.').collect();
    let number = |p: &&str| {
        let plain = !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit());
        plain && (p.len() == 1 || !p.starts_with('0'))
    };
    parts.len() == 3 && parts.iter().all(number)
}

#[cfg(test)]
mod tests {
    use super::tag_is_version;

    /// As the webhook judged (records `r-tag-*`).
    #[test]
    fn tags_that_are_versions() {
        for good in [
            "r/i:1.4.0",
            "i:1.4.0-test",
            "r:5000/i:v1.4.0-cuda13",
            "i:1.4.0@sha256:aa",
        ] {
            assert!(tag_is_version(good), "{good}");
        }
        for bad in [
            "i",
            "i:latest",
            "i:1.4",
            "i@sha256:aa",
            "r:5000/i",
            "i:my-tag",
            "i:1.4.x",
        ] {
            assert!(!tag_is_version(bad), "{bad}");
        }
    }
}
