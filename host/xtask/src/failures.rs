//! What failed, read out of the output of tests and bars, so that the summary can repeat it: who sees only the end of a
//! long log sees why.

/// Most of one failure that is kept, in bytes: half of its start, half of its end.
const MOST: usize = 1500;
/// Most failures that are kept.
const COUNT: usize = 20;

/// Takes in lines of output.
#[derive(Default)]
pub struct Failures {
    kept: Vec<String>,
    open: Option<String>,
}

impl Failures {
    /// A line of libtest: what a failed test printed stands between `---- NAME stdout ----` and the next such line.
    pub fn test_line(&mut self, line: &str) {
        if line.starts_with("---- ") && line.ends_with(" ----") {
            self.close(true);
            self.open = Some(line.to_owned());
        } else if line == "failures:" || line.starts_with("test result: ") {
            self.close(true);
        } else if let Some(open) = &mut self.open {
            add(open, line);
        }
    }

    /// A line of the bars: a figure starts with `bar ` and, if it fell short, ends with `SHORT`, perhaps lines later.
    pub fn bar_line(&mut self, line: &str) {
        if line.starts_with("bar ") {
            self.close(false);
            self.open = Some(line.to_owned());
        } else if let Some(open) = &mut self.open {
            add(open, line);
        }
        if line.ends_with(" SHORT") {
            self.close(true);
        }
    }

    /// All of them, in order.
    pub fn into_kept(mut self) -> Vec<String> {
        self.close(false);
        self.kept
    }

    fn close(&mut self, failed: bool) {
        let Some(text) = self.open.take() else { return };
        if failed && self.kept.len() < COUNT {
            self.kept.push(text.trim_end().to_owned());
        }
    }
}

/// Adds a line, and cuts out of the middle what is too much.
fn add(text: &mut String, line: &str) {
    text.push('\n');
    text.push_str(line);
    if text.len() > MOST {
        let (head, tail) = (text.floor_char_boundary(MOST / 2), text.ceil_char_boundary(text.len() - MOST / 2));
        *text = format!("{}\n[cut]\n{}", &text[..head], &text[tail..]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_failed_test_printed_is_kept() {
        let mut failures = Failures::default();
        let output = "running 2 tests\ntest a ... ok\ntest b ... FAILED\n\nfailures:\n\n---- b stdout ----\nthread 'b' \
                      panicked\nleft: 1\n\n\nfailures:\n    b\n\ntest result: FAILED. 1 passed; 1 failed";
        output.lines().for_each(|line| failures.test_line(line));
        assert_eq!(failures.into_kept(), ["---- b stdout ----\nthread 'b' panicked\nleft: 1"]);
    }

    #[test]
    fn figures_that_fell_short_are_kept_with_all_their_lines() {
        let mut failures = Failures::default();
        let output = "bar 03.1: a: 1 (limit 2, n = 1) ok\nbar 03.2: measuring it: the job\nstands still (limit no \
                      error, n = 1) SHORT\nnot of it\nbar 03.3: seeds";
        output.lines().for_each(|line| failures.bar_line(line));
        assert_eq!(
            failures.into_kept(),
            ["bar 03.2: measuring it: the job\nstands still (limit no error, n = 1) SHORT"]
        );
    }

    #[test]
    fn a_long_failure_keeps_its_ends() {
        let mut failures = Failures::default();
        failures.bar_line("bar 03.2: start");
        (0..10_000).for_each(|number| failures.bar_line(&format!("ü {number}")));
        failures.bar_line("end SHORT");
        let kept = failures.into_kept();
        assert!(kept[0].starts_with("bar 03.2: start\nü 0\n"), "{}", kept[0]);
        assert!(kept[0].ends_with("\nü 9999\nend SHORT"), "{}", kept[0]);
        assert!(kept[0].len() < MOST + 50 && kept[0].contains("[cut]"), "{}", kept[0]);
    }
}
