//! The fetching child on its own, for the tests: the binary of the product starts itself instead.

use std::process::ExitCode;

fn main() -> ExitCode {
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        return ExitCode::FAILURE;
    }
    arena_source::fetch_child_main()
}
