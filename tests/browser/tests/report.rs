//! The report in a browser.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use arena_browser::run_tests;
use arena_harness::{Need, runs_here};

#[test]
fn a_person_can_work_with_the_report() {
    if !runs_here("report in a browser", &[Need::Browser]).unwrap() {
        return;
    }
    let tests = run_tests().unwrap();
    assert_eq!(tests.failed, 0, "{}", tests.output);
    assert!(tests.passed >= 15, "{}", tests.output);
}
