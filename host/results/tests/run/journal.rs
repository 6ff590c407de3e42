use std::fs;

use arena_model::{Fault, Outcome};
use arena_results::{Done, Journal, Recovered, RunDir, records};

use crate::sample::{append, create, open, put, record};

#[test]
fn a_journal_cut_at_any_byte_keeps_every_whole_line_and_goes_on() {
    let temp = tempfile::tempdir().unwrap();
    let run = create(&temp.path().join("run"), 8);
    let (mut journal, _) = open(&run).unwrap();
    for (index, reason) in [(2, "plain"), (0, "half a character: ü 👩‍🚀"), (1, "")] {
        let mut short = record(index, Outcome::Skipped);
        short.reason = Some(reason.into());
        put(&mut journal, &short).unwrap();
    }
    drop(journal);
    let path = run.path().join("journal.jsonl");
    let whole = fs::read(&path).unwrap();
    for cut in 0..=whole.len() {
        fs::write(&path, &whole[..cut]).unwrap();
        let lines = whole[..cut].iter().filter(|byte| **byte == b'\n').count();
        let kept = whole[..cut].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let (mut journal, Recovered { done, dropped_bytes }) = open(&run).unwrap();
        assert_eq!(done.len(), lines, "cut at {cut}");
        assert_eq!(dropped_bytes as usize, cut - kept, "cut at {cut}");
        assert_eq!(fs::metadata(&path).unwrap().len() as usize, kept);
        put(&mut journal, &record(5, Outcome::Skipped)).unwrap();
        drop(journal);
        let mut wanted: Vec<u64> = [2, 0, 1][..lines].iter().copied().chain([5]).collect();
        wanted.sort_unstable();
        let found: Vec<u64> = open(&run).unwrap().1.done.iter().map(|done| done.index).collect();
        assert_eq!(found, wanted, "cut at {cut}");
        assert_eq!(fs::read(&path).unwrap()[..kept], whole[..kept]);
    }
}

#[test]
fn a_last_line_that_is_no_json_is_dropped_but_one_in_the_middle_is_an_error() {
    let temp = tempfile::tempdir().unwrap();
    let run = create(&temp.path().join("run"), 8);
    append(&run, &[record(0, Outcome::Passed), record(1, Outcome::Passed)]);
    let path = run.path().join("journal.jsonl");
    let good = fs::read(&path).unwrap();
    for torn in
        [&b"{\"v\":1,\"ind\n"[..], b"\0\0\0\0", b"\xff\xfe\n", b"\n", b"{\"v\":1,\"index\":3,\"outcome\":\"pas\xc3\n"]
    {
        fs::write(&path, [&good, torn].concat()).unwrap();
        let (_, recovered) = open(&run).unwrap();
        assert_eq!((recovered.done.len(), recovered.dropped_bytes), (2, torn.len() as u64));
        assert_eq!(fs::read(&path).unwrap(), good);

        let mut middle = torn.to_vec();
        middle.push(b'\n');
        fs::write(&path, [&good, &middle[..], &good].concat()).unwrap();
        let error = open(&run).unwrap_err();
        assert_eq!(error.reason(), "JournalCorrupt");
        assert!(error.to_string().contains("line 3"), "{error}");
    }
    let line = serde_json::to_string(&record(3, Outcome::Passed)).unwrap();
    for (was, is) in [("\"v\":1", "\"v\":2"), ("\"index\":3", "\"index\":8")] {
        fs::write(&path, [&good, line.replace(was, is).as_bytes(), b"\n"].concat()).unwrap();
        assert_eq!(open(&run).unwrap_err().reason(), "JournalCorrupt", "a whole line is no torn one");
    }
}

#[test]
fn a_record_of_another_plan_is_refused() {
    let temp = tempfile::tempdir().unwrap();
    let run = create(&temp.path().join("run"), 8);
    let path = run.path().join("journal.jsonl");
    let line = |record: &arena_model::Record| serde_json::to_string(record).unwrap() + "\n";
    let mut moved = record(2, Outcome::Passed);
    moved.index = 3;
    // The last line, too: it is whole.
    for (lines, number) in
        [([line(&moved), line(&record(0, Outcome::Passed))], 1), ([line(&record(0, Outcome::Passed)), line(&moved)], 2)]
    {
        fs::write(&path, lines.concat()).unwrap();
        let error = open(&run).unwrap_err();
        assert_eq!(error.reason(), "JournalCorrupt");
        let text = error.to_string();
        for words in [format!("line {number}"), format!("case 3 has the key {}", moved.key.0), "another run".to_owned()]
        {
            assert!(text.contains(&words), "{text}");
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), lines.concat());
    }
    assert!(Journal::open(&run, |_| None).is_err(), "a case that the plan does not have");
}

