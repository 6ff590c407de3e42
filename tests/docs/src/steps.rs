//! The shell of a CI system's YAML: `run` of GitHub's steps, `before_script` and `script` of GitLab's jobs.

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// The steps in order, each in a shell of its own that ends at its first error, as both systems do it.
///
/// Errors: YAML without a step; an expression of the system in one, which no shell knows.
pub(crate) fn of(yaml: &str) -> Result<String> {
    let document: Value = serde_saphyr::from_str(yaml).context("the block is no YAML")?;
    let mut steps = Vec::new();
    let jobs = document["jobs"].as_object().into_iter().flat_map(|jobs| jobs.values());
    for step in jobs.flat_map(|job| job["steps"].as_array().into_iter().flatten()) {
        steps.extend(step["run"].as_str().map(str::to_owned));
    }
    for job in document.as_object().into_iter().flat_map(|jobs| jobs.values()) {
        let mut lines = Vec::new();
        for key in ["before_script", "script"] {
            lines.extend(job[key].as_array().into_iter().flatten().filter_map(Value::as_str));
        }
        if !lines.is_empty() {
            steps.push(lines.join("\n"));
        }
    }
    if steps.is_empty() {
        bail!("the block has neither `run` of a step nor `script` of a job");
    }
    if let Some(step) = steps.iter().find(|step| step.contains("${{")) {
        bail!("a step has an expression of the CI system in its shell; hand it over by `env`: {step}");
    }
    let shell = |step: &String| format!("(\nset -e\n{}\n)\n", step.trim_end());
    Ok(steps.iter().map(shell).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_of_both_systems_are_found() {
        let github = "on: push\njobs:\n  a:\n    steps:\n      - uses: x/y@v1\n      - run: one\n      - run: |\n          two\n          three\n";
        assert_eq!(of(github).unwrap(), "(\nset -e\none\n)\n(\nset -e\ntwo\nthree\n)\n");
        let gitlab = "a:\n  image: x\n  before_script: [zero]\n  script:\n    - one\n    - two\n";
        assert_eq!(of(gitlab).unwrap(), "(\nset -e\nzero\none\ntwo\n)\n");
    }

    #[test]
    fn what_no_shell_can_run_is_refused() {
        for wrong in ["a: 1\n", "jobs: {a: {steps: [{run: 'echo ${{ github.ref }}'}]}}\n", "a: [\n"] {
            assert!(of(wrong).is_err(), "{wrong}");
        }
    }
}
