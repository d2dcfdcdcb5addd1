//! What each version of AIBrix can do.

use crate::value::Str;

/// A version of AIBrix; the newest known one if nothing is said.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Version(Option<(u32, u32)>);

impl Version {
    /// The newest known version.
    pub const NEWEST: Self = Self(None);

    /// Reads `v0.7.0`, `0.7`, or `main` for the newest.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix('v').unwrap_or(text);
        if matches!(text, "main" | "latest") {
            return Some(Self::NEWEST);
        }
        let mut parts = text.split(['.', '-', '+']).map(str::parse::<u32>);
        match (parts.next()?, parts.next()?) {
            (Ok(major), Ok(minor)) => Some(Self(Some((major, minor)))),
            _ => None,
        }
    }

    const fn at_least(self, minor: u32) -> bool {
        match self.0 {
            None => true,
            Some((0, own)) => own >= minor,
            Some(_) => true,
        }
    }

    /// `podGroupSize` above 1 and `schedulingStrategy`.
    pub const fn groups(self) -> bool {
        self.at_least(5)
    }

    /// Volcano finds the PodGroup of a pod (v0.5 wrote another key).
    pub const fn volcano(self) -> bool {
        self.at_least(6)
    }

    /// The gateway reads routing profiles from the annotation `model.aibrix.ai/config`.
    pub const fn routing_profiles(self) -> bool {
        self.at_least(6)
    }

    /// Injected variables come first, those of the template keep their order, and init containers get them, too.
    pub const fn injected_first(self) -> bool {
        self.at_least(7)
    }

    /// `topologyPolicy` of a RoleSet.
    pub const fn topology(self) -> bool {
        self.at_least(8)
    }

    /// `updateStrategy.type` of a role.
    pub const fn in_place(self) -> bool {
        self.at_least(8)
    }

    /// A routing strategy that no header overrides.
    pub const fn locked_strategy(self) -> bool {
        self.at_least(8)
    }

    /// Time windows and observation windows of a PodAutoscaler.
    pub const fn schedules(self) -> bool {
        self.at_least(8)
    }

    /// Pods are labelled with the revision of their role.
    pub const fn role_revisions(self) -> bool {
        self.at_least(6)
    }

    /// Names of RoleSets, PodSets and their pods are cut where they are too long, and the webhook looks at their lengths.
    pub const fn cuts_sets(self) -> bool {
        self.at_least(6)
    }

    /// Names of other pods are cut, too.
    pub const fn cuts_pods(self) -> bool {
        self.at_least(8)
    }

    /// Characters of the template's hash in the names of pods.
    pub const fn hash(self) -> usize {
        if self.at_least(6) { 6 } else { 10 }
    }

    /// The version, for messages.
    pub fn name(self) -> Str {
        match self.0 {
            None => "AIBrix".into(),
            Some((major, minor)) => format!("AIBrix v{major}.{minor}").into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Version;

    #[test]
    fn versions_are_read() {
        assert_eq!(Version::parse("v0.7.0"), Version::parse("0.7"));
        assert_eq!(Version::parse("v0.8.0-rc.1").map(Version::topology), Some(true));
        assert_eq!(
            Version::parse("v0.7.0").map(|v| (v.topology(), v.injected_first())),
            Some((false, true))
        );
        assert_eq!(
            Version::parse("v0.5.0").map(|v| (v.hash(), v.volcano(), v.groups())),
            Some((10, false, true))
        );
        assert_eq!(Version::parse("main"), Some(Version::NEWEST));
        assert!(
            Version::parse("seven").is_none() && Version::parse("").is_none() && Version::NEWEST.topology()
        );
    }
}
