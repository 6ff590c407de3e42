use std::fs;

use arena_model::{Fault, Outcome};
use arena_results::{Journal, Recovered, records};

use crate::sample::{append, create, record, standard};

#[test]
fn a_journal_cut_at_any_byte_keeps_every_whole_line_and_goes_on() {
    let temp = tempfile::tempdir().unwrap();
    let run = create(&temp.path().join("run"), 8);
    let (mut journal, _) = Journal::open(&run).unwrap();
    for (index, reason) in [(2, "plain"), (0, "half a character: ü 👩‍🚀"), (1, "")] {
        let line = format!(r#"{{"v":1,"index":{index},"outcome":"failed","reason":"{reason}"}}"#);
        journal.append_line(line.as_bytes()).unwrap();
    }
    drop(journal);
    let path = run.path().join("journal.jsonl");
    let whole = fs::read(&path).unwrap();
    for cut in 0..=whole.len() {
        fs::write(&path, &whole[..cut]).unwrap();
        let lines = whole[..cut].iter().filter(|byte| **byte == b'\n').count();
        let kept = whole[..cut].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let (mut journal, Recovered { done, dropped_bytes }) = Journal::open(&run).unwrap();
        assert_eq!(done.len(), lines, "cut at {cut}");
        assert_eq!(dropped_bytes as usize, cut - kept, "cut at {cut}");
        assert_eq!(fs::metadata(&path).unwrap().len() as usize, kept);
        journal.append(&record(5, Outcome::Skipped)).unwrap();
        drop(journal);
        let mut wanted: Vec<u64> = [2, 0, 1][..lines].iter().copied().chain([5]).collect();
        wanted.sort_unstable();
        let found: Vec<u64> = Journal::open(&run).unwrap().1.done.iter().map(|place| place.0).collect();
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
        let (_, recovered) = Journal::open(&run).unwrap();
        assert_eq!((recovered.done.len(), recovered.dropped_bytes), (2, torn.len() as u64));
        assert_eq!(fs::read(&path).unwrap(), good);

        let mut middle = torn.to_vec();
        middle.push(b'\n');
        fs::write(&path, [&good, &middle[..], &good].concat()).unwrap();
        let error = Journal::open(&run).unwrap_err();
        assert_eq!(error.reason(), "JournalCorrupt");
        assert!(error.to_string().contains("line 3"), "{error}");
    }
    for whole in
        [&b"{\"v\":2,\"index\":3,\"outcome\":\"passed\"}\n"[..], b"{\"v\":1,\"index\":8,\"outcome\":\"passed\"}\n"]
    {
        fs::write(&path, [&good, whole].concat()).unwrap();
        assert_eq!(Journal::open(&run).unwrap_err().reason(), "JournalCorrupt", "a whole line is no torn one");
    }
}

#[test]
fn the_first_record_of_a_case_wins() {
    let temp = tempfile::tempdir().unwrap();
    let run = create(&temp.path().join("run"), 8);
    append(&run, &[record(3, Outcome::Failed), record(1, Outcome::Passed), record(3, Outcome::Passed)]);
    let (journal, recovered) = Journal::open(&run).unwrap();
    assert_eq!(recovered.done.iter().map(|place| place.0).collect::<Vec<_>>(), [1, 3]);
    drop(journal);
    let found: Vec<_> = records(&run).unwrap().map(|record| record.unwrap().outcome).collect();
    assert_eq!(found, [Outcome::Passed, Outcome::Failed]);
}

#[test]
fn offsets_lead_to_the_lines_and_the_length_is_given_back() {
    let temp = tempfile::tempdir().unwrap();
    let run = create(&temp.path().join("run"), 8);
    let (mut journal, recovered) = Journal::open(&run).unwrap();
    assert_eq!(recovered, Recovered::default());
    let lengths: Vec<u32> = standard().0.iter().map(|record| journal.append(record).unwrap()).collect();
    let line = serde_json::to_vec(&record(5, Outcome::Passed)).unwrap();
    assert_eq!(journal.append_line(&line).unwrap() as usize, line.len());
    drop(journal);
    let whole = fs::read(run.path().join("journal.jsonl")).unwrap();
    assert_eq!(lengths.iter().map(|length| *length as usize + 1).sum::<usize>() + line.len() + 1, whole.len());
    for (index, offset, length) in Journal::open(&run).unwrap().1.done {
        let text = &whole[offset as usize..offset as usize + length as usize];
        let found: arena_model::Record = serde_json::from_slice(text).unwrap();
        assert_eq!(found.index, index);
    }
}

#[test]
fn a_record_at_the_limit_goes_in_and_one_byte_more_does_not() {
    let temp = tempfile::tempdir().unwrap();
    let record = record(0, Outcome::Passed);
    let size = serde_json::to_vec(&record).unwrap().len() as u32;
    let run = create(&temp.path().join("run"), 8).with_max_record_bytes(size);
    append(&run, std::slice::from_ref(&record));
    assert_eq!(Journal::open(&run).unwrap().1.done.len(), 1);
    assert_eq!(records(&run).unwrap().count(), 1);
    let run = run.with_max_record_bytes(size - 1);
    assert_eq!(Journal::open(&run).unwrap_err().reason(), "JournalCorrupt", "a longer line than may be");
    fs::write(run.path().join("journal.jsonl"), "").unwrap();
    let (mut journal, _) = Journal::open(&run).unwrap();
    let error = journal.append(&record).unwrap_err();
    assert_eq!(error.reason(), "RecordTooLarge");
    assert!(error.to_string().contains(&format!("{size} bytes")), "{error}");
    assert_eq!(fs::metadata(run.path().join("journal.jsonl")).unwrap().len(), 0);
}

#[test]
fn lines_that_are_no_record_of_the_plan_are_refused() {
    let temp = tempfile::tempdir().unwrap();
    let run = create(&temp.path().join("run"), 8);
    let (mut journal, _) = Journal::open(&run).unwrap();
    let two_lines = b"{\"v\":1,\n\"index\":0,\"outcome\":\"passed\"}";
    for line in [&b"{}"[..], b"", two_lines, b"{\"v\":1,\"index\":8,\"outcome\":\"passed\"}"] {
        assert_eq!(journal.append_line(line).unwrap_err().reason(), "RecordInvalid");
    }
    assert_eq!(journal.append(&record(8, Outcome::Passed)).unwrap_err().reason(), "RecordInvalid");
    assert_eq!(fs::metadata(run.path().join("journal.jsonl")).unwrap().len(), 0);
}
