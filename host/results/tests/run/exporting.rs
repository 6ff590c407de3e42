//! The forms that other tools read.

use std::fs;
use std::path::Path;
use std::process::Command;

use arena_model::{Outcome, Record};
use arena_results::{COLUMNS, Format, JSON_COLUMNS, RunView, export};
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::RowAccessor as _;
use serde_json::Value;

use crate::sample::{append, create, finish, finished, record};

fn exported(run: &RunView, format: Format, keep: impl FnMut(&Record) -> bool) -> Vec<u8> {
    let mut out = Vec::new();
    export(run, format, keep, &mut out).unwrap();
    out
}

fn text(run: &RunView, format: Format) -> String {
    String::from_utf8(exported(run, format, |_| true)).unwrap()
}

#[test]
fn jsonl_is_what_is_stored_and_the_others_hold_the_same() {
    let temp = tempfile::tempdir().unwrap();
    let run = finished(&temp.path().join("run"));
    let lines = text(&run, Format::Jsonl);
    let mut stored = Vec::new();
    arena_results::export_jsonl(&run, &mut stored).unwrap();
    assert_eq!(lines.as_bytes(), stored);
    let packed = exported(&run, Format::JsonlZst, |_| true);
    assert_eq!(zstd::decode_all(&packed[..]).unwrap(), stored);
    let whole: Value = serde_json::from_str(&text(&run, Format::Json)).unwrap();
    let records: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(whole["records"], Value::Array(records));
    assert_eq!(whole["summary"]["cases"]["planned"], 8);
    assert_eq!(whole["manifest"]["workDigest"], whole["summary"]["workDigest"]);
}

#[test]
fn filters_leave_in_what_they_name() {
    let temp = tempfile::tempdir().unwrap();
    let run = finished(&temp.path().join("run"));
    let failed = |record: &Record| record.outcome == Outcome::Failed;
    for (format, wanted) in [(Format::Jsonl, 1), (Format::Csv, 2)] {
        let lines = String::from_utf8(exported(&run, format, failed)).unwrap();
        assert_eq!(lines.lines().count(), wanted, "{lines}");
    }
    let junit = String::from_utf8(exported(&run, Format::Junit, failed)).unwrap();
    assert!(junit.contains("tests=\"1\" failures=\"1\" errors=\"0\" skipped=\"0\""), "{junit}");
    let whole: Value = serde_json::from_slice(&exported(&run, Format::Json, |_| false)).unwrap();
    assert_eq!(whole["records"], serde_json::json!([]));
}

#[test]
fn an_export_of_all_in_junit_is_the_report() {
    let temp = tempfile::tempdir().unwrap();
    let run = finished(&temp.path().join("run"));
    assert_eq!(text(&run, Format::Junit), fs::read_to_string(run.path().join("junit.xml")).unwrap());
}

#[test]
fn a_csv_has_a_row_for_each_case_and_no_formula() {
    let temp = tempfile::tempdir().unwrap();
    let run = create(&temp.path().join("run"), 1);
    let mut hostile = record(0, Outcome::Failed);
    hostile.reason = Some("=cmd|' /C calc'!A0".into());
    hostile.messages[1].content = arena_model::Content::Text("\u{1b}]0;x\u{7}\t@SUM(1)\0,\"q\"\nnext".into());
    append(&run, &[hostile]);
    finish(&run, vec![]).unwrap();
    let text = text(&run, Format::Csv);
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let names: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    assert_eq!(names, COLUMNS.map(|(name, _)| name));
    let row = reader.records().next().unwrap().unwrap();
    let cell = |name: &str| &row[names.iter().position(|known| known == name).unwrap()];
    assert_eq!(cell("reason"), "'=cmd|' /C calc'!A0");
    assert_eq!(cell("answer"), "'\t@SUM(1),\"q\"\nnext");
    assert_eq!(cell("name"), "s0/p0");
    assert_eq!(cell("checks_failed"), "1");
    assert_eq!(cell("bad_checks"), "contains (turn 0, failed): contains says so");
    assert_eq!((cell("cost_usd_micro"), cell("latency_ms"), cell("region")), ("20", "100", ""));
    assert_eq!(cell("started"), "2026-01-05T09:30:00Z");
}

#[test]
fn a_parquet_file_has_types_and_bounded_groups() {
    let temp = tempfile::tempdir().unwrap();
    let run = finished(&temp.path().join("run"));
    let path = temp.path().join("cases.parquet");
    fs::write(&path, exported(&run, Format::Parquet, |_| true)).unwrap();
    let reader = SerializedFileReader::new(fs::File::open(&path).unwrap()).unwrap();
    let schema = reader.metadata().file_metadata().schema_descr();
    let names: Vec<_> = schema.columns().iter().map(|column| column.name().to_owned()).collect();
    let wanted = COLUMNS.iter().map(|(name, _)| *name).chain(JSON_COLUMNS);
    assert_eq!(names, wanted.collect::<Vec<_>>());
    let at = |name: &str| names.iter().position(|known| known == name).unwrap();
    let rows: Vec<_> = reader.get_row_iter(None).unwrap().map(|row| row.unwrap()).collect();
    assert_eq!(rows.len(), 8);
    assert_eq!(rows[1].get_string(at("outcome")).unwrap(), "failed");
    assert_eq!(rows[1].get_long(at("cost_usd_micro")).unwrap(), 20);
    assert_eq!(rows[1].get_double(at("latency_ms")).unwrap(), 101.0);
    assert!(rows[5].get_double(at("latency_ms")).is_err(), "what was not run has no latency");
    let checks: Value = serde_json::from_str(rows[1].get_string(at("checks_json")).unwrap()).unwrap();
    assert_eq!(checks[0]["type"], "contains");
    assert_eq!(rows[1].get_timestamp_millis(at("started")).unwrap(), 1_767_605_401_000);
}

#[test]
fn the_docs_name_every_column() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/exports.md");
    let page = fs::read_to_string(page).unwrap();
    let (_, page) = page.split_once("## Columns").unwrap();
    let listed: Vec<_> = page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    let wanted: Vec<_> = COLUMNS.iter().map(|(name, _)| *name).chain(JSON_COLUMNS).collect();
    assert_eq!(listed, wanted);
}

/// The reader that most people have, where it is there.
#[test]
fn pandas_reads_a_parquet_file_where_there_is_pandas() {
    let ask = |script: &str, path: &Path| Command::new("python3").args(["-c", script]).arg(path).output();
    if !ask("import pyarrow", Path::new("")).is_ok_and(|ran| ran.status.success()) {
        if let Some(log) = std::env::var_os("ARENA_SKIP_LOG") {
            use std::io::Write as _;
            let mut log = fs::OpenOptions::new().create(true).append(true).open(log).unwrap();
            writeln!(log, "SKIPPED pandas_reads_a_parquet_file: python3 has no pyarrow").unwrap();
        }
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let run = finished(&temp.path().join("run"));
    let path = temp.path().join("cases.parquet");
    fs::write(&path, exported(&run, Format::Parquet, |_| true)).unwrap();
    let script = "import sys, pyarrow.parquet as p; t = p.read_table(sys.argv[1]); print(t.num_rows, t['outcome'][1])";
    let ran = ask(script, &path).unwrap();
    assert_eq!(String::from_utf8_lossy(&ran.stdout).trim(), "8 failed", "{}", String::from_utf8_lossy(&ran.stderr));
}
