//! Whether two series of measurements differ.

/// Welch's t: by how many standard errors the mean of `a` exceeds that of `b`.
///
/// Of measurements in random order, it is beyond ±4.5 once in 100,000 cases if nothing differs.
pub fn welch_t(a: &[f64], b: &[f64]) -> f64 {
    let ((mean_a, error_a), (mean_b, error_b)) = (mean_and_error(a), mean_and_error(b));
    (mean_a - mean_b) / (error_a + error_b).sqrt()
}

/// The sample without this part of its values, the highest ones. Whatever else the machine does
/// makes some measurements longer, and none shorter.
pub fn without_highest(sample: &[f64], part: f64) -> Vec<f64> {
    let mut sorted = sample.to_vec();
    sorted.sort_by(f64::total_cmp);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a part of a length")]
    sorted.truncate((count(sample) * (1.0 - part)).ceil() as usize);
    sorted
}

/// The value in the middle.
pub fn median(sample: &[f64]) -> f64 {
    let mut sorted = sample.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// The mean, and the square of its standard error.
fn mean_and_error(sample: &[f64]) -> (f64, f64) {
    let mean = sample.iter().sum::<f64>() / count(sample);
    let squares: f64 = sample.iter().map(|value| (value - mean).powi(2)).sum();
    (mean, squares / (count(sample) - 1.0) / count(sample))
}

#[allow(clippy::cast_precision_loss, reason = "no sample has 2^52 values")]
fn count(sample: &[f64]) -> f64 {
    sample.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-9
    }

    /// The means are 3 and 5, the variances 2.5 and 10, so t is -2 divided by the root of 2.5.
    #[test]
    fn t_is_what_welch_says() {
        let (a, b) = ([1.0, 2.0, 3.0, 4.0, 5.0], [1.0, 3.0, 5.0, 7.0, 9.0]);
        assert!(close(welch_t(&a, &b), -2.0 / 2.5_f64.sqrt()));
        assert!(close(welch_t(&b, &a), -welch_t(&a, &b)));
        assert!(close(welch_t(&a, &a), 0.0));
    }

    /// Of unequal lengths: the means are 2 and 4, the squared errors 1/3 and 20/3/4.
    #[test]
    fn samples_may_differ_in_length() {
        let (a, b) = ([1.0, 2.0, 3.0], [1.0, 3.0, 5.0, 7.0]);
        assert!(close(welch_t(&a, &b), -2.0 / (1.0_f64 / 3.0 + 5.0 / 3.0).sqrt()));
    }

    #[test]
    fn the_highest_values_are_left_out() {
        let sample: Vec<f64> = (1..=10).rev().map(f64::from).collect();
        assert_eq!(without_highest(&sample, 0.2), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]);
        assert_eq!(without_highest(&sample, 0.0).len(), 10);
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert!(close(median(&[9.0, 1.0, 5.0]), 5.0));
    }
}
