//! Where an object belongs.

use crate::value::{Ids, Str};

/// Where the pods of a set stand in the lattice, and where to report what has no place of its own.
#[derive(Clone, Debug)]
pub struct Place {
    /// The slice.
    pub slice: u32,
    /// The role.
    pub role: Str,
    /// The namespace.
    pub namespace: Str,
    /// The object in the input.
    pub ids: Ids,
}