#[test]
fn the_first_record_of_a_case_wins() {
    let temp = tempfile::tempdir().unwrap();
    let run = create(&temp.path().join("run"), 8);
    append(&run, &[record(3, Outcome::Failed), record(1, Outcome::Passed), record(3, Outcome::Passed)]);
    let (journal, recovered) = open(&run).unwrap();
    assert_eq!(recovered.done.iter().map(|done| done.index).collect::<Vec<_>>(), [1, 3]);
    drop(journal);
    let found: Vec<_> = records(&run).unwrap().map(|record| record.unwrap().outcome).collect();
    assert_eq!(found, [Outcome::Passed, Outcome::Failed]);
}

#[test]
fn what_was_done_is_told_with_outcome_and_cost() {
    let temp = tempfile::tempdir().unwrap();
    let run = create(&temp.path().join("run"), 8);
    assert_eq!(open(&run).unwrap().1, Recovered::default());
    append(&run, &[record(4, Outcome::Skipped), record(1, Outcome::Failed)]);
    let done = |index, outcome, cost_usd_micro| Done { index, outcome, cost_usd_micro, calls: 0 };
    let wanted = [done(1, Outcome::Failed, Some(20)), done(4, Outcome::Skipped, None)];
    assert_eq!(open(&run).unwrap().1, Recovered { done: wanted.to_vec(), dropped_bytes: 0 });
}

#[test]
fn a_record_at_the_limit_goes_in_and_one_byte_more_does_not() {
    let temp = tempfile::tempdir().unwrap();
    let record = record(0, Outcome::Passed);
    let size = serde_json::to_vec(&record).unwrap().len() as u32;
    let run = create(&temp.path().join("run"), 8).with_max_record_bytes(size);
    append(&run, std::slice::from_ref(&record));
    assert_eq!(open(&run).unwrap().1.done.len(), 1);
    assert_eq!(records(&run).unwrap().count(), 1);
    let run = run.with_max_record_bytes(size - 1);
    assert_eq!(open(&run).unwrap_err().reason(), "JournalCorrupt", "a longer line than may be");
    fs::write(run.path().join("journal.jsonl"), "").unwrap();
    let (mut journal, _) = open(&run).unwrap();
    let error = put(&mut journal, &record).unwrap_err();
    assert_eq!(error.reason(), "RecordTooLarge");
    assert!(error.to_string().contains(&format!("{size} bytes")), "{error}");
    assert_eq!(fs::metadata(run.path().join("journal.jsonl")).unwrap().len(), 0);
}

#[test]
fn a_case_that_is_not_in_the_plan_is_refused() {
    let temp = tempfile::tempdir().unwrap();
    let run = create(&temp.path().join("run"), 8);
    let (mut journal, _) = open(&run).unwrap();
    assert_eq!(put(&mut journal, &record(8, Outcome::Passed)).unwrap_err().reason(), "RecordInvalid");
    assert_eq!(fs::metadata(run.path().join("journal.jsonl")).unwrap().len(), 0);
}

#[test]
fn what_another_process_appends_is_noticed_and_not_written_over() {
    let temp = tempfile::tempdir().unwrap();
    let run = create(&temp.path().join("run"), 8);
    let (mut journal, _) = open(&run).unwrap();
    put(&mut journal, &record(0, Outcome::Passed)).unwrap();
    // As one who took the lock's file away: both hold the lock of a file of their own.
    fs::remove_file(run.path().join("lock")).unwrap();
    let other = RunDir::open(run.path()).unwrap();
    let (mut second, _) = open(&other).unwrap();
    put(&mut second, &record(1, Outcome::Passed)).unwrap();
    let before = fs::read(run.path().join("journal.jsonl")).unwrap();
    assert_eq!(put(&mut journal, &record(2, Outcome::Passed)).unwrap_err().reason(), "JournalForeign");
    assert_eq!(fs::read(run.path().join("journal.jsonl")).unwrap(), before);
    put(&mut second, &record(3, Outcome::Passed)).unwrap();
    drop((journal, second));
    assert_eq!(records(&other).unwrap().map(|record| record.unwrap().index).collect::<Vec<_>>(), [0, 1, 3]);
}
