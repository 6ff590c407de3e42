//! `arena results show` and `failures`: cases as a person reads them.

use std::path::PathBuf;

use arena_model::{CheckRecord, Outcome, Record, Role};
use arena_results::{RunView, case_name, place, records, terminal_safe};
use owo_colors::OwoColorize;

use super::select::Select;
use crate::exit::{Exit, Failure, OrFail};
use crate::output::println;
use crate::terminal::{line, plural};
use crate::{terminal, verdict};

/// Fewest characters by which a key is named.
const KEY_CHARS: usize = 4;
/// Characters of an answer or of params unless all is asked for.
const CHARS: usize = 600;

/// Arguments of `arena results show`.
#[derive(clap::Args)]
pub struct Show {
    /// Folder of the run.
    dir: PathBuf,
    /// The case: its place in the plan, its key or the start of it, or its name, as it is printed or
    /// as in junit.xml.
    case: String,
    /// Print the record as JSON.
    #[arg(long)]
    json: bool,
}

/// Arguments of `arena results failures`.
#[derive(clap::Args)]
pub struct Failures {
    /// Folder of the run, finished or not.
    dir: PathBuf,
    /// Print the whole conversation.
    #[arg(long)]
    full: bool,
    /// Print only the keys, one a line, as `arena run --cases` takes them.
    #[arg(long, conflicts_with = "full")]
    ids: bool,
    /// Cases that are printed at most.
    #[arg(long, value_name = "N", default_value_t = 100, conflicts_with = "ids")]
    most: u64,
    #[command(flatten)]
    select: Select,
}

/// Prints one case.
pub fn show(arguments: &Show) -> Result<Exit, Failure> {
    let run = RunView::open(&arguments.dir).or_fail()?;
    let wanted = line(&arguments.case);
    let index: Option<u64> = wanted.parse().ok();
    let (mut exact, mut named) = (None, Vec::new());
    for record in records(&run).or_fail()? {
        let record = record.or_fail()?;
        if index == Some(record.index) {
            exact = Some(record);
            break;
        }
        let key = wanted.len() >= KEY_CHARS && record.key.0.starts_with(&wanted);
        // One more than the case that is meant is enough to know that it is not told from others.
        if named.len() < 2 && (key || is_named(&record, &wanted)) {
            named.push(record);
        }
    }
    let is_one = named.len() < 2;
    let Some(record) = exact.or_else(|| if is_one { named.pop() } else { None }) else {
        if !is_one {
            return Err(Failure::input("CaseAmbiguous", format!("{wanted:?} names several cases"))
                .hint("give more of the key, the trial behind the name, or the case's place in the plan"));
        }
        let text = format!("{}: no record of a case {wanted:?}", arguments.dir.display());
        let is_short = wanted.len() < KEY_CHARS && wanted.chars().all(|c| c.is_ascii_hexdigit());
        return Err(Failure::input("CaseNotFound", text).hint(match is_short {
            true => format!("of a key {KEY_CHARS} characters or more are needed"),
            false => "`arena results export DIR --format csv` lists index, key and name of all cases".to_owned(),
        }));
    };
    if arguments.json {
        let text = serde_json::to_string_pretty(&record)
            .map_err(|error| Failure::machinery("OutputFailed", format!("the record cannot be written: {error}")))?;
        println!("{}", terminal::json(&text));
    } else {
        print(&record, true);
    }
    Ok(Exit::Passed)
}

/// Whether `wanted` is what some place of this program calls the case: the name of reports, or that of the verdict, where
/// the trial may stand as `trial 2` or `trial 2 of 3`.
fn is_named(record: &Record, wanted: &str) -> bool {
    if line(&case_name(record)) == wanted {
        return true;
    }
    let place = verdict::place(&record.scenario, &record.provider, &record.region, &record.row, &record.variant);
    let Some(rest) = wanted.strip_prefix(place.as_str()) else { return false };
    let trial = format!(" trial {}", u64::from(record.trial) + 1);
    let of = || rest.strip_prefix(&trial)?.strip_prefix(" of ")?.parse::<u32>().ok();
    rest.is_empty() || rest == trial || of().is_some()
}

/// Prints the cases that failed or ended in an error.
pub fn failures(arguments: &Failures) -> Result<Exit, Failure> {
    arguments.select.refuse_good()?;
    let mut chosen = arguments.select.chosen()?;
    let run = RunView::open(&arguments.dir).or_fail()?;
    let (mut found, mut shown) = (0, 0);
    for record in records(&run).or_fail()? {
        let record = record.or_fail()?;
        let bad = matches!(record.outcome, Outcome::Failed | Outcome::Error);
        if !chosen.wants(&record) || !bad {
            continue;
        }
        found += 1;
        if arguments.ids {
            println!("{}", record.key.0);
        } else if shown < arguments.most {
            print(&record, arguments.full);
            shown += 1;
        }
    }
    chosen.all_found()?;
    if !arguments.ids {
        let left = found - shown;
        let more = if left > 0 { format!(", {left} of them not shown: raise --most") } else { String::new() };
        println!("{} failed or ended in an error{more}", plural(found, "case"));
    }
    Ok(Exit::Passed)
}

/// A case with what failed; `full` for its whole conversation.
pub fn print(record: &Record, full: bool) {
    let word = verdict::word(record.outcome);
    println!("{word} {}", line(&case_name(record)));
    println!("  index {}, key {}", record.index, record.key.0);
    if let Some(reason) = &record.reason {
        block("reason", reason, full);
    }
    let bad = |check: &CheckRecord| matches!(check.outcome, Outcome::Failed | Outcome::Error);
    for check in record.checks.iter().filter(|check| full || bad(check)) {
        println!("  {} {} ({})", verdict::word(check.outcome), line(&check.kind), place(check));
        let said: Vec<&str> = [&check.message, &check.reason].into_iter().flatten().map(String::as_str).collect();
        if !said.is_empty() {
            block("  reason", &said.join(": "), full);
        }
        if bad(check) {
            block("  expected", &check.params.to_string(), full);
        }
        for evidence in &check.evidence {
            let text = record.messages.get(evidence.message as usize).map(|message| message.content.text());
            let piece = text.as_ref().and_then(|text| text.get(evidence.start as usize..evidence.end as usize));
            block("  evidence", &format!("{:?} {}", piece.unwrap_or_default(), evidence.note), full);
        }
        if let (true, Some(evaluator)) = (full, &check.evaluator) {
            println!("    by {} {}, fuel {}", line(&evaluator.name), evaluator.digest, check.fuel);
        }
    }
    if full {
        for message in &record.messages {
            block(role(message.role), &message.content.text(), true);
            for call in &message.tool_calls {
                block("  calls", &format!("{} {}", call.name, call.arguments), true);
            }
        }
    } else if let Some(answer) = record.messages.iter().rev().find(|message| message.role == Role::Assistant) {
        block("answer", &answer.content.text(), false);
    }
    println!("");
}

fn role(role: Role) -> &'static str {
    match role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
    }
}

/// A stranger's text below a word of ours; further lines are indented, so that none can pass for ours.
fn block(word: &str, text: &str, full: bool) {
    let cut = if full { text.to_owned() } else { verdict::cut(text, CHARS) };
    let safe = terminal_safe(&cut);
    let mut lines = safe.trim_end().lines();
    println!("  {} {}", word.dimmed(), lines.next().unwrap_or_default());
    lines.for_each(|line| println!("      {line}"));
}
