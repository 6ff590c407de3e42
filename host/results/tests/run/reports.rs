use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;

use arena_model::{Author, Message, Outcome, Record, Role};
use arena_results::{RunDir, Settings, finalize};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::ZlibDecoder;
use quick_xml::events::Event;
use serde_json::Value;

use crate::sample::{append, check, create, finish, finished, labels, record};

const HOSTILE: &str =
    "</script><!--<img src=x onerror=alert(1)>]]>&amp;\u{1b}[31mred\u{1b}]0;t\u{7}\0\u{202e}\\ud800\u{ffff}\u{2028}\"'";

fn hostile(index: u64) -> Record {
    let mut record = record(index, Outcome::Failed);
    record.scenario = HOSTILE.into();
    record.provider = HOSTILE.into();
    record.reason = Some(HOSTILE.into());
    record.messages.push(Message::text(Role::Assistant, Author::Model, HOSTILE));
    record.checks[0].reason = Some(HOSTILE.into());
    record.checks[0].kind = HOSTILE.into();
    record
}

/// The data of a page, found as a browser finds it.
fn data(page: &str) -> Value {
    let open = "<script type=\"application/json\" id=\"data\">";
    let start = page.find(open).unwrap() + open.len();
    let end = page[start..].find("</script").unwrap();
    serde_json::from_str(&page[start..start + end]).unwrap()
}

/// The page's transcripts by their case, unpacked as a browser does.
fn transcripts(page: &str) -> BTreeMap<u64, Value> {
    let mut found = BTreeMap::new();
    for block in page.split("<script type=\"text/plain\" id=\"").skip(1) {
        let packed = block.split_once('>').unwrap().1.split_once('<').unwrap().0;
        let mut text = String::new();
        ZlibDecoder::new(&STANDARD.decode(packed).unwrap()[..]).read_to_string(&mut text).unwrap();
        for line in text.lines() {
            let whole: Value = serde_json::from_str(line).unwrap();
            found.insert(whole["index"].as_u64().unwrap(), whole);
        }
    }
    found
}

/// Names and counts of all suites and cases, read back by a parser.
fn elements(xml: &str) -> Vec<(String, Vec<(String, String)>)> {
    let mut reader = quick_xml::Reader::from_str(xml);
    reader.config_mut().check_end_names = true;
    let mut found = Vec::new();
    loop {
        match reader.read_event().unwrap() {
            Event::Eof => return found,
            Event::Start(start) | Event::Empty(start) => {
                let attributes = start.attributes().map(|attribute| {
                    let attribute = attribute.unwrap();
                    let value = quick_xml::escape::unescape(&attribute.value).unwrap().into_owned();
                    (attribute.key.as_ref().to_owned(), value)
                });
                found.push((start.name().as_ref().to_owned(), attributes.collect()));
            }
            _ => {}
        }
    }
}

fn get<'a>(attributes: &'a [(String, String)], name: &str) -> &'a str {
    attributes.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
}

#[test]
fn junit_has_a_suite_per_scenario_with_right_counts() {
    let temp = tempfile::tempdir().unwrap();
    let run = finished(&temp.path().join("run"));
    let xml = fs::read_to_string(run.path().join("junit.xml")).unwrap();
    let found = elements(&xml);
    let counts = |name: &str| {
        let of = |a: &[(String, String)]| {
            ["name", "tests", "failures", "errors", "skipped"].map(|key| get(a, key).to_owned())
        };
        found.iter().filter(|(element, _)| element == name).map(|(_, a)| of(a).join(" ")).collect::<Vec<_>>()
    };
    assert_eq!(counts("testsuites"), ["arena 8 1 1 3"]);
    assert_eq!(counts("testsuite"), ["s0 4 1 1 0", "s1 4 0 0 3"]);
    let sums: Vec<_> = found.iter().filter(|(name, _)| name == "property").map(|(_, a)| get(a, "value")).collect();
    assert_eq!(sums[0], "4 cases = 2 passed + 1 failed + 1 error + 0 skipped + 0 not run");
    let names: Vec<_> = found.iter().filter(|(name, _)| name == "testcase").map(|(_, a)| get(a, "name")).collect();
    assert_eq!(names[..4], ["s0/p0", "s0/p0/trial 2", "s0/p1", "s0/p1/trial 2"]);
    let of = |name: &str| found.iter().filter(|(element, _)| element == name).collect::<Vec<_>>();
    assert_eq!((of("failure").len(), of("error").len(), of("skipped").len()), (1, 1, 3));
    assert_eq!(get(&of("error")[0].1, "type"), "ProviderTimeout");
    assert_eq!(get(&of("failure")[0].1, "message"), "why 1");
    assert_eq!(get(&of("skipped")[1].1, "message"), "not run: why 5");
    assert!(xml.contains(">contains (turn 0, failed): contains says so\n</failure>"));
}

#[test]
fn junit_holds_hostile_text_harmlessly() {
    let temp = tempfile::tempdir().unwrap();
    let run = create(&temp.path().join("run"), 1);
    append(&run, &[hostile(0)]);
    finish(&run, vec![]).unwrap();
    let xml = fs::read_to_string(run.path().join("junit.xml")).unwrap();
    assert!(!xml.contains(['\u{1b}', '\0', '\u{202e}', '\u{ffff}']) && !xml.contains("<img"));
    let found = elements(&xml);
    let failure = found.iter().find(|(name, _)| name == "failure").unwrap();
    assert_eq!(get(&failure.1, "message"), "</script><!--<img src=x onerror=alert(1)>]]>&amp;red\\ud800\u{fffd}\"'");
}

