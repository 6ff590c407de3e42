//! Tables of every format, whole and broken, as rows by number.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use arena_dataset::{DatasetError, Index, Limits, Options, Row, Sample, Selection, Table, Wanted, build};
use arena_model::Fault as _;

struct World {
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn index(&self, path: &Path, id: Option<&str>, limits: &Limits) -> Result<(Index, PathBuf), DatasetError> {
        let to = tempfile::tempdir_in(self.folder.path()).unwrap().keep();
        let name = path.file_name().unwrap().to_str().unwrap();
        let options = Options { id: id.map(str::to_owned) };
        let index = build(name, File::open(path).unwrap(), &options, limits, &to, &mut |_| {})?;
        Ok((index, to))
    }

    fn table(&self, name: &str, bytes: &[u8]) -> Table {
        let (_, to) = self.index(&self.write(name, bytes), None, &Limits::default()).unwrap();
        Table::open(&to).unwrap()
    }

    fn error(&self, name: &str, bytes: &[u8]) -> DatasetError {
        self.index(&self.write(name, bytes), None, &Limits::default()).unwrap_err()
    }
}

fn all(table: &Table) -> Vec<Row> {
    (0..table.index().rows).map(|number| table.row(number).unwrap()).collect()
}

fn texts(table: &Table, column: &str) -> Vec<String> {
    all(table).iter().map(|row| row.values.as_ref().unwrap().text(column).unwrap()).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

const LINES: &[u8] = b"{\"q\":\"one\",\"a\":1}\n\n{\"q\":\"two\",\"a\":2}\r\n{\"q\":\"three\",\"a\":null}";

#[test]
fn json_lines_are_rows_with_their_lines() {
    let world = World::new();
    let table = world.table("t.jsonl", LINES);
    assert_eq!(texts(&table, "q"), ["one", "two", "three"]);
    assert_eq!(texts(&table, "a"), ["1", "2", ""]);
    assert_eq!(all(&table).iter().map(|row| row.line).collect::<Vec<_>>(), [1, 3, 4]);
    let columns: Vec<_> = table.index().columns.iter().map(|(name, column)| (name.as_str(), column.rows)).collect();
    assert_eq!(columns, [("a", 3), ("q", 3)]);
}

#[test]
fn packed_tables_are_the_same_tables() {
    let world = World::new();
    let plain = world.table("t.jsonl", LINES).index().content.clone();
    assert_eq!(world.table("t.jsonl.gz", &gzip(LINES)).index().content, plain);
    let zstd = zstd::bulk::compress(LINES, 3).unwrap();
    assert_eq!(world.table("t.ndjson.zst", &zstd).index().content, plain);
}

#[test]
fn separated_values_have_names_and_may_have_breaks() {
    let world = World::new();
    let table = world.table("t.csv", b"\xEF\xBB\xBFq,a\n\"one, \"\"1\"\"\nand more\",x\n\ntwo,\n");
    assert_eq!(texts(&table, "q"), ["one, \"1\"\nand more", "two"]);
    assert_eq!(texts(&table, "a"), ["x", ""]);
    assert_eq!(all(&table).iter().map(|row| row.line).collect::<Vec<_>>(), [2, 5]);
    let table = world.table("t.tsv", b"q\ta\none, two\tx\n");
    assert_eq!(texts(&table, "q"), ["one, two"]);
}

#[test]
fn a_malformed_row_is_one_and_no_other() {
    let world = World::new();
    let table = world.table("t.jsonl", b"{\"q\":1}\n{\"q\":}\n[]\n\xff\n{\"q\":1,\"q\":2}\n{\"q\":5}\n");
    let rows = all(&table);
    assert_eq!(rows.iter().map(|row| row.values.is_ok()).collect::<Vec<_>>(), [true, false, false, false, false, true]);
    assert_eq!(rows[1].id, "!line-2");
    assert_eq!((table.index().malformed, table.index().rows), (4, 6));
    let why: Vec<_> = table.index().examples.iter().map(|it| format!("{}: {}", it.line, it.why)).collect();
    assert_eq!(
        why,
        [
            "2: no JSON object: expected value at column 6",
            "3: invalid type: sequence, expected a JSON object with a value for each column",
            "4: the row is not UTF-8",
            "5: the row has `q` twice",
        ]
    );
    let table = world.table("t.jsonl", b"{\"q\":1}\n{\"q\":\"\\ud800\"}\n");
    assert_eq!(table.index().examples[0].why, "`q` is no text: it has a part of a character");
    let table = world.table("t.csv", b"q,a\n\"one\"x,1\ntwo,2\n");
    assert!(table.index().examples[0].why.contains("behind a quote"), "{:?}", table.index().examples);
    let table = world.table("t.csv", b"q,a\none\ntwo,2\nthree,3,4\n");
    let why: Vec<_> = table.index().examples.iter().map(|it| format!("{}: {}", it.line, it.why)).collect();
    assert_eq!(
        why,
        ["2: the record has 1 fields, and there are 2 columns", "4: the record has 3 fields, and there are 2 columns"]
    );
}

#[test]
fn ids_are_of_the_values_and_tell_equal_rows_apart() {
    let world = World::new();
    let one = world.table("t.jsonl", b"{\"q\":1,\"a\":2}\n{\"q\":2}\n{\"a\":2,\"q\":1}\n");
    let ids: Vec<_> = all(&one).into_iter().map(|row| row.id).collect();
    assert_eq!(ids[2], format!("{}.2", ids[0]));
    let other = world.table("u.jsonl", b"{\"q\":2}\n{\"q\":1,\"a\":2}\n");
    let moved: Vec<_> = all(&other).into_iter().map(|row| row.id).collect();
    assert_eq!((&moved[0], &moved[1]), (&ids[1], &ids[0]), "a row keeps its id wherever it stands");
}

#[test]
fn declared_ids_must_be_there_and_differ() {
    let world = World::new();
    let index = |bytes: &[u8], id| world.index(&world.write("t.jsonl", bytes), Some(id), &Limits::default());
    let (_, to) = index(b"{\"n\":\"a\"}\n{\"n\":7}\n{\"m\":1}\n", "n").unwrap();
    let ids: Vec<_> = all(&Table::open(&to).unwrap()).into_iter().map(|row| row.id).collect();
    assert_eq!(ids, ["a", "7", "!line-3"]);
    let error = index(b"{\"n\":\"a\"}\n\n{\"n\":\"b\"}\n{\"n\":\"a\"}\n", "n").unwrap_err();
    assert_eq!(
        error.to_string(),
        "t.jsonl: lines 1 and 4 have the same `n`, \"a\"; the id of a row must be its own: name another column under `id`, \
         or none"
    );
    let error = index(b"{\"name\":\"a\"}\n", "nmae").unwrap_err();
    assert_eq!(error.to_string(), "t.jsonl: there is no column `nmae`; did you mean `name`?; there is name");
}

#[test]
fn what_cannot_be_read_is_an_error_with_its_place() {
    let world = World::new();
    for (name, bytes, reason, text) in [
        ("t.txt", &b"x"[..], "DatasetFormatUnknown", "t.txt: the name tells no format"),
        ("t.jsonl", b"\n \n", "DatasetEmpty", "t.jsonl: the table has no rows"),
        ("t.csv", b"", "DatasetEmpty", "the table has no rows"),
        ("t.csv", b"a,b\n", "DatasetEmpty", "the table has no rows"),
        ("t.csv", b"a,a\n1,2\n", "DatasetUnreadable", "line 1: two columns are named `a`"),
        ("t.csv", b"a,b\nx,\"y\nz,1\n", "DatasetUnreadable", "line 2: a quote is not closed"),
        ("t.csv", b"a,\n1,2\n", "DatasetUnreadable", "line 1: column 2 has no name"),
        ("t.jsonl.gz", b"plain text of some length", "DatasetUnreadable", "line 1: invalid gzip header"),
        ("t.jsonl.zst", b"plain text of some length", "DatasetUnreadable", "line 1: "),
        ("t.parquet", b"plain text", "DatasetUnreadable", "t.parquet: no Parquet: "),
    ] {
        let error = world.error(name, bytes);
        assert_eq!(error.reason(), reason, "{name}: {error}");
        assert!(error.to_string().contains(text), "{name}: {error}");
    }
    let mut cut = gzip(LINES);
    cut.truncate(cut.len() - 12);
    assert_eq!(world.error("t.jsonl.gz", &cut).reason(), "DatasetUnreadable", "half a table is none");
}

#[test]
fn limits_hold() {
    let world = World::new();
    let tight = Limits { rows: 2, row_bytes: 20, columns: 2, name_bytes: 4, repeats: 1, ..Limits::default() };
    let error =
        |name: &str, bytes: &[u8]| world.index(&world.write(name, bytes), None, &tight).unwrap_err().to_string();
    assert_eq!(error("t.jsonl", b"{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n"), "t.jsonl: the table has more than 2 rows");
    assert_eq!(error("t.jsonl", b"{\"a\":1,\"b\":2,\"c\":3}\n"), "t.jsonl: the table has more than 2 columns");
    assert_eq!(
        error("t.jsonl", b"{\"abcde\":1}\n"),
        "t.jsonl: the table has more than 4 bytes in the name of a column"
    );
    let long = format!("{{\"a\":\"{}\"}}\n{{\"a\":1}}\n", "x".repeat(5_000));
    let (index, to) = world.index(&world.write("t.jsonl", long.as_bytes()), None, &tight).unwrap();
    assert_eq!((index.rows, index.malformed), (2, 1), "what follows a long row is read");
    assert_eq!(Table::open(&to).unwrap().row(1).unwrap().line, 2);
    let many = Limits { rows: 10, ..tight.clone() };
    let repeated = world.index(&world.write("t.jsonl", &b"{\"a\":1}\n".repeat(4)), None, &many).unwrap_err();
    assert_eq!(repeated.to_string(), "t.jsonl: the table has more than 1 rows equal to earlier ones");
    let wide = world.index(&world.write("t.csv", b"a,b,c\n1,2,3\n"), None, &tight).unwrap_err();
    assert_eq!(wide.to_string(), "t.csv: the table has more than 2 columns", "declared ones, too");
    let escapes = format!("a\n{}\n1\n", "\u{1}".repeat(10));
    let (index, _) = world.index(&world.write("t.csv", escapes.as_bytes()), None, &tight).unwrap();
    assert_eq!(index.malformed, 1, "as JSON it is longer than a row may be");
    let small = Limits { bytes: 100, ..Limits::default() };
    let bomb = zstd::bulk::compress(&b"{\"a\":1}\n".repeat(100), 3).unwrap();
    let error = world.index(&world.write("t.jsonl.zst", &bomb), None, &small).unwrap_err();
    assert!(error.to_string().contains("it has more than 100 bytes unpacked"), "{error}");
    let open = format!("q,a\n\"{}", "never closed ".repeat(100_000));
    let error = world.index(&world.write("t.csv", open.as_bytes()), None, &tight).unwrap_err();
    assert!(error.to_string().contains("is a quote not closed?"), "{error}");
}

#[test]
fn a_broken_index_is_told() {
    let world = World::new();
    let (index, to) = world.index(&world.write("t.jsonl", LINES), None, &Limits::default()).unwrap();
    let mut rows = std::fs::read(to.join("rows")).unwrap();
    rows[10] ^= 1;
    std::fs::write(to.join("rows"), &rows).unwrap();
    assert_eq!(Table::open(&to).unwrap().row(0).unwrap_err().reason(), "DatasetIndexBroken");
    std::fs::write(to.join("rows"), &rows[..5]).unwrap();
    assert!(matches!(Table::open(&to), Err(DatasetError::IndexBroken { .. })), "rows that are cut");
    let changed = Index { rows: 2, ..index };
    std::fs::write(to.join("index.json"), serde_json::to_vec(&changed).unwrap()).unwrap();
    assert!(matches!(Table::open(&to), Err(DatasetError::IndexBroken { .. })), "an index without its seal");
}

fn numbered(rows: u32) -> Vec<u8> {
    let line = |n: u32| {
        format!("{{\"n\":{n},\"part\":\"{}\",\"lang\":\"l{}\"}}\n", ["test", "train"][(n % 2) as usize], n % 10)
    };
    (0..rows).map(line).collect::<String>().into_bytes()
}

fn picked(table: &Table, wanted: &Wanted) -> Vec<u64> {
    let selection = Selection::of(table, wanted, &Limits::default()).unwrap();
    (0..selection.len()).map(|nth| selection.row(nth).unwrap()).collect()
}

#[test]
fn rows_of_many_blocks_are_found_from_anywhere() {
    let world = World::new();
    let table = world.table("t.jsonl", &numbered(5_000));
    assert!(table.index().blocks.len() > 4);
    for number in [4_999, 0, 1_023, 1_024, 2_500, 1_023] {
        assert_eq!(table.row(number).unwrap().values.unwrap().text("n").unwrap(), number.to_string());
    }
    assert!(table.row(5_000).is_err());
}

#[test]
fn columns_filter_and_samples_are_drawn_by_seed() {
    let world = World::new();
    let table = world.table("t.jsonl", &numbered(3_000));
    let wanted = |columns: &[(&str, &[&str])]| Wanted {
        columns: columns
            .iter()
            .map(|(column, texts)| ((*column).to_owned(), texts.iter().map(|text| (*text).to_owned()).collect()))
            .collect(),
        ..Wanted::default()
    };
    let filtered = picked(&table, &wanted(&[("part", &["test"]), ("lang", &["l2", "l3", "l4"])]));
    assert_eq!(filtered.len(), 600);
    assert!(filtered.iter().all(|n| [2, 4].contains(&(n % 10))));
    let sample = |rows, seed| Some(Sample { rows, seed, stratify: None });
    let drawn = |rows, seed| picked(&table, &Wanted { sample: sample(rows, seed), ..Wanted::default() });
    assert_eq!(drawn(100, 7), drawn(100, 7));
    assert_ne!(drawn(100, 7), drawn(100, 8));
    assert!(drawn(100, 7).iter().all(|row| drawn(200, 7).contains(row)), "the larger sample holds the smaller");
    assert!(drawn(100, 7).is_sorted());
    assert_eq!(drawn(9_000, 7).len(), 3_000);
    let first = Wanted { first: Some(3), ..wanted(&[("part", &["train"])]) };
    assert_eq!(picked(&table, &first), [1, 3, 5]);
    let nothing = Selection::of(&table, &wanted(&[("part", &["dev"])]), &Limits::default()).unwrap_err();
    assert_eq!(nothing.to_string(), "t.jsonl: none of its 3000 rows is left by part = dev");
    let missing = Selection::of(&table, &wanted(&[("prt", &["dev"])]), &Limits::default()).unwrap_err();
    assert_eq!(missing.reason(), "DatasetColumnMissing");
}

#[test]
fn strata_keep_their_shares() {
    let world = World::new();
    let line = |n: u32| format!("{{\"n\":{n},\"kind\":\"{}\"}}\n", if n.is_multiple_of(10) { "rare" } else { "usual" });
    let table = world.table("t.jsonl", (0..2_000).map(line).collect::<String>().as_bytes());
    let sample = Some(Sample { rows: 50, seed: 1, stratify: Some("kind".to_owned()) });
    let drawn = picked(&table, &Wanted { sample: sample.clone(), ..Wanted::default() });
    assert_eq!((drawn.len(), drawn.iter().filter(|n| n.is_multiple_of(10)).count()), (50, 5));
    let tight = Limits { strata: 1, ..Limits::default() };
    let error = Selection::of(&table, &Wanted { sample, ..Wanted::default() }, &tight).unwrap_err();
    assert_eq!(error.to_string(), "t.jsonl: the table has more than 1 values of the column to stratify by");
}

#[test]
fn malformed_rows_are_never_filtered_away() {
    let world = World::new();
    let table = world.table("t.jsonl", b"{\"part\":\"test\"}\nbroken\n{\"part\":\"train\"}\n");
    let columns = [("part".to_owned(), vec!["test".to_owned()])].into();
    assert_eq!(picked(&table, &Wanted { columns, ..Wanted::default() }), [0, 1]);
}

#[test]
fn checks_that_rows_bring_along_are_known() {
    let world = World::new();
    let table = world.table(
        "t.jsonl",
        br#"{"expected":[{"type":"contains"},{"type":"regex"}]}
{"expected":"a text"}
{"expected":[1,{"type":"contains"}]}
"#,
    );
    assert_eq!(table.index().checks.iter().collect::<Vec<_>>(), ["contains", "regex"]);
}

#[test]
fn parquet_is_read_by_row() {
    use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
    use parquet::file::properties::WriterProperties;
    use parquet::file::writer::SerializedFileWriter;

    let world = World::new();
    let path = world.folder.path().join("t.parquet");
    let schema = "message row { required binary q (UTF8); optional int64 a; }";
    let schema = parquet::schema::parser::parse_message_type(schema).unwrap().into();
    let properties = WriterProperties::builder().set_compression(parquet::basic::Compression::SNAPPY).build();
    let mut writer = SerializedFileWriter::new(File::create(&path).unwrap(), schema, properties.into()).unwrap();
    for group in 0..2i64 {
        let mut rows = writer.next_row_group().unwrap();
        let texts = [format!("q{group}"), format!("\"r{group}\"")].map(|text| ByteArray::from(text.as_str()));
        let mut column = rows.next_column().unwrap().unwrap();
        column.typed::<ByteArrayType>().write_batch(&texts, None, None).unwrap();
        column.close().unwrap();
        let mut column = rows.next_column().unwrap().unwrap();
        column.typed::<Int64Type>().write_batch(&[group], Some(&[1, 0]), None).unwrap();
        column.close().unwrap();
        rows.close().unwrap();
    }
    writer.close().unwrap();
    let (_, to) = world.index(&path, None, &Limits::default()).unwrap();
    let table = Table::open(&to).unwrap();
    assert_eq!(texts(&table, "q"), ["q0", "\"r0\"", "q1", "\"r1\""]);
    assert_eq!(texts(&table, "a"), ["0", "", "1", ""]);
    assert_eq!(table.row(3).unwrap().line, 4);
    // Broken anywhere, it is an error or another table; it never ends the program.
    let whole = std::fs::read(&path).unwrap();
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 0xff;
        let _ = world.index(&world.write("b.parquet", &bytes), None, &Limits::default());
    }
}
