//! Perturbations: the same scenario with other words in the places that its turns leave open.

use std::collections::{BTreeMap, HashSet};

use crate::report::Report;
use crate::yaml::Cursor;

/// Most variants of one scenario, and bytes of all their names.
const MOST: u64 = 10_000;
const NAME_BYTES: u64 = 64 << 20;

/// Values by the key whose place they take. Every combination is a variant; the last key runs fastest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Perturbations(BTreeMap<String, Vec<String>>);

impl Perturbations {
    /// Those of all turns; of two turns with one key the later counts.
    pub(crate) fn decode<'a>(turns: impl Iterator<Item = Cursor<'a>>, report: &mut Report) -> Self {
        let mut values = BTreeMap::new();
        for turn in turns {
            let Some(all) = turn.get("perturbations") else { continue };
            for (key, list) in all.entries() {
                let mut texts: Vec<String> = Vec::new();
                let mut known = HashSet::new();
                for item in list.items() {
                    let Some(text) = item.node.as_text() else { continue };
                    if known.insert(text) {
                        texts.push(text.to_owned());
                    } else {
                        report.push(item.again("DuplicatePerturbation", &format!("`{text}`"), "it is run once"));
                    }
                }
                if texts.is_empty() {
                    let problem = list.error("PerturbationEmpty", format!("`{key}` has no values"));
                    report.push(problem.hint("list at least one, or remove the key"));
                    continue;
                }
                values.insert(key.to_owned(), texts);
            }
            let count = values.values().fold(1u64, |count, texts| count.saturating_mul(texts.len() as u64));
            let longest: usize = values
                .iter()
                .map(|(key, texts)| key.len() + texts.iter().map(String::len).max().unwrap_or_default() + 2)
                .sum();
            if count.saturating_mul(longest as u64) > NAME_BYTES {
                let message = format!("the names of {count} variants would take more than {NAME_BYTES} bytes");
                report.push(all.error("TooManyVariants", message).hint("leave out some values, or shorten them"));
                return Self::default();
            }
            if count > MOST {
                let message = format!("the scenario has {count} variants; at most {MOST} can be run");
                report.push(all.error("TooManyVariants", message).hint("leave out some values"));
                return Self::default();
            }
        }
        Self(values)
    }

    /// Number of variants; none without perturbations.
    pub fn count(&self) -> Option<u32> {
        let count = self.0.values().fold(1usize, |count, texts| count.saturating_mul(texts.len()));
        (!self.0.is_empty()).then(|| u32::try_from(count).unwrap_or(u32::MAX))
    }

    /// The value that each key has in variant `number`.
    pub fn values(&self, number: u32) -> BTreeMap<&str, &str> {
        let mut rest = number as usize;
        let mut chosen = BTreeMap::new();
        for (key, texts) in self.0.iter().rev() {
            chosen.insert(key.as_str(), texts[rest % texts.len()].as_str());
            rest /= texts.len();
        }
        chosen
    }

    /// What variant `number` is called in results: `key=value`, with commas between.
    pub fn name(&self, number: u32) -> String {
        let pairs = self.values(number).into_iter().map(|(key, value)| format!("{key}={value}"));
        pairs.collect::<Vec<_>>().join(",")
    }
}

/// The text with `{key}` replaced by the key's value, once each: what a value says is not looked into.
pub(crate) fn filled(text: &str, values: &BTreeMap<&str, &str>) -> String {
    let mut whole = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        let (before, from) = rest.split_at(open);
        whole.push_str(before);
        // A key has no brace in it: the next one ends the search, or many of them would make it endless.
        let end = from[1..].find(['{', '}']).filter(|end| from.as_bytes()[end + 1] == b'}');
        let named = end.and_then(|end| Some((values.get(&from[1..=end])?, &from[end + 2..])));
        rest = match named {
            Some((value, after)) => {
                whole.push_str(value);
                after
            }
            None => {
                whole.push('{');
                &from[1..]
            }
        };
    }
    whole.push_str(rest);
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &[&str])]) -> Perturbations {
        let own = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        Perturbations(pairs.iter().map(|(key, texts)| ((*key).to_owned(), own(texts))).collect())
    }

    #[test]
    fn every_combination_is_a_variant_with_a_name() {
        let all = of(&[("tone", &["rude", "kind"]), ("lang", &["en", "de", "fr"])]);
        assert_eq!(all.count(), Some(6));
        let names: Vec<_> = (0..6).map(|number| all.name(number)).collect();
        assert_eq!(
            names,
            [
                "lang=en,tone=rude",
                "lang=en,tone=kind",
                "lang=de,tone=rude",
                "lang=de,tone=kind",
                "lang=fr,tone=rude",
                "lang=fr,tone=kind"
            ]
        );
        assert_eq!(of(&[]).count(), None);
        assert_eq!(of(&[("a", &["x"])]).count(), Some(1), "a single value is one variant, and is filled in");
    }

    #[test]
    fn values_take_their_places_once() {
        let values = BTreeMap::from([("a", "{b}"), ("b", "B")]);
        assert_eq!(filled("{a} {b} {c} {a", &values), "{b} B {c} {a");
        assert_eq!(filled("{{a}}", &values), "{{b}}");
        assert_eq!(filled("plain", &values), "plain");
    }
}