#[test]
fn junit_messages_are_bounded() {
    let temp = tempfile::tempdir().unwrap();
    let run = create(&temp.path().join("run"), 1);
    let mut long = record(0, Outcome::Failed);
    long.reason = Some("x".repeat(100_000));
    long.checks = vec![check("contains", Outcome::Failed); 500];
    append(&run, &[long]);
    finish(&run, vec![]).unwrap();
    let xml = fs::read_to_string(run.path().join("junit.xml")).unwrap();
    assert!(xml.len() < 10_000, "{}", xml.len());
    assert!(xml.contains("and 450 more"));
}

#[test]
fn the_page_keeps_hostile_text_inert() {
    let temp = tempfile::tempdir().unwrap();
    let run = create(&temp.path().join("run"), 1);
    append(&run, &[hostile(0)]);
    finish(&run, vec![]).unwrap();
    let page = fs::read_to_string(run.path().join("report.html")).unwrap();
    assert!(!page.contains("<img") && !page.contains(['\u{1b}', '\0', '\u{2028}']));
    assert_eq!(page.matches("</script").count(), 3, "the ends of the data, of one block and of the script");
    assert_eq!(page.matches("<!--").count(), 0);
    let data = data(&page);
    assert_eq!(data["head"]["scenarios"][0], HOSTILE);
    assert_eq!(transcripts(&page)[&0]["messages"][2]["content"], HOSTILE);
    assert!(page.contains("content=\"default-src 'none';"));
}

/// Size, data and transcripts of the page with these settings.
fn report(run: &RunDir, settings: Settings) -> (usize, Value, BTreeMap<u64, Value>) {
    finalize(run, run.manifest().work.plan.cases, std::iter::empty(), labels, settings, || false).unwrap();
    let page = fs::read_to_string(run.path().join("report.html")).unwrap();
    (page.len(), data(&page), transcripts(&page))
}

#[test]
fn the_page_is_capped_failures_first_and_says_so() {
    let temp = tempfile::tempdir().unwrap();
    let run = create(&temp.path().join("run"), 40);
    let outcome = |index| if index >= 30 { Outcome::Failed } else { Outcome::Passed };
    append(&run, &(0..40).map(|index| record(index, outcome(index))).collect::<Vec<_>>());
    let (_, all, spoken) = report(&run, Settings::default());
    assert_eq!(all["rows"].as_array().unwrap().len(), 40);
    assert_eq!(spoken.keys().copied().collect::<Vec<_>>(), (0..40).collect::<Vec<_>>());
    assert_eq!(all["leftOut"], serde_json::json!({"cases": 0, "bad": 0, "transcripts": 0}));
    assert_eq!(all["rows"][0][0][0], 30, "failures first");

    let (_, few, spoken) = report(&run, Settings { report_cases: 12, ..Settings::default() });
    let shown: Vec<_> = few["rows"].as_array().unwrap().iter().map(|row| row[0][0].as_u64().unwrap()).collect();
    assert_eq!(shown, [30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 0, 1]);
    assert!(shown.iter().all(|index| spoken.contains_key(index)));
    assert_eq!(few["leftOut"], serde_json::json!({"cases": 28, "bad": 0, "transcripts": 0}));
    let (_, fewer, _) = report(&run, Settings { report_cases: 4, ..Settings::default() });
    assert_eq!(fewer["leftOut"], serde_json::json!({"cases": 36, "bad": 6, "transcripts": 0}));

    let empty = report(&run, Settings { report_bytes: 0, ..Settings::default() });
    assert_eq!(empty.1["leftOut"], serde_json::json!({"cases": 40, "bad": 10, "transcripts": 0}));
    let head = serde_json::to_string(&empty.1["head"]).unwrap().len();
    for room in [500, 1000, 3000, 6000, 9000, 20_000] {
        let report_bytes = head + room;
        let (size, some, spoken) = report(&run, Settings { report_bytes, ..Settings::default() });
        assert!(size <= empty.0 + room, "{size} with {report_bytes}");
        let rows = some["rows"].as_array().unwrap();
        let kept = rows.iter().filter(|row| spoken.contains_key(&row[0][0].as_u64().unwrap())).count();
        assert_eq!(some["leftOut"]["transcripts"], rows.len() - kept);
        let best = spoken.keys().filter(|index| **index >= 30).count();
        assert!(best == 10 || best == spoken.len(), "passed cases only once all failures are in: {spoken:?}");
    }
}

#[test]
fn the_page_knows_labels_check_types_and_scores() {
    let temp = tempfile::tempdir().unwrap();
    let run = create(&temp.path().join("run"), 2);
    let mut failed = record(0, Outcome::Failed);
    failed.checks =
        vec![check("contains", Outcome::Passed), check("regex", Outcome::Failed), check("contains", Outcome::Failed)];
    failed.checks[1].score = Some(0.52);
    append(&run, &[failed, record(1, Outcome::Passed)]);
    let (_, data, _) = report(&run, Settings::default());
    let names = |list: &Value| {
        list.as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&data["head"]["types"])[..2], ["contains", "regex"]);
    assert_eq!(data["rows"][0][4], serde_json::json!([-1, -2]), "types that did not pass, as complements");
    assert_eq!(data["head"]["scores"][1][10], 1);
    let labels = names(&data["head"]["labels"]);
    let of = data["head"]["labelsOf"][0].as_array().unwrap();
    assert!(!of.is_empty() && of.iter().all(|number| labels.get(number.as_u64().unwrap() as usize).is_some()));
    assert_eq!(data["head"]["summary"]["cases"]["planned"], 2);
}
