//! What a dialect can say: a table of features, from which checks, `targets` and the documentation are made.

use super::{Feature, Serving, Use};
use crate::diagnostic::{Code, Diagnostic, Ledger, Outcome, Severity, Target};

/// How far a dialect has a feature.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Support {
    /// By a field or mechanism of its own.
    Native,
    /// The same effect by other means; the text says which.
    Emulated(&'static str),
    /// A part of the effect, or another one; the text says what is missing. Worth a warning.
    Lossy(&'static str),
    /// Not at all; the text says why. `Lossy` if pods still do their work, so this one is an error.
    Impossible(&'static str),
}

impl Support {
    /// The word of tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Emulated(_) => "emulated",
            Self::Lossy(_) => "lossy",
            Self::Impossible(_) => "impossible",
        }
    }

    /// What stands beside the word.
    pub const fn detail(self) -> Option<&'static str> {
        match self {
            Self::Native => None,
            Self::Emulated(text) | Self::Lossy(text) | Self::Impossible(text) => Some(text),
        }
    }
}

/// A row of a dialect's table.
#[derive(Clone, Copy, Debug)]
pub struct Capability {
    /// The feature.
    pub feature: Feature,
    /// How far the dialect has it.
    pub support: Support,
    /// What a user can do about a loss; may be empty.
    pub remedy: &'static str,
}

/// A row, in the fewest words.
pub const fn row(feature: Feature, support: Support, remedy: &'static str) -> Capability {
    Capability {
        feature,
        support,
        remedy,
    }
}

/// Whether a table calls a feature native.
pub fn is_native(table: &[Capability], feature: Feature) -> bool {
    table
        .iter()
        .any(|row| row.feature == feature && row.support == Support::Native)
}

/// The target has the effect by other means.
pub const EMULATED: Code = Code {
    id: "INF4002",
    title: "emulated by the target",
    severity: Severity::Note,
    explanation: "The target has no field for this and gets the same effect by other means, which the entry names. Nothing is \
                  lost, but it looks different there.",
};

/// The target has a part of the effect.
pub const LOSSY: Code = Code {
    id: "INF4003",
    title: "not carried by the target",
    severity: Severity::Warning,
    explanation: "The target cannot say this, or only a part of it. The pods run, but the policy does not hold there as it does \
                  in the spec.\n\nChoose another target (`kubectl infer targets` compares them), drop the setting, or accept the \
                  loss with `--max-loss warning`.",
};

/// The target cannot do it at all.
pub const IMPOSSIBLE: Code = Code {
    id: "INF4004",
    title: "impossible on the target",
    severity: Severity::Error,
    explanation: "Without this the pods would not do what the spec says, so nothing is rendered unless `--force` is given.",
};

/// All codes of this area.
pub const CODES: &[&Code] = &[&EMULATED, &LOSSY, &IMPOSSIBLE];

/// Reports each use of a feature that the dialect has not natively. `support` says how far it has the feature of a row as
/// this workload uses it.
pub fn check(
    serving: &Serving,
    dialect: &'static str,
    table: &[Capability],
    support: &dyn Fn(&Use, &Capability) -> Support,
    ledger: &mut Ledger,
) {
    for used in serving.uses() {
        if let Some(row) = table.iter().find(|c| c.feature == used.feature) {
            let row = Capability {
                support: support(&used, row),
                ..*row
            };
            report(&used, &row, dialect, ledger);
        }
    }
}

fn report(used: &Use, row: &Capability, dialect: &'static str, ledger: &mut Ledger) {
    let (code, outcome) = match row.support {
        Support::Native => return,
        Support::Emulated(_) => (&EMULATED, Outcome::Emulated),
        Support::Lossy(_) if !used.explicit => (&LOSSY, Outcome::Defaulted),
        Support::Lossy(_) => (&LOSSY, Outcome::Dropped),
        Support::Impossible(_) => (&IMPOSSIBLE, Outcome::Dropped),
    };
    if !used.explicit && matches!(row.support, Support::Emulated(_)) {
        return;
    }
    let of = used
        .role
        .as_ref()
        .map(|r| format!(" (role `{r}`)"))
        .unwrap_or_default();
    let message = format!(
        "{}{of}: {} on {dialect}",
        row.feature.title(),
        row.support.as_str()
    );
    let target = Target {
        dialect: dialect.into(),
        ..Target::default()
    };
    let mut said = Diagnostic::new(code, message)
        .at_ids(&used.ids)
        .outcome(outcome)
        .target(target);
    if matches!(row.support, Support::Lossy(_)) && !used.explicit {
        said = said.severity(Severity::Note);
    }
    said.reason = row.support.detail().map(Into::into);
    said.remedy = (!row.remedy.is_empty()).then(|| row.remedy.into());
    if matches!(row.support, Support::Impossible(_)) {
        ledger.waive(&used.whole, said.clone());
    }
    ledger.report(said);
}
