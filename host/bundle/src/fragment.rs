//! Texts that prompts share. They take the places of their tokens before any variable does, so that what a value says is
//! never looked at again.

use std::collections::BTreeMap;

use crate::report::Report;
use crate::yaml::Cursor;

/// Most fragments within each other.
const DEPTH: usize = 32;
/// Longest prompt with all fragments in place, in bytes.
pub(crate) const BYTES: usize = 4 << 20;
/// What a token of a fragment may begin with, which no variable's does.
const PREFIX: &str = "fragment:";

/// Why the fragments of a prompt cannot be put into place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FragmentError {
    /// Fragments contain each other.
    #[error("the fragments contain each other: {0}")]
    Cycle(String),
    /// A token names a fragment that the prompt does not list.
    #[error("`{{{{fragment:{0}}}}}` names no fragment of the prompt")]
    Missing(String),
    /// The names of the fragments that stand in each other, over the limit.
    #[error("fragments stand more than {DEPTH} deep in each other: {0}")]
    TooDeep(String),
    /// The text is over the limit.
    #[error("the text has more than {BYTES} bytes once all fragments are in place")]
    TooLarge,
}

impl FragmentError {
    /// Stable name.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Cycle(_) => "FragmentCycle",
            Self::Missing(_) => "FragmentMissing",
            Self::TooDeep(_) | Self::TooLarge => "FragmentTooLarge",
        }
    }
}

/// `text` with each `{{fragment:NAME}}` in place, and each `{{NAME}}` of a fragment whose name no variable has
/// (`valued`). The same holds for the fragments themselves.
pub fn expand(
    text: &str,
    fragments: &BTreeMap<String, String>,
    valued: impl Fn(&str) -> bool,
) -> Result<String, FragmentError> {
    if fragments.is_empty() && !text.contains(PREFIX) {
        return Ok(text.to_owned());
    }
    Expansion::<String>::new(fragments, &valued).text(text)
}

/// All templates of a prompt or persona, those for single models among them.
pub(crate) fn templates(spec: &Cursor<'_>) -> Vec<String> {
    const KEYS: [&str; 4] = ["system_template", "system_prompt", "system_template_prefix", "system_template_suffix"];
    let overrides = spec.get("model_overrides");
    let holders = overrides.iter().flat_map(Cursor::entries).map(|(_, it)| it).chain([*spec]);
    holders.flat_map(|it| KEYS.map(|key| it.text(key))).flatten().collect()
}

/// Whether the fragments of prompts can be put into place, whatever values the variables have. Puts none into place, so
/// that many prompts with the same large fragments cost no more than their texts.
pub(crate) struct Check<'a> {
    expansion: Expansion<'a, Count>,
    /// Whether a cycle was told: it is found again from each of its fragments and by each text that it is in.
    cycle: bool,
}

impl<'a> Check<'a> {
    pub(crate) fn new(fragments: &'a BTreeMap<String, String>) -> Self {
        Self { expansion: Expansion::new(fragments, &|_| false), cycle: false }
    }

    /// Reports at `at` what is wrong with the fragments themselves.
    pub(crate) fn fragments(&mut self, at: &Cursor<'_>, report: &mut Report) {
        let names = self.expansion.fragments.keys();
        let tokens: Vec<String> = names.map(|name| format!("{{{{{PREFIX}{name}}}}}")).collect();
        self.texts(&tokens, at, report);
    }

    /// Reports at `at` what is wrong with templates, once each.
    pub(crate) fn texts(&mut self, texts: &[String], at: &Cursor<'_>, report: &mut Report) {
        let mut errors: Vec<FragmentError> = Vec::new();
        for text in texts {
            self.expansion.path.clear();
            match self.expansion.text(text) {
                Err(FragmentError::Cycle(_)) if std::mem::replace(&mut self.cycle, true) => {}
                Err(error) if !errors.contains(&error) => errors.push(error),
                _ => {}
            }
        }
        for error in errors {
            let problem = at.error(error.reason(), error.to_string());
            report.push(match error {
                FragmentError::Missing(_) => problem.hint("add it to `fragments`, or mend the name"),
                FragmentError::Cycle(_) => problem.hint("take one of the tokens out"),
                FragmentError::TooDeep(_) | FragmentError::TooLarge => problem.hint("use fewer or shorter fragments"),
            });
        }
    }
}

/// What an expansion comes to: the text, or only its length.
trait Out: Default {
    fn add(&mut self, text: &str);
    fn add_other(&mut self, other: &Self);
    fn bytes(&self) -> usize;
}

impl Out for String {
    fn add(&mut self, text: &str) {
        self.push_str(text);
    }

    fn add_other(&mut self, other: &Self) {
        self.push_str(other);
    }

    fn bytes(&self) -> usize {
        self.len()
    }
}

#[derive(Default)]
struct Count(usize);

impl Out for Count {
    fn add(&mut self, text: &str) {
        self.0 = self.0.saturating_add(text.len());
    }

    fn add_other(&mut self, other: &Self) {
        self.0 = self.0.saturating_add(other.0);
    }

    fn bytes(&self) -> usize {
        self.0
    }
}

struct Expansion<'a, O> {
    fragments: &'a BTreeMap<String, String>,
    valued: &'a dyn Fn(&str) -> bool,
    /// Each fragment is put together once, so that many small ones cannot make endless work.
    done: BTreeMap<&'a str, O>,
    /// Those under way, outermost first.
    path: Vec<&'a str>,
}

