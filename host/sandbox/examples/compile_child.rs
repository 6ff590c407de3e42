//! The compiler child on its own, for the tests: the binary of the product starts itself instead.

use std::process::ExitCode;

fn main() -> ExitCode {
    arena_sandbox::compile_child_main()
}
