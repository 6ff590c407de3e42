use std::sync::Arc;

use super::*;
use crate::yaml::{self, YamlLimits};

const SHAPE: Shape = Shape::Record(&[
    must("role", Shape::Text),
    may("count", Shape::Integer),
    may("share", Shape::Number),
    may("on", Shape::Bool),
    may("mode", Shape::OneOf(&["fast", "slow"])),
    may("free", Shape::Open),
    may("list", Shape::List(&Shape::Record(&[must("file", Shape::Text)]))),
    may("map", Shape::Map(&Shape::Text)),
    may("credential", Shape::Record(&[may("api_key", Shape::Text)])),
]);

fn findings(text: &str) -> Vec<String> {
    let node = yaml::parse("f.yaml", text.as_bytes(), &YamlLimits::default()).unwrap();
    let file = Arc::from("f.yaml");
    let mut report = Report::new(100);
    check(&Cursor::root(&file, &node), &SHAPE, &mut report);
    report.finish().map_or_else(|problems| problems.0.iter().map(ToString::to_string).collect(), |_| vec![])
}

#[test]
fn what_fits_is_silent() {
    let text = "role: x\ncount: 2.0\nshare: 1\non: true\nmode: slow\nfree: {a: [1]}\nlist: [{file: f}]\nmap: {a: b}\n";
    assert_eq!(findings(text), Vec::<String>::new());
}

#[test]
fn all_problems_come_at_once_with_their_places() {
    let text = "roel: x\ncount: 1.5\nshare: '1'\non: yes\nmode: fats\nfree: [1]\nlist: [{file: 3}, {}, 7]\nmap: {a: 8080, b: }\n";
    assert_eq!(
        findings(text),
        [
            "f.yaml:1:1: error[MissingKey]: required key `role` is missing",
            "f.yaml:1:1: error[UnknownKey] roel: unknown key `roel`; did you mean `role`?",
            "f.yaml:2:8: error[WrongType] count: expected a whole number, found a number (value 1.5)",
            "f.yaml:3:8: error[WrongType] share: expected a number, found text (value \"1\"); remove the quotes",
            "f.yaml:4:5: error[WrongType] on: expected true or false, found text (value \"yes\")",
            "f.yaml:5:7: error[UnknownValue] mode: unknown value (value \"fats\"); did you mean `fast`?",
            "f.yaml:6:7: error[WrongType] free: expected a mapping, found a list",
            "f.yaml:7:15: error[WrongType] list[0].file: expected text, found a number (value 3); \
             put the value in quotes",
            "f.yaml:7:19: error[MissingKey] list[1]: required key `file` is missing",
            "f.yaml:7:23: error[WrongType] list[2]: expected a mapping, found a number (value 7)",
            "f.yaml:8:10: error[WrongType] map.a: expected text, found a number (value 8080); put the value in quotes",
            "f.yaml:8:17: error[WrongType] map.b: expected text, found nothing; give a value or remove the key",
        ]
    );
}

#[test]
fn keys_far_from_all_known_ones_list_those() {
    let found = findings("role: x\nmap: {}\nzz_unknown: sk-secret\n");
    assert_eq!(
        found,
        ["f.yaml:3:1: error[UnknownKey] zz_unknown: unknown key `zz_unknown`; \
          known keys are role, count, share, on, mode, free, list, map, credential"]
    );
    assert_eq!(findings("role: x\nmode: other")[0].split("; ").nth(1), Some("known are fast, slow"));
}

#[test]
fn secrets_are_not_repeated() {
    let found = findings("role: x\ncredential: {api_key: 12345, api_kye: sk-secret}\n").join("\n");
    assert!(found.contains("credential.api_key: expected text, found a number; put the value in quotes"), "{found}");
    assert!(found.contains("did you mean `api_key`?"), "{found}");
    assert!(!found.contains("12345") && !found.contains("sk-secret"), "{found}");
}
