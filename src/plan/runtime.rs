//! The runtime that a target's operator expects around engines: which roles run in it, and from which images.

use super::codes::{NO_RUNTIME_IMAGE, RUNTIME_IMAGE};
use super::resolve::Resolved;
use super::{process, router};
use crate::diagnostic::{Diagnostic, Ledger, Outcome};
use crate::engine::router::engine_image;
use crate::engine::version::Version;
use crate::spec::engine::{EngineType, Wrapper};
use crate::value::{Ids, Str, Traced};

/// A runtime that a target runs engines in.
#[derive(Clone, Debug)]
pub struct Runtime {
    /// Which one.
    pub wrapper: Wrapper,
    /// The target, whose options `image` and `runtimeVersion` messages name.
    pub target: &'static str,
    /// What the target's options say about all roles.
    pub all: RuntimeImage,
    /// What they say about single roles, by name.
    pub roles: Vec<(Str, RuntimeImage)>,
}

/// An image of a runtime.
#[derive(Clone, Default, Debug)]
pub struct RuntimeImage {
    /// The image.
    pub image: Option<Traced<Str>>,
    /// Its version, where the tag does not tell.
    pub version: Option<Traced<Str>>,
}

impl Runtime {
    fn of(&self, role: &str) -> RuntimeImage {
        let own = self
            .roles
            .iter()
            .find(|(name, _)| name == role)
            .map(|(_, own)| own);
        let image = own.and_then(|o| o.image.clone());
        RuntimeImage {
            image: image.or_else(|| self.all.image.clone()),
            version: own
                .and_then(|o| o.version.clone())
                .or_else(|| self.all.version.clone()),
        }
    }

    /// Puts the engines that the compiler starts into the runtime, and routers with them. Containers that write their own
    /// command line are taken as they are.
    pub fn apply(&self, roles: &mut [Resolved], ledger: &mut Ledger) {
        let known = |r: &&mut Resolved| {
            let starts = r.computes() && r.members.is_empty() && r.engine_type.value != EngineType::Custom;
            starts || router::is_compiled(r)
        };
        roles
            .iter_mut()
            .filter(known)
            .for_each(|role| self.wrap(role, ledger));
    }

    fn wrap(&self, role: &mut Resolved, ledger: &mut Ledger) {
        let RuntimeImage { image, version } = self.of(&role.name.value);
        let chosen = role.engine.wrapper.is_some();
        role.engine
            .wrapper
            .get_or_insert(Traced::default_of(self.wrapper));
        let theirs =
            |i: &Traced<Str>| chosen || Version::of_dynamo_image(&i.value, &Ids::none()).release.is_some();
        match (&role.engine.image, image) {
            (Some(own), Some(image)) if own.value != image.value => {
                let message = format!(
                    "{} is not used: on {} the engine runs in the runtime's own image",
                    own.value, self.target
                );
                let said = Diagnostic::new(&RUNTIME_IMAGE, message)
                    .at_ids(&own.ids)
                    .label(image.at(), "this one is used");
                ledger.waive(&own.ids, said.outcome(Outcome::Dropped));
                self.forget_version(role, chosen, ledger);
                role.engine.image = Some(image);
            }
            (Some(own), Some(image)) => role.engine.image = Some(image.and(&own.ids)),
            (Some(own), None) if !theirs(own) => {
                self.missing(role, own, ledger);
                // Nothing about the image is worth saying any more.
                self.forget_version(role, chosen, ledger);
                role.engine.image = None;
            }
            (Some(_), None) => {}
            (None, image) => {
                // An engine without an image has no version of its own either, unless the spec says so.
                self.forget_version(role, chosen, ledger);
                role.engine.image = image;
            }
        }
        if version.is_some() {
            role.engine.version = version;
        }
    }

    /// What a spec says about the version of a plain engine is not about the runtime around it.
    fn forget_version(&self, role: &mut Resolved, chosen: bool, ledger: &mut Ledger) {
        if chosen {
            return;
        }
        if let Some(version) = role.engine.version.take() {
            let message = format!(
                "the runtime's image on {} decides which version runs",
                self.target
            );
            let said = Diagnostic::new(&RUNTIME_IMAGE, message).outcome(Outcome::Dropped);
            ledger.waive(&version.ids, said);
        }
    }

    fn missing(&self, role: &Resolved, own: &Traced<Str>, ledger: &mut Ledger) {
        let wrapper = process::wrapper(self.wrapper);
        let official = engine_image(process::kind(role.engine_type.value), Some(wrapper)).unwrap_or_default();
        let message = format!("nothing says that {} contains Dynamo", own.value);
        let known = |d: &Diagnostic| d.code == &NO_RUNTIME_IMAGE && d.at == own.at();
        if ledger.diagnostics.iter().any(known) {
            return;
        }
        let target = self.target;
        let remedy = format!(
            "name the image of the runtime, for instance `--set targets.{target}.image={official}`; if this image is one, say \
             `engine.wrapper: dynamo`"
        );
        ledger.report(
            Diagnostic::new(&NO_RUNTIME_IMAGE, message)
                .at_ids(&own.ids)
                .label(role.name.at(), "a role that runs it")
                .remedy(remedy),
        );
    }
}
