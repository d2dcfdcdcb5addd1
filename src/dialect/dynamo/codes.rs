//! Codes of the Dynamo dialect: what reading and predicting say is in INF5500 to INF5549, what rendering says from INF5550 on.

use crate::diagnostic::Code;

/// All codes of the dialect.
pub const CODES: &[&Code] = &[];
