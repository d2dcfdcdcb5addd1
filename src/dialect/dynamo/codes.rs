//! Codes of the Dynamo dialect: what reading and predicting say is in INF5500 to INF5549, what rendering says from INF5550 on.

use super::lower::codes as lower;
use crate::diagnostic::Code;

/// All codes of the dialect.
pub const CODES: &[&Code] = &[
    &lower::NAME_TOO_LONG,
    &lower::NAME_CUT,
    &lower::NAME_CLASH,
    &lower::TOO_MANY,
    &lower::RUNTIME_VERSION,
    &lower::VERSION_ASSUMED,
    &lower::FRAMEWORKS,
    &lower::LAUNCH,
    &lower::QUOTING,
    &lower::RESERVED_ENV,
    &lower::ENV_ORDER,
    &lower::SCHEDULERS,
    &lower::LEAK,
    &lower::ZERO,
    &lower::MODE,
    &lower::WORKERS_SERVED,
    &lower::BASE_GANG,
    &lower::MIN_AVAILABLE,
    &lower::GANG_SCALED,
    &lower::GANG_SCHEDULER,
    &lower::QUEUE_CONFLICT,
    &lower::QUEUE_DEFAULTED,
    &lower::QUEUE_UNUSED,
    &lower::TOPOLOGY_UNBOUND,
    &lower::NO_EFFECT,
    &lower::GROVE_ONLY,
    &lower::RESERVED_LABEL,
    &lower::SCALED,
    &lower::MAIN,
    &lower::ENTRY_POINT,
    &lower::REFUSED,
];
