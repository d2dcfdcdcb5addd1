//! Stub.
/// Stub.
#[derive(Debug)]
pub struct Finding;