impl<'a, O: Out> Expansion<'a, O> {
    fn new(fragments: &'a BTreeMap<String, String>, valued: &'a dyn Fn(&str) -> bool) -> Self {
        Self { fragments, valued, done: BTreeMap::new(), path: Vec::new() }
    }

    fn text(&mut self, text: &str) -> Result<O, FragmentError> {
        let (mut out, mut rest) = (O::default(), text);
        // Where the nearest `}}` is that was found: it is looked for once, however many `{{` are before it.
        let mut close = 0;
        while let Some(start) = rest.find("{{") {
            let from = text.len() - rest.len() + start + 2;
            if close < from {
                let Some(end) = text[from..].find("}}") else { break };
                close = from + end;
            }
            let token = &text[from..close];
            let Some(name) = self.named(token)? else {
                out.add(&rest[..=start]);
                rest = &rest[start + 1..];
                continue;
            };
            out.add(&rest[..start]);
            rest = &rest[start + token.len() + 4..];
            let inner = self.fragment(name)?;
            if out.bytes().saturating_add(inner.bytes()) > BYTES {
                return Err(FragmentError::TooLarge);
            }
            out.add_other(inner);
        }
        out.add(rest);
        if out.bytes() > BYTES { Err(FragmentError::TooLarge) } else { Ok(out) }
    }

    /// The fragment that stands for a token; none if the token is no fragment's.
    fn named(&self, token: &str) -> Result<Option<&'a str>, FragmentError> {
        let known = |name: &str| self.fragments.get_key_value(name).map(|(name, _)| name.as_str());
        match token.trim().strip_prefix(PREFIX) {
            Some(name) if name.contains('{') => Ok(None),
            Some(name) => known(name.trim()).map(Some).ok_or_else(|| FragmentError::Missing(name.trim().to_owned())),
            None => Ok(known(token).filter(|name| !(self.valued)(name))),
        }
    }

    fn fragment(&mut self, name: &'a str) -> Result<&O, FragmentError> {
        if !self.done.contains_key(name) {
            let names = |from: usize| [&self.path[from..], &[name]].concat().join(" -> ");
            if let Some(at) = self.path.iter().position(|under_way| *under_way == name) {
                return Err(FragmentError::Cycle(names(at)));
            }
            if self.path.len() >= DEPTH {
                return Err(FragmentError::TooDeep(names(0)));
            }
            self.path.push(name);
            let source = self.fragments.get(name).map_or("", String::as_str);
            let text = self.text(source)?;
            self.path.pop();
            self.done.insert(name, text);
        }
        Ok(self.done.entry(name).or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fragments(list: &[(&str, &str)]) -> BTreeMap<String, String> {
        list.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn both_tokens_stand_for_a_fragment_at_any_depth() {
        let all = fragments(&[("a", "A {{b}}"), ("b", "B {{fragment:c}}"), ("c", "C {{x}}")]);
        let valued = |name: &str| name == "c";
        assert_eq!(
            expand("{{a}}|{{fragment:b}}|{{ fragment: c }}", &all, valued).unwrap(),
            "A B C {{x}}|B C {{x}}|C {{x}}"
        );
        // A variable of the same name goes before; only the longer token still means the fragment.
        assert_eq!(expand("{{c}} {{fragment:c}}", &all, valued).unwrap(), "{{c}} C {{x}}");
        assert_eq!(expand("{{{a}} {{ a }} {{a", &all, valued).unwrap(), "{A B C {{x}} {{ a }} {{a");
        assert_eq!(expand("plain {{x}}", &fragments(&[]), valued).unwrap(), "plain {{x}}");
    }

    #[test]
    fn a_cycle_is_named() {
        let all = fragments(&[("a", "{{b}}"), ("b", "{{c}}"), ("c", "{{fragment:b}}"), ("d", "{{d}}")]);
        let error = expand("{{a}}", &all, |_| false).unwrap_err();
        assert_eq!(
            (error.reason(), error.to_string()),
            ("FragmentCycle", "the fragments contain each other: b -> c -> b".into())
        );
        assert_eq!(expand("{{d}}", &all, |_| false).unwrap_err(), FragmentError::Cycle("d -> d".into()));
        assert_eq!(
            expand("{{fragment:e}}", &all, |_| false).unwrap_err().to_string(),
            "`{{fragment:e}}` names no fragment of the prompt"
        );
    }

    #[test]
    fn bombs_are_refused() {
        let chain: Vec<(String, String)> =
            (0..DEPTH + 1).map(|at| (format!("f{at}"), format!("{{{{f{}}}}}", at + 1))).collect();
        let mut all: BTreeMap<String, String> = chain.into_iter().collect();
        all.insert(format!("f{}", DEPTH + 1), "end".into());
        assert_eq!(expand("{{f2}}", &all, |_| false).unwrap(), "end");
        assert_eq!(expand("{{f1}}", &all, |_| false).unwrap_err().reason(), "FragmentTooLarge");
        // Doubled two dozen times: nothing at all if there is nothing in the end, too much otherwise.
        let doubled = |end: &str| -> BTreeMap<String, String> {
            let steps = (0..24).map(|at| (format!("f{at}"), format!("{{{{f{0}}}}}{{{{f{0}}}}}", at + 1)));
            steps.chain([("f24".to_owned(), end.to_owned())]).collect()
        };
        assert_eq!(expand("{{f0}}", &doubled(""), |_| false).unwrap(), "");
        assert_eq!(expand("{{f0}}", &doubled("x"), |_| false).unwrap_err(), FragmentError::TooLarge);
        assert_eq!(expand("{{f2}}", &doubled("x"), |_| false).unwrap().len(), BYTES);
    }
}
