//! Likeness of meaning, as embeddings have it.

use arena_guest::prelude::*;
use serde_json::Value;

/// Params of `cosine_similarity`.
#[derive(Deserialize, Params)]
#[params(validate = CosineSimilarity::sensible)]
pub struct CosineSimilarity {
    /// Embedding that the reply's is compared with.
    reference: Vec<f64>,
    /// Least cosine, -1 to 1.
    min_similarity: f64,
}

impl CosineSimilarity {
    fn sensible(&self) -> Result<(), String> {
        if self.reference.iter().all(|number| *number == 0.0) {
            return Err("parameter `reference`: give an embedding with a number other than 0".to_owned());
        }
        if !(-1.0..=1.0).contains(&self.min_similarity) {
            let found = self.min_similarity;
            return Err(format!("parameter `min_similarity`: expected a number from -1 to 1, found {found}"));
        }
        Ok(())
    }

    pub fn judge(&self, subject: &Subject<'_>) -> Result<Verdict, CheckError> {
        let other = |text: &str| CheckError::Other(text.to_owned());
        let Some(Value::Array(numbers)) = subject.fact("embedding") else {
            return Err(other("there is no embedding of the reply"));
        };
        let embedding: Option<Vec<_>> = numbers.iter().map(Value::as_f64).collect();
        let embedding =
            embedding.ok_or_else(|| other("the embedding of the reply holds something else than numbers"))?;
        if embedding.len() != self.reference.len() {
            let (ours, theirs) = (embedding.len(), self.reference.len());
            return Err(other(&format!("the embedding of the reply has {ours} numbers, `reference` {theirs}")));
        }
        let cosine = cosine(&self.reference, &embedding);
        let reason = format!("the cosine is {cosine:.4}, at least {:.4} wanted", self.min_similarity);
        let verdict = Verdict::score(cosine.max(0.0), reason).passed(cosine >= self.min_similarity);
        Ok(verdict.metric("cosine", cosine))
    }
}

/// Within -1 and 1 whatever is lost in rounding; 0 if a vector is.
fn cosine(left: &[f64], right: &[f64]) -> f64 {
    let product = |left: &[f64], right: &[f64]| left.iter().zip(right).map(|(left, right)| left * right).sum::<f64>();
    let lengths = product(left, left).sqrt() * product(right, right).sqrt();
    if lengths > 0.0 { (product(left, right) / lengths).clamp(-1.0, 1.0) } else { 0.0 }
}
