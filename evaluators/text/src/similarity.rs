//! Likeness of meaning, as embeddings have it.

use std::fmt;

use arena_guest::Schema;
use arena_guest::prelude::*;
use serde::Deserializer;
use serde::de::{SeqAccess, Visitor};
use serde_json::Value;

/// Params of `cosine_similarity`.
#[derive(Deserialize, Params)]
#[params(validate = CosineSimilarity::sensible)]
pub struct CosineSimilarity {
    /// Text that the reply is compared with, or an embedding that the reply's is.
    reference: Reference,
    /// Least cosine, -1 to 1.
    min_similarity: f64,
    /// Provider of embeddings of the bundle; none for the usual one.
    #[serde(default)]
    embedder: Option<String>,
}

/// What the reply is compared with.
enum Reference {
    Text(String),
    Vector(Vec<f64>),
}

impl Schema for Reference {
    const KEYWORDS: &'static str = r#""type":["string","array"],"items":{"type":"number"}"#;
}

impl<'de> Deserialize<'de> for Reference {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = Reference;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a text or a list of numbers")
            }

            fn visit_str<E>(self, text: &str) -> Result<Reference, E> {
                Ok(Reference::Text(text.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Reference, A::Error> {
                let mut numbers = Vec::new();
                while let Some(number) = items.next_element()? {
                    numbers.push(number);
                }
                Ok(Reference::Vector(numbers))
            }
        }

        deserializer.deserialize_any(Either)
    }
}

impl CosineSimilarity {
    fn sensible(&self) -> Result<(), String> {
        match &self.reference {
            Reference::Text(text) if text.trim().is_empty() => {
                return Err("parameter `reference`: give a text that says something".to_owned());
            }
            Reference::Vector(numbers) if numbers.iter().all(|number| *number == 0.0) => {
                return Err("parameter `reference`: give an embedding with a number other than 0".to_owned());
            }
            _ => {}
        }
        if !(-1.0..=1.0).contains(&self.min_similarity) {
            let found = self.min_similarity;
            return Err(format!("parameter `min_similarity`: expected a number from -1 to 1, found {found}"));
        }
        Ok(())
    }

    pub fn judge(&self, subject: &Subject<'_>) -> Result<Verdict, CheckError> {
        let told = told(subject)?;
        let reply = subject.reply_text();
        if told.is_none() && reply.trim().is_empty() {
            return Ok(self.verdict(0.0, "the reply says nothing: "));
        }
        let mut texts = Vec::with_capacity(2);
        texts.extend(told.is_none().then_some(reply.as_str()));
        if let Reference::Text(text) = &self.reference {
            texts.push(text);
        }
        let asked = if texts.is_empty() { Vec::new() } else { embed::embed(self.embedder.as_deref(), &texts)? };
        let mut vectors = asked.into_iter().map(|vector| vector.into_iter().map(f64::from).collect::<Vec<_>>());
        let missing = || CheckError::Other("there is no embedding of each text".to_owned());
        let ours = told.or_else(|| vectors.next()).ok_or_else(missing)?;
        let theirs = match &self.reference {
            Reference::Text(_) => vectors.next().ok_or_else(missing)?,
            Reference::Vector(numbers) => numbers.clone(),
        };
        if ours.len() != theirs.len() {
            let (ours, theirs) = (ours.len(), theirs.len());
            let text = format!("the embedding of the reply has {ours} numbers, `reference` {theirs}");
            return Err(CheckError::Other(text));
        }
        Ok(self.verdict(cosine(&theirs, &ours), ""))
    }

    fn verdict(&self, cosine: f64, why: &str) -> Verdict {
        let reason = format!("{why}the cosine is {cosine:.4}, at least {:.4} wanted", self.min_similarity);
        let verdict = Verdict::score(cosine.max(0.0), reason).passed(cosine >= self.min_similarity);
        verdict.metric("cosine", cosine)
    }
}

/// The embedding of the reply that somebody gave with it.
fn told(subject: &Subject<'_>) -> Result<Option<Vec<f64>>, CheckError> {
    let Some(fact) = subject.fact("embedding") else { return Ok(None) };
    let numbers = fact.as_array().and_then(|numbers| numbers.iter().map(Value::as_f64).collect());
    let wrong = || CheckError::Other("the embedding of the reply holds something else than numbers".to_owned());
    numbers.map(Some).ok_or_else(wrong)
}

/// Within -1 and 1 whatever is lost in rounding; 0 if a vector is.
fn cosine(left: &[f64], right: &[f64]) -> f64 {
    let product = |left: &[f64], right: &[f64]| left.iter().zip(right).map(|(left, right)| left * right).sum::<f64>();
    let lengths = product(left, left).sqrt() * product(right, right).sqrt();
    if lengths > 0.0 { (product(left, right) / lengths).clamp(-1.0, 1.0) } else { 0.0 }
}
