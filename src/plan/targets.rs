//! `targets`: which options are for whom.

use super::Request;
use super::codes::{OTHER_TARGET, UNKNOWN_TARGET};
use super::resolve::Resolved;
use crate::diagnostic::{Diagnostic, Ledger, Outcome, closest};
use crate::spec::ServingSpec;
use crate::value::Node;

/// The options of one target.
pub struct Options {
    /// Those of the serving; null if there are none.
    pub serving: Node,
    /// Those of each role; null where there are none.
    pub roles: Vec<Node>,
}

/// Picks the target's options and waives those of other targets.
pub fn options(
    spec: &ServingSpec,
    roles: &[Resolved],
    request: &Request<'_>,
    ledger: &mut Ledger,
) -> Options {
    Options {
        serving: pick(spec.targets.as_ref(), request, ledger),
        roles: roles
            .iter()
            .map(|r| pick(r.targets.as_ref(), request, ledger))
            .collect(),
    }
}

fn pick(targets: Option<&Node>, request: &Request<'_>, ledger: &mut Ledger) -> Node {
    let Some(targets) = targets else {
        return Node::default();
    };
    let Some(map) = targets.as_map() else {
        let said = Diagnostic::new(
            &crate::spec::codes::EXPECTED,
            "expected a mapping from dialects to their options",
        );
        ledger.report(said.at_ids(&targets.ids));
        return Node::default();
    };
    let mut picked = Node::default();
    for (name, options) in map {
        if Some(name.as_str()) == request.target {
            picked = options.clone();
            picked.decided_by(&targets.ids);
        } else if request.targets.contains(&name.as_str()) {
            let said = Diagnostic::new(&OTHER_TARGET, format!("options of `{name}` are not used here"));
            ledger.waive(&options.all_ids(), said.outcome(Outcome::Dropped));
        } else {
            let mut said = Diagnostic::new(&UNKNOWN_TARGET, format!("no target is called `{name}`"))
                .at_key(options.ids.first())
                .reason(format!("targets: {}", request.targets.join(", ")));
            if let Some(meant) = closest(name, request.targets.iter().copied()) {
                said = said.replacement(meant);
            }
            ledger.report(said);
        }
    }
    if map.is_empty() {
        let said = Diagnostic::new(&OTHER_TARGET, "no options are given").outcome(Outcome::Dropped);
        ledger.waive(&targets.ids, said);
    }
    picked
}
