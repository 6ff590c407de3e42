//! Reports in a browser: takes made-up records, gives the folders of finished runs and what Debian's Chromium makes of
//! their pages. Never downloads a browser, never leaves loopback once npm has brought what the lock file names.

mod run;
mod scripts;
mod showcase;
mod suite;
mod volume;

pub use run::FinishedRun;
pub use scripts::Scripts;
pub use showcase::showcase;
pub use suite::{Tests, run_tests};
pub use volume::volume;
