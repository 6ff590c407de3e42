//! Likeness of texts by their vectors.

/// The cosine of the angle between two vectors of one length, -1 to 1; 0 if one of them is nothing.
pub(crate) fn cosine(one: &[f32], other: &[f32]) -> f64 {
    let dot = |one: &[f32], other: &[f32]| -> f64 {
        one.iter().zip(other).map(|(one, other)| f64::from(*one) * f64::from(*other)).sum()
    };
    let lengths = (dot(one, one) * dot(other, other)).sqrt();
    if lengths > 0.0 { (dot(one, other) / lengths).clamp(-1.0, 1.0) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cosine_is_that_of_the_angle() {
        for (one, other, expected) in [
            ([1.0, 0.0], [5.0, 0.0], 1.0),
            ([1.0, 0.0], [0.0, 2.0], 0.0),
            ([1.0, 0.0], [-2.0, 0.0], -1.0),
            ([1.0, 1.0], [1.0, 0.0], 0.5_f64.sqrt()),
            ([0.0, 0.0], [1.0, 0.0], 0.0),
        ] {
            assert!((cosine(&one, &other) - expected).abs() < 1e-9, "{one:?} {other:?}");
        }
    }
}
