//! Collects the findings of one load, bounded, so that all of them are told at once.

use crate::{Problem, Problems, Severity};

/// Findings so far. What is over the limit is counted, not kept.
pub(crate) struct Report {
    limit: usize,
    errors: Findings,
    warnings: Findings,
}

#[derive(Default)]
struct Findings {
    kept: Vec<Problem>,
    dropped: usize,
}

impl Report {
    /// Keeps at most `limit` errors and as many warnings.
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, errors: Findings::default(), warnings: Findings::default() }
    }

    pub(crate) fn push(&mut self, problem: Problem) {
        let findings = match problem.severity {
            Severity::Error => &mut self.errors,
            Severity::Defect | Severity::Warning => &mut self.warnings,
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
        self.warnings.dropped += other.warnings.dropped;
        other.errors.kept.into_iter().chain(other.warnings.kept).for_each(|problem| self.push(problem));
    }

    /// Notes what `find` finds as warnings.
    pub(crate) fn lenient(&mut self, find: impl FnOnce(&mut Self)) {
        let mut found = Self::new(self.limit);
        find(&mut found);
        let Findings { kept, dropped } = found.errors;
        self.warnings.dropped += dropped;
        kept.into_iter().map(Problem::warning).chain(found.warnings.kept).for_each(|problem| self.push(problem));
    }

    /// Takes the value out of `result`, or notes why there is none.
    pub(crate) fn keep<T>(&mut self, result: Result<T, Problem>) -> Option<T> {
        result.map_err(|problem| self.push(problem)).ok()
    }

    /// The warnings if there was no error, else the errors; both sorted by place.
    pub(crate) fn finish(self) -> Result<Vec<Problem>, Problems> {
        if self.errors.kept.is_empty() { Ok(self.warnings.sorted(Severity::Warning)) } else { Err(self.into_errors()) }
    }

    /// The errors, sorted by place, for when there is nothing to go on with.
    pub(crate) fn into_errors(self) -> Problems {
        Problems(self.errors.sorted(Severity::Error))
    }
}

impl Findings {
    fn sorted(mut self, severity: Severity) -> Vec<Problem> {
        self.kept.sort_by(|a, b| (&a.file, a.line, a.column, &a.path).cmp(&(&b.file, b.line, b.column, &b.path)));
        if self.dropped > 0
            && let Some(last) = self.kept.last()
        {
            let mut more = Problem::of_file(&last.file, "TooManyProblems", format!("{} more not shown", self.dropped));
            more.severity = severity;
            self.kept.push(more);
        }
        self.kept
    }
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
}
