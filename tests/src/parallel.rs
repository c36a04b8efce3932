//! Running many futures concurrently.

use std::future::Future;

use tokio::task::JoinSet;

use crate::answer::Answer;

/// Runs `count` futures concurrently and waits for all.
pub async fn at_once<T, F>(count: usize, make: impl Fn(usize) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let mut tasks = JoinSet::new();
    for index in 0..count {
        tasks.spawn(make(index));
    }
    tasks.join_all().await
}

/// How many answers have this status and this `code`, which is empty for a success.
pub fn count(answers: &[Answer], status: u16, code: &str) -> usize {
    answers.iter().filter(|answer| answer.status.as_u16() == status && answer.code() == code).count()
}
