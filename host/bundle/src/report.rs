//! Collects the findings of one load, bounded, so that all of them are told at once.

use crate::{Problem, Problems, Severity};

/// Defects that may be there only because the document which bears the name has an error: they are told once all load.
const NAMES: [&str; 4] = ["PromptMissing", "ProviderUnknown", "TurnRoleUnknown", "CompositionUnknown"];

/// Findings so far. What is over the limit is counted, not kept.
pub(crate) struct Report {
    limit: usize,
    errors: Findings,
    defects: Findings,
    warnings: Findings,
}

#[derive(Default)]
struct Findings {
    kept: Vec<Problem>,
    dropped: usize,
}

impl Report {
    /// Keeps at most `limit` errors, as many defects and as many warnings.
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, errors: Findings::default(), defects: Findings::default(), warnings: Findings::default() }
    }

    pub(crate) fn push(&mut self, problem: Problem) {
        let findings = match problem.severity {
            Severity::Error => &mut self.errors,
            Severity::Defect => &mut self.defects,
            Severity::Warning => &mut self.warnings,
        };
        if findings.kept.len() < self.limit {
            findings.kept.push(problem);
        } else {
            findings.dropped += 1;
        }
    }

    /// An empty one with the same limit.
    pub(crate) fn like(&self) -> Self {
        Self::new(self.limit)
    }

    /// How many errors there are.
    pub(crate) fn errors(&self) -> usize {
        self.errors.kept.len() + self.errors.dropped
    }

    /// Takes over what another found.
    pub(crate) fn absorb(&mut self, other: Self) {
        self.errors.dropped += other.errors.dropped;
        self.defects.dropped += other.defects.dropped;
        self.warnings.dropped += other.warnings.dropped;
        let kept = [other.errors.kept, other.defects.kept, other.warnings.kept];
        kept.into_iter().flatten().for_each(|problem| self.push(problem));
    }

    /// Notes what `find` finds as warnings.
    pub(crate) fn lenient(&mut self, find: impl FnOnce(&mut Self)) {
        let mut found = Self::new(self.limit);
        find(&mut found);
        let Self { errors, defects, warnings, .. } = found;
        self.defects.dropped += defects.dropped;
        self.warnings.dropped += errors.dropped + warnings.dropped;
        let kept = errors.kept.into_iter().map(Problem::warning).chain(defects.kept).chain(warnings.kept);
        kept.for_each(|problem| self.push(problem));
    }

    /// Takes the value out of `result`, or notes why there is none.
    pub(crate) fn keep<T>(&mut self, result: Result<T, Problem>) -> Option<T> {
        result.map_err(|problem| self.push(problem)).ok()
    }

    /// Defects and warnings if there was no error, else errors and defects; sorted by place.
    pub(crate) fn finish(self) -> Result<Vec<Problem>, Problems> {
        if self.errors.kept.is_empty() {
            Ok(sorted([(self.defects, Severity::Defect), (self.warnings, Severity::Warning)]))
        } else {
            Err(self.into_errors())
        }
    }

    /// Errors and defects, sorted by place, for when there is nothing to go on with.
    pub(crate) fn into_errors(mut self) -> Problems {
        self.defects.kept.retain(|defect| !NAMES.contains(&defect.reason));
        Problems(sorted([(self.errors, Severity::Error), (self.defects, Severity::Defect)]))
    }
}

/// All findings by place, each once, and then how many of either kind were not kept.
fn sorted(lists: [(Findings, Severity); 2]) -> Vec<Problem> {
    let (mut all, mut dropped) = (Vec::new(), Vec::new());
    for (findings, severity) in lists {
        all.extend(findings.kept);
        dropped.push((findings.dropped, severity));
    }
    all.sort_by(|a, b| (&a.file, a.line, a.column, &a.path).cmp(&(&b.file, b.line, b.column, &b.path)));
    all.dedup();
    let last = all.last().map(|last| last.file.clone()).unwrap_or_default();
    for (count, severity) in dropped.into_iter().filter(|(count, _)| *count > 0) {
        let more = Problem::of_file(&last, "TooManyProblems", format!("{count} more not shown"));
        all.push(Problem { severity, ..more });
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorts_and_says_how_many_it_left_out() {
        let mut report = Report::new(2);
        for (file, line) in [("b", 1), ("a", 9), ("a", 10)] {
            report.push(Problem::of_file(file, "X", "x").at(line, 1));
            report.push(Problem::of_file(file, "X", "x").at(line, 1).warning());
        }
        let Problems(errors) = report.finish().unwrap_err();
        let shown: Vec<_> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["a:9:1: error[X]: x", "b:1:1: error[X]: x", "b: error[TooManyProblems]: 1 more not shown"]);
    }

    #[test]
    fn warnings_alone_are_no_error() {
        let mut report = Report::new(2);
        report.push(Problem::of_file("a", "X", "x").warning());
        assert_eq!(report.finish().unwrap().len(), 1);
    }

    fn told(problems: &[Problem]) -> Vec<String> {
        problems.iter().map(|it| format!("{:?} {}:{} {}", it.severity, it.file, it.line, it.message)).collect()
    }

    #[test]
    fn many_warnings_hide_no_defect() {
        let mut report = Report::new(2);
        for line in 1..=3 {
            report.push(Problem::of_file("a", "X", "x").at(line, 1).warning());
        }
        report.lenient(|report| report.push(Problem::of_file("a", "X", "x").at(2, 2).defect()));
        let mut whole = report.like();
        whole.absorb(report);
        assert_eq!(
            told(&whole.finish().unwrap()),
            ["Warning a:1 x", "Warning a:2 x", "Defect a:2 x", "Warning a:0 1 more not shown"]
        );
    }

    #[test]
    fn errors_and_defects_come_together_each_once() {
        let mut report = Report::new(3);
        report.push(Problem::of_file("c", NAMES[0], "its document may be the one with the error").defect());
        for _ in 0..2 {
            report.push(Problem::of_file("b", "X", "x").at(1, 1));
        }
        for line in 1..=3 {
            report.push(Problem::of_file("a", "Y", "y").at(line, 1).defect());
        }
        report.push(Problem::of_file("a", "Z", "z").warning());
        let problems = report.finish().unwrap_err();
        assert_eq!(told(&problems.0), ["Defect a:1 y", "Defect a:2 y", "Error b:1 x", "Defect b:0 1 more not shown"]);
        assert_eq!(arena_model::Fault::reason(&problems), "X", "what stops the bundle names the failure");
    }
}
