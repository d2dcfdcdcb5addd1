//! The `kubectl-infer` binary: parse arguments, run, exit code.

fn main() {}
