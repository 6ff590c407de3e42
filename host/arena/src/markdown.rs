//! The verdict in Markdown, for pull requests and pages of CI systems. A stranger's text in it is text: no HTML, no link, no
//! mention, and no code fence that it could close.

use std::fmt::{self, Write as _};
use std::path::Path;

use arena_model::{CheckRecord, Counts, Outcome, Record, Role, Summary, Tally};
use arena_results::{RunView, place, records, terminal_safe};

use crate::exit::{Failure, OrFail};
use crate::files;
use crate::gates::Decided;
use crate::terminal::{line, percent, plural};
use crate::verdict;

/// Most bytes of all: GitHub takes no longer comment.
const BYTES: usize = 65_536;
/// Kept free for what is said of cases that are left out.
const TAIL: usize = 512;
/// Most bytes of the tables, so that failures have room.
const TABLES: usize = 24 << 10;
/// Cases that are told one by one.
const SHOWN: u64 = 100;
/// Checks of a case that are told.
const CHECKS: usize = 10;
/// Characters of a name or of a reason on one line.
const LINE_CHARS: usize = 200;
/// Characters of a reason, a pattern or an answer in a block of its own.
const BLOCK_CHARS: usize = 1_000;

/// Writes it to `to`, whole or not at all.
///
/// Errors: `FileUnwritable`, those of the run's folder.
pub fn write(run: &RunView, summary: &Summary, gates: &Decided, to: &Path) -> Result<(), Failure> {
    files::write(to, text(run, summary, gates)?.as_bytes())
}

/// The page, at most 65,536 bytes.
///
/// Errors: those of the run's folder.
pub fn text(run: &RunView, summary: &Summary, gates: &Decided) -> Result<String, Failure> {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = head(&mut text, summary, gates);
    // What people look for first, and what GitHub shows of a long comment.
    let mut tables = String::new();
    for (what, tallies) in [("Provider", &summary.providers), ("Scenario", &summary.scenarios)] {
        let _ = table(&mut tables, what, tallies);
    }
    text.push_str(&tables);
    let Counts { failed, error, .. } = summary.cases;
    if failed + error > 0 {
        cases(&mut text, run, failed + error, BYTES - TAIL)?;
    }
    let manifest = run.manifest();
    let _ = writeln!(text, "{}, work `{}`", escaped(&manifest.origin.engine), manifest.work_digest);
    Ok(text)
}

fn head(text: &mut String, summary: &Summary, gates: &Decided) -> fmt::Result {
    let word = verdict::told(&summary.decisive(), gates);
    let partial = if summary.partial { " (partial: the run was stopped)" } else { "" };
    writeln!(text, "# Arena: {word}{partial}\n")?;
    writeln!(text, "{}\n", summary.cases)?;
    if let Some(trials) = summary.trials.as_ref().filter(|trials| trials.tolerated > 0) {
        let tolerated = plural(trials.tolerated, "failed case");
        writeln!(text, "{tolerated} count as passed: each `pass_threshold` in them is met\n")?;
    }
    for gate in gates.all() {
        let word = match gate.word() {
            "holds" => "holds".to_owned(),
            other => format!("is {other}"),
        };
        writeln!(text, "- gate {} {word}: {}", escaped(&gate.gate), escaped(&gate.detail))?;
    }
    if gates.all().next().is_some() {
        writeln!(text)?;
    }
    Ok(())
}

fn table<'a>(text: &mut String, what: &str, tallies: impl IntoIterator<Item = (&'a String, &'a Tally)>) -> fmt::Result {
    writeln!(text, "| {what} | Pass rate | Interval | Passed | Failed | Error | Tokens | USD |")?;
    writeln!(text, "|---|--:|---|--:|--:|--:|--:|--:|")?;
    let mut left_out = 0;
    for (id, tally) in tallies {
        if text.len() > TABLES {
            left_out += 1;
            continue;
        }
        let Counts { planned, passed, failed, error, .. } = tally.counts;
        let percent = |share: f64| percent(share, 1);
        let rate = tally.counts.pass_rate().map_or_else(|| "–".to_owned(), percent);
        let estimate =
            tally.statistics.as_ref().and_then(|statistics| statistics.pass_rate.as_ref()?.interval.as_ref());
        let interval =
            estimate.map_or_else(|| "–".to_owned(), |it| format!("{} to {}", percent(it.low), percent(it.high)));
        let cost = tally.cost_usd_micro.map_or_else(|| "?".to_owned(), |micro| format!("{:.4}", micro as f64 / 1e6));
        let (id, tokens) = (escaped(&verdict::cut(id, LINE_CHARS)), tally.usage.total());
        writeln!(
            text,
            "| {id} | {rate} | {interval} | {passed} of {planned} | {failed} | {error} | {tokens} | {cost} |"
        )?;
    }
    if left_out > 0 {
        writeln!(text, "\nand {left_out} more, see the report")?;
    }
    writeln!(text)
}

/// The first cases that did not pass, as far as there is room.
fn cases(text: &mut String, run: &RunView, all: u64, room: usize) -> Result<(), Failure> {
    let mut shown = 0;
    for record in records(run).or_fail()? {
        let record = record.or_fail()?;
        if !matches!(record.outcome, Outcome::Failed | Outcome::Error) {
            continue;
        }
        let told = case(&record);
        if shown == SHOWN || text.len() + told.len() > room {
            break;
        }
        text.push_str(&told);
        shown += 1;
        if shown == all {
            break;
        }
    }
    if all > shown {
        text.push_str(&format!("and {} that did not pass, see the report\n\n", plural(all - shown, "more case")));
    }
    Ok(())
}

fn case(record: &Record) -> String {
    let name = verdict::place(&record.scenario, &record.provider, &record.region, &record.row, &record.variant);
    let trial = record.trial.saturating_add(1);
    let reason = verdict::cut(record.reason.as_deref().unwrap_or_default(), LINE_CHARS);
    let (name, outcome) = (html(&verdict::cut(&name, LINE_CHARS)), record.outcome.as_str());
    let mut body = String::new();
    let bad = |check: &&CheckRecord| matches!(check.outcome, Outcome::Failed | Outcome::Error);
    for check in record.checks.iter().filter(bad).take(CHECKS) {
        let said: Vec<&str> = [&check.message, &check.reason].into_iter().flatten().map(String::as_str).collect();
        let (place, outcome) = (place(check), check.outcome.as_str());
        let said = verdict::cut(&said.join(": "), BLOCK_CHARS);
        let expected = verdict::cut(&check.params.to_string(), BLOCK_CHARS);
        body.push_str(&format!("{} ({place}, {outcome}): {said}\n  expected: {expected}\n", check.kind));
    }
    let more = record.checks.iter().filter(bad).count().saturating_sub(CHECKS);
    if more > 0 {
        body.push_str(&format!("and {}\n", plural(more as u64, "more check")));
    }
    if body.is_empty() {
        body.push_str(&verdict::cut(record.reason.as_deref().unwrap_or_default(), BLOCK_CHARS));
        body.push('\n');
    }
    if let Some(answer) = record.messages.iter().rev().find(|message| message.role == Role::Assistant) {
        body.push_str(&format!("last answer:\n{}\n", verdict::cut(&answer.content.text(), BLOCK_CHARS)));
    }
    format!(
        "<details><summary>{outcome}: {name} trial {trial}: {}</summary>\n\n{}\n</details>\n\n",
        html(&reason),
        fenced(&body)
    )
}

/// Text in a code fence that is longer than any run of backticks in it.
fn fenced(text: &str) -> String {
    let safe = terminal_safe(text);
    let (mut longest, mut run) = (0, 0);
    for c in safe.chars() {
        run = if c == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}text\n{}\n{fence}\n", safe.trim_end())
}

/// A stranger's text on one line in which nothing is Markdown or HTML.
pub fn escaped(text: &str) -> String {
    let mut plain = String::new();
    for c in line(text).chars() {
        if is_markup(c) {
            plain.push('\\');
        }
        push(&mut plain, c);
    }
    plain
}

/// The same within HTML, where a backslash would be shown and some renderers look for Markdown all the same.
fn html(text: &str) -> String {
    let mut plain = String::new();
    for c in line(text).chars() {
        match c {
            '#' => push(&mut plain, c),
            _ if is_markup(c) => plain.push_str(&format!("&#{};", u32::from(c))),
            _ => push(&mut plain, c),
        }
    }
    plain
}

/// What Markdown takes for more than itself.
fn is_markup(c: char) -> bool {
    matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' | '!' | '$')
}

/// A character that starts no element, and that no renderer takes for part of a mention, a reference or an address: these
/// are looked for in the finished page, so an invisible space stands behind what they begin with.
fn push(plain: &mut String, c: char) {
    match c {
        '<' => plain.push_str("&lt;"),
        '>' => plain.push_str("&gt;"),
        '&' => plain.push_str("&amp;"),
        '"' => plain.push_str("&quot;"),
        '@' | '#' | ':' => plain.extend([c, '\u{200b}']),
        '.' if plain.to_lowercase().ends_with("www") => plain.extend(['\u{200b}', '.']),
        other => plain.push(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strangers_text_is_no_markup() {
        let shown = escaped("a|b\n<img> *x* [l](u) @me #1 `c` https://x.y www.x.y a@b.c").replace('\u{200b}', "^");
        let wanted = r"a\|b &lt;img&gt; \*x\* \[l\](u) @^me \#^1 \`c\` https:^//x.y www^.x.y a@^b.c";
        assert_eq!(shown, wanted);
        assert!(!html("</summary><script>").contains('<'));
        assert_eq!(html("[l](u) `c`"), "&#91;l&#93;(u) &#96;c&#96;");
    }

    #[test]
    fn a_fence_is_longer_than_what_could_close_it() {
        for text in ["plain", "```\n# out", "a\n``````\n`````````` b", "~~~", "\u{1b}]8;;x\u{7}"] {
            let block = fenced(text);
            let fence: String = block.chars().take_while(|c| *c == '`').collect();
            assert!(fence.len() >= 3);
            let inside = block.strip_prefix(&format!("{fence}text\n")).unwrap();
            let inside = inside.strip_suffix(&format!("\n{fence}\n")).unwrap();
            assert!(!inside.contains(&fence) && !inside.contains('\u{1b}'), "{block}");
        }
    }
}
